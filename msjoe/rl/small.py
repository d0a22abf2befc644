"""A small network beside the MLLM: every process holds all of it, and gradients are summed over processes.

DeepSpeed refuses and FSDP2 cannot hold a second model in one Accelerator, so sampler and TSPO agent stay outside
``accelerator.prepare``; the losses are already shares of the whole batch, so a sum is the batch's gradient.
"""

from collections.abc import Iterable, Mapping

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from msjoe.rl.checkpoints import learner_tensors, load_learner
from msjoe.rl.sharding import whole


class SmallLearner:
    """A module with its AdamW. The same on every process, as long as it starts the same."""

    def __init__(self, name: str, module: nn.Module, lr: float, warmup: int, max_grad_norm: float) -> None:
        self.name, self.module = name, module
        self.lr, self.warmup, self.max_grad_norm = lr, warmup, max_grad_norm
        self.optimizer = torch.optim.AdamW(module.parameters(), lr=lr, weight_decay=0.0)

    def update(self, loss: Tensor | None, step: int, accelerator: Accelerator) -> float:
        """One step down this process's share of the loss (None: it has none); returns the gradient's norm."""
        self.optimizer.zero_grad(set_to_none=True)
        if loss is not None and loss.requires_grad:
            loss.backward()
        sum_gradients(self.module.parameters(), accelerator)
        return step_down(self.optimizer, self.module, warmed(self.lr, self.warmup, step), self.max_grad_norm)

    def tensors(self) -> dict[str, Tensor]:
        return learner_tensors(self.name, self.module, self.optimizer)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        load_learner(self.name, self.module, self.optimizer, tensors)


def sum_gradients(parameters: Iterable[Tensor], accelerator: Accelerator) -> None:
    """Over all processes; a parameter without a gradient counts as zero."""
    if accelerator.num_processes == 1:
        return
    for parameter in parameters:
        if parameter.requires_grad:
            grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            parameter.grad = accelerator.reduce(grad, "sum")


def step_down(optimizer: torch.optim.Optimizer, module: nn.Module, lr: float, max_grad_norm: float) -> float:
    """Clip and step; without any gradient nothing moves, the optimizer's averages included. Returns the norm."""
    learning = [p for p in module.parameters() if p.requires_grad]
    norm = float(whole(nn.utils.clip_grad_norm_(learning, max_grad_norm)))
    if norm > 0:
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
    return norm


def warmed(lr: float, warmup: int, step: int) -> float:
    """The rate of step ``step`` (from 0): rises over ``warmup`` steps, then stays."""
    return lr * min(1.0, (step + 1) / max(1, warmup))
