"""A stage of training that can be stopped and started again without a difference in its result.

A step depends on (seed, step) alone, and ``training_state`` keeps the rest. The learning rate rises,
stays, and falls to 0 over the last part of the steps, so the steps can be many without knowing the
end beforehand.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from msjoe.reel.muon import build_optimizers
from msjoe.reel.training_state import CHECKPOINT_SECONDS, load_state, note_metrics, save_state, trim_metrics

log = logging.getLogger(__name__)

REPORT_STEPS = 50

LossAt = Callable[[int], tuple[Tensor, dict[str, float]]]  # step -> (loss, metrics)


@dataclass(frozen=True)
class Stage:
    """What decides the weights, together with the data."""

    name: str
    steps: int
    seed: int
    lr: float
    warmup: int = 100  # steps
    decay: float = 0.0  # share of the steps, at the end, over which the rate falls to 0

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 <= self.decay <= 1:
            raise ValueError(f"stage {self.name}: {self.steps} steps, decay {self.decay}: give >= 1 and 0 to 1")

    def rate(self, step: int) -> float:
        """Learning rate of step ``step`` (from 0)."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = min(1.0, (self.steps - step) / max(1.0, self.decay * self.steps)) if self.decay else 1.0
        return self.lr * rise * fall


def run_stage(stage: Stage, module: nn.Module, loss_at: LossAt, run_dir: Path, stop_after: int | None = None) -> float:
    """Train ``module`` in place; returns the seconds spent, earlier parts of the run included.

    ``stop_after`` ends early at that step with a checkpoint, as an interruption would.
    Raises CheckpointError when ``run_dir`` holds this stage with other settings.
    """
    torch.set_num_threads(1)  # one is faster than two where another process works beside it
    optimizers = build_optimizers(module, stage.lr)
    path = run_dir / f"{stage.name}.safetensors"
    done, before = load_state(path, module, optimizers, asdict(stage))
    last = min(stage.steps, stop_after or stage.steps)
    module.train()
    meter, start, saved = Meter(run_dir / f"{stage.name}.jsonl", done), time.monotonic(), time.monotonic()
    for step in range(done, last):
        meter.add(train_step(stage, module, optimizers, loss_at, step))
        spent = before + time.monotonic() - start
        if (step + 1) % REPORT_STEPS == 0 or step + 1 == last:
            meter.report(stage, step + 1, spent, (time.monotonic() - start) / (step + 1 - done))
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step + 1 == last:
            save_state(path, module, optimizers, asdict(stage), step + 1, spent)
            saved = time.monotonic()
    module.eval()
    return before + time.monotonic() - start


def train_step(
    stage: Stage, module: nn.Module, optimizers: list[torch.optim.Optimizer], loss_at: LossAt, step: int
) -> dict[str, float]:
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
        for group in optimizer.param_groups:
            group["lr"] = stage.rate(step)
    loss, metrics = loss_at(step)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
    return metrics | {"loss": loss.item()}


class Meter:
    """Means of the metrics since the last report, to the log and a JSON-lines file."""

    def __init__(self, path: Path, done: int) -> None:
        self.path = path
        self.values: dict[str, list[float]] = defaultdict(list)
        trim_metrics(path, done)

    def add(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.values[name].append(value)

    def report(self, stage: Stage, step: int, seconds: float, pace: float) -> None:
        """``pace`` is seconds a step."""
        means = {name: round(sum(values) / len(values), 4) for name, values in sorted(self.values.items())}
        self.values.clear()
        note_metrics(self.path, {"step": step, "seconds": round(seconds, 1), "lr": stage.rate(step - 1), **means})
        shown = " ".join(f"{name} {value:.3g}" for name, value in means.items())
        left = (stage.steps - step) * pace / 60
        log.info("%s %d/%d, %.2f s/step, %.0f min left: %s", stage.name, step, stage.steps, pace, left, shown)
