"""Supervised training of the miniature MLLM from scratch, on one CPU thread, in two stages.

1. vision: the vision tower alone, with temporary linear heads that name a picture's attributes (``vision_stage``);
2. language: the language model on the samples of ``training_mix``, with the vision tower frozen. The loss covers the
   replies, the words at the frames' ends, and where a few attention heads look (``language_loss``). Without the
   attention loss, and with a constant rate of 3e-3, an earlier run of 2,800 steps learned what frames show but not to
   find the one a question means: 29 % of `needle` from its evidence.

A step depends on (seed, step) alone, and both stages resume from checkpoints at most four minutes old, so an
interrupted run ends in the same weights, bit for bit on one machine.

Run: ``msjoe reel train-mllm --out checkpoints/reel-mllm``; the same command resumes.
"""

import argparse
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from transformers import Qwen2_5_VLForConditionalGeneration

from msjoe.miniature.mllm.card import card
from msjoe.miniature.mllm.language_loss import language_loss
from msjoe.miniature.mllm.model import continued_mllm, new_mllm, save_mllm
from msjoe.miniature.mllm.samples.packing import PackedBatch
from msjoe.miniature.mllm.samples.training_mix import LESSONS, make_batch
from msjoe.miniature.mllm.training_stage import TrainingStage, run_stage
from msjoe.miniature.mllm.validate import validate_mllm
from msjoe.miniature.mllm.vision_stage import PER_STEP, draw_pictures, new_learner, vision_loss
from msjoe.miniature.model_card import write_model_card
from msjoe.miniature.training_command import add_training_flags, run_options, train_or_pause, write_checkpoint
from msjoe.miniature.training_loop import RunOptions


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
    options: RunOptions = RunOptions(),
) -> dict:
    """Train, measure on validation videos and write the checkpoint folder ``out``; returns what reel.json holds.

    ``run_dir`` (by default beside ``out``) holds the states to resume from and the metrics. Raises CheckpointError when
    it belongs to a run of other settings, Paused when the minutes of ``options`` are over.
    """
    model, seconds = run_training(config, run_dir or out.with_name(out.name + "-run"), options)
    about = {
        "command": command or command_of(config),
        "seed": config.seed,
        "steps": config.vision_steps + config.steps,
        "seconds": round(seconds),
        "training": asdict(config),
    }
    write_card = partial(write_model_card, text_of=card)
    return write_checkpoint(out, partial(save_mllm, model), about, validate_mllm, write_card)


def run_training(
    config: MllmTraining, run_dir: Path, options: RunOptions = RunOptions(), stop_after: int | None = None
) -> tuple[Qwen2_5_VLForConditionalGeneration, float]:
    """Both stages; returns the model and the seconds spent. ``stop_after`` interrupts the second."""
    vision, language = config.stages
    if config.start_from:
        model, seconds, first = continued_mllm(Path(config.start_from), config.seed), 0.0, LESSONS[-1][0]
    else:
        learner = new_learner(config.seed)
        draw = partial(draw_pictures, config.seed, PER_STEP)
        seconds = run_stage(vision, learner, draw, lambda drawn: vision_loss(learner, drawn), run_dir, options)
        model, first = new_mllm(config.seed), 0
        model.model.visual.load_state_dict(learner["visual"].state_dict())
    model.model.visual.requires_grad_(False)
    make = partial(_batch_from, config.seed, first)
    seconds += run_stage(language, model, make, lambda batch: language_loss(model, batch), run_dir, options, stop_after)
    return model.cpu(), seconds


def _batch_from(seed: int, first: int, step: int) -> PackedBatch:
    """``first``: the lessons before it are skipped, as a run from earlier weights has learned them."""
    return make_batch(seed, first + step)


def command_of(config: MllmTraining) -> str:
    start = f"--start-from {config.start_from}" if config.start_from else f"--vision-steps {config.vision_steps}"
    return (
        f"msjoe reel train-mllm {start} --steps {config.steps} --lr {config.lr:g} "
        f"--seed {config.seed} --out checkpoints/reel-mllm"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of ``msjoe reel train-mllm``."""
    add_training_flags(parser, MllmTraining.steps, MllmTraining.lr, of="of the second stage")
    parser.add_argument("--vision-steps", type=int, default=MllmTraining.vision_steps, help="default %(default)s")


def run_args(args: argparse.Namespace) -> None:
    """Train as the flags say, or until the minutes are over."""
    config = MllmTraining(args.vision_steps, args.steps, args.seed, lr=args.lr, start_from=args.start_from)
    train_or_pause(args.out, lambda: train_mllm(args.out, config, args.run_dir, options=run_options(args)))
