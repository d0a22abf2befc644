"""The sampler: a 1D U-Net from the similarity matrix to a policy over the dense frames (step 3 of the method).

    sampler = UNetSampler(EMBEDDED)                 # untrained: chooses what the stand-in rule chooses
    sampler.policy(sim_QT, times_T).greedy(8)       # one question: 8 frames
    sampler([sampler.inputs(sim_QT, times_T), ...]) # a batch of policies, differentiable

Input channels, with ``max_queries`` slots for the query rows (zeros where there are fewer):

- each row z-scored over time, and for each slot whether it is filled;
- for each filled slot, how far a frame is from the row's best match: exp(-d / 15 s) and exp(-d / 60 s), d in seconds
  (input version 2). Without them the net must carry "near the other row's peak" through its whole pyramid, and in
  practice does not learn to;
- the position in the video from -1 to 1, and the logits of the rule the net starts from.

``slots: sorted`` fills the slots in falling order of the row's peak (largest z-score): the choice cannot depend on the
order in which the MLLM happened to write its queries, and the first slot always holds the clearest match, so there are
fewer arrangements to learn from 2,800 videos. ``slots: written`` keeps the MLLM's order, so that a pair trained
together may agree on what order means.

The logits are a rule's plus the U-Net's, whose last layer starts at zero: training begins at the stand-in rule (early
draws are not blind) and learns a correction. Frames are drawn with spread (``msjoe.draw``): ``spread`` is gamma, and
with ``learned_spread`` the net gives each question its own, from 0 to twice that. With spread the net corrects the log
of the rule's density, since the spacing is the draw's work; without it, the logits of the rule's ranking.

The paper gives the net's kind and size (1D U-Net, about 2 M parameters) and a draw without spread; everything else
here is a choice of this project.

Shapes: B questions, Q queries, T dense frames (the longest of the batch), C channels.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from msjoe.draw import FramePolicy
from msjoe.errors import QuestionError
from msjoe.selectors.rows import zscore
from msjoe.selectors.standin import evidence_density, spacing, standin_logits
from msjoe.unet import UNet1d
from msjoe.weights import SavedModule, load_module

INPUT_VERSION = 2  # 1: without the distances from the rows' best matches
SLOTS = ("sorted", "written")
REACHES = (15.0, 60.0)  # seconds over which the distance channels fall to 1/e
_ADVICE = 'train one with "msjoe train sampler" or pass --sampler standin'


@dataclass(frozen=True)
class SamplerConfig:
    """Size of the U-Net (the defaults give about 2 M parameters, as in the paper), what it sees and how it draws."""

    width: int = 32  # channels at full rate; each deeper level has as many more
    levels: int = 5  # of halving; the deepest joins 2^levels frames in one step; 0 with kernel 1: an MLP on each frame
    kernel: int = 5
    max_queries: int = 4
    input_version: int = INPUT_VERSION
    slots: str = field(default="sorted", metadata={"added": True})
    spread: float = field(default=0.0, metadata={"added": True})  # gamma of the draw; 0: the paper's
    learned_spread: bool = field(default=False, metadata={"added": True})

    def __post_init__(self) -> None:
        for name, least in {"width": 1, "levels": 0, "kernel": 1, "max_queries": 1}.items():
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{name} is {value!r}: give a whole number of at least {least}")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}: give an odd number, so that frames stay in place")
        if self.input_version not in (1, INPUT_VERSION):
            raise ValueError(f"it is of input version {self.input_version}; 1 and {INPUT_VERSION} are known")
        if self.slots not in SLOTS:
            raise ValueError(f"slots is {self.slots!r}: choose one of {', '.join(SLOTS)}")
        if isinstance(self.spread, bool) or not isinstance(self.spread, (int, float)) or not 0 <= self.spread <= 4:
            raise ValueError(f"spread is {self.spread!r}: give a number from 0 to 4")
        if self.learned_spread and not self.spread:
            raise ValueError("learned_spread with spread 0: give the spread that training starts from")

    @property
    def channels(self) -> int:
        distances = 0 if self.input_version == 1 else len(REACHES) * self.max_queries
        return 2 * self.max_queries + distances + 2


FULL = SamplerConfig()
EMBEDDED = SamplerConfig(width=16, kernel=3)  # about 0.33 M parameters, for the miniature


@dataclass(frozen=True)
class SamplerInput:
    """What the net sees of one question, on the CPU."""

    channels_CT: Tensor  # float32
    start_T: Tensor  # float32, the logits that the net corrects


class UNetSampler(
    SavedModule,
    library_name="msjoe",
    tags=["video-question-answering", "key-frame-selection"],
    paper_url="https://arxiv.org/abs/2602.22932",
    license="apache-2.0",
):
    """Similarity matrix -> a policy over the dense frames. See the module's text."""

    def __init__(self, config: SamplerConfig = FULL) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet1d(config.channels, config.width, config.levels, config.kernel, pooled=config.learned_spread)

    def inputs(self, sim_QT: np.ndarray, times_T: np.ndarray | None = None) -> SamplerInput:
        """Prepare one question: sim_QT [Q, T] cosines, 1 <= Q <= max_queries, T >= 1; times_T in seconds."""
        slots, (count, frames) = self.config.max_queries, np.shape(sim_QT)
        if not 1 <= count <= slots or frames < 1:
            raise QuestionError(f"{count} queries over {frames} frames: the sampler reads 1 to {slots} over 1 or more")
        z_QT = zscore(sim_QT)
        if self.config.slots == "sorted":
            z_QT = z_QT[np.argsort(-z_QT.max(axis=1), kind="stable")]
        start_T = self._start(sim_QT, times_T)
        filled_QT = np.ones_like(z_QT)
        rows = [z_QT, filled_QT, *self._distances(z_QT, times_T)]
        position_T = np.linspace(-1.0, 1.0, frames) if frames > 1 else np.zeros(1)
        blocks = [np.pad(block_QT, ((0, slots - count), (0, 0))) for block_QT in rows]
        channels_CT = np.concatenate([*blocks, position_T[None], start_T[None]]).astype(np.float32)
        return SamplerInput(torch.from_numpy(channels_CT), torch.from_numpy(start_T))

    def _distances(self, z_QT: np.ndarray, times_T: np.ndarray | None) -> list[np.ndarray]:
        """exp(-d / reach) for each reach, [Q, T] each; a constant row has no best match and gives zeros."""
        if self.config.input_version == 1:
            return []
        seconds_T = np.arange(z_QT.shape[1]) * spacing(times_T)
        away_QT = np.abs(seconds_T - seconds_T[z_QT.argmax(axis=1)][:, None])
        matched_Q1 = z_QT.any(axis=1, keepdims=True)
        return [np.exp(-away_QT / reach) * matched_Q1 for reach in REACHES]

    def _start(self, sim_QT: np.ndarray, times_T: np.ndarray | None) -> np.ndarray:
        """The stand-in rule's logits, float32 [T]: of its density with spread, else of its ranking."""
        if not self.config.spread:
            return standin_logits(sim_QT, times_T)
        density_T = evidence_density(sim_QT, spacing(times_T))
        return np.log(density_T * len(density_T)).astype(np.float32)

    def forward(self, batch: list[SamplerInput]) -> tuple[Tensor, Tensor, Tensor]:
        """logits_BT float32, mask_BT (True where a frame exists) and gamma_B. Logits of padded frames are 0."""
        x_BCT = _padded([item.channels_CT for item in batch]).to(self.device)
        start_BT = _padded([item.start_T for item in batch]).to(self.device)
        lengths_B = torch.tensor([item.start_T.shape[0] for item in batch], device=self.device)
        mask_BT = torch.arange(x_BCT.shape[-1], device=self.device) < lengths_B[:, None]
        correction_BT, pooled_B = self.unet(x_BCT, mask_BT)
        gamma_B = torch.full((len(batch),), float(self.config.spread), device=self.device)
        if pooled_B is not None:
            gamma_B = gamma_B * 2 * pooled_B.float().sigmoid()
        return (start_BT + correction_BT.float()) * mask_BT, mask_BT, gamma_B

    def policies(self, batch: list[SamplerInput]) -> list[FramePolicy]:
        """One policy a question, without its padding; differentiable."""
        rows = zip(*self(batch), strict=True)
        learned = self.config.learned_spread
        return [FramePolicy(lo_T[m_T], gamma if learned else self.config.spread) for lo_T, m_T, gamma in rows]

    @torch.no_grad()
    def policy(self, sim_QT: np.ndarray, times_T: np.ndarray | None = None) -> FramePolicy:
        """The policy for one question on the CPU, without gradient. sim_QT [Q, T]."""
        (found,) = self.policies([self.inputs(sim_QT, times_T)])
        return FramePolicy(found.logits_T.cpu(), found.gamma if isinstance(found.gamma, float) else float(found.gamma))


def load_sampler(path_or_id: str | Path, device: str | torch.device = "cpu") -> UNetSampler:
    """A trained sampler from a local folder or a hub id, in eval mode.

    Raises CheckpointError for a folder that is missing, foreign, damaged or of another version.
    """
    return load_module(UNetSampler, SamplerConfig, str(path_or_id), device, _ADVICE)


def _padded(rows: list[Tensor]) -> Tensor:
    longest = max(row.shape[-1] for row in rows)
    return torch.stack([F.pad(row, (0, longest - row.shape[-1])) for row in rows])
