"""The state of a stage: which settings a resumed run may change, and the tensors of a learner by name.

A step depends on (seed, step) and the weights alone, so weights, optimizers and the step's number are all there is
to keep (``msjoe.states``). Weights that are cut over processes are kept whole (``sharding``).
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from msjoe import __version__
from msjoe.rl.resume import differences
from msjoe.rl.sharding import cut_like, whole
from msjoe.states import States, differing


class Checkpoints(States):
    """Those of one stage of one run. ``weights``: the models that it began with, by ``model_identities``."""

    def __init__(self, folder: Path, recipe: Mapping, keep: int, weights: Mapping[str, str | bool] = {}) -> None:
        super().__init__(folder, recipe, keep)
        self.weights = dict(weights)

    def facts(self) -> dict[str, Any]:
        return {"weights": self.weights, "versions": versions()}

    def differences(self, about: Mapping[str, Any]) -> list[str]:
        models = differing(about.get("weights", {}), self.weights, "models.")
        return differences(about["recipe"], self.settings) + models


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
