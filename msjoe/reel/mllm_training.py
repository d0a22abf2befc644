"""Supervised training of the miniature MLLM from scratch, on one CPU thread, in two stages.

1. vision: the vision tower alone, with throw-away linear heads that name a picture's attributes
   (``mllm_vision``);
2. language: the language model on the mix of ``mllm_data``, the vision tower held. The loss is that of
   the replies, of the words at the frames' ends, and of where three attention heads look
   (``mllm_pointing``). Without the last, and with a constant rate of 3e-3, an earlier run of 2,800 steps
   learned what frames show but not to find the one a question means: 29 % of `needle` from its evidence.

A step depends on (seed, step) alone and both stages resume from checkpoints of at most four
minutes' age, so a run that was stopped and started again ends in the same weights, bit for bit
on one machine.

Run: ``msjoe reel train-mllm --out checkpoints/reel-mllm``; the same command continues a stopped run.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Qwen2_5_VLForConditionalGeneration

from msjoe.files import writing
from msjoe.reel.mllm_batches import Batch, encode
from msjoe.reel.mllm_card import write_card
from msjoe.reel.mllm_data import LESSONS, make_batch
from msjoe.reel.mllm_forward import forward
from msjoe.reel.mllm_model import continued_mllm, new_mllm, save_mllm
from msjoe.reel.mllm_pointing import pointing_loss
from msjoe.reel.mllm_shows import HIDDEN
from msjoe.reel.mllm_validation import validate_mllm
from msjoe.reel.mllm_vision import KEYFRAME, PER_STEP, draw_pictures, new_learner, vision_loss
from msjoe.reel.mllm_words import NUMBERS
from msjoe.reel.training_run import Paused, Running, Stage, add_running_arguments, run_stage, running_of
from msjoe.reel.training_state import ADVICE
from msjoe.reel.version import write_reel_json
from msjoe.reel.world import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES, Moment

log = logging.getLogger(__name__)

WORD_WEIGHT = 0.3  # of the words at the frames' ends
POINT_WEIGHTS = (0.5, 1.0)  # of where three heads look among the frames, at each of two depths
OPTION_WEIGHT = 0.3  # of where three heads look among the options
PATTERNS = tuple(dict.fromkeys(place.pattern for place in PLACES))


@dataclass(frozen=True)
class MllmTraining:
    """What decides the weights."""

    vision_steps: int = 2794
    steps: int = 4000  # of the second stage
    seed: int = 0
    vision_lr: float = 3e-3
    lr: float = 2e-3
    decay: float = 0.6  # share of the second stage over which the learning rate falls to 0
    start_from: str = ""  # folder of an earlier miniature whose weights the second stage starts from

    @property
    def stages(self) -> tuple[Stage, Stage]:
        return (
            Stage("vision", self.vision_steps, self.seed, self.vision_lr),
            Stage("language", self.steps, self.seed, self.lr, decay=self.decay),
        )


def train_mllm(
    out: Path,
    config: MllmTraining = MllmTraining(),
    run_dir: Path | None = None,
    command: str = "",
    running: Running = Running(),
) -> dict:
    """Train, measure on validation videos and write the checkpoint folder ``out``.

    ``run_dir`` (by default beside ``out``) holds the states to resume from and the metrics.
    Returns what reel.json holds. Raises CheckpointError when ``run_dir`` belongs to other settings, Paused when
    the minutes of ``running`` are over.
    """
    run_dir = run_dir or out.with_name(out.name + "-run")
    model, seconds = run_training(config, run_dir, running)
    with writing(out, ADVICE):
        save_mllm(model, out)
    record = {
        "command": command or command_of(config),
        "seed": config.seed,
        "steps": config.vision_steps + config.steps,
        "seconds": round(seconds),
        "training": asdict(config),
        "validation": validate_mllm(out),
    }
    with writing(out, ADVICE):
        write_reel_json(out, record)
        write_card(out)
    return record


def run_training(
    config: MllmTraining, run_dir: Path, running: Running = Running(), stop_after: int | None = None
) -> tuple[Qwen2_5_VLForConditionalGeneration, float]:
    """Both stages; returns the model and the seconds spent. ``stop_after`` interrupts the second."""
    vision, language = config.stages
    if config.start_from:
        model, seconds, lessons_done = continued_mllm(Path(config.start_from), config.seed), 0.0, LESSONS[-1][0]
    else:
        seer = new_learner(config.seed)
        draw = partial(draw_pictures, config.seed, PER_STEP)
        seconds = run_stage(vision, seer, draw, lambda drawn: vision_loss(seer, drawn), run_dir, running)
        model, lessons_done = new_mllm(config.seed), 0
        model.model.visual.load_state_dict(seer["visual"].state_dict())
    model.model.visual.requires_grad_(False)
    make = partial(_batch_from, config.seed, lessons_done)
    seconds += run_stage(language, model, make, lambda batch: language_loss(model, batch), run_dir, running, stop_after)
    return model.cpu(), seconds


def _batch_from(seed: int, first: int, step: int) -> Batch:
    return make_batch(seed, first + step)


def language_loss(model: Qwen2_5_VLForConditionalGeneration, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of reply tokens, plus the words at each frame's end and where to look. A reply of n
    tokens weighs sqrt(n), so that short ones are not drowned by captions. Metrics: the share of replies
    right in every token, by kind, and the attention paid to the right frames."""
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

    It ties what the language model makes of a frame to the embeddings of the words that questions
    use, so that looking up "the king" among frames is comparing like with like. A frame's number among the
    ``shown`` ones of its sample is one of the attributes: "next" and "before" are about numbers.
    """
    loss, right = torch.zeros((), device=ends_FD.device), []
    for name, words in word_groups():
        if name == "mark" and side < KEYFRAME:
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
    """Attribute -> token ids of its words as they stand inside a sentence."""
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
    """Which of a group's words is true of a moment."""
    if name == "pattern":
        return PATTERNS.index(PLACES[moment.place].pattern)
    return getattr(moment.look if name in ("colour", "shape") else moment, name)


