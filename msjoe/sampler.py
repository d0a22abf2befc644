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

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from msjoe.errors import QuestionError
from msjoe.selectors.rows import zscore
from msjoe.selectors.standin import standin_logits

INPUT_VERSION = 1  # to be raised when input channels or stand-in rule change: old weights do not fit then
WEIGHTS = "model.safetensors"
CONFIG = "config.json"


@dataclass(frozen=True)
class SamplerConfig:
    """Size of the U-Net. Level i has ``width * (i + 1)`` channels and sees every 2^i-th second."""

    width: int = 32
    levels: int = 5  # of halving; the deepest level joins 2^levels frames in one step
    kernel: int = 5
    max_queries: int = 4
    input_version: int = INPUT_VERSION

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{field.name} is {value!r}: give a whole number of at least 1")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}: give an odd number, so that frames stay in place")

    @property
    def channels(self) -> int:
        return 2 * self.max_queries + 2


FULL = SamplerConfig()  # about 2 M parameters, as in the paper
EMBEDDED = SamplerConfig(width=16, kernel=3)  # about 0.33 M, for the miniature


@dataclass(frozen=True)
class SamplerInput:
    """What the net sees of one question, on the CPU."""

    channels_CT: Tensor  # float32
    standin_T: Tensor  # float32, the stand-in rule's logits


class UNetSampler(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="msjoe",
    tags=["video-question-answering", "key-frame-selection"],
    paper_url="https://arxiv.org/abs/2602.22932",
    license="apache-2.0",
):
    """Similarity matrix -> logits over the dense frames; p = softmax(logits). See the module's text."""

    def __init__(self, config: SamplerConfig = FULL) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * (i + 1) for i in range(config.levels + 1)]
        self.stem = nn.Conv1d(config.channels, widths[0], 1)
        self.down = nn.ModuleList(Block(w, w, config.kernel) for w in widths[:-1])
        self.widen = nn.ModuleList(nn.Conv1d(a, b, 1) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.bottom = Block(widths[-1], widths[-1], config.kernel)
        self.up = nn.ModuleList(Block(a + b, a, config.kernel) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.head = nn.Conv1d(widths[0], 1, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

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
        """logits_BT float32 and mask_BT (True where a frame exists); logits of padded frames are 0.

        A question's logits are the same alone and beside longer ones: every layer sees zeros beyond the
        video's end, and nothing is averaged over the time axis.
        """
        x_BCT = _padded([item.channels_CT for item in batch]).to(self.device)
        standin_BT = _padded([item.standin_T for item in batch]).to(self.device)
        lengths_B = torch.tensor([item.standin_T.shape[0] for item in batch], device=self.device)
        mask_BT = torch.arange(x_BCT.shape[-1], device=self.device) < lengths_B[:, None]
        correction_BT = self.unet(x_BCT, mask_BT)
        return (standin_BT + correction_BT.float()) * mask_BT, mask_BT

    def unet(self, x_BCT: Tensor, mask_BT: Tensor) -> Tensor:
        """The learnt part alone, [B, T]; needs no stand-in logits. Any T >= 1: odd lengths are halved upwards."""
        m = mask_BT[:, None].to(x_BCT.dtype)
        x = self.stem(x_BCT) * m
        skips = []
        for block, widen in zip(self.down, self.widen, strict=True):
            x = block(x, m)
            skips.append((x, m))
            x, m = _halve(x, m)
            x = widen(x) * m
        x = self.bottom(x, m)
        for block, (skip, m) in zip(reversed(self.up), reversed(skips), strict=True):
            x = x.repeat_interleave(2, dim=-1)[..., : skip.shape[-1]]
            x = block(torch.cat([skip, x], dim=1) * m, m)
        return self.head(x)[:, 0]

    @torch.no_grad()
    def logits(self, sim_QT: np.ndarray, times_T: np.ndarray | None = None) -> Tensor:
        """Logits of one question on the CPU, without gradient. sim_QT [Q, T] -> float32 [T]."""
        return self([self.inputs(sim_QT, times_T)])[0][0].cpu()

    def _save_pretrained(self, save_directory: Path) -> None:
        """Called by save_pretrained and push_to_hub: weights and config, each complete or not at all."""
        part = save_directory / f".{WEIGHTS}.part"
        save_model(self, str(part))
        os.replace(part, save_directory / WEIGHTS)
        part = save_directory / f".{CONFIG}.part"
        part.write_text(json.dumps(asdict(self.config), indent=2) + "\n", encoding="utf-8")
        os.replace(part, save_directory / CONFIG)

    @classmethod
    def _from_pretrained(
        cls, *, model_id: str, map_location: str | torch.device = "cpu", strict: bool = True, **kwargs
    ) -> "UNetSampler":
        """Called by from_pretrained. Unlike the mixin's own: strict, and never falls back to a pickle file."""
        hub = {k: kwargs.pop(k) for k in ("revision", "cache_dir", "force_download", "local_files_only", "token")}
        local = Path(model_id).is_dir()
        path = Path(model_id) / WEIGHTS if local else hf_hub_download(model_id, WEIGHTS, **hub)
        model = cls(**kwargs)
        load_model(model, path, strict=strict)
        return model.to(map_location).eval()


class Block(nn.Module):
    """Two convolutions with a residual. Normalised over channels at each frame: safe for T = 1 and for padding."""

    def __init__(self, width_in: int, width: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width_in, width, kernel, padding=kernel // 2)
        self.norm1 = nn.LayerNorm(width)
        self.conv2 = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.norm2 = nn.LayerNorm(width)
        self.skip = nn.Identity() if width_in == width else nn.Conv1d(width_in, width, 1)

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        """x [B, C, T], m [B, 1, T] of 0 and 1 -> [B, width, T], zero where m is."""
        y = F.gelu(_per_frame(self.norm1, self.conv1(x))) * m
        y = _per_frame(self.norm2, self.conv2(y))
        return F.gelu(y + self.skip(x)) * m


def _per_frame(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    return norm(x.transpose(1, 2)).transpose(1, 2)


def _halve(x: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of each pair of frames that exist; a last frame without a partner stands alone."""
    odd = x.shape[-1] % 2
    x, m = F.pad(x * m, (0, odd)), F.pad(m, (0, odd))
    pairs = m[..., 0::2] + m[..., 1::2]
    return (x[..., 0::2] + x[..., 1::2]) / pairs.clamp_min(1.0), pairs.clamp_max(1.0)


def _padded(rows: list[Tensor]) -> Tensor:
    longest = max(row.shape[-1] for row in rows)
    return torch.stack([F.pad(row, (0, longest - row.shape[-1])) for row in rows])
