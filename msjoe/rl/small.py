"""A small network beside the MLLM: every process holds all of it, and gradients are summed over processes.

DeepSpeed refuses and FSDP2 cannot hold a second model in one Accelerator, so sampler and TSPO agent stay outside
``accelerator.prepare``; the losses are already shares of the whole batch, so a sum is the batch's gradient.
"""

from collections.abc import Callable, Mapping

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from msjoe.rl.checkpoints import learner_tensors, load_learner
from msjoe.rl.gradients import Stepper, sum_gradients


class SmallLearner:
    """A module with its AdamW. The same on every process, as long as it starts the same."""

    def __init__(self, name: str, module: nn.Module, rate: Callable[[int], float], max_grad_norm: float) -> None:
        """``rate``: the learning rate of each step."""
        self.name, self.module, self.rate = name, module, rate
        self.optimizer = torch.optim.AdamW(module.parameters(), lr=rate(0), weight_decay=0.0)
        self.stepper = Stepper(name, self.optimizer, module, max_grad_norm)

    def update(self, loss: Tensor | None, step: int, accelerator: Accelerator) -> dict[str, float]:
        """One step down this process's share of the loss (None: it has none). Returns and raises as ``Stepper``."""
        self.optimizer.zero_grad(set_to_none=True)
        if loss is not None and loss.requires_grad:
            loss.backward()
        sum_gradients(self.module.parameters(), accelerator)
        return self.stepper.step(self.rate(step), step, accelerator)

    def tensors(self) -> dict[str, Tensor]:
        return learner_tensors(self.name, self.module, self.optimizer)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        load_learner(self.name, self.module, self.optimizer, tensors)
