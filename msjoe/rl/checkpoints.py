"""The state of a stage on disk: a folder for each checkpoint, whole or not there, the last few kept.

    OUT/STAGE/state/step-000120/{state.safetensors, state.json}

A step depends on (seed, step) and the weights alone, so weights, optimizers and the step's number are all there is
to keep. Weights that are cut over processes are kept whole (``sharding``).
"""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from msjoe import __version__
from msjoe.errors import CheckpointError
from msjoe.rl.resume import differences
from msjoe.rl.sharding import cut_like, whole

log = logging.getLogger(__name__)

STATE, ABOUT = "state.safetensors", "state.json"


class Checkpoints:
    """Those of one stage of one run."""

    def __init__(self, folder: Path, recipe: Mapping, keep: int) -> None:
        self.folder, self.keep = folder, max(1, keep)
        self.recipe = json.loads(json.dumps(recipe))  # tuples as lists, as a file gives them back

    def save(self, step: int, seconds: float, tensors: Mapping[str, Tensor]) -> Path:
        """``step`` steps are done, ``seconds`` were spent on them."""
        about = {"step": step, "seconds": seconds, "recipe": self.recipe, "versions": versions()}
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"step-{step:06d}"
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".step-") as name:
            inner = Path(name) / "state"
            inner.mkdir()
            whole = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
            save_file(whole, inner / STATE)
            (inner / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            shutil.rmtree(target, ignore_errors=True)
            os.replace(inner, target)
        for old in self.found()[: -self.keep]:
            shutil.rmtree(old)
        return target

    def found(self) -> list[Path]:
        """Oldest first."""
        return sorted(path for path in self.folder.glob("step-*") if (path / ABOUT).is_file())

    def restore(self, load: Callable[[dict[str, Tensor]], None]) -> tuple[int, float]:
        """Give the last state's tensors to ``load``; returns (steps done, seconds spent), (0, 0.0) where there is none.

        Raises CheckpointError when the state is that of another recipe.
        """
        if not self.found():
            return 0, 0.0
        last = self.found()[-1]
        about = json.loads((last / ABOUT).read_text(encoding="utf-8"))
        if other := differences(about["recipe"], self.recipe):
            raise CheckpointError(
                f"{last} is of a run with another recipe ({'; '.join(other)}): resume with the settings in "
                f"{last / ABOUT}, or choose another --out"
            )
        load(load_file(last / STATE))
        log.info("going on from %s", last)
        return about["step"], about["seconds"]


def learner_tensors(
    name: str, module: nn.Module, optimizer: torch.optim.Optimizer, keep: bool = True
) -> dict[str, Tensor]:
    """Trainable weights and the optimizer's state, whole and on the CPU, under names that begin with ``name``.

    Of weights that are cut over processes, all must ask; those that do not write give ``keep`` False and get nothing.
    """
    tensors = {f"{name}.weights.{key}": p for key, p in module.named_parameters() if p.requires_grad}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"{name}.optimizer.{index}.{key}": value for key, value in state.items()}
    found = {}
    for key, tensor in tensors.items():
        gathered = whole(tensor.detach())
        if keep:
            found[key] = gathered.cpu()
    return found


def load_learner(name: str, module: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The opposite of ``learner_tensors``."""
    prefix = f"{name}.weights."
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(cut_like(tensors[prefix + key], parameter))
    learning = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if key.startswith(f"{name}.optimizer."):
            index, field = key.split(".")[-2:]
            parameter = learning[int(index)]
            states.setdefault(int(index), {})[field] = cut_like(tensor, parameter) if tensor.ndim else tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def versions() -> dict[str, str]:
    return {"msjoe": __version__} | {p: version(p) for p in ("torch", "transformers", "accelerate", "open_clip_torch")}
