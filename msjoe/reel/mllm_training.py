"""Supervised training of the miniature MLLM from scratch, on one CPU thread, in two stages.

1. vision: the vision tower alone, with throw-away linear heads that name a picture's attributes
   (``mllm_vision``);
2. language: the language model on the mix of ``mllm_data``, the vision tower held. The loss is that of
   the replies, of the words at the frames' ends, and of where two attention heads look
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
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import Qwen2_5_VLForConditionalGeneration

from msjoe.reel.mllm_batches import Batch, encode
from msjoe.reel.mllm_card import write_card
from msjoe.reel.mllm_data import make_batch
from msjoe.reel.mllm_forward import forward
from msjoe.reel.mllm_model import new_mllm, save_mllm
from msjoe.reel.mllm_pointing import pointing_loss
from msjoe.reel.mllm_validation import validate_mllm
from msjoe.reel.mllm_vision import KEYFRAME, new_learner, vision_loss
from msjoe.reel.training_run import Stage, run_stage
from msjoe.reel.version import write_reel_json
from msjoe.reel.world import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES, Moment

log = logging.getLogger(__name__)

WORD_WEIGHT = 0.3  # of the words at the frames' ends
POINT_WEIGHT = 0.5  # of where the two heads look
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

    @property
    def stages(self) -> tuple[Stage, Stage]:
        return (
            Stage("vision", self.vision_steps, self.seed, self.vision_lr),
            Stage("language", self.steps, self.seed, self.lr, decay=self.decay),
        )


def train_mllm(
    out: Path, config: MllmTraining = MllmTraining(), run_dir: Path | None = None, command: str = ""
) -> dict:
    """Train, measure on validation videos and write the checkpoint folder ``out``.

    ``run_dir`` (by default beside ``out``) holds the states to resume from and the metrics.
    Returns what reel.json holds. Raises CheckpointError when ``run_dir`` belongs to other settings.
    """
    run_dir = run_dir or out.with_name(out.name + "-run")
    model, seconds = run_training(config, run_dir)
    save_mllm(model, out)
    record = {
        "command": command or command_of(config),
        "seed": config.seed,
        "steps": config.vision_steps + config.steps,
        "seconds": round(seconds),
        "training": asdict(config),
        "validation": validate_mllm(out),
    }
    write_reel_json(out, record)
    write_card(out)
    return record


def run_training(
    config: MllmTraining, run_dir: Path, stop_after: int | None = None
) -> tuple[Qwen2_5_VLForConditionalGeneration, float]:
    """Both stages; returns the model and the seconds spent. ``stop_after`` interrupts the second."""
    vision, language = config.stages
    seer = new_learner(config.seed)
    seconds = run_stage(vision, seer, lambda step: vision_loss(seer, config.seed, step), run_dir)
    model = new_mllm(config.seed)
    model.model.visual.load_state_dict(seer["visual"].state_dict())
    model.model.visual.requires_grad_(False)
    seconds += run_stage(
        language, model, lambda step: language_loss(model, make_batch(config.seed, step)), run_dir, stop_after
    )
    return model, seconds


def language_loss(model: Qwen2_5_VLForConditionalGeneration, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of reply tokens, plus the words at each frame's end and where to look. A reply of n
    tokens weighs sqrt(n), so that short ones are not drowned by captions. Metrics: the share of replies
    right in every token, by kind, and the attention paid to the right frames."""
    out = forward(model, batch)
    losses_R = F.cross_entropy(out.logits_RV, out.targets_R, reduction="none")
    metrics = reply_metrics(batch, losses_R.detach(), out.logits_RV.argmax(1) == out.targets_R)
    lengths = torch.tensor(reply_lengths(batch))
    weights_R = lengths.float().rsqrt().repeat_interleave(lengths)
    loss = (losses_R * weights_R).sum() / weights_R.sum()
    if out.ends_FD is not None:
        by_word, right = frame_word_loss(model.lm_head.weight, out.ends_FD, batch.moments, batch.pictures.shape[1])
        loss, metrics["right/frame words"] = loss + WORD_WEIGHT * by_word, right
    for look, (logs_HPK, wanted_PK) in enumerate(zip(out.logs_HPK, batch.points.wanted_2PK, strict=False), 1):
        by_look, metrics[f"attention/look {look}"] = pointing_loss(logs_HPK, wanted_PK)
        loss = loss + POINT_WEIGHT * by_look
    return loss, metrics


def frame_word_loss(words_VD: Tensor, ends_FD: Tensor, moments: Sequence[Moment], side: int) -> tuple[Tensor, float]:
    """Sum over attributes of the mean cross-entropy among their words, and the mean accuracy.

    It ties what the language model makes of a frame to the embeddings of the words that questions
    use, so that looking up "the king" among frames is comparing like with like.
    """
    loss, right = torch.zeros(()), []
    for name, words in word_groups():
        if name == "mark" and side < KEYFRAME:
            continue
        logits_FC = ends_FD @ words_VD[words].T
        truth_F = torch.tensor([word_index(name, moment) for moment in moments])
        loss = loss + F.cross_entropy(logits_FC, truth_F)
        right.append((logits_FC.argmax(1) == truth_F).float().mean().item())
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
    return tuple((name, torch.tensor([encode(f" {word}")[0] for word in words])) for name, words in groups.items())


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
    return (
        f"msjoe reel train-mllm --vision-steps {config.vision_steps} --steps {config.steps} "
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
    parser.add_argument("--seed", type=int, default=0)


def run_args(args: argparse.Namespace) -> dict:
    """Train as the flags say; returns what reel.json holds."""
    config = MllmTraining(args.vision_steps, args.steps, args.seed)
    record = train_mllm(args.out, config, args.run_dir)
    log.info("wrote %s: %s", args.out, json.dumps(record["validation"]))
    return record


def main(argv: list[str] | None = None) -> None:
    """``python -m msjoe.reel.mllm_training``: the same as ``msjoe reel train-mllm``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    run_args(parser.parse_args(argv))


if __name__ == "__main__":
    main()
