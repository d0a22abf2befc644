"""Step 2 of the method: a frozen CLIP turns queries and dense frames into one matrix of cosines.

Any open_clip model serves, by model and tag, by hub id or from a local directory; nothing here
knows which size it got.

Shapes: B frames of a batch, H, W pixels, T dense frames, Q queries, D embedding width.
"""

import logging
import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from safetensors import SafetensorError

from msjoe.cache import FeatureCache, FeatureKey
from msjoe.clip_names import load_failure, resolve
from msjoe.errors import CheckpointError
from msjoe.flags import check_device
from msjoe.video.base import FrameSource, dense_count

__all__ = ["Clip", "FeatureCache", "feature_key", "similarity"]

log = logging.getLogger(__name__)

AHEAD = 4  # batches decoded before they are needed; bounds the memory
TEXTS = 256  # texts encoded at once


@dataclass(eq=False)
class Clip:
    """A frozen CLIP on a device. ``id`` names the weights: features cached under it stay valid."""

    id: str
    size: int  # pixels of the square it sees; frames come with this shorter side
    device: torch.device
    model: torch.nn.Module
    tokenizer: object
    autocast: torch.dtype | None  # None: float32 throughout

    @classmethod
    def load(cls, name: str, device: str = "auto") -> "Clip":
        """Load "MODEL:TAG" (e.g. "ViT-L-14:openai"), "hf-hub:ORG/NAME" or a local directory.

        MODEL:FILE takes the weights from a file instead of a tag. ``device`` is "auto" or a torch
        device. Raises CheckpointError for unknown names, with near ones, for weights that are
        neither here nor reachable, and for folders that hold something else.
        """
        chosen = _device(device)
        source, extra, identity = resolve(name)
        try:
            model = open_clip.create_model(source, device=chosen, require_pretrained=True, **extra)
            tokenizer = open_clip.get_tokenizer(source)
        except (RuntimeError, ValueError, OSError, KeyError, TypeError, SafetensorError) as error:
            raise CheckpointError(load_failure(name, error)) from error
        model.eval().requires_grad_(False)
        height, width = _pair(model.visual.preprocess_cfg["size"])
        if height != width:
            raise CheckpointError(f"{name} sees {height} x {width} pictures: give a CLIP of square ones")
        autocast, why = _autocast(chosen)
        log.info("CLIP %s on %s, %s: %s", name, chosen, autocast or "float32", why)
        return cls(identity, height, chosen, model, tokenizer, autocast)

    @cached_property
    def width(self) -> int:
        """D of its embeddings. No field of open_clip's models holds it for all of them, so a text is encoded."""
        return self.encode_texts(["a picture"]).shape[1]

    def encode_batches(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield unnormalised float32 [B, D] embeddings of uint8 [B, H, W, 3] RGB batches.

        The shorter side is already ``size``. A thread produces up to AHEAD batches (decoding)
        while the model computes. Errors of ``batches`` are raised here; closing the generator
        stops the thread. A batch that is one still throughout is encoded once.
        """
        for batch in _ahead(batches, AHEAD):
            if len(batch) > 1 and np.array_equal(batch[0], batch[-1]) and (batch == batch[0]).all():
                yield np.repeat(self._encode_frames(batch[:1]), len(batch), axis=0)
            else:
                yield self._encode_frames(batch)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Unnormalised float32 [Q, D] embeddings of ``texts``.

        A text longer than the model's context (77 tokens for most) is cut at its end by the
        tokenizer, so long questions lose their last words here.
        """
        parts = [self._encode_ids(self.tokenizer(list(texts[i : i + TEXTS]))) for i in range(0, len(texts), TEXTS)]
        return np.concatenate(parts)

    @torch.inference_mode()
    def _encode_frames(self, batch: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device, non_blocking=True)
        with self._precision():
            return self.model.encode_image(self._preprocess(pixels)).float().cpu().numpy()

    @torch.inference_mode()
    def _encode_ids(self, ids_QL: torch.Tensor) -> np.ndarray:
        with self._precision():
            return self.model.encode_text(ids_QL.to(self.device)).float().cpu().numpy()

    def _preprocess(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 [B, H, W, 3] on the device -> normalised float32 [B, 3, size, size].

        As the model's own preprocess config says: the middle square, or for models that were
        trained on squashed pictures (SigLIP) the whole picture squashed. "longest", which pads,
        has no square of its own here and gets the middle too.
        """
        config = self.model.visual.preprocess_cfg
        images = pixels.permute(0, 3, 1, 2).float().div_(255)
        if config["resize_mode"] == "squash":
            images = F.interpolate(images, (self.size, self.size), mode="bicubic", antialias=True).clamp_(0, 1)
        top, left = (round((side - self.size) / 2) for side in images.shape[2:])
        images = images[:, :, top : top + self.size, left : left + self.size]
        mean, std = (torch.tensor(config[key], device=self.device).view(3, 1, 1) for key in ("mean", "std"))
        return (images - mean) / std

    def _precision(self) -> torch.autocast:
        enabled = self.autocast is not None
        return torch.autocast(self.device.type, dtype=self.autocast or torch.bfloat16, enabled=enabled)


def feature_key(source: FrameSource, clip: Clip, fps: float) -> FeatureKey:
    """What ``clip``'s features of a video are kept under: equal keys, equal features."""
    dtype = str(clip.autocast or torch.float32).removeprefix("torch.")
    return FeatureKey(source.id, clip.id, fps, dtype, dense_count(source.duration, fps), clip.width)


def similarity(text_QD: np.ndarray, feats_TD: np.ndarray) -> np.ndarray:
    """Cosine similarity, float32 [Q, T]; a zero vector is similar to nothing (0)."""
    return (_unit(text_QD) @ _unit(feats_TD).T).astype(np.float32)


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def _device(device: str) -> torch.device:
    if device != "auto":
        check_device(device)
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _autocast(device: torch.device) -> tuple[torch.dtype | None, str]:
    """The dtype to compute in where it is faster, and the reason."""
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "the GPU computes bfloat16"
        return torch.float16, "the GPU has no bfloat16"
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16, "the CPU has bfloat16 instructions"
    return None, f"bfloat16 is not faster on this {device.type}"


def _cpu_has_bfloat16() -> bool:
    """AMX or AVX512-BF16, without which bfloat16 is emulated and slower than float32."""
    flags = Path("/proc/cpuinfo")  # Linux; elsewhere float32 is the safe choice
    return flags.is_file() and any(name in flags.read_text() for name in ("amx_bf16", "avx512_bf16"))


def _ahead(batches: Iterable[np.ndarray], depth: int) -> Iterator[np.ndarray]:
    """Iterate over ``batches`` in a thread of its own, at most ``depth`` ahead."""
    ready: queue.Queue = queue.Queue(maxsize=depth)
    stop = threading.Event()
    end = object()

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        source = iter(batches)
        try:
            for batch in source:
                if not put(batch):
                    return
        finally:
            if hasattr(source, "close"):
                source.close()  # a generator holds a decoder open: it ends in the thread that ran it
            put(end)

    with ThreadPoolExecutor(1, thread_name_prefix="clip-frames") as pool:
        producing = pool.submit(produce)
        try:
            while (batch := ready.get()) is not end:
                yield batch
        finally:
            stop.set()
        producing.result()  # raises what the producer raised
