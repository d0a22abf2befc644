"""The state of a training run on disk: what lets a stopped run go on as if it had not been stopped.

One safetensors file, replaced atomically, holds weights, optimizer state and position. Metrics are
lines of JSON; those of steps that will be done again are dropped.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from msjoe.errors import CheckpointError
from msjoe.files import write_atomic
from msjoe.reel.world import REEL_VERSION

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 240.0  # at most this much work is lost when a run is stopped


def save_state(
    path: Path,
    module: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    settings: dict,
    step: int,
    seconds: float,
) -> None:
    """``settings`` decide the weights: a run of other ones must not continue this state."""
    tensors = {f"model.{name}": tensor for name, tensor in module.state_dict().items()}
    for o, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{o}.{index}.{key}": value for key, value in state.items()}
    about = {"step": step, "seconds": seconds, "stage": settings, "reel_version": REEL_VERSION}
    whole = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}  # tied weights share memory
    metadata = {"about": json.dumps(about)}
    write_atomic(path, lambda temporary: save_file(whole, temporary, metadata=metadata))


def load_state(
    path: Path, module: nn.Module, optimizers: Sequence[torch.optim.Optimizer], settings: dict
) -> tuple[int, float]:
    """Fill module and optimizers; returns (steps done, seconds spent), (0, 0.0) where there is no state.

    Raises CheckpointError when the state is that of other settings or of another Reel version.
    """
    if not path.is_file():
        return 0, 0.0
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    if about["stage"] != settings or about["reel_version"] != REEL_VERSION:
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
    log.info("continuing %s at step %d", path, about["step"])
    return about["step"], about["seconds"]


def note_metrics(path: Path, line: dict) -> None:
    """Append one JSON line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def trim_metrics(path: Path, done: int) -> None:
    """Drop the lines of steps after ``done``, which a resumed run will do again."""
    if not path.is_file():
        return
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["step"] <= done]
    write_atomic(path, lambda temporary: temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8"))
