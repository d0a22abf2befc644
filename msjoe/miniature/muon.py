"""Muon: momentum whose matrices are orthogonalised before the step.

Keller Jordan's method (2024) with the scale of "Muon is Scalable for LLM Training" (arXiv
2502.16982), so that one learning rate serves it and AdamW. On small transformers it needs fewer
steps than AdamW. torch.optim.Muon came with torch 2.9 and works in bfloat16, slow on most CPUs.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration; they bring singular values near 1


class Muon(torch.optim.Optimizer):
    """For 2-D weights inside the network."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                update = orthogonal(weight.grad.lerp(state["momentum"], group["momentum"]))
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-group["lr"] * 0.2 * max(weight.shape) ** 0.5)


def orthogonal(grad: Tensor, steps: int = 5) -> Tensor:
    """The nearest matrix with all singular values near 1 (0.7 to 1.2), same shape as ``grad``."""
    a, b, c = COEFFICIENTS
    wide = grad if grad.shape[0] <= grad.shape[1] else grad.T
    x = wide / (wide.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if grad.shape[0] <= grad.shape[1] else x.T


def build_optimizers(module: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of linear layers inside blocks, AdamW for all else."""
    matrices, others = [], []
    for name, weight in module.named_parameters():
        inner = weight.ndim == 2 and (".blocks." in f".{name}" or ".layers." in f".{name}")
        (matrices if inner else others).append(weight)
    return [Muon(matrices, lr), torch.optim.AdamW(others, lr, betas=(0.9, 0.98), weight_decay=0.01)]
