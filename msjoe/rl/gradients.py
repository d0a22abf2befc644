"""From the gradients of all processes to one step of an optimizer.

Whether a step is made is decided by all processes together: a gradient that is not finite on one of them skips the step
on all, or their weights would part.
"""

import logging
import math
from collections.abc import Iterable, Iterator

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from msjoe.errors import TrainingError
from msjoe.rl.sharding import whole

log = logging.getLogger(__name__)

BUCKET_BYTES = 64 << 20  # of gradients sent at once; a copy of so many is held meanwhile
MAX_SKIPPED = 10  # steps in a row whose gradient is not finite, before a run stops


def sum_gradients(parameters: Iterable[Tensor], accelerator: Accelerator) -> None:
    """Over all processes, in buckets; a parameter without a gradient counts as zero."""
    if accelerator.num_processes == 1:
        return
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in learning:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    for bucket in _buckets([parameter.grad for parameter in learning]):
        summed = accelerator.reduce(torch.cat([grad.flatten() for grad in bucket]), "sum")
        for grad, part in zip(bucket, summed.split([grad.numel() for grad in bucket]), strict=True):
            grad.copy_(part.view_as(grad))


class Stepper:
    """Clips a module's gradients and makes the steps of its optimizer, but for gradients that are not finite."""

    def __init__(self, name: str, optimizer: torch.optim.Optimizer, module: nn.Module, max_grad_norm: float) -> None:
        self.name, self.optimizer, self.module, self.max_grad_norm = name, optimizer, module, max_grad_norm
        self.skipped_in_a_row = 0

    def step(self, lr: float, number: int, accelerator: Accelerator | None = None) -> dict[str, float]:
        """Step ``number`` of the run, with the rate ``lr``. All processes call it, with their gradients summed.

        Returns "skipped_steps" (0 or 1) and "grad_norm" before clipping, left out where it is not finite. Without any
        gradient nothing moves, the optimizer's averages included; nor does it after a gradient that is not finite.
        Raises TrainingError for MAX_SKIPPED of those in a row.
        """
        learning = [parameter for parameter in self.module.parameters() if parameter.requires_grad]
        norm = float(whole(nn.utils.clip_grad_norm_(learning, self.max_grad_norm)))
        if _on_any(not math.isfinite(norm), accelerator):
            self._skip(norm, number)
            return {"skipped_steps": 1.0}
        if norm > 0:
            self.skipped_in_a_row = 0
            for group in self.optimizer.param_groups:
                group["lr"] = lr
            self.optimizer.step()
        return {"grad_norm": norm, "skipped_steps": 0.0}

    def _skip(self, norm: float, number: int) -> None:
        self.optimizer.zero_grad(set_to_none=True)  # clipping has made NaN of what was infinite
        self.skipped_in_a_row += 1
        log.warning(
            "%s: no update in step %d, its gradient is not finite (norm %g); %d of at most %d in a row",
            *(self.name, number, norm, self.skipped_in_a_row, MAX_SKIPPED),
        )
        if self.skipped_in_a_row >= MAX_SKIPPED:
            raise TrainingError(
                f"{self.name}: the gradient was not finite in {MAX_SKIPPED} updates in a row, the last in step "
                f"{number}: go on from a checkpoint before them with a lower learning rate, or with models.dtype "
                f"bfloat16 or float32 where it is float16"
            )


def _buckets(grads: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Gradients of one type and device, in their order, BUCKET_BYTES at once where none is larger."""
    by_kind: dict[tuple, list[Tensor]] = {}
    for grad in grads:
        by_kind.setdefault((grad.dtype, grad.device), []).append(grad)
    for alike in by_kind.values():
        bucket: list[Tensor] = []
        size = 0
        for grad in alike:
            if bucket and size + grad.nbytes > BUCKET_BYTES:
                yield bucket
                bucket, size = [], 0
            bucket.append(grad)
            size += grad.nbytes
        yield bucket


def _on_any(said: bool, accelerator: Accelerator | None) -> bool:
    """Whether a process says so; the same on all."""
    if accelerator is None or accelerator.num_processes == 1:
        return said
    return bool(accelerator.reduce(torch.tensor(float(said), device=accelerator.device), "sum") > 0)
