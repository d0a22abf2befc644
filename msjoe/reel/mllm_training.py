"""Supervised training of the miniature MLLM from scratch, on one CPU thread, in two stages.

1. vision: the vision tower alone, with throw-away linear heads that name a picture's attributes
   (``mllm_vision``);
2. language: the whole model on the mix of ``mllm_data``, loss on replies only; the heads go on, so
   that every frame of a batch keeps teaching the vision tower.

A step depends on (seed, step) alone and both stages resume from checkpoints of at most four
minutes' age, so a run that was stopped and started again ends in the same weights, bit for bit
on one machine.

Run: ``msjoe reel train-mllm --out checkpoints/reel-mllm``; the same command continues a stopped run.
"""

import argparse
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Qwen2_5_VLForConditionalGeneration

from msjoe.reel.mllm_batches import Batch
from msjoe.reel.mllm_card import write_card
from msjoe.reel.mllm_data import make_batch
from msjoe.reel.mllm_forward import reply_logits
from msjoe.reel.mllm_model import new_mllm, save_mllm
from msjoe.reel.mllm_validation import validate_mllm
from msjoe.reel.mllm_vision import head_loss, new_learner, vision_loss
from msjoe.reel.training_run import Stage, run_stage
from msjoe.reel.version import write_reel_json

log = logging.getLogger(__name__)

VISION_WEIGHT = 0.5  # of the heads' loss in the second stage


@dataclass(frozen=True)
class MllmTraining:
    """What decides the weights."""

    vision_steps: int = 2420
    steps: int = 3000  # of the second stage
    seed: int = 0
    lr: float = 3e-3
    decay: float = 0.3  # share of the second stage over which the learning rate falls to 0

    @property
    def stages(self) -> tuple[Stage, Stage]:
        return (
            Stage("vision", self.vision_steps, self.seed, self.lr),
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
    learner = nn.ModuleDict({"mllm": new_mllm(config.seed), "heads": seer["heads"]})
    learner["mllm"].model.visual.load_state_dict(seer["visual"].state_dict())
    seconds += run_stage(
        language, learner, lambda step: language_loss(learner, make_batch(config.seed, step)), run_dir, stop_after
    )
    return learner["mllm"], seconds


def language_loss(learner: nn.ModuleDict, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Mean cross-entropy of reply tokens plus the heads' loss; the share of replies that are right
    in every token, by kind."""
    logits_RV, targets_R, seen_NMD = reply_logits(learner["mllm"], batch)
    losses_R = F.cross_entropy(logits_RV, targets_R, reduction="none")
    metrics = reply_metrics(batch, losses_R.detach(), logits_RV.argmax(1) == targets_R)
    loss = losses_R.mean()
    if seen_NMD is not None:
        side = batch.pictures.shape[1]
        by_head, accuracies = head_loss(learner["heads"], seen_NMD, batch.moments, side)
        loss = loss + VISION_WEIGHT * by_head
        metrics |= accuracies
    return loss, metrics


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
        f"msjoe reel train-mllm --vision-steps {config.vision_steps} --steps {config.steps} --seed {config.seed} "
        f"--out checkpoints/reel-mllm"
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
