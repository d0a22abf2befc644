"""A training loop that can be stopped and resumed without changing its result.

A step depends on (seed, step) alone; ``training_state`` keeps weights, optimizer state and the number of steps. A
checkpoint is written every four minutes, so an interruption costs little, however long a step takes.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from msjoe.files import remove_leftovers, writing
from msjoe.jsonl import append_lines, keep_lines
from msjoe.miniature.prefetch import prefetch
from msjoe.miniature.schedules import Rate, schedulers
from msjoe.miniature.training_state import ADVICE, CHECKPOINT_SECONDS, TrainingState
from msjoe.run_lock import run_lock

log = logging.getLogger(__name__)

REPORT_STEPS = 50

LossOf = Callable[[Any], tuple[Tensor, dict[str, float]]]  # batch -> (loss, metrics)


class Paused(Exception):
    """The minutes of this call are over; the run's state is on disk."""


@dataclass(frozen=True)
class RunOptions:
    """How a run uses the machine. None of it changes the data or the settings of the run."""

    device: str = "cpu"  # on cuda the forward pass is in bfloat16
    workers: int = 0  # processes that prefetch batches
    minutes: float | None = None  # of one call; the same command resumes


def _no_metrics(step: int, pace: float) -> dict[str, float]:
    return {}


@dataclass(frozen=True)
class TrainingJob:
    """A module, its data and its settings."""

    name: str  # in the log
    steps: int
    settings: Mapping[str, Any]  # what decides the weights, kept beside each checkpoint
    module: nn.Module  # trained in place
    optimizers_of: Callable[[nn.Module], list[Optimizer]]
    rate: Rate
    make_batch: Callable[[int], Any]  # step -> batch; it has to be picklable for RunOptions.workers
    loss_of: LossOf
    state_folder: str  # of the checkpoints, inside the run folder
    metrics_file: str  # JSON Lines, inside the run folder
    after_update: Callable[[], None] = lambda: None  # for constraints on the weights
    report_metrics: Callable[[int, float], dict[str, float]] = _no_metrics  # (steps done, seconds a step) -> more


def run_job(
    job: TrainingJob, run_dir: Path, options: RunOptions = RunOptions(), stop_after: int | None = None
) -> float:
    """Train; returns the seconds spent, including those of the earlier parts of a resumed run.

    ``stop_after`` ends early at that step with a checkpoint, as an interruption would. Raises Paused when the minutes
    are over, CheckpointError when ``run_dir`` holds this job with other settings, BusyError while another process
    trains in it, PathError when something cannot be written.
    """
    torch.set_num_threads(1)  # faster than two threads where another process works beside it
    with run_lock(run_dir):
        remove_leftovers(run_dir / job.state_folder)
        return _run_steps(job, run_dir, options, stop_after)


def _run_steps(job: TrainingJob, run_dir: Path, options: RunOptions, stop_after: int | None) -> float:
    module = job.module.to(options.device)
    optimizers = job.optimizers_of(module)
    state = TrainingState(run_dir / job.state_folder, module, optimizers, dict(job.settings))
    done, before = state.restore()
    rates = schedulers(optimizers, job.rate, done)
    last = min(job.steps, stop_after or job.steps)
    module.train()
    meter, start, saved = Meter(run_dir / job.metrics_file, done), time.monotonic(), time.monotonic()
    steps = range(done, last)
    for step, batch in zip(steps, prefetch(job.make_batch, steps, options.workers), strict=True):
        with torch.autocast(options.device, torch.bfloat16, enabled=options.device == "cuda"):
            loss, metrics = job.loss_of(batch)
        update(module, optimizers, loss)
        job.after_update()
        for scheduler in rates:
            scheduler.step()
        meter.add(metrics | {"loss": loss.item()})
        spent = before + time.monotonic() - start
        if (step + 1) % REPORT_STEPS == 0 or step + 1 == last:
            meter.report(job, step + 1, spent, (time.monotonic() - start) / (step + 1 - done))
        over = options.minutes is not None and time.monotonic() - start > 60 * options.minutes
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step + 1 == last or over:
            state.save(step + 1, spent)
            saved = time.monotonic()
        if over and step + 1 < last:
            raise Paused(f"{job.name}: {step + 1} of {job.steps} steps are done; the same command resumes")
    module.eval()
    return before + time.monotonic() - start


def update(module: nn.Module, optimizers: list[Optimizer], loss: Tensor) -> None:
    """One step of the optimizers along the gradient of ``loss``, whose norm is clipped at 1."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()


class Meter:
    """Means of the metrics since the last report, to the log and a JSON Lines file."""

    def __init__(self, path: Path, done: int) -> None:
        """Drop the lines of steps after ``done``: a resumed run repeats those steps."""
        self.path = path
        self.values: dict[str, list[float]] = defaultdict(list)
        with writing(path, ADVICE):
            keep_lines(path, lambda line: line.get("step", 0) <= done)

    def add(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.values[name].append(value)

    def report(self, job: TrainingJob, step: int, seconds: float, pace: float) -> None:
        """``pace`` is in seconds a step. Raises PathError for a full disk."""
        means = {name: round(sum(values) / len(values), 4) for name, values in sorted(self.values.items())}
        means |= job.report_metrics(step, pace)
        self.values.clear()
        with writing(self.path, ADVICE):
            line = {"step": step, "seconds": round(seconds, 1), "lr": job.rate(step - 1), **means}
            append_lines(self.path, [line])
        shown = " ".join(f"{name} {value:.3g}" for name, value in means.items())
        left = (job.steps - step) * pace / 60
        log.info("%s %d/%d, %.2f s/step, %.0f min left: %s", job.name, step, job.steps, pace, left, shown)
