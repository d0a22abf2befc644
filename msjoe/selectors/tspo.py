"""TSPO's choice from its agent's scores (Tang et al., AAAI 2026, arXiv 2508.04369), and a repaired variant.

``mode`` says how scores become K frames: "topk" (the authors' for LongVideoBench, MLVU and LVBench),
"bin-max" (for Video-MME: the best frame of each of K equal parts) or "aks" (AKS with t1 = 0.2, depth
3). A video of no more than K frames gives them all; the authors' code writes this as T <= 64, their K.
Ties keep the earlier frame, where the authors' top-k leaves them to chance.

Shapes: Q queries, T dense frames, K chosen, D embedding width.
"""

from dataclasses import dataclass

import numpy as np
import torch

from msjoe.errors import QuestionError
from msjoe.selectors.aks import aks_frames, aks_repaired_frames
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_positive, checked, short_note
from msjoe.selectors.rows import ROWS, ranked_frames, single_score
from msjoe.selectors.tspo_agent import TspoAgent

MODES = ("topk", "bin-max", "aks")
AKS = {"t1": 0.2, "t2": -100, "depth": 3}


def bin_max(score_T: np.ndarray, budget: int) -> np.ndarray:
    """The best frame of each of K parts, sorted int64 [min(K, T)]; ties keep the earlier frame.

    A frame belongs to the nearest of K evenly spread centres round(i * (T - 1) / (K - 1)), half to even
    (K = 1: one part); between two it belongs to the lower one.
    """
    count = len(score_T)
    if count <= budget:
        return np.arange(count)
    centres_K = np.round(np.linspace(0, count - 1, budget)).astype(np.int64)
    middles = (centres_K[:-1] + centres_K[1:]) / 2  # between neighbouring centres
    part_T = np.searchsorted(middles, np.arange(count), side="left")
    firsts = np.searchsorted(part_T, np.arange(budget))
    return firsts + np.array([part.argmax() for part in np.split(score_T, firsts[1:])])


def tspo_frames(score_QT: np.ndarray, budget: int, mode: str = "topk", rows: str = "mean") -> np.ndarray:
    """The frames that a mode takes from the agent's scores, sorted int64. "aks" may give fewer than K."""
    if score_QT.shape[1] <= budget:
        return np.arange(score_QT.shape[1])
    if mode == "topk":
        return np.sort(ranked_frames(score_QT, rows)[:budget])
    score_T = single_score(score_QT, rows)
    return bin_max(score_T, budget) if mode == "bin-max" else aks_frames(score_T, budget, **AKS)


@dataclass(frozen=True)
class TspoSelector:
    """The published rule with a trained agent ``model``. It reads embeddings, so a score vector is not enough.

    Each query gives a row of agent scores; ``rows`` says how they speak with one voice (see rows).
    """

    model: TspoAgent
    mode: str = "topk"
    rows: str = "mean"
    name: str = "tspo"

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, MODES)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        score_QT = self.agent_scores(checked(scores, budget))
        notes = (f"agent {self.model.source}", short_note(score_QT.shape[1], budget))
        return Selection(self._chosen(score_QT, budget), note="; ".join(n for n in notes if n))

    @torch.inference_mode()
    def agent_scores(self, scores: ScoreSet) -> np.ndarray:
        """One row of the agent's scores for each query, float32 [Q, T].

        Raises QuestionError where there are no embeddings, or those of a CLIP of another width.
        """
        if scores.feats_TD is None or scores.text_QD is None:
            raise QuestionError(f"{self.name} reads embeddings of frames and text, and only scores were given")
        width, wanted = scores.feats_TD.shape[1], self.model.config.width
        if width != wanted:
            raise QuestionError(f"the CLIP gives {width} numbers a frame, the agent reads {wanted}: use its own CLIP")
        feats_TD = torch.as_tensor(self._frames(scores.feats_TD), dtype=torch.float32, device=self.model.device)
        text_QD = torch.as_tensor(scores.text_QD, dtype=torch.float32, device=self.model.device)
        return self.model.score_rows(feats_TD, text_QD).cpu().numpy()

    def _frames(self, feats_TD: np.ndarray) -> np.ndarray:
        return feats_TD

    def _chosen(self, score_QT: np.ndarray, budget: int) -> np.ndarray:
        return tspo_frames(score_QT, budget, self.mode, self.rows)


@dataclass(frozen=True)
class TspoRepairedSelector(TspoSelector):
    """TSPO with embeddings of the size it was made for, and without lost frames.

    The agent adds a position code of norm sqrt(D / 2) to embeddings that are not normalised: with a CLIP
    of small norms position drowns the pictures, with one of large norms it vanishes. The frames of a video are
    scaled by one factor, so that their mean norm is ``norm`` * sqrt(D / 768). 20 is about the norm of
    ViT-L/14's embeddings (one picture at 336 pixels in rom1504/clip-retrieval issue 290: 20.8), where
    position and picture weigh the same. The agent should be trained with the same scaling. The text's
    norm cancels out. Mode "aks" is the repaired AKS, so that every mode gives min(K, T) frames.
    """

    norm: float = 20.0
    name: str = "tspo_repaired"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("norm", self.norm)

    def _frames(self, feats_TD: np.ndarray) -> np.ndarray:
        return scaled_norms(feats_TD, self.norm)

    def _chosen(self, score_QT: np.ndarray, budget: int) -> np.ndarray:
        if self.mode == "aks":
            return aks_repaired_frames(single_score(score_QT, self.rows), budget, **AKS)
        return super()._chosen(score_QT, budget)


def scaled_norms(feats_TD: np.ndarray, norm: float) -> np.ndarray:
    """Embeddings times one factor, so that their mean norm is norm * sqrt(D / 768); zeros stay zeros."""
    feats_TD = np.asarray(feats_TD, dtype=np.float32)
    mean = np.linalg.norm(feats_TD, axis=1).mean()
    wanted = norm * (feats_TD.shape[1] / 768) ** 0.5
    return feats_TD * np.float32(wanted / mean) if mean > 0 else feats_TD
