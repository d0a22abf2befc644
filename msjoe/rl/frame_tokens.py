"""Visual tokens of frames: a frozen vision tower sees each picture once, over draws, rollouts, updates and epochs.

Shapes: F frames, M merged tokens of a frame, D width of the language model.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers.models.qwen2_vl.image_processing_qwen2_vl import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD, smart_resize

from msjoe.mllm import Mllm
from msjoe.vision_tower import MERGE, PATCH, fits_one_window, image_tokens

MOST_BYTES = 4 << 30  # of visual tokens kept: those of 350,000 frames of Reel, or 2,300 of a 7B model at real size
PATCHES_AT_ONCE = 32768  # through the tower
PATCHES_ON_CPU = 4096  # more do not fit into its caches


class FrameTokens:
    """Visual tokens by what is in a picture, the least recently used dropped beyond ``most_bytes``."""

    def __init__(self, mllm: Mllm, most_bytes: int = MOST_BYTES) -> None:
        self.mllm, self.most_bytes = mllm, most_bytes
        self.bytes = 0
        self._kept: OrderedDict[tuple, tuple[Tensor, tuple[int, int, int]]] = OrderedDict()

    @torch.no_grad()
    def of(self, frames: Sequence[np.ndarray], pixels: int) -> tuple[tuple[Tensor, ...], Tensor]:
        """Tokens [M, D] of each of ``frames`` within ``pixels``, and their grids, int64 [F, 3] in patches."""
        keys = [_key(frame, pixels) for frame in frames]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        new = {key: frame for key, frame in zip(keys, frames, strict=True) if key not in found}
        most = PATCHES_ON_CPU if self.mllm.device.type == "cpu" else PATCHES_AT_ONCE
        for shape in {frame.shape for frame in new.values()}:
            alike = [key for key, frame in new.items() if frame.shape == shape]
            step = max(1, most // _patches(shape, pixels))
            for start in range(0, len(alike), step):
                part = alike[start : start + step]
                found |= zip(part, self._look([new[key] for key in part], pixels), strict=True)
        self._keep(found)
        grids = torch.tensor([found[key][1] for key in keys], device=self.mllm.device).view(-1, 3)
        return tuple(found[key][0] for key in keys), grids

    def _look(self, frames: Sequence[np.ndarray], pixels: int) -> list[tuple[Tensor, tuple[int, int, int]]]:
        """Frames of one shape through the tower."""
        core, (height, width) = self.mllm.model.model, frames[0].shape[:2]
        if self._as_they_are(height, width, pixels):
            images = torch.from_numpy(np.stack(frames)).to(self.mllm.device)
            grid = (1, height // PATCH, width // PATCH)
            return [(tokens, grid) for tokens in image_tokens(core.visual, images)]
        inputs = self.mllm.processor.image_processor(
            list(frames), **self.mllm.picture_size(pixels), return_tensors="pt"
        )
        grids = inputs["image_grid_thw"].to(self.mllm.device)
        patches = inputs["pixel_values"].to(self.mllm.device)
        tokens = core.get_image_features(patches, grids, return_dict=True).pooler_output
        return list(zip(tokens, [tuple(grid) for grid in grids.tolist()], strict=True))

    def _as_they_are(self, height: int, width: int, pixels: int) -> bool:
        """Whether the processor would only normalise such a picture, and one attention window holds it."""
        processor, visual = self.mllm.processor.image_processor, self.mllm.model.model.visual
        size = self.mllm.picture_size(pixels)["size"]
        usual = [list(processor.image_mean), list(processor.image_std)] == [OPENAI_CLIP_MEAN, OPENAI_CLIP_STD]
        if not usual or not fits_one_window(visual, height, width):
            return False
        kept = smart_resize(height, width, PATCH * MERGE, size["shortest_edge"], size["longest_edge"])
        return kept == (height, width)

    def _keep(self, found: dict[tuple, tuple[Tensor, tuple[int, int, int]]]) -> None:
        for key, one in found.items():
            if key in self._kept:
                self._kept.move_to_end(key)
            else:
                self._kept[key] = one[0].clone(), one[1]  # not a view that would keep its whole batch
                self.bytes += one[0].nbytes
        while self.bytes > self.most_bytes:
            _, (tokens, _) = self._kept.popitem(last=False)
            self.bytes -= tokens.nbytes


def _key(frame: np.ndarray, pixels: int) -> tuple:
    """The same for equal pictures: a frame that is decoded again is known."""
    return hashlib.blake2b(np.ascontiguousarray(frame), digest_size=16).digest(), frame.shape, pixels


def _patches(shape: tuple[int, ...], pixels: int) -> int:
    return max(1, min(shape[0] * shape[1], pixels) // PATCH**2)
