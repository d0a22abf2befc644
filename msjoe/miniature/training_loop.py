"""A stage of training that can be stopped and started again without a difference in its result.

A step depends on (seed, step) alone, and ``training_state`` keeps the rest. The learning rate rises,
stays, and falls to 0 over the last part of the steps, so the steps can be many without knowing the
end beforehand.
"""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from msjoe.errors import RecipeError
from msjoe.files import remove_leftovers
from msjoe.miniature.muon import build_optimizers
from msjoe.miniature.prefetch import prefetch
from msjoe.miniature.run_options import RunOptions
from msjoe.miniature.training_state import CHECKPOINT_SECONDS, TrainingState, note_metrics, trim_metrics
from msjoe.run_lock import run_lock

log = logging.getLogger(__name__)

REPORT_STEPS = 50

LossOf = Callable[[Any], tuple[Tensor, dict[str, float]]]  # batch -> (loss, metrics)


class Paused(Exception):
    """The minutes of this call are over; the run's state is on disk."""


def check_rate(lr: float) -> None:
    """Raises RecipeError for a learning rate that teaches nothing or destroys the weights."""
    if not 0 < lr < math.inf:
        raise RecipeError(f"the learning rate is {lr}: give a number above 0")


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

    def rate(self, step: int) -> float:
        """Learning rate of step ``step`` (from 0)."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = min(1.0, (self.steps - step) / max(1.0, self.decay * self.steps)) if self.decay else 1.0
        return self.lr * rise * fall


def run_stage(
    stage: TrainingStage,
    module: nn.Module,
    make: Callable[[int], Any],
    loss_of: LossOf,
    run_dir: Path,
    running: RunOptions = RunOptions(),
    stop_after: int | None = None,
) -> float:
    """Train ``module`` in place on the batches ``make(step)``; returns the seconds spent, earlier parts of the
    run included.

    ``stop_after`` ends early at that step with a checkpoint, as an interruption would. Raises Paused when the
    minutes are over, CheckpointError when ``run_dir`` holds this stage with other settings, BusyError while another
    process trains in it, PathError when something cannot be written.
    """
    torch.set_num_threads(1)  # one is faster than two where another process works beside it
    with run_lock(run_dir):
        remove_leftovers(run_dir / stage.name)
        return _run_steps(stage, module.to(running.device), make, loss_of, run_dir, running, stop_after)


def _run_steps(
    stage: TrainingStage,
    module: nn.Module,
    make: Callable[[int], Any],
    loss_of: LossOf,
    run_dir: Path,
    running: RunOptions,
    stop_after: int | None,
) -> float:
    optimizers = build_optimizers(module, stage.lr)
    state = TrainingState(run_dir / stage.name, module, optimizers, asdict(stage))
    done, before = state.restore()
    last = min(stage.steps, stop_after or stage.steps)
    module.train()
    meter, start, saved = Meter(run_dir / f"{stage.name}.jsonl", done), time.monotonic(), time.monotonic()
    for step, batch in zip(range(done, last), prefetch(make, range(done, last), running.workers), strict=True):
        with torch.autocast(running.device, torch.bfloat16, enabled=running.device == "cuda"):
            loss, metrics = loss_of(batch)
        update(stage, module, optimizers, loss, step)
        meter.add(metrics | {"loss": loss.item()})
        spent = before + time.monotonic() - start
        if (step + 1) % REPORT_STEPS == 0 or step + 1 == last:
            meter.report(stage, step + 1, spent, (time.monotonic() - start) / (step + 1 - done))
        over = running.minutes is not None and time.monotonic() - start > 60 * running.minutes
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step + 1 == last or over:
            state.save(step + 1, spent)
            saved = time.monotonic()
        if over and step + 1 < last:
            raise Paused(f"stage {stage.name}: {step + 1} of {stage.steps} steps are done; the same command goes on")
    module.eval()
    return before + time.monotonic() - start


def update(
    stage: TrainingStage, module: nn.Module, optimizers: list[torch.optim.Optimizer], loss: Tensor, step: int
) -> None:
    """One step of the optimizers along the gradient of ``loss``."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
        for group in optimizer.param_groups:
            group["lr"] = stage.rate(step)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()


class Meter:
    """Means of the metrics since the last report, to the log and a JSON-lines file."""

    def __init__(self, path: Path, done: int) -> None:
        self.path = path
        self.values: dict[str, list[float]] = defaultdict(list)
        trim_metrics(path, done)

    def add(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.values[name].append(value)

    def report(self, stage: TrainingStage, step: int, seconds: float, pace: float) -> None:
        """``pace`` is seconds a step."""
        means = {name: round(sum(values) / len(values), 4) for name, values in sorted(self.values.items())}
        self.values.clear()
        note_metrics(self.path, {"step": step, "seconds": round(seconds, 1), "lr": stage.rate(step - 1), **means})
        shown = " ".join(f"{name} {value:.3g}" for name, value in means.items())
        left = (stage.steps - step) * pace / 60
        log.info("%s %d/%d, %.2f s/step, %.0f min left: %s", stage.name, step, stage.steps, pace, left, shown)
