"""A stage of training that can be stopped and started again without a difference in its result.

A step depends on (seed, step) alone; the checkpoint, one safetensors file replaced atomically,
holds weights, optimizer state and position. The learning rate rises, stays, and falls to 0 over
the last part of the steps, so the steps can be many without knowing the end beforehand.
"""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from msjoe.errors import CheckpointError
from msjoe.files import write_atomic
from msjoe.reel.muon import build_optimizers
from msjoe.reel.world import REEL_VERSION

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 240.0  # at most this much work is lost when a run is stopped
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
    done, before = load_state(path, stage, module, optimizers)
    last = min(stage.steps, stop_after or stage.steps)
    module.train()
    meter, start, saved = Meter(run_dir / f"{stage.name}.jsonl", done), time.monotonic(), time.monotonic()
    for step in range(done, last):
        meter.add(train_step(stage, module, optimizers, loss_at, step))
        spent = before + time.monotonic() - start
        if (step + 1) % REPORT_STEPS == 0 or step + 1 == last:
            meter.report(stage, step + 1, spent, (time.monotonic() - start) / (step + 1 - done))
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step + 1 == last:
            save_state(path, stage, module, optimizers, step + 1, spent)
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
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        kept = [line for line in lines if json.loads(line)["step"] <= done]  # the rest will be done again
        write_atomic(path, lambda temporary: temporary.write_text("".join(f"{k}\n" for k in kept), encoding="utf-8"))

    def add(self, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.values[name].append(value)

    def report(self, stage: Stage, step: int, seconds: float, pace: float) -> None:
        """``pace`` is seconds a step."""
        means = {name: round(sum(values) / len(values), 4) for name, values in sorted(self.values.items())}
        self.values.clear()
        with self.path.open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"step": step, "seconds": round(seconds, 1), "lr": stage.rate(step - 1), **means}) + "\n"
            )
        shown = " ".join(f"{name} {value:.3g}" for name, value in means.items())
        left = (stage.steps - step) * pace / 60
        log.info("%s %d/%d, %.2f s/step, %.0f min left: %s", stage.name, step, stage.steps, pace, left, shown)


def save_state(
    path: Path, stage: Stage, module: nn.Module, optimizers: list[torch.optim.Optimizer], step: int, seconds: float
) -> None:
    tensors = {f"model.{name}": tensor for name, tensor in module.state_dict().items()}
    for o, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{o}.{index}.{key}": value for key, value in state.items()}
    about = {"step": step, "seconds": seconds, "stage": asdict(stage), "reel_version": REEL_VERSION}
    whole = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}  # tied weights share memory
    metadata = {"about": json.dumps(about)}
    write_atomic(path, lambda temporary: save_file(whole, temporary, metadata=metadata))


def load_state(
    path: Path, stage: Stage, module: nn.Module, optimizers: list[torch.optim.Optimizer]
) -> tuple[int, float]:
    """Fill module and optimizers; returns (steps done, seconds spent), (0, 0.0) where there is no state."""
    if not path.is_file():
        return 0, 0.0
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    if about["stage"] != asdict(stage) or about["reel_version"] != REEL_VERSION:
        raise CheckpointError(
            f"{path} holds a run with other settings ({about['stage']}, Reel {about['reel_version']}): "
            f"continue it with those, or give another run folder"
        )
    module.load_state_dict({name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")})
    for o, optimizer in enumerate(optimizers):
        states: dict[int, dict[str, Tensor]] = defaultdict(dict)
        for name, tensor in tensors.items():
            if name.startswith(f"optimizer.{o}."):
                _, _, index, key = name.split(".")
                states[int(index)][key] = tensor
        optimizer.load_state_dict({"state": dict(states), "param_groups": optimizer.state_dict()["param_groups"]})
    log.info("continuing %s at step %d of %d", path, about["step"], stage.steps)
    return about["step"], about["seconds"]