def reply_metrics(batch: Batch, losses_R: Tensor, right_R: Tensor) -> dict[str, float]:
    """Loss a token and exactness, mean over the replies of each kind."""
    kinds = [branch.kind for row in batch.branches for branch in row]
    lengths = reply_lengths(batch)
    found: dict[str, list[float]] = {}
    for kind, loss, right in zip(kinds, losses_R.split(lengths), right_R.split(lengths), strict=True):
        found.setdefault(f"loss/{kind}", []).append(loss.mean().item())
        found.setdefault(f"right/{kind}", []).append(float(right.all()))
    return {name: sum(values) / len(values) for name, values in found.items()}


def reply_lengths(batch: Batch) -> list[int]:
    """Target tokens of each branch, in the order of the batch."""
    lengths = []
    for segments_L, targets_L in zip(batch.segments_BL, batch.targets_BL, strict=True):
        counts = torch.bincount(segments_L[targets_L != -100])
        lengths += counts[1:].tolist()
    return lengths


def command_of(config: MllmTraining) -> str:
    start = f"--start-from {config.start_from}" if config.start_from else f"--vision-steps {config.vision_steps}"
    return (
        f"msjoe reel train-mllm {start} --steps {config.steps} --lr {config.lr:g} "
        f"--seed {config.seed} --out checkpoints/reel-mllm"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of ``msjoe reel train-mllm``."""
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--run-dir", type=Path, help="where states and metrics go (default: OUT-run)")
    parser.add_argument("--vision-steps", type=int, default=MllmTraining.vision_steps, help="default %(default)s")
    parser.add_argument(
        "--steps", type=int, default=MllmTraining.steps, help="of the second stage, default %(default)s"
    )
    parser.add_argument("--lr", type=float, default=MllmTraining.lr, help="of the second stage, default %(default)s")
    parser.add_argument(
        "--start-from",
        default="",
        metavar="FOLDER",
        help="an earlier miniature whose weights the second stage starts from; without it, it starts fresh",
    )
    parser.add_argument("--seed", type=int, default=0)
    add_running_arguments(parser)


def run_args(args: argparse.Namespace) -> None:
    """Train as the flags say, or until the minutes are over."""
    config = MllmTraining(args.vision_steps, args.steps, args.seed, lr=args.lr, start_from=args.start_from)
    try:
        record = train_mllm(args.out, config, args.run_dir, running=running_of(args))
    except Paused as paused:
        log.info("%s", paused)
    else:
        log.info("wrote %s: %s", args.out, json.dumps(record["validation"]))
