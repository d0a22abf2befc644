"""The sampler: a 1D U-Net from the similarity matrix to a logit for each dense frame (step 3 of the method).

    sampler = UNetSampler(EMBEDDED)                 # untrained: chooses what the stand-in rule chooses
    logits_T = sampler.logits(sim_QT, times_T)      # one question
    logits_BT, mask_BT = sampler([sampler.inputs(sim_QT, times_T), ...])     # a batch, differentiable

Input channels: the query rows z-scored over time in ``max_queries`` slots (zeros where there are fewer),
one channel for each slot saying whether it is filled, the position in the video from -1 to 1, and the
stand-in rule's logits. Slots are filled in falling order of the row's peak (largest z-score): what is chosen
then cannot depend on the order in which the MLLM happened to write its queries, and the first slot
always holds the clearest match, so there are fewer arrangements to learn from 2,800 videos.

The logits are the stand-in rule's plus the U-Net's, whose last layer starts at zero: training begins
at the rule (early draws are not blind) and learns a correction. The paper gives the net's kind and size
(1D U-Net, about 2 M parameters); everything else here is a choice of this project.

Shapes: B questions, Q queries, T dense frames (the longest of the batch), C channels.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from msjoe.errors import QuestionError
from msjoe.selectors.rows import zscore
from msjoe.selectors.standin import standin_logits
from msjoe.unet import UNet1d
from msjoe.weights import SavedModule, load_module

INPUT_VERSION = 1  # to be raised when input channels or stand-in rule change: old weights do not fit then
_ADVICE = 'train one with "msjoe train sampler" or pass --sampler standin'


@dataclass(frozen=True)
class SamplerConfig:
    """Size of the U-Net; the defaults give about 2 M parameters, as in the paper."""

    width: int = 32  # channels at full rate; each deeper level has as many more
    levels: int = 5  # of halving; the deepest joins 2^levels frames in one step; 0 with kernel 1: an MLP on each frame
    kernel: int = 5
    max_queries: int = 4
    input_version: int = INPUT_VERSION

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "levels" else 1
            if not isinstance(value, int) or value < least:
                raise ValueError(f"{field.name} is {value!r}: give a whole number of at least {least}")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}: give an odd number, so that frames stay in place")
        if self.input_version != INPUT_VERSION:
            raise ValueError(f"it is of input version {self.input_version} and this is {INPUT_VERSION}")

    @property
    def channels(self) -> int:
        return 2 * self.max_queries + 2


FULL = SamplerConfig()
EMBEDDED = SamplerConfig(width=16, kernel=3)  # about 0.33 M parameters, for the miniature


@dataclass(frozen=True)
class SamplerInput:
    """What the net sees of one question, on the CPU."""

    channels_CT: Tensor  # float32
    standin_T: Tensor  # float32, the stand-in rule's logits


class UNetSampler(
    SavedModule,
    library_name="msjoe",
    tags=["video-question-answering", "key-frame-selection"],
    paper_url="https://arxiv.org/abs/2602.22932",
    license="apache-2.0",
):
    """Similarity matrix -> logits over the dense frames; p = softmax(logits). See the module's text."""

    def __init__(self, config: SamplerConfig = FULL) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet1d(config.channels, config.width, config.levels, config.kernel)

    def inputs(self, sim_QT: np.ndarray, times_T: np.ndarray | None = None) -> SamplerInput:
        """Prepare one question: sim_QT [Q, T] cosines, 1 <= Q <= max_queries, T >= 1; times_T in seconds."""
        slots, (count, frames) = self.config.max_queries, np.shape(sim_QT)
        if not 1 <= count <= slots or frames < 1:
            raise QuestionError(f"{count} queries over {frames} frames: the sampler reads 1 to {slots} over 1 or more")
        z_QT = zscore(sim_QT)
        z_QT = z_QT[np.argsort(-z_QT.max(axis=1), kind="stable")]
        standin_T = standin_logits(sim_QT, times_T)
        channels_CT = np.zeros((self.config.channels, frames), dtype=np.float32)
        channels_CT[:count] = z_QT
        channels_CT[slots : slots + count] = 1.0
        channels_CT[-2] = np.linspace(-1.0, 1.0, frames) if frames > 1 else 0.0
        channels_CT[-1] = standin_T
        return SamplerInput(torch.from_numpy(channels_CT), torch.from_numpy(standin_T))

    def forward(self, batch: list[SamplerInput]) -> tuple[Tensor, Tensor]:
        """logits_BT float32 and mask_BT (True where a frame exists); logits of padded frames are 0."""
        x_BCT = _padded([item.channels_CT for item in batch]).to(self.device)
        standin_BT = _padded([item.standin_T for item in batch]).to(self.device)
        lengths_B = torch.tensor([item.standin_T.shape[0] for item in batch], device=self.device)
        mask_BT = torch.arange(x_BCT.shape[-1], device=self.device) < lengths_B[:, None]
        correction_BT = self.unet(x_BCT, mask_BT)
        return (standin_BT + correction_BT.float()) * mask_BT, mask_BT

    @torch.no_grad()
    def logits(self, sim_QT: np.ndarray, times_T: np.ndarray | None = None) -> Tensor:
        """Logits of one question on the CPU, without gradient. sim_QT [Q, T] -> float32 [T]."""
        return self([self.inputs(sim_QT, times_T)])[0][0].cpu()


def load_sampler(path_or_id: str | Path, device: str | torch.device = "cpu") -> UNetSampler:
    """A trained sampler from a local folder or a hub id, in eval mode.

    Raises CheckpointError for a folder that is missing, foreign, damaged or of another version.
    """
    return load_module(UNetSampler, SamplerConfig, str(path_or_id), device, _ADVICE)


def _padded(rows: list[Tensor]) -> Tensor:
    longest = max(row.shape[-1] for row in rows)
    return torch.stack([F.pad(row, (0, longest - row.shape[-1])) for row in rows])
