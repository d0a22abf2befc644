"""A stage of the miniature MLLM's training: Muon, and a learning rate that rises, holds and falls."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from msjoe.errors import RecipeError
from msjoe.miniature.muon import build_optimizers
from msjoe.miniature.schedules import Rate, check_rate, warmup_hold_decay
from msjoe.miniature.training_loop import LossOf, RunOptions, TrainingJob, run_job


@dataclass(frozen=True)
class TrainingStage:
    """What decides the weights, together with the data."""

    name: str
    steps: int
    seed: int
    lr: float
    warmup: int = 100  # steps
    decay: float = 0.0  # share of the steps, at the end, over which the rate falls to 0

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 <= self.decay <= 1:
            raise RecipeError(f"stage {self.name}: {self.steps} steps, decay {self.decay}: give >= 1 and 0 to 1")
        check_rate(self.lr)

    @property
    def rate(self) -> Rate:
        return warmup_hold_decay(self.lr, self.warmup, self.steps, self.decay)


def run_stage(
    stage: TrainingStage,
    module: nn.Module,
    make_batch: Callable[[int], Any],
    loss_of: LossOf,
    run_dir: Path,
    options: RunOptions = RunOptions(),
    stop_after: int | None = None,
) -> float:
    """Train ``module`` in place on the batches ``make_batch(step)``; see ``run_job`` for the rest."""
    job = TrainingJob(
        name=f"stage {stage.name}",
        steps=stage.steps,
        settings=asdict(stage),
        module=module,
        optimizers_of=partial(build_optimizers, lr=stage.lr),
        rate=stage.rate,
        make_batch=make_batch,
        loss_of=loss_of,
        state_folder=stage.name,
        metrics_file=f"{stage.name}.jsonl",
    )
    return run_job(job, run_dir, options, stop_after)
