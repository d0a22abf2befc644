"""The loop that every stage runs: take questions, let the learner learn from them, write down what happened.

A step is a function of (recipe, step, weights), so a run that was killed and resumed makes the same steps as one that
was not. The questions of a step are dealt to the processes in turn.
"""

import json
import logging
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from msjoe.files import write_atomic
from msjoe.rl.pool import Rated, order_at
from msjoe.rl.recipe import Recipe
from msjoe.rl.rollouts import Rollout
from msjoe.rl.sharding import check_processes
from msjoe.rl.stage_folder import StageFolder, check_new
from msjoe.rl.stopping import Stopping

log = logging.getLogger(__name__)


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

    On SIGTERM the step is finished, a checkpoint written and SystemExit(143) raised. Raises UserError for a folder
    that holds a run of this stage, unless ``resume``; BusyError while another run is at work in it; PathError when
    something cannot be written.
    """
    check_new(out / span.name, resume)
    accelerator.wait_for_everyone()  # until all have looked
    folder, stopping = StageFolder(out / span.name, recipe, accelerator), Stopping(accelerator, recipe.keep)
    last = min(span.steps, stop_after or span.steps)
    with folder.held(), stopping:
        _steps(learner, span, pool, recipe, folder, stopping, accelerator, last)
        for tracker in accelerator.trackers:
            tracker.finish()
        accelerator.wait_for_everyone()
    if stopping.ended:
        log.warning("%s was ended by SIGTERM and has a checkpoint: --resume goes on", span.name)
        raise SystemExit(128 + signal.SIGTERM)


def _steps(
    learner: Learner,
    span: Span,
    pool: Sequence[Rated],
    recipe: Recipe,
    folder: StageFolder,
    stopping: Stopping,
    accelerator: Accelerator,
    last: int,
) -> None:
    """The steps that are left up to ``last``, with what is written after each."""
    done, before = folder.restore(learner.load)
    start = time.monotonic()
    if done == 0:
        folder.note(0, learner.validate() if recipe.keep.validate_every else {})
    for step in range(done, last):
        metrics, rollouts = _step(learner, span, pool, recipe, accelerator, step)
        if _due(recipe.keep.validate_every, step, last):
            metrics |= learner.validate()
        folder.note(step + 1, metrics)
        _tell(span, step + 1, metrics, (time.monotonic() - start) / (step + 1 - done))
        if _due(recipe.keep.samples_every, step, last):
            shown = rollouts[:: max(1, len(rollouts) // recipe.keep.samples)][: recipe.keep.samples]
            folder.save_samples(step + 1, partial(save_samples, rollouts=shown, learner=learner))
        if stopping.save_now() or step + 1 == last:
            folder.save_state(step + 1, before + time.monotonic() - start, learner.tensors())
            stopping.just_saved()
        if stopping.ended:
            return


def _step(
    learner: Learner, span: Span, pool: Sequence[Rated], recipe: Recipe, accelerator: Accelerator, step: int
) -> tuple[dict[str, float], list[Rollout]]:
    """Metrics over all processes, and the rollouts of this one."""
    begun = time.monotonic()
    torch.manual_seed(recipe.seed * 1_000_003 + step * 1009 + accelerator.process_index)  # dropout, if any
    chosen = order_at(pool, step, recipe, span.questions, span.share(step))
    own = chosen[accelerator.process_index :: accelerator.num_processes]
    metrics, rollouts = learner.step(step, [pool[i] for i in own])
    return _mean(metrics, len(rollouts), accelerator) | {"time/step": time.monotonic() - begun}, rollouts


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


def _tell(span: Span, step: int, metrics: dict[str, float], pace: float) -> None:
    shown = ("reward", "reward_std", "frac_reward_zero_std", "sampler/entropy", "kl", "eval/accuracy")
    told = " ".join(f"{name} {metrics[name]:.3g}" for name in shown if name in metrics)
    left = (span.steps - step) * pace / 60
    log.info("%s %d/%d, %.1f s/step, %.0f min left: %s", span.name, step, span.steps, pace, left, told)
