"""The loss of the second stage: replies, words at the frames' ends, and attention."""

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Qwen2_5_VLForConditionalGeneration

from msjoe.miniature.mllm.attention_loss import pointing_loss
from msjoe.miniature.mllm.forward import forward
from msjoe.miniature.mllm.samples.branches import encode
from msjoe.miniature.mllm.samples.frame_sets import HIDDEN
from msjoe.miniature.mllm.samples.packing import PackedBatch
from msjoe.miniature.mllm.vocabulary import NUMBERS
from msjoe.reel.drawing.render import LEGIBLE
from msjoe.reel.moments import Moment
from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PATTERNS, PLACES, SHAPES

WORD_WEIGHT = 0.3  # of the words at the frames' ends


POINT_WEIGHTS = (0.5, 1.0)  # of where three heads look among the frames, at each of two depths


OPTION_WEIGHT = 0.3  # of where three heads look among the options


def language_loss(model: Qwen2_5_VLForConditionalGeneration, batch: PackedBatch) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of reply tokens, of the words at each frame's end, and of the supervised attention.

    A reply of n tokens weighs sqrt(n), so that captions do not drown short replies. Metrics: by kind of reply, the loss
    a token and the share of replies right in every token; the share of attention on the right frames.
    """
    device = model.lm_head.weight.device
    batch = batch.to(device)
    out = forward(model, batch)
    losses_R = F.cross_entropy(out.logits_RV, out.targets_R, reduction="none")
    metrics = reply_metrics(batch, losses_R.detach(), out.logits_RV.argmax(1) == out.targets_R)
    lengths = torch.tensor(reply_lengths(batch), device=device)
    weights_R = lengths.float().rsqrt().repeat_interleave(lengths)
    loss = (losses_R * weights_R).sum() / weights_R.sum()
    if out.ends_FD is not None:
        shown = batch.points.ends_BK.shape[1]
        by_word, right = frame_word_loss(
            model.lm_head.weight, out.ends_FD, batch.moments, batch.pictures.shape[1], shown
        )
        loss, metrics["right/frame words"] = loss + WORD_WEIGHT * by_word, right
    for look, (logs_HPK, wanted_PK) in enumerate(zip(out.logs_HPK, batch.points.wanted_2PK, strict=False), 1):
        by_look, metrics[f"attention/look {look}"] = pointing_loss(logs_HPK, wanted_PK)
        loss = loss + POINT_WEIGHTS[look - 1] * by_look
    if out.logs_HC1 is not None:
        by_option, metrics["attention/option"] = pointing_loss(out.logs_HC1, torch.ones_like(out.logs_HC1[0]))
        loss = loss + OPTION_WEIGHT * by_option
    return loss, metrics


def frame_word_loss(
    words_VD: Tensor, ends_FD: Tensor, moments: Sequence[Moment], side: int, shown: int
) -> tuple[Tensor, float]:
    """Sum over attributes of the mean cross-entropy among their words, and the mean accuracy.

    It ties what the language model makes of a frame to the embeddings of the words that questions use, so that looking
    up "the king" among frames compares like with like. A frame's number among the ``shown`` ones of its sample is one
    of the attributes: "next" and "before" are about numbers.
    """
    loss, right = torch.zeros((), device=ends_FD.device), []
    for name, words in word_groups():
        if name == "mark" and side < LEGIBLE:
            continue
        logits_FC = ends_FD @ words_VD[words.to(ends_FD.device)].T
        own = range(shown) if name == "number" else (word_index(name, moment) for moment in moments)
        truth_F = torch.tensor(list(own), device=ends_FD.device)
        truth_F = truth_F.repeat(len(moments) // shown if name == "number" else 1)
        shown_F = truth_F != HIDDEN
        if shown_F.any():  # a mark is hidden while the plate is turned
            loss = loss + F.cross_entropy(logits_FC[shown_F], truth_F[shown_F])
            right.append((logits_FC.argmax(1) == truth_F)[shown_F].float().mean().item())
    return loss, sum(right) / len(right)


@lru_cache(maxsize=1)
def word_groups() -> tuple[tuple[str, Tensor], ...]:
    """Attribute -> token ids of its words inside a sentence."""
    groups = {
        "place": [place.name for place in PLACES],
        "pattern": list(PATTERNS),
        "colour": list(COLOUR_WORDS),
        "shape": list(SHAPES),
        "who": list(CHARACTERS),
        "item": list(ITEMS),
        "mark": list(MARKS),
    }
    ids = {name: [encode(f" {word}")[0] for word in words] for name, words in groups.items()}
    ids["number"] = [encode(number)[0] for number in NUMBERS]
    return tuple((name, torch.tensor(words)) for name, words in ids.items())


def word_index(name: str, moment: Moment) -> int:
    """Index of the word of a group that is true of a moment."""
    if name == "pattern":
        return PATTERNS.index(PLACES[moment.place].pattern)
    return getattr(moment.look if name in ("colour", "shape") else moment, name)


def reply_metrics(batch: PackedBatch, losses_R: Tensor, right_R: Tensor) -> dict[str, float]:
    """Loss a token and exactness, means over the replies of each kind."""
    kinds = [branch.kind for row in batch.branches for branch in row]
    lengths = reply_lengths(batch)
    found: dict[str, list[float]] = {}
    for kind, loss, right in zip(kinds, losses_R.split(lengths), right_R.split(lengths), strict=True):
        found.setdefault(f"loss/{kind}", []).append(loss.mean().item())
        found.setdefault(f"right/{kind}", []).append(float(right.all()))
    return {name: sum(values) / len(values) for name, values in found.items()}


def reply_lengths(batch: PackedBatch) -> list[int]:
    """Target tokens of each branch, in the order of the batch."""
    lengths = []
    for segments_L, targets_L in zip(batch.segments_BL, batch.targets_BL, strict=True):
        counts = torch.bincount(segments_L[targets_L != -100])
        lengths += counts[1:].tolist()
    return lengths
