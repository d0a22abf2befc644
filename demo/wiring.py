"""What the parts of the page do: examples, uploads and paths, Run, Stop, a new search, a comparison."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gradio as gr

from demo import views
from demo.cards import status
from demo.comparing import CompareParts, arms_of, compare_steps
from demo.editor import items_of
from demo.engine import Engine
from demo.examples import Examples
from demo.inputs import Inputs, read_asked
from demo.limits import Limits
from demo.outputs import MOST_QUERIES, Outputs, all_of, blank, blank_from_step_2, filled
from demo.running import again_steps, answer_steps, failed
from demo.shelf import Kept, Shelf
from demo.work import Asked
from msjoe.errors import UserError

QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


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
    kept: gr.State  # the key of the answer on show
    wanted: gr.State  # the queries of a new search
    export: gr.Button
    stops: gr.State  # how many runs were stopped whose end is not yet told
    halted: gr.State  # whether Stop was pressed since the last begin, perhaps before the work itself began

    @property
    def buttons(self) -> list:
        return [self.run, self.stop, self.compare.start, self.halted]

    def busy(self, busy: bool) -> dict:
        """Updates of the buttons; with ``busy`` for a run that begins."""
        free = gr.Button(interactive=not busy)
        begun = {self.halted: False} if busy else {}
        return {self.run: free, self.compare.start: free, self.stop: gr.Button(interactive=busy), **begun}

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
        return read_asked(values, self.dense_fps, self.limits.max_minutes)

    def keep_for(self, key: str | None) -> Callable[[Kept], dict]:
        """Keeps an answer in place of the one under ``key`` and updates what depends on it."""

        def keep(kept: Kept) -> dict:
            return {self.kept: self.shelf.put(kept, replaces=key), self.export: gr.Button(interactive=True)}

        return keep


def wire_run(stage: Stage) -> list:
    """Run streams the steps. Returns the events that Stop ends."""
    outputs, results = stage.outputs, all_of(stage.outputs)

    def begin(key: str | None) -> dict:
        stage.shelf.drop(key)
        waiting = views.Progress("waiting", message="waiting for a turn")
        cleared = {stage.kept: None, stage.export: gr.Button(interactive=False), stage.tabs: gr.Tabs(selected="why")}
        return stage.busy(True) | cleared | blank(outputs, waiting)

    def work(*values) -> Iterator[dict]:
        asked = stage.read(values)
        yield from answer_steps(stage.engine, stage.examples, asked, outputs, stage.keep_for(None))

    begun = stage.run.click(
        begin, [stage.kept], [*stage.buttons, *results, stage.kept, stage.export, stage.tabs], **QUIET
    )
    working = begun.then(
        _told(outputs, work),
        [stage.halted, *stage.inputs.asked()],
        [*results, stage.kept, stage.export],
        **stage.model_event(),
    )
    _end(stage, working)
    return [working]


def wire_again(stage: Stage) -> list:
    """Edited queries are searched again, from step 2 on. Returns the events that Stop ends."""
    outputs, results = stage.outputs, all_of(stage.outputs)

    def begin(key: str | None, event: gr.EventData) -> dict:
        queries = items_of(getattr(event, "items", None), MOST_QUERIES)  # comes from the browser
        kept = stage.shelf.get(key)
        seconds = {s: kept.trace.seconds[s] for s in ("previews", "queries") if s in kept.trace.seconds} if kept else {}
        waiting = views.Progress("waiting", message="waiting for a turn", seconds=seconds)
        return stage.busy(True) | {stage.wanted: queries} | blank_from_step_2(outputs, waiting)

    def work(key: str | None, queries: list[str], *values) -> Iterator[dict]:
        asked = stage.read(values)
        kept, keep = stage.shelf.get(key), stage.keep_for(key)
        yield from again_steps(stage.engine, stage.examples, asked, kept, queries, outputs, keep)

    def paste(event: gr.EventData) -> list[str]:
        lines = str(getattr(event, "text", "")).splitlines()
        return [line.strip() for line in lines if line.strip()][:MOST_QUERIES]

    begun = outputs.queries.submit(begin, [stage.kept], [*stage.buttons, *results, stage.wanted], **QUIET)
    asked = [stage.kept, stage.wanted, *stage.inputs.asked()]
    working = begun.then(
        _told(outputs, work), [stage.halted, *asked], [*results, stage.kept, stage.export], **stage.model_event()
    )
    outputs.queries.select(paste, None, [outputs.queries], **QUIET)
    _end(stage, working)
    return [working]


def wire_compare(stage: Stage) -> list:
    """The same question under several selectors. Returns the events that Stop ends."""
    outputs, parts = stage.outputs, stage.compare

    def begin() -> dict:
        return stage.busy(True) | {outputs.notice: "", parts.table: ""}

    def work(key: str | None, selectors: list, budgets: list, *values) -> Iterator[dict]:
        asked, arms = stage.read(values), arms_of(selectors, budgets)
        kept = stage.shelf.get(key)
        yield from compare_steps(stage.engine, stage.examples, asked, kept, arms, outputs, parts.table)

    begun = parts.start.click(begin, None, [*stage.buttons, outputs.notice, parts.table], **QUIET)
    asked = [stage.kept, parts.selectors, parts.budgets, *stage.inputs.asked()]
    working = begun.then(
        _told(outputs, work),
        [stage.halted, *asked],
        [outputs.notice, outputs.stepper, parts.table],
        **stage.model_event(),
    )
    _end(stage, working)
    return [working]


def wire_stop(stage: Stage, working: list) -> None:
    """Stop ends whatever runs; an answer that is kept comes back."""

    def halt(key: str | None, stops: int) -> dict:
        return {stage.stops: stops + 1} | _at_rest(stage, key) | {stage.halted: True}

    shown = [*stage.buttons, *all_of(stage.outputs), stage.stops]
    stage.stop.click(halt, [stage.kept, stage.stops], shown, cancels=working, **QUIET)


def _told(outputs: Outputs, work: Callable[..., Iterator[dict]]) -> Callable[..., Iterator[dict]]:
    """``work``, unless it was halted before it began; complaints about what came in become a message."""

    def told(halted: bool, *values) -> Iterator[dict]:
        if halted:
            yield {outputs.stepper: gr.skip()}
            return
        try:
            yield from work(*values)
        except UserError as e:
            yield failed(outputs, str(e))

    return told


def _end(stage: Stage, working) -> None:
    """Either way the buttons come back.

    Gradio tells of a stopped run as of a failed one, perhaps when the next has begun already: that is passed over.
    """

    def fail(key: str | None, stops: int) -> dict:
        return {stage.stops: stops - 1} if stops else {stage.stops: 0} | _at_rest(stage, key)

    shown = [*stage.buttons, *all_of(stage.outputs), stage.stops]
    ended = [*stage.buttons, stage.stops]
    working.success(lambda: {stage.stops: 0} | stage.busy(False), None, ended, **QUIET)
    working.failure(fail, [stage.kept, stage.stops], shown, **QUIET)


def _at_rest(stage: Stage, key: str | None) -> dict:
    kept = stage.shelf.get(key)
    return stage.busy(False) | (filled(stage.outputs, kept) if kept else blank(stage.outputs))


def wire_status(page: gr.Blocks, engine: Engine, embedded: bool, line: gr.HTML) -> None:
    """The line on the models follows their loading, then rests."""
    clock = gr.Timer(1.0)

    def look() -> tuple[str, gr.Timer]:
        return status(engine, embedded), gr.Timer(active=not engine.settled)

    gr.on([page.load, clock.tick], look, None, [line, clock], **QUIET)
