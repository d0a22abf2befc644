"""The loop that every stage runs: take questions, let the learner learn from them, write down what happened.

A step is a function of (recipe, step, weights), so a run that was killed and resumed makes the same steps as one that
was not. The questions of a step are dealt to the processes in turn.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from msjoe.errors import UserError
from msjoe.files import write_atomic
from msjoe.reel.training_state import note_metrics, trim_metrics
from msjoe.rl.checkpoints import Checkpoints, versions
from msjoe.rl.pool import Rated, order_at
from msjoe.rl.recipe import Recipe
from msjoe.rl.rollouts import Rollout
from msjoe.rl.sharding import check_processes

log = logging.getLogger(__name__)

METRICS = "metrics.jsonl"


class Learner(Protocol):
    """What a stage is made of."""

    def step(self, step: int, questions: Sequence[Rated]) -> tuple[dict[str, float], list[Rollout]]:
        """Learn from this process's questions; metrics are means over them."""

    def validate(self) -> dict[str, float]: ...

    def tensors(self) -> dict[str, Tensor]: ...

    def load(self, tensors: dict[str, Tensor]) -> None: ...

    def describe(self) -> tuple[dict[str, str], dict]:
        """Names of the models and settings, for the Traces."""


@dataclass(frozen=True)
class Span:
    """How long a stage runs, and on how much of the pool at each step."""

    name: str
    steps: int
    questions: int
    share: Callable[[int], float] = lambda _: 1.0


def run_loop(
    learner: Learner,
    span: Span,
    pool: Sequence[Rated],
    recipe: Recipe,
    out: Path,
    resume: bool,
    accelerator: Accelerator,
    stop_after: int | None = None,
) -> None:
    """Train. ``stop_after`` ends early with a checkpoint, as an interruption would, for tests.

    Raises UserError for a folder that holds a run of this stage, unless ``resume``.
    """
    folder = out / span.name
    states = Checkpoints(folder / "state", recipe.to_json(), recipe.keep.checkpoints)
    if not resume and (states.found() or (folder / METRICS).is_file()):
        raise UserError(f"{folder} already holds a run: add --resume to go on, or choose another --out")
    accelerator.wait_for_everyone()
    done, before = states.restore(learner.load)
    if accelerator.is_main_process:
        trim_metrics(folder / METRICS, done)
        _describe(folder, recipe, accelerator)
    accelerator.wait_for_everyone()
    last = min(span.steps, stop_after or span.steps)
    start = saved = time.monotonic()
    if done == 0:
        _note(folder, accelerator, 0, learner.validate() if recipe.keep.validate_every else {})
    for step in range(done, last):
        begun = time.monotonic()
        torch.manual_seed(recipe.seed * 1_000_003 + step * 1009 + accelerator.process_index)  # dropout, if any
        chosen = order_at(pool, step, recipe, span.questions, span.share(step))
        own = chosen[accelerator.process_index :: accelerator.num_processes]
        metrics, rollouts = learner.step(step, [pool[i] for i in own])
        metrics = _mean(metrics, len(rollouts), accelerator) | {"time/step": time.monotonic() - begun}
        if _due(recipe.keep.validate_every, step, last):
            metrics |= learner.validate()
        _note(folder, accelerator, step + 1, metrics)
        _tell(span, step + 1, metrics, (time.monotonic() - start) / (step + 1 - done))
        if _due(recipe.keep.samples_every, step, last) and accelerator.is_main_process:
            shown = rollouts[:: max(1, len(rollouts) // recipe.keep.samples)][: recipe.keep.samples]
            save_samples(folder / "samples" / f"step-{step + 1:06d}", shown, learner)
        if time.monotonic() - saved > recipe.keep.checkpoint_seconds or step + 1 == last:
            tensors = learner.tensors()
            if accelerator.is_main_process:
                states.save(step + 1, before + time.monotonic() - start, tensors)
            saved = time.monotonic()
    for tracker in accelerator.trackers:
        tracker.finish()
    accelerator.wait_for_everyone()


def save_samples(folder: Path, rollouts: Sequence[Rollout], learner: Learner) -> None:
    """Some rollouts as Traces, which ``msjoe`` and the page open, and a table of them."""
    models, settings = learner.describe()
    rows = []
    for i, rollout in enumerate(rollouts):
        trace = rollout.trace(models, settings)
        if not (folder / f"{i}").exists():  # a resumed run may come by again
            trace.save(folder / f"{i}")
        rows.append(
            {
                "trace": str(i),
                "id": rollout.rated.record.id,
                "question": trace.question,
                "queries": trace.queries,
                "times": trace.chosen_times,
                "reply": trace.answer_reply,
                "right": rollout.rated.record.answer,
                "reward": rollout.reward,
                "parts": vars(rollout.parts),
            }
        )
    text = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    write_atomic(folder / "table.json", lambda path: path.write_text(text, encoding="utf-8"))


def new_accelerator(recipe: Recipe, out: Path) -> Accelerator:
    """As ``accelerate launch`` set it up; on a CPU device of the recipe, no GPU is used."""
    on_cpu = recipe.models.device == "cpu" or not torch.accelerator.is_available()  # or accelerate sees one process
    accelerator = Accelerator(cpu=on_cpu, log_with=list(recipe.keep.trackers) or None, project_dir=str(out))
    check_processes(accelerator)
    if not accelerator.is_main_process:
        logging.getLogger("msjoe").setLevel(logging.WARNING)
    if recipe.keep.trackers:
        accelerator.init_trackers("msjoe")
    return accelerator


def _describe(folder: Path, recipe: Recipe, accelerator: Accelerator) -> None:
    """The resolved recipe, the versions and the processes beside everything that the run writes."""
    where = {"processes": accelerator.num_processes, "device": accelerator.device.type}
    text = json.dumps({"recipe": recipe.to_json(), "versions": versions()} | where, indent=2) + "\n"
    write_atomic(folder / "recipe.json", lambda path: path.write_text(text, encoding="utf-8"))


def _due(every: int, step: int, last: int) -> bool:
    return every > 0 and ((step + 1) % every == 0 or step + 1 == last)


def _mean(metrics: dict[str, float], rollouts: int, accelerator: Accelerator) -> dict[str, float]:
    """Over the rollouts of all processes; one without any has few metrics."""
    if accelerator.num_processes == 1:
        return metrics
    return mean_over(gather_object([(rollouts, metrics)]))


def mean_over(told: Sequence[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Of (rollouts, metrics) of each process, the mean of each metric over the rollouts of those that have it."""
    names = dict.fromkeys(name for _, one in told for name in one)
    having = {name: [(max(1, count), one[name]) for count, one in told if name in one] for name in names}
    return {name: sum(n * x for n, x in pairs) / sum(n for n, _ in pairs) for name, pairs in having.items()}


def _note(folder: Path, accelerator: Accelerator, step: int, metrics: dict[str, float]) -> None:
    if accelerator.is_main_process and metrics:
        note_metrics(folder / METRICS, {"step": step} | {name: round(v, 6) for name, v in metrics.items()})
        accelerator.log(metrics, step=step)


def _tell(span: Span, step: int, metrics: dict[str, float], pace: float) -> None:
    shown = ("reward", "reward_std", "frac_reward_zero_std", "sampler/entropy", "kl", "eval/accuracy")
    told = " ".join(f"{name} {metrics[name]:.3g}" for name in shown if name in metrics)
    left = (span.steps - step) * pace / 60
    log.info("%s %d/%d, %.1f s/step, %.0f min left: %s", span.name, step, span.steps, pace, left, told)
