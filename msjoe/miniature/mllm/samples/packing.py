"""Training samples of the miniature MLLM as tensors.

A sample is a prefix (the frames, as in prompts) and several branches (a question and its reply each). A branch attends
to the prefix and to itself only, and its positions continue those of the prefix. So each branch is computed as if it
were the only one in its prompt, while frames are encoded once.

Shapes: B samples, K frames of a sample, L tokens (padded), R reply tokens of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from msjoe.miniature.mllm.samples.branches import TURN, Branch, encode
from msjoe.miniature.mllm.samples.frame_sets import FrameSet
from msjoe.prompts import MINIATURE_TEMPLATES

PIXELS_PER_TOKEN = 28
PADDING = -1  # segment of padding


@dataclass(frozen=True)
class PackedBatch:
    """The inputs of the training forward. All samples of a batch have K frames of one size."""

    pictures: np.ndarray | None  # uint8 [B * K, H, W, 3]
    moments: tuple  # of the B * K pictures
    ids_BL: Tensor  # int64
    positions_3BL: Tensor  # int64, of time, height and width
    segments_BL: Tensor  # int64: 0 prefix, 1... branches, PADDING
    targets_BL: Tensor  # int64: the next token where it belongs to a reply, else -100
    branches: tuple[tuple[Branch, ...], ...]
    points: "AttentionTargets"

    def to(self, device: torch.device) -> "PackedBatch":
        return _moved(self, device)


@dataclass(frozen=True)
class AttentionTargets:
    """Where reply tokens should attend: P of them to frames, C of them to the right option."""

    rows_P: Tensor  # int64, sample
    places_P: Tensor  # int64, the token before the reply token
    wanted_2PK: Tensor  # float32, target attention over the sample's frames, of the first and of the second look
    ends_BK: Tensor  # int64, the token that ends each frame
    copies_3C: Tensor  # int64: sample, the token before the reply token, the option's token

    def to(self, device: torch.device) -> "AttentionTargets":
        return _moved(self, device)


def _moved(one: PackedBatch | AttentionTargets, device: torch.device) -> PackedBatch | AttentionTargets:
    """A copy whose tensors are on ``device``."""
    values = {field.name: getattr(one, field.name) for field in fields(one)}
    return replace(
        one, **{name: v.to(device) for name, v in values.items() if isinstance(v, (Tensor, AttentionTargets))}
    )


def collate(samples: Sequence[tuple[FrameSet, Sequence[Branch]]]) -> PackedBatch:
    rows = [_row(frame_set, branches) for frame_set, branches in samples]
    length = max(len(ids) for ids, *_ in rows)
    columns = list(zip(*rows, strict=True))
    ids, segments, targets = (
        torch.from_numpy(np.stack([np.pad(row, (0, length - len(row)), constant_values=fill) for row in column]))
        for column, fill in zip((columns[0], columns[2], columns[3]), (0, PADDING, -100), strict=True)
    )
    positions = np.stack([np.pad(p, ((0, 0), (0, length - p.shape[1]))) for p in columns[1]], 1)
    frame_sets = [frame_set for frame_set, _ in samples]
    frames = [frame for frame_set in frame_sets for frame in frame_set.frames]
    pictures = np.concatenate([frame_set.pictures() for frame_set in frame_sets]) if frames else None
    moments = tuple(frame.moment for frame in frames)
    branches = tuple(tuple(b) for _, b in samples)
    points = _points(samples, ids, segments, targets)
    return PackedBatch(pictures, moments, ids, torch.from_numpy(positions), segments, targets, branches, points)


def _points(
    samples: Sequence[tuple[FrameSet, Sequence[Branch]]], ids: Tensor, segments: Tensor, targets: Tensor
) -> AttentionTargets:
    frames = len(samples[0][0].frames)
    rows, places, wanted, copies = [], [], [], []
    for row, (_, branches) in enumerate(samples):
        for number, branch in enumerate(branches, 1):
            if not branch.points and not branch.copied:
                continue
            own = segments[row] == number
            prompt, start = int(own.nonzero()[0]), int((own & (targets[row] != -100)).nonzero()[0])
            copies += [(row, start + offset, prompt + place) for offset, place in branch.copied]
            for offset, *looks in branch.points:
                rows.append(row)
                places.append(start + offset)
                wanted.append([[(f in look) / len(look) for f in range(frames)] for look in looks])
    shares = torch.tensor(wanted).view(len(rows), 2, frames).transpose(0, 1)
    copied = torch.tensor(copies, dtype=torch.int64).view(-1, 3).T
    return AttentionTargets(torch.tensor(rows), torch.tensor(places), shares, _frame_ends(ids, frames), copied)


def _frame_ends(ids_BL: Tensor, frames: int) -> Tensor:
    """int64 [B, K]: positions of the tokens that end the frames."""
    (end,) = encode("<|vision_end|>")
    return (ids_BL == end).nonzero()[:, 1].view(len(ids_BL), frames)


def attention_mask(segments_BL: Tensor) -> Tensor:
    """bool [B, 1, L, L]: earlier tokens of the prefix or of the same segment."""
    same = segments_BL[:, :, None] == segments_BL[:, None, :]
    prefix = (segments_BL == 0)[:, None, :] & (segments_BL != PADDING)[:, :, None]
    return ((same | prefix) & torch.ones_like(same[0]).tril()).unsqueeze(1)


def _row(frame_set: FrameSet, branches: Sequence[Branch]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ids [L], positions [3, L], segments [L] and targets [L] of one sample."""
    prefix, places = _prefix(frame_set)
    ids, positions, segments, targets = [prefix], [places], [np.zeros(len(prefix), np.int64)], [_none(len(prefix))]
    after = int(places.max()) + 1
    for n, branch in enumerate(branches, 1):
        prompt, reply = encode(branch.prompt + TURN), (*encode(branch.reply), *encode("<|im_end|>"))
        tokens = np.array((*prompt, *reply))
        aims = _none(len(tokens))
        aims[len(prompt) - 1 : -1] = reply
        ids.append(tokens)
        positions.append(np.tile(np.arange(after, after + len(tokens)), (3, 1)))
        segments.append(np.full(len(tokens), n))
        targets.append(aims)
    return np.concatenate(ids), np.concatenate(positions, 1), np.concatenate(segments), np.concatenate(targets)


