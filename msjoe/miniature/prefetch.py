"""Training batches prefetched by worker processes."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from torch.utils.data import DataLoader, Dataset

PREFETCHED = 4  # batches a worker

T = TypeVar("T")


class _Batches(Dataset):
    def __init__(self, make: Callable[[int], T], steps: Sequence[int]) -> None:
        self.make, self.steps = make, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> T:
        return self.make(self.steps[index])


def prefetch(make: Callable[[int], T], steps: Sequence[int], workers: int) -> Iterator[T]:
    """``make(step)`` for each step in order; with workers, ``make`` has to be picklable.

    A batch depends on its step alone, so the number of workers changes only the time.
    """
    if workers == 0:
        yield from map(make, steps)
        return
    how = {"num_workers": workers, "prefetch_factor": PREFETCHED, "multiprocessing_context": "spawn"}
    yield from DataLoader(_Batches(make, steps), batch_size=None, collate_fn=_unchanged, **how)


def _unchanged(batch: T) -> T:
    return batch
