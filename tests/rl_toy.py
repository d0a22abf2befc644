"""A learner that adds up, for tests of the loop around it; as a script it is one process of a run.

python -m tests.rl_toy OUT [stuck | sigterm | slow]
"""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator

from msjoe.rl import checkpoints
from msjoe.rl.loop import Span, run_loop
from msjoe.rl.pool import Rated
from msjoe.rl.recipe import Keeping, Recipe

STEPS = 6
SLOW = 0.5  # seconds of a save, much longer than a step


class Adding:
    """Its weights depend on every step that was made, and on their order."""

    def __init__(self) -> None:
        self.weights = torch.zeros(64)
        self.done: list[int] = []
        self.validations = 0
        self.before_step = lambda step: None

    def step(self, step, questions):
        self.before_step(step)
        self.weights = self.weights * 0.5 + torch.arange(64) * (step + 1)
        self.done.append(step)
        return {"reward": step / 4}, []

    def validate(self):
        self.validations += 1
        return {"eval/accuracy": 0.5}

    def tensors(self):
        return {"weights": self.weights}

    def load(self, tensors):
        self.weights = tensors["weights"]


def recipe(**keep) -> Recipe:
    """Saves after every step."""
    return replace(Recipe(), keep=Keeping(**{"checkpoint_seconds": 0.0, "samples_every": 0} | keep))


def train(out: Path, learner: Adding, how: Recipe, resume: bool = False, stop_after: int | None = None) -> Adding:
    run_loop(
        learner, Span("toy", STEPS, 2), [Rated(None, 0.5)] * 4, how, out, resume, Accelerator(cpu=True), stop_after
    )
    return learner


class Gathering(Adding):
    """Its tensors are cut over the processes, as under FSDP2: all have to ask at once."""

    def tensors(self):
        whole = Accelerator(cpu=True).reduce(self.weights, "mean")
        return {"weights": whole}

    def step(self, step, questions):
        time.sleep(SLOW / 10)
        return super().step(step, questions)


def stick_at_rename(rename=os.replace) -> None:
    """From now on the second checkpoint is written and never renamed."""

    def replace_or_wait(source, target):
        if Path(target).name == "step-000002":
            sys.stdout.write("stuck\n")
            sys.stdout.flush()
            time.sleep(600)
        rename(source, target)

    os.replace = replace_or_wait


def main(out: Path, how: str) -> None:
    learner, keep = Adding(), {}
    if how == "stuck":
        stick_at_rename()
    elif how == "sigterm":
        keep = {"checkpoint_seconds": 600.0}
        learner.before_step = lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 2 else None
    elif how == "slow":
        learner, keep = Gathering(), {"checkpoint_seconds": SLOW / 4}
        save = checkpoints.Checkpoints.save

        def slow_save(self, *given, **named):
            time.sleep(SLOW)
            return save(self, *given, **named)

        checkpoints.Checkpoints.save = slow_save
    train(out, learner, recipe(**keep))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