def _none(count: int) -> np.ndarray:
    return np.full(count, -100, np.int64)


def _prefix(frame_set: FrameSet) -> tuple[np.ndarray, np.ndarray]:
    """Token ids [P] of the frames and their rotary positions [3, P].

    A picture's tokens share one time, and rows and columns count from it; text continues after the largest of them
    (Qwen2-VL's multimodal rotary embedding).
    """
    side = frame_set.size // PIXELS_PER_TOKEN
    rows, cols = (grid.ravel() for grid in np.mgrid[:side, :side])
    grid_3M = np.stack([np.zeros_like(rows), rows, cols])
    pads = encode("<|image_pad|>") * side**2
    ids: list[int] = [*encode("<|im_start|>user\n")]
    parts, here = [], 0

    def place_text(tokens: Sequence[int]) -> None:
        nonlocal here
        parts.append(np.tile(np.arange(here, here + len(tokens)), (3, 1)))
        here += len(tokens)

    place_text(ids)
    for number, seconds in enumerate(frame_set.times, 1):
        before = encode(MINIATURE_TEMPLATES.frame_text(number, seconds) + "<|vision_start|>")
        place_text(before)
        parts.append(grid_3M + here)
        here += side
        end = encode("<|vision_end|>")
        place_text(end)
        ids += [*before, *pads, *end]
    return np.array(ids), np.concatenate(parts, 1)
