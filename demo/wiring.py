"""What the parts of the page do: examples, uploads and paths, Run, Stop, a new search, a comparison."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import gradio as gr

from demo import views
from demo.asking import queries_of
from demo.cards import status
from demo.comparing import CompareParts, arms_of, compare_steps
from demo.editor import items_of
from demo.engine import Engine
from demo.examples import Examples
from demo.inputs import Inputs, read_asked
from demo.limits import Limits
from demo.outputs import Outputs, all_of, blank, blank_from_step_2, filled
from demo.running import again_steps, answer_steps, failed
from demo.shelf import Kept, Shelf
from demo.turns import FAULT, QUIET, hold_turns
from demo.wanted import Wanted
from demo.work import Asked
from msjoe.errors import UserError


@dataclass(frozen=True)
class Stage:
    """What the wiring needs of the page."""

    engine: Engine
    examples: Examples
    shelf: Shelf
    limits: Limits
    dense_fps: float
    inputs: Inputs
    outputs: Outputs
    compare: CompareParts
    run: gr.Button
    stop: gr.Button
    tabs: gr.Tabs
    export: gr.Button
    turns: gr.HTML  # brings the visitor's choices
    wanted: Wanted  # runs and copies that may go on
    kept: gr.State  # the key of the answer on show
    running: gr.State  # the key of the last run
    copying: gr.State  # the key of the copy that the player waits for

    @property
    def buttons(self) -> list:
        return [self.run, self.stop, self.compare.start]

    def begun(self, last: str | None) -> dict:
        """Updates for a run that begins; ``last``: the key of the one before."""
        return self._busy(True) | {self.running: self.wanted.new(instead_of=last)}

    def ended(self, run: str | None) -> dict:
        self.wanted.drop(run)
        return self._busy(False)

    def _busy(self, busy: bool) -> dict:
        free = gr.Button(interactive=not busy)
        return {self.run: free, self.compare.start: free, self.stop: gr.Button(interactive=busy)}

    def model_event(self) -> dict:
        """Settings of what uses the models: the engine's line keeps the order and tells the place in it."""
        limit = self.limits.max_waiting + 2  # one more than may come in, so that it is told why
        return {
            "concurrency_limit": limit,
            "concurrency_id": "models",
            "show_progress": "hidden",
            "api_visibility": "private",
        }

    def read(self, values: tuple) -> Asked:
        return read_asked(values, self.dense_fps, self.limits)

    def keep_for(self, key: str | None) -> Callable[[Kept], dict]:
        """Keeps an answer in place of the one under ``key`` and updates what depends on it."""

        def keep(kept: Kept) -> dict:
            return {self.kept: self.shelf.put(kept, replaces=key), self.export: gr.Button(interactive=True)}

        return keep


def wire_run(stage: Stage) -> None:
    """Run streams the steps."""
    outputs, results = stage.outputs, all_of(stage.outputs)

    def begin(key: str | None, last: str | None) -> dict:
        stage.shelf.drop(key)
        waiting = views.Progress("waiting", message="waiting for a turn")
        cleared = {stage.kept: None, stage.export: gr.Button(interactive=False), stage.tabs: gr.Tabs(selected="why")}
        return stage.begun(last) | cleared | blank(outputs, waiting)

    def work(*values) -> Iterator[dict]:
        asked = stage.read(values)
        yield from answer_steps(stage.engine, stage.examples, asked, outputs, stage.keep_for(None))

    shown = [*results, stage.kept, stage.export, stage.tabs]
    begun = stage.run.click(begin, [stage.kept, stage.running], [*stage.buttons, stage.running, *shown], **QUIET)
    _wire_work(stage, begun, work, stage.inputs.asked(), [*results, stage.kept, stage.export])


