"""What each of two CPU processes finds after updates of a small learner; started by tests/smoke/test_rl_two_ranks.py.

    accelerate launch --config_file configs/accelerate/cpu2.yaml -m tests.two_ranks FOLDER

Rank r writes FOLDER/rank-r.safetensors.
"""

import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors.torch import save_file
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from msjoe.rl.sharding import whole
from msjoe.rl.small import SmallLearner


def deep(layers: int = 40) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(*[nn.Linear(3, 3) for _ in range(layers)])


def share(module: nn.Module, rank: int) -> torch.Tensor:
    """A loss of this process alone; the last layer has no gradient on rank 1."""
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(rank))
    return (module if rank == 0 else module[:-1])(x).pow(2).sum()


def spoil_one_number(module: nn.Module) -> None:
    """Make one number of the gradient infinite: the first of the first weight, which rank 0 holds when cut."""
    weight = module[0].weight
    weight.register_post_accumulate_grad_hook(lambda p: local(p.grad).view(-1)[:1].fill_(float("inf")))


def local(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def weights(name: str, module: nn.Module) -> dict[str, torch.Tensor]:
    found = {f"{name}.{key}": whole(p.detach()).clone() for key, p in module.named_parameters()}
    return {key: value.contiguous() for key, value in found.items()}


def main(folder: Path) -> None:
    accelerator = Accelerator(cpu=True)
    rank, found = accelerator.process_index, {}
    sent: list[int] = []
    reduce = accelerator.reduce
    accelerator.reduce = lambda tensor, *how, **more: sent.append(tensor.numel()) or reduce(tensor, *how, **more)

    learner = SmallLearner("sum", deep(), lambda step: 0.1, max_grad_norm=1e9)
    learner.update(share(learner.module, rank), 0, accelerator)
    found |= {f"grads.{name}": p.grad.clone() for name, p in learner.module.named_parameters()}
    found |= weights("sum", learner.module)
    found["messages"] = torch.tensor(len(sent))

    learner = SmallLearner("spoilt", deep(), lambda step: 0.1, max_grad_norm=1.0)
    found |= weights("spoilt.before", learner.module)
    loss = share(learner.module, rank)
    learner.update(loss * float("inf") if rank == 1 else loss, 0, accelerator)
    found |= weights("spoilt.after", learner.module)

    cut = deep(2)
    fully_shard(cut, mesh=init_device_mesh("cpu", (2,)))
    learner = SmallLearner("cut", cut, lambda step: 0.1, max_grad_norm=1.0)
    found |= weights("cut.before", cut)
    if rank == 0:
        spoil_one_number(cut)
    cut(torch.ones(1, 3)).sum().backward()
    learner.stepper.step(0.1, 0, accelerator)
    found |= weights("cut.after", cut)

    save_file(found, folder / f"rank-{rank}.safetensors")
    accelerator.wait_for_everyone()
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
