"""Training samples of the miniature MLLM as tensors.

A sample is a prefix (the frames, as prompts show them) and several branches (a question and its
reply each). A branch sees the prefix and itself only and its positions go on from the prefix, so
that every branch is computed just as if it stood alone in a prompt of its own, while frames are
encoded once.

Shapes: B samples, K frames of a sample, L tokens (padded), R reply tokens of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from msjoe.letters import LETTERS
from msjoe.prompts import MINIATURE_TEMPLATES
from msjoe.reel.mllm_model import build_tokenizer
from msjoe.reel.mllm_shows import Show

TURN = "<|im_end|>\n<|im_start|>assistant\n"
PIXELS_PER_TOKEN = 28
PADDING = -1  # segment of tokens that are none


# For a token of the reply: its index (below 0: of the prompt, counted from its last), the frames to look at first, and
# the frames that then show it.
Point = tuple[int, tuple[int, ...], tuple[int, ...]]
# For a token of the reply: its index, and the index of the prompt's token that it repeats.
Copied = tuple[int, int]


@dataclass(frozen=True)
class Branch:
    """The rest of a prompt after its frames, and the reply to learn. ``kind`` names it in metrics."""

    kind: str
    prompt: str
    reply: str
    points: tuple[Point, ...] = ()
    copied: tuple[Copied, ...] = ()


@dataclass(frozen=True)
class Batch:
    """What the training forward needs. All shows of a batch have K frames of one size."""

    pictures: np.ndarray | None  # uint8 [B * K, H, W, 3]
    moments: tuple  # of the B * K pictures
    ids_BL: Tensor  # int64
    positions_3BL: Tensor  # int64, of time, height and width
    segments_BL: Tensor  # int64: 0 prefix, 1... branches, PADDING
    targets_BL: Tensor  # int64: the next token where it belongs to a reply, else -100
    branches: tuple[tuple[Branch, ...], ...]
    points: "Points"

    def to(self, device: torch.device) -> "Batch":
        return _moved(self, device)


@dataclass(frozen=True)
class Points:
    """Where reply tokens are to look: P of them at frames, C of them at the right option."""

    rows_P: Tensor  # int64, sample
    places_P: Tensor  # int64, the token before the reply token
    wanted_2PK: Tensor  # float32, shares over the sample's frames, of the first and of the second look
    ends_BK: Tensor  # int64, the token that ends each frame
    copies_3C: Tensor  # int64: sample, the token before the reply token, the option's token

    def to(self, device: torch.device) -> "Points":
        return _moved(self, device)


def _moved(one: Batch | Points, device: torch.device) -> Batch | Points:
    """A copy whose tensors are on ``device``."""
    values = {field.name: getattr(one, field.name) for field in fields(one)}
    return replace(one, **{name: v.to(device) for name, v in values.items() if isinstance(v, (Tensor, Points))})


def prompt_tail(message: dict) -> str:
    """The text after the frames of a chat message made by Templates."""
    return message["content"][-1]["text"]


def answer_branch(
    kind: str,
    question: str,
    options: Sequence[str],
    reply: str,
    looks: Sequence[tuple] = (),
    option_looks: Sequence[tuple[int, ...]] = (),
) -> Branch:
    """``looks``: (first, second) frames of each part of the reply; one part: all of the reply's tokens,
    two: its first and its last token. ``option_looks``: the frames that each option's last token is to look at."""
    last = len(encode(reply)) - 1
    offsets = range(last + 1) if len(looks) == 1 else (0, last)
    parts = list(looks) * (last + 1) if len(looks) == 1 else looks
    points = tuple((offset, *part) for offset, part in zip(offsets, parts, strict=False))
    prompt = prompt_tail(MINIATURE_TEMPLATES.answer_message(question, options, []))
    last = len(encode(prompt + TURN)) - 1
    for option, frames in zip(options, option_looks, strict=False):
        if frames:
            points += ((option_end(prompt, options, option) - last, frames, frames),)
    return Branch(kind, prompt, reply, points, copied_from(prompt, options, reply))


