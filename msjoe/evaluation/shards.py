"""Several processes over one run: each answers every n-th video, the first merges.

``accelerate launch`` and ``torchrun`` say by RANK and WORLD_SIZE who is who. The processes only wait for each
other, over gloo, so that a shard may take days longer than another.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

PATIENCE = timedelta(days=14)
T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """This process among the others."""

    rank: int = 0
    count: int = 1

    @classmethod
    def of_environment(cls) -> "Shard":
        return cls(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))

    def __enter__(self) -> "Shard":
        if self.count > 1:
            dist.init_process_group("gloo", rank=self.rank, world_size=self.count, timeout=PATIENCE)
        return self

    def __exit__(self, *_) -> None:
        if self.count > 1:
            dist.destroy_process_group()

    def own(self, things: Sequence[T]) -> Sequence[T]:
        return things[self.rank :: self.count]

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            dist.barrier()

    def device(self, asked: str) -> str:
        """The GPU of this process where "auto" would give the first one to all."""
        if asked == "auto" and self.count > 1 and torch.cuda.is_available():
            return f"cuda:{int(os.environ.get('LOCAL_RANK', self.rank)) % torch.cuda.device_count()}"
        return asked
