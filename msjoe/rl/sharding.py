"""The MLLM's weights over the processes: whole on each of them (one process, DDP), or cut by accelerate's FSDP2.

Under FSDP2 every decoder layer is a unit, the embedding with the final norm and the output layer another, what is left
a third. The frozen vision tower stays whole on each process, because pictures are looked at once, outside of the
model's own forward pass. Two rules keep processes in step that have different work:

1. Rollouts are made between ``gathered`` and its end: all units are gathered before and let go after, nothing is sent
   in between, and a process may write more tokens, or answer more questions, than another. It needs room for the
   whole model in the numbers of its forward pass; what stays cut are float32 weights, gradients and AdamW's averages.
2. In an update all processes make as many passes as the busiest one; one that has run out of rollouts passes a short
   prompt without pictures, whose loss counts nothing (``MllmLearner``).

Checkpoints hold whole tensors under the same names as without FSDP2, so a run may go on with another number of
processes, or with DDP; accelerate's ``save_state`` would tie it to the sharding that wrote it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor, distribute_tensor

from msjoe.errors import UserError
from msjoe.rl.recipe import Recipe

WHOLE = (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU)  # every process holds the model


def check_launch(accelerator: Accelerator, recipe: Recipe) -> None:
    """Raises UserError for a way of running several processes that the joint stage cannot take."""
    kind = accelerator.distributed_type
    if kind in WHOLE:
        return
    if kind == DistributedType.DEEPSPEED:
        raise UserError(
            "the joint stage does not run under DeepSpeed: use configs/accelerate/fsdp2.yaml, which cuts weights, "
            "gradients and AdamW's averages as ZeRO-3 does, or ddp.yaml where the model fits a GPU"
        )
    if not accelerator.is_fsdp2:
        raise UserError(f"the joint stage runs on one process, DDP or FSDP2, not {kind}: use ddp.yaml or fsdp2.yaml")
    if recipe.models.load_in_4bit:
        raise UserError("4-bit weights cannot be cut (accelerate issue 3874): use ddp.yaml, or load_in_4bit: false")
    if recipe.joint.vision:
        raise UserError(
            "FSDP2 leaves the vision tower whole and frozen here: use ddp.yaml, or set joint.vision to false"
        )


class Shards:
    """An MLLM and its optimizer, cut where accelerate was launched to do so. ``model`` is changed in place."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, accelerator: Accelerator) -> None:
        self.model, self.optimizer, self.accelerator = model, optimizer, accelerator
        self.cut = accelerator.is_fsdp2
        if self.cut:
            plugin = accelerator.state.fsdp_plugin
            plugin.ignored_modules = [model.model.visual]
            self.reshard = plugin.reshard_after_forward
            self.model, self.optimizer = accelerator.prepare(model, optimizer)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """All weights on every process, for passes without gradient; nothing is sent until the end."""
        units = [module for module in self.model.modules() if isinstance(module, FSDPModule)]
        for unit in units:
            unit.set_reshard_after_forward(False, recurse=False)
            unit.unshard()
        try:
            yield
        finally:
            for unit in units:
                unit.reshard()
                unit.set_reshard_after_forward(self.reshard and unit is not self.model, recurse=False)

    def passes(self, own: int) -> int:
        """How many passes this process makes in an update, of which it needs ``own``."""
        if not self.cut:
            return own
        mine = torch.tensor([own], device=self.accelerator.device)
        return int(self.accelerator.gather(mine).max())

    @property
    def loss_factor(self) -> int:
        """What a process's share of the loss is multiplied with: FSDP2 means gradients, and here they are sums."""
        return self.accelerator.num_processes if self.cut else 1


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor that may be cut; all processes must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def cut_like(tensor: Tensor, other: Tensor) -> Tensor:
    """A whole tensor in the way ``other``, of the same shape, is held; all processes must ask."""
    if not isinstance(other, DTensor):
        return tensor
    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


def check_processes(accelerator: Accelerator, environment: Mapping[str, str] = os.environ) -> None:
    """Raises UserError where a launcher started several processes and accelerate knows of one: all would write."""
    started = int(environment.get("WORLD_SIZE", 1))
    if started != accelerator.num_processes:
        raise UserError(
            f"the launcher started {started} processes and accelerate runs {accelerator.num_processes}: take a file of "
            f"configs/accelerate, and set models.device to cpu for processes without a GPU"
        )