def option_end(prompt: str, options: Sequence[str], option: str) -> int:
    """Index of the prompt's token that ends an option."""
    line = MINIATURE_TEMPLATES.option_line(LETTERS[list(options).index(option)], option)
    return len(encode(prompt[: prompt.index(line) + len(line)])) - 1


def copied_from(prompt: str, options: Sequence[str], reply: str) -> tuple[Copied, ...]:
    """Which of the prompt's tokens the reply repeats, where it is one of the options."""
    if reply not in options:
        return ()
    length = len(encode(reply))
    first = option_end(prompt, options, reply) - length + 1
    return tuple((i, first + i) for i in range(length))


def reason_branch(question: str, options: Sequence[str], reply: str, points: tuple[Point, ...] = ()) -> Branch:
    return Branch("queries", prompt_tail(MINIATURE_TEMPLATES.reason_message(question, options, [], 4)), reply, points)


def collate(samples: Sequence[tuple[Show, Sequence[Branch]]]) -> Batch:
    rows = [_row(show, branches) for show, branches in samples]
    length = max(len(ids) for ids, *_ in rows)
    columns = list(zip(*rows, strict=True))
    ids, segments, targets = (
        torch.from_numpy(np.stack([np.pad(row, (0, length - len(row)), constant_values=fill) for row in column]))
        for column, fill in zip((columns[0], columns[2], columns[3]), (0, PADDING, -100), strict=True)
    )
    positions = np.stack([np.pad(p, ((0, 0), (0, length - p.shape[1]))) for p in columns[1]], 1)
    shows = [show for show, _ in samples]
    frames = [frame for show in shows for frame in show.frames]
    pictures = np.concatenate([show.pictures() for show in shows]) if frames else None
    moments = tuple(frame.moment for frame in frames)
    branches = tuple(tuple(b) for _, b in samples)
    points = _points(samples, ids, segments, targets)
    return Batch(pictures, moments, ids, torch.from_numpy(positions), segments, targets, branches, points)


def _points(samples: Sequence[tuple[Show, Sequence[Branch]]], ids: Tensor, segments: Tensor, targets: Tensor) -> Points:
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
    return Points(torch.tensor(rows), torch.tensor(places), shares, _frame_ends(ids, frames), copied)


def _frame_ends(ids_BL: Tensor, frames: int) -> Tensor:
    """int64 [B, K]: places of the tokens that end the frames."""
    (end,) = encode("<|vision_end|>")
    return (ids_BL == end).nonzero()[:, 1].view(len(ids_BL), frames)


def attention_mask(segments_BL: Tensor) -> Tensor:
    """bool [B, 1, L, L]: earlier tokens of the prefix or of the same segment."""
    same = segments_BL[:, :, None] == segments_BL[:, None, :]
    prefix = (segments_BL == 0)[:, None, :] & (segments_BL != PADDING)[:, :, None]
    return ((same | prefix) & torch.ones_like(same[0]).tril()).unsqueeze(1)


def _row(show: Show, branches: Sequence[Branch]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ids [L], positions [3, L], segments [L] and targets [L] of one sample."""
    prefix, places = _prefix(show)
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


def _prefix(show: Show) -> tuple[np.ndarray, np.ndarray]:
    """Token ids [P] of the frames and their rotary positions [3, P].

    A picture's tokens share one time; rows and columns count on from it; text goes on after the
    larger of both (Qwen2-VL's multimodal rotary embedding).
    """
    side = show.size // PIXELS_PER_TOKEN
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
    for number, seconds in enumerate(show.times, 1):
        before = encode(MINIATURE_TEMPLATES.frame_text(number, seconds) + "<|vision_start|>")
        place_text(before)
        parts.append(grid_3M + here)
        here += side
        end = encode("<|vision_end|>")
        place_text(end)
        ids += [*before, *pads, *end]
    return np.array(ids), np.concatenate(parts, 1)


@lru_cache(maxsize=100_000)
def encode(text: str) -> tuple[int, ...]:
    return tuple(build_tokenizer()(text).input_ids)
