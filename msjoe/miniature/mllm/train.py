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
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from transformers import Qwen2_5_VLForConditionalGeneration

from msjoe.checkpoint_stamp import write_reel_json
from msjoe.files import writing
from msjoe.miniature.mllm.card import write_card
from msjoe.miniature.mllm.language_loss import language_loss
from msjoe.miniature.mllm.model import continued_mllm, new_mllm, save_mllm
from msjoe.miniature.mllm.samples.packing import PackedBatch
from msjoe.miniature.mllm.samples.training_mix import LESSONS, make_batch
from msjoe.miniature.mllm.validate import validate_mllm
from msjoe.miniature.mllm.vision_stage import PER_STEP, draw_pictures, new_learner, vision_loss
from msjoe.miniature.run_options import RunOptions, add_run_options, run_options
from msjoe.miniature.training_loop import Paused, TrainingStage, run_stage
from msjoe.miniature.training_state import ADVICE

log = logging.getLogger(__name__)


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
    def stages(self) -> tuple[TrainingStage, TrainingStage]:
        return (
            TrainingStage("vision", self.vision_steps, self.seed, self.vision_lr),
            TrainingStage("language", self.steps, self.seed, self.lr, decay=self.decay),
        )


def train_mllm(
    out: Path,
    config: MllmTraining = MllmTraining(),
    run_dir: Path | None = None,
    command: str = "",
    running: RunOptions = RunOptions(),
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
    config: MllmTraining, run_dir: Path, running: RunOptions = RunOptions(), stop_after: int | None = None
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


def _batch_from(seed: int, first: int, step: int) -> PackedBatch:
    return make_batch(seed, first + step)


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
    add_run_options(parser)


def run_args(args: argparse.Namespace) -> None:
    """Train as the flags say, or until the minutes are over."""
    config = MllmTraining(args.vision_steps, args.steps, args.seed, lr=args.lr, start_from=args.start_from)
    try:
        record = train_mllm(args.out, config, args.run_dir, running=run_options(args))
    except Paused as paused:
        log.info("%s", paused)
    else:
        log.info("wrote %s: %s", args.out, json.dumps(record["validation"]))
