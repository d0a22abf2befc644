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
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from msjoe.errors import CheckpointError, QuestionError
from msjoe.files import write_atomic
from msjoe.selectors.rows import zscore
from msjoe.selectors.standin import standin_logits
from msjoe.unet import UNet1d

INPUT_VERSION = 1  # to be raised when input channels or stand-in rule change: old weights do not fit then
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
_ADVICE = 'train one with "msjoe train sampler" or pass --sampler standin'


@dataclass(frozen=True)
class SamplerConfig:
    """Size of the U-Net; the defaults give about 2 M parameters, as in the paper."""

    width: int = 32  # channels at full rate; each deeper level has as many more
    levels: int = 5  # of halving; the deepest joins 2^levels frames in one step
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


FULL = SamplerConfig()
EMBEDDED = SamplerConfig(width=16, kernel=3)  # about 0.33 M parameters, for the miniature


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

    source = "untrained"  # hub id or name of the folder of the weights; set by load_sampler

    def __init__(self, config: SamplerConfig = FULL) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet1d(config.channels, config.width, config.levels, config.kernel)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

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

    def _save_pretrained(self, save_directory: Path) -> None:
        """Called by save_pretrained and push_to_hub."""
        config = json.dumps(asdict(self.config), indent=2) + "\n"
        write_atomic(save_directory / WEIGHTS, lambda path: save_model(self, str(path)))
        write_atomic(save_directory / CONFIG, lambda path: path.write_text(config, encoding="utf-8"))

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


def load_sampler(path_or_id: str | Path, device: str | torch.device = "cpu") -> UNetSampler:
    """A trained sampler from a local folder or a hub id, in eval mode.

    Raises CheckpointError for a folder that is missing, foreign, damaged or of another version.
    """
    name = str(path_or_id)
    folder = _sampler_folder(name)
    config = _read_config(folder, name)
    try:
        sampler = UNetSampler.from_pretrained(folder, config=config, map_location=device)
    except SafetensorError as e:
        raise CheckpointError(f"{WEIGHTS} in {name} cannot be read ({e}): {_ADVICE}") from e
    except RuntimeError as e:  # what strict loading raises
        raise CheckpointError(f"{WEIGHTS} in {name} does not fit its {CONFIG}: {_ADVICE}") from e
    sampler.source = folder.name if Path(name).expanduser().is_dir() else name
    return sampler


def _sampler_folder(name: str) -> Path:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        # "checkpoints/x" has the form of a hub id: it is taken for a path where a folder "checkpoints" lies here.
        beside = len(folder.parts) > 1 and folder.parent.is_dir()
        if folder.exists() or beside or name.startswith((".", "/", "~")):
            raise CheckpointError(f"no folder {name}: {_ADVICE}")
        folder = _download(name)
    for file in (WEIGHTS, CONFIG):
        if not (folder / file).is_file():
            raise CheckpointError(f"no {file} in {name}: {_ADVICE}")
    return folder


def _download(name: str) -> Path:
    try:
        return Path(snapshot_download(name, allow_patterns=[WEIGHTS, CONFIG]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as e:
        why = f"no local folder and could not be had from the hub ({type(e).__name__})"
        raise CheckpointError(f"{name} is {why}: {_ADVICE}") from e


def _read_config(folder: Path, name: str) -> SamplerConfig:
    try:
        read = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise CheckpointError(f"{CONFIG} in {name} is not readable JSON ({e}): {_ADVICE}") from e
    if not isinstance(read, dict) or set(read) != {field.name for field in fields(SamplerConfig)}:
        raise CheckpointError(f"{CONFIG} in {name} is that of another kind of model: {_ADVICE}")
    if read["input_version"] != INPUT_VERSION:
        got = read["input_version"]
        raise CheckpointError(f"the sampler in {name} is of input version {got}, this is {INPUT_VERSION}: {_ADVICE}")
    try:
        return SamplerConfig(**read)
    except ValueError as e:
        raise CheckpointError(f"{CONFIG} in {name} has a bad value, {e}: {_ADVICE}") from e


def _padded(rows: list[Tensor]) -> Tensor:
    longest = max(row.shape[-1] for row in rows)
    return torch.stack([F.pad(row, (0, longest - row.shape[-1])) for row in rows])
