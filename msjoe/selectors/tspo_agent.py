"""TSPO's temporal agent (Tang et al., AAAI 2026, arXiv 2508.04369): frame and text embeddings -> a score a frame.

The agent sees each frame's unnormalised CLIP embedding F_t plus a position code (t / T at D / 2
frequencies), lets every frame attend to a window of ``window`` frames around it, and adds what comes out of a
small MLP to the raw F_t. A frame's score is the cosine of the result with the text plus the cosine of
F_t with the text, over a temperature that ranking does not feel.

    scores_T = TspoAgent(TspoConfig())(feats_TD, text_ND)

Differences from the authors' code, none of which changes a score: attention is computed for the window
alone (they compute all T x T and mask it); their unused sixth layer ``ffn_o`` is left out, so the full
size has 2.95 M parameters of their 3.54 M (``from_reference`` reads their weights); float32 in place of
bfloat16, whose coarse cosines give many ties.

The agent is trained with one CLIP and fits no other; its training rule is in ``msjoe.rl.tspo``.

Shapes: T dense frames, N texts, D embedding width, H heads, W frames of a window.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msjoe.weights import SavedModule, load_module

EPSILON = 1e-6  # added to the denominator of both cosines
_ADVICE = "train one, or choose a rule that needs no weights, such as --sampler standin"
_REFERENCE = {"temporal.Self_q": "query", "temporal.Self_k": "key", "temporal.Self_v": "value", "mlp": "mlp"}


@dataclass(frozen=True)
class TspoConfig:
    """Size of the agent; the defaults are the published ones, for ViT-L/14."""

    width: int = 768  # D of the CLIP's embeddings
    heads: int = 8
    window: int = 12  # window // 2 frames before, the frame itself, the rest after it
    temperature: float = 0.025  # annealed to 0.01 in training

    def __post_init__(self) -> None:
        for name in ("width", "heads", "window"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}: give a whole number of at least 1")
        if self.width % 2 or self.width % self.heads:
            raise ValueError(f"width is {self.width}: give an even multiple of the {self.heads} heads")
        if not isinstance(self.temperature, (int, float)) or not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature!r}: give a number above 0")


class TspoAgent(SavedModule, library_name="msjoe", tags=["key-frame-selection"]):
    """Embeddings -> scores; see the module's text."""

    def __init__(self, config: TspoConfig = TspoConfig()) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, feats_TD: Tensor, text_ND: Tensor, clip_T: Tensor | None = None) -> Tensor:
        """Scores [T] from unnormalised embeddings of frames and texts: the mean over the texts.

        ``clip_T``: the CLIP's own score of each frame, where it is not the mean cosine with the texts.
        """
        if clip_T is None:
            return self.score_rows(feats_TD, text_ND).mean(0)
        return (cosine(self.hidden(feats_TD), text_ND).mean(0) + clip_T) / self.config.temperature

    def score_rows(self, feats_TD: Tensor, text_ND: Tensor) -> Tensor:
        """Scores for each text by itself, [N, T]."""
        both_NT = cosine(self.hidden(feats_TD), text_ND) + cosine(feats_TD, text_ND)
        return both_NT / self.config.temperature

    def hidden(self, feats_TD: Tensor) -> Tensor:
        """What the agent makes of each frame, [T, D]."""
        placed_TD = feats_TD + position_code(*feats_TD.shape).to(feats_TD)
        return self.mlp(self._attend(placed_TD)) + feats_TD

    def _attend(self, placed_TD: Tensor) -> Tensor:
        """Multi-head attention of every frame to its window; frames at an end have fewer neighbours."""
        config, frames = self.config, len(placed_TD)
        split = (frames, config.heads, -1)
        before, after = config.window // 2, config.window - config.window // 2 - 1
        query_THd = self.query(placed_TD).view(split)
        key_THd, value_THd = (
            F.pad(layer(placed_TD).view(split), (0, 0, 0, 0, before, after)) for layer in (self.key, self.value)
        )
        shifts = range(config.window)
        logits_THW = torch.stack([(query_THd * key_THd[s : s + frames]).sum(-1) for s in shifts], dim=-1)
        logits_THW = logits_THW / (config.width // config.heads) ** 0.5
        there_TW = torch.arange(frames)[:, None] + torch.arange(config.window) - before
        inside_TW = ((there_TW >= 0) & (there_TW < frames)).to(placed_TD.device)
        share_THW = logits_THW.masked_fill(~inside_TW[:, None], float("-inf")).softmax(-1)
        mixed = (share_THW[..., s, None] * value_THd[s : s + frames] for s in shifts)
        return sum(mixed).reshape(frames, -1)


def cosine(feats_TD: Tensor, text_ND: Tensor) -> Tensor:
    """Cosine of each text with each frame, [N, T], with TSPO's guard of the denominator."""
    return text_ND @ feats_TD.T / (text_ND.norm(dim=-1)[:, None] * feats_TD.norm(dim=-1) + EPSILON)


def position_code(frames: int, width: int) -> Tensor:
    """sin and cos of t / T at frequencies 10000^(-2j / D), interleaved; float32 [T, D]."""
    rates = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(10000.0)) / width))
    angles = (torch.arange(frames) / frames)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def from_reference(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' state dict of the agent under the names that ``TspoAgent`` gives its layers.

    Keys "temporal.Self_q.weight" ... "mlp.2.bias"; "temporal.ffn_o", which is never used, is dropped.
    """
    renamed = {}
    for name, tensor in state.items():
        for theirs, ours in _REFERENCE.items():
            if name.startswith(theirs + "."):
                renamed[ours + name.removeprefix(theirs)] = tensor
    return renamed


def load_agent(path_or_id: str | Path, device: str | torch.device = "cpu") -> TspoAgent:
    """A trained agent from a local folder or a hub id, in eval mode.

    Raises CheckpointError for a folder that is missing, foreign or damaged.
    """
    return load_module(TspoAgent, TspoConfig, str(path_or_id), device, _ADVICE)
