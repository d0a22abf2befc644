"""The folder of a stage, OUT/STAGE: everything that a run writes while it trains.

    recipe.json          the resolved recipe, versions, processes
    metrics.jsonl        a line for each step
    samples/step-*/      some rollouts as Traces
    state/step-*/        checkpoints

The main process alone writes. A write that fails is a PathError that says how to resume.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor

from msjoe.errors import UserError
from msjoe.files import remove_leftovers, write_atomic, writing
from msjoe.jsonl import append_lines, keep_lines
from msjoe.rl.checkpoints import Checkpoints, versions
from msjoe.rl.identity import model_identities
from msjoe.rl.recipe import Recipe
from msjoe.run_lock import run_lock

METRICS, STATE, SAMPLES = "metrics.jsonl", "state", "samples"
KEPT = "what was written before is kept; make room, then give the same command with --resume"


class StageFolder:
    """The folder as one process of a run sees it."""

    def __init__(self, folder: Path, recipe: Recipe, accelerator: Accelerator) -> None:
        self.folder, self.recipe, self.accelerator = folder, recipe, accelerator
        weights = model_identities(recipe.models)
        self.states = Checkpoints(folder / STATE, recipe.to_json(), recipe.keep.checkpoints, weights)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs out, and remove what a killed one left half-written.

        Raises BusyError while another run is at work here.
        """
        if not self.accelerator.is_main_process:
            yield
            return
        with run_lock(self.folder):
            with writing(self.folder, KEPT):
                remove_leftovers(self.folder)
            yield

    def restore(self, load: Callable[[dict[str, Tensor]], None]) -> tuple[int, float]:
        """(steps done, seconds spent), after ``load`` got the tensors; the metrics of later steps are dropped.

        Without a checkpoint the run starts over, its first validation included. All processes must call it.
        """
        done, seconds = self.states.restore(load, self._of_main)
        with writing(self.folder, KEPT):
            if self.accelerator.is_main_process:
                keep_lines(self.folder / METRICS, lambda line: done > 0 and line.get("step", 0) <= done)
                self._describe()
        self.accelerator.wait_for_everyone()
        return done, seconds

    def note(self, step: int, metrics: dict[str, float]) -> None:
        """A line of metrics, for the file and the trackers."""
        if self.accelerator.is_main_process and metrics:
            line = {"step": step} | {name: round(value, 6) for name, value in metrics.items()}
            with writing(self.folder / METRICS, KEPT):
                append_lines(self.folder / METRICS, [line])
            self.accelerator.log(metrics, step=step)

    def save_samples(self, step: int, save: Callable[[Path], None]) -> None:
        """Let ``save`` write the samples of ``step`` into their folder."""
        if self.accelerator.is_main_process:
            with writing(self.folder / SAMPLES, KEPT):
                save(self.folder / SAMPLES / f"step-{step:06d}")

    def save_state(self, step: int, seconds: float, tensors: dict[str, Tensor]) -> None:
        """A checkpoint after ``step`` steps that took ``seconds``."""
        if self.accelerator.is_main_process:
            with writing(self.folder / STATE, KEPT):
                self.states.save(step, seconds, tensors)

    def _of_main(self, find: Callable[[], int]) -> int:
        """What the main process finds, on all of them."""
        return broadcast_object_list([find() if self.accelerator.is_main_process else 0])[0]

    def _describe(self) -> None:
        """The resolved recipe, the versions and the processes, beside everything that the run writes."""
        where = {"processes": self.accelerator.num_processes, "device": self.accelerator.device.type}
        text = json.dumps({"recipe": self.recipe.to_json(), "versions": versions()} | where, indent=2) + "\n"
        write_atomic(self.folder / "recipe.json", lambda path: path.write_text(text, encoding="utf-8"))


def check_new(folder: Path, resume: bool) -> None:
    """Raises UserError for the folder of a stage that has begun, unless ``resume``."""
    if not resume and (any(folder.glob(f"{STATE}/*")) or (folder / METRICS).is_file()):
        raise UserError(f"{folder} already holds a run: add --resume to go on, or choose another --out")