def wire_again(stage: Stage) -> None:
    """Edited queries are searched again, from step 2 on."""
    outputs, results = stage.outputs, all_of(stage.outputs)

    def begin(key: str | None, last: str | None) -> dict:
        kept = stage.shelf.get(key)
        seconds = {s: kept.trace.seconds[s] for s in ("previews", "queries") if s in kept.trace.seconds} if kept else {}
        waiting = views.Progress("waiting", message="waiting for a turn", seconds=seconds)
        return stage.begun(last) | blank_from_step_2(outputs, waiting)

    def work(key: str | None, queries: object, *values) -> Iterator[dict]:
        asked = stage.read(values)
        kept, keep = stage.shelf.get(key), stage.keep_for(key)
        wanted = queries_of(stage.limits, items_of(queries, stage.limits.max_queries))  # comes from the browser
        yield from again_steps(stage.engine, stage.examples, asked, kept, wanted, outputs, keep)

    given = [stage.kept, stage.running]
    begun = outputs.queries.submit(begin, given, [*stage.buttons, stage.running, *results], **QUIET)
    asked = [stage.kept, outputs.queries, *stage.inputs.asked()]
    _wire_work(stage, begun, work, asked, [*results, stage.kept, stage.export])


def wire_compare(stage: Stage) -> None:
    """The same question under several selectors."""
    outputs, parts = stage.outputs, stage.compare

    def begin(last: str | None) -> dict:
        return stage.begun(last) | {outputs.notice: "", parts.table: ""}

    def work(key: str | None, selectors: list, budgets: list, *values) -> Iterator[dict]:
        asked, arms = stage.read(values), arms_of(selectors, budgets, stage.limits)
        kept = stage.shelf.get(key)
        yield from compare_steps(stage.engine, stage.examples, asked, kept, arms, outputs, parts.table)

    shown = [*stage.buttons, stage.running, outputs.notice, parts.table]
    begun = parts.start.click(begin, [stage.running], shown, **QUIET)
    asked = [stage.kept, parts.selectors, parts.budgets, *stage.inputs.asked()]
    _wire_work(stage, begun, work, asked, [outputs.notice, outputs.stepper, parts.table])


def wire_stop(stage: Stage) -> None:
    """Stop ends the run at its next sign of life; what it sends then brings the buttons back."""
    stage.stop.click(stage.wanted.drop, [stage.running], None, **QUIET)


def _wire_work(stage: Stage, begun: gr.events.Dependency, work: Callable[..., Iterator[dict]], asked, shown) -> None:
    """After a button's first event the work itself, then, however it ends, the buttons come back."""
    working = begun.then(_told(stage, work), [stage.running, *asked], shown, **stage.model_event())
    hold_turns(begun, stage.outputs.notice)

    def end(key: str | None, run: str | None) -> dict:
        return (_at_rest(stage, key) if run not in stage.wanted else {}) | stage.ended(run)

    def fail(key: str | None, run: str | None) -> dict:
        return _at_rest(stage, key) | {stage.outputs.notice: views.notice(FAULT)} | stage.ended(run)

    freed = [*stage.buttons, *all_of(stage.outputs)]
    working.success(end, [stage.kept, stage.running], freed, **QUIET)
    working.failure(fail, [stage.kept, stage.running], freed, **QUIET)


def _told(stage: Stage, work: Callable[..., Iterator[dict]]) -> Callable[..., Iterator[dict]]:
    """``work`` for as long as it is wanted; complaints about what came in become a message."""

    def told(run: str | None, *values) -> Iterator[dict]:
        yield {stage.outputs.stepper: gr.skip()}
        try:
            with closing(work(*values)) as updates:
                while run in stage.wanted and (update := next(updates, None)) is not None:
                    yield update
        except UserError as e:
            yield failed(stage.outputs, str(e))

    return told


def _at_rest(stage: Stage, key: str | None) -> dict:
    """Updates for a run that came to no end: an answer that is kept comes back."""
    kept = stage.shelf.get(key)
    return filled(stage.outputs, kept) if kept else blank(stage.outputs)


def wire_status(page: gr.Blocks, engine: Engine, embedded: bool, line: gr.HTML) -> None:
    """The line on the models follows their loading, then rests."""
    clock = gr.Timer(1.0)

    def look() -> tuple[str, gr.Timer]:
        return status(engine, embedded), gr.Timer(active=not engine.settled)

    gr.on([page.load, clock.tick], look, None, [line, clock], **QUIET)
