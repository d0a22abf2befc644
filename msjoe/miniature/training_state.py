"""Checkpoints of a miniature's training, from which an interrupted run resumes with the same result."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from msjoe.checkpoint_stamp import REEL_VERSION
from msjoe.files import writing
from msjoe.states import States

CHECKPOINT_SECONDS = 240.0  # an interruption loses at most this much work
KEPT = 2  # checkpoints
ADVICE = "what was written before is kept; make room, then give the same command again"


class TrainingState:
    """Checkpoints of a module with its optimizers, in ``folder``.

    ``settings`` decide the weights, together with the Reel version: a run with other settings is refused.
    """

    def __init__(
        self, folder: Path, module: nn.Module, optimizers: Sequence[torch.optim.Optimizer], settings: dict
    ) -> None:
        self.module, self.optimizers = module, optimizers
        self.states = States(folder, settings | {"reel_version": REEL_VERSION}, KEPT)

    def save(self, step: int, seconds: float) -> None:
        """Save after ``step`` finished steps that took ``seconds``. Raises PathError for a full disk."""
        tensors = {f"model.{name}": tensor for name, tensor in self.module.state_dict().items()}
        for o, optimizer in enumerate(self.optimizers):
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{o}.{index}.{key}": value for key, value in state.items()}
        with writing(self.states.folder, ADVICE):
            self.states.save(step, seconds, tensors)

    def restore(self) -> tuple[int, float]:
        """Load module and optimizers; returns (steps done, seconds spent), (0, 0.0) without a checkpoint.

        Raises CheckpointError for a checkpoint of other settings or another Reel version.
        """
        return self.states.restore(self._load)

    def _load(self, tensors: Mapping[str, Tensor]) -> None:
        self.module.load_state_dict({n[6:]: tensor for n, tensor in tensors.items() if n.startswith("model.")})
        for o, optimizer in enumerate(self.optimizers):
            states: dict[int, dict[str, Tensor]] = defaultdict(dict)
            for name, tensor in tensors.items():
                if name.startswith(f"optimizer.{o}."):
                    _, _, index, key = name.split(".")
                    states[int(index)][key] = tensor
            optimizer.load_state_dict({"state": dict(states), "param_groups": optimizer.state_dict()["param_groups"]})
