"""When a run saves its state, and how it ends on SIGTERM: decisions that all processes make together.

Gathering the tensors of a checkpoint is a collective operation, so a process that decided by its own clock would wait
for ever for the others, or send them tensors when they send metrics.
"""

import signal
import threading
import time
from types import FrameType

import torch
from accelerate import Accelerator

from msjoe.rl.recipe import Keeping


class Stopping:
    """As a context it notes SIGTERM (of a cluster, ``docker stop``) until the step is done; a second one kills.

    ``ended``: a process was told to end; known, the same on all of them, after each ``save_now``.
    """

    def __init__(self, accelerator: Accelerator, keep: Keeping) -> None:
        self.accelerator, self.checkpoint_seconds = accelerator, keep.checkpoint_seconds
        self.saved = time.monotonic()
        self.ended = False
        self._terminated = False  # this process alone

    def __enter__(self) -> "Stopping":
        self.just_saved()
        self._listening = threading.current_thread() is threading.main_thread()  # no other thread may set a handler
        if self._listening:
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *_) -> None:
        if self._listening:
            signal.signal(signal.SIGTERM, self._before)

    def save_now(self) -> bool:
        """The same on every process, and all must ask: the main process's clock decides, or a SIGTERM to any."""
        late = self.accelerator.is_main_process and time.monotonic() - self.saved > self.checkpoint_seconds
        mine = torch.tensor([late, self._terminated], dtype=torch.float32, device=self.accelerator.device)
        late_all, ended = self.accelerator.reduce(mine, "sum").tolist()
        self.ended = ended > 0
        return late_all > 0 or self.ended

    def just_saved(self) -> None:
        self.saved = time.monotonic()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._terminated = True
        signal.signal(signal.SIGTERM, self._before)
