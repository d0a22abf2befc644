"""What the parts of the page do: examples, uploads and paths, Run, Stop, a new search, a comparison."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import gradio as gr

from demo import views
from demo.asking import queries_of
from demo.cards import status
from demo.comparing import CompareParts, arms_of, compare_steps, compared_table
from demo.editor import items_of
from demo.engine import Engine
from demo.examples import Examples
from demo.inputs import Inputs, read_asked
from demo.limits import Limits
from demo.outputs import Outputs, all_of, blank, blank_from_step_2, emptied, filled, finished
from demo.running import again_steps, answer_steps, failed
from demo.shelf import Compared, Kept, Shelf
from demo.turns import FAULT, QUIET, hold_turns
from demo.wanted import Wanted
from demo.work import Asked, same_subject
from msjoe.errors import UserError


@dataclass(frozen=True)
class Keys:
    """The keys of what is on show."""

    kept: str | None
    compared: str | None


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
    compared: gr.State  # the key of the comparison on show
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

    def keep_answer(self, held: Keys) -> Callable[[Kept], dict]:
        """Keeps an answer in place of the one held; a comparison about something else goes."""

        def keep(kept: Kept) -> dict:
            updates = {self.kept: self.shelf.put(kept, replaces=held.kept), self.export: gr.Button(interactive=True)}
            compared = self.shelf.get(held.compared)
            if compared is None or same_subject(compared.asked, kept.asked):
                return updates
            self.shelf.drop(held.compared)
            return updates | {self.compared: None, self.compare.table: ""}

        return keep

    def keep_comparison(self, held: Keys) -> Callable[[Compared], dict]:
        """Keeps a comparison, as far as it has come, in place of the one held; an answer about something else goes."""
        last = held.compared

        def keep(compared: Compared) -> dict:
            nonlocal last
            last = self.shelf.put(compared, replaces=last)
            updates = {self.compared: last, self.export: gr.Button(interactive=True)}
            kept = self.shelf.get(held.kept)
            if kept is None or same_subject(compared.asked, kept.asked):
                return updates
            self.shelf.drop(held.kept)
            return updates | {self.kept: None} | emptied(self.outputs)

        return keep

    def shown(self) -> list:
        """What a run may change."""
        return [*all_of(self.outputs), self.compare.table, self.kept, self.compared, self.export]


def wire_run(stage: Stage) -> None:
    """Run streams the steps."""
    outputs = stage.outputs

    def begin(last: str | None) -> dict:
        waiting = views.Progress("waiting", message="waiting for a turn")
        cleared = {stage.export: gr.Button(interactive=False), stage.tabs: gr.Tabs(selected="why")}
        return stage.begun(last) | cleared | blank(outputs, waiting)

    def work(held: Keys, *values) -> Iterator[dict]:
        asked = stage.read(values)
        yield from answer_steps(stage.engine, stage.examples, asked, outputs, stage.keep_answer(held))

    shown = [*all_of(outputs), stage.export, stage.tabs]
    begun = stage.run.click(begin, [stage.running], [*stage.buttons, stage.running, *shown], **QUIET)
    _wire_work(stage, begun, work, stage.inputs.asked(), lambda held: _answer_at_rest(stage, held))


def wire_again(stage: Stage) -> None:
    """Edited queries are searched again, from step 2 on."""
    outputs = stage.outputs

    def begin(key: str | None, last: str | None) -> dict:
        kept = stage.shelf.get(key)
        seconds = {s: kept.trace.seconds[s] for s in ("previews", "queries") if s in kept.trace.seconds} if kept else {}
        waiting = views.Progress("waiting", message="waiting for a turn", seconds=seconds)
        cleared = {stage.export: gr.Button(interactive=False)}
        return stage.begun(last) | cleared | blank_from_step_2(outputs, waiting)

    def work(held: Keys, queries: object, *values) -> Iterator[dict]:
        asked = stage.read(values)
        kept, keep = stage.shelf.get(held.kept), stage.keep_answer(held)
        wanted = queries_of(stage.limits, items_of(queries, stage.limits.max_queries))  # comes from the browser
        yield from again_steps(stage.engine, stage.examples, asked, kept, wanted, outputs, keep)

    def rest(held: Keys) -> dict:
        """What was typed stays: it can be mended and searched again."""
        updates = _answer_at_rest(stage, held)
        return {part: update for part, update in updates.items() if part not in (outputs.queries, outputs.query_note)}

    given = [stage.kept, stage.running]
    shown = [*stage.buttons, stage.running, stage.export, *all_of(outputs)]
    begun = outputs.queries.submit(begin, given, shown, **QUIET)
    _wire_work(stage, begun, work, [outputs.queries, *stage.inputs.asked()], rest)


def wire_compare(stage: Stage) -> None:
    """The same question under several selectors."""
    outputs, parts = stage.outputs, stage.compare

    def begin(last: str | None) -> dict:
        return stage.begun(last) | {outputs.notice: "", parts.table: ""}

    def work(held: Keys, selectors: list, budgets: list, *values) -> Iterator[dict]:
        asked, arms = stage.read(values), arms_of(selectors, budgets, stage.limits)
        kept, keep = stage.shelf.get(held.kept), stage.keep_comparison(held)
        yield from compare_steps(stage.engine, stage.examples, asked, kept, arms, outputs, parts.table, keep)

    def rest(held: Keys) -> dict:
        return {
            outputs.stepper: _stepper_at_rest(stage, held),
            parts.table: compared_table(stage.shelf.get(held.compared)),
        }

    shown = [*stage.buttons, stage.running, outputs.notice, parts.table]
    begun = parts.start.click(begin, [stage.running], shown, **QUIET)
    _wire_work(stage, begun, work, [parts.selectors, parts.budgets, *stage.inputs.asked()], rest)


def wire_stop(stage: Stage) -> None:
    """Stop ends the run at its next sign of life; what it sends then brings the buttons back."""
    stage.stop.click(stage.wanted.drop, [stage.running], None, **QUIET)


Work = Callable[..., Iterator[dict]]
Rest = Callable[[Keys], dict]  # updates for a run that came to no end: what is kept comes back


def _wire_work(stage: Stage, begun: gr.events.Dependency, work: Work, asked: list, rest: Rest) -> None:
    """After a button's first event the work itself, then, however it ends, the buttons come back."""
    held, shown = [stage.kept, stage.compared], stage.shown()
    working = begun.then(_told(stage, work, rest), [stage.running, *held, *asked], shown, **stage.model_event())
    hold_turns(begun, stage.outputs.notice)

    def end(run: str | None, *keys: str | None) -> dict:
        return (rest(Keys(*keys)) if run not in stage.wanted else {}) | stage.ended(run)

    def fail(run: str | None, *keys: str | None) -> dict:
        return rest(Keys(*keys)) | {stage.outputs.notice: views.notice(FAULT)} | stage.ended(run)

    freed = [*stage.buttons, *shown]
    working.success(end, [stage.running, *held], freed, **QUIET)
    working.failure(fail, [stage.running, *held], freed, **QUIET)


def _told(stage: Stage, work: Work, rest: Rest) -> Work:
    """``work`` for as long as it is wanted; complaints about what came in become a message beside what is kept."""

    def told(run: str | None, kept: str | None, compared: str | None, *values) -> Iterator[dict]:
        held = Keys(kept, compared)
        yield {stage.outputs.stepper: gr.skip()}
        try:
            with closing(work(held, *values)) as updates:
                while run in stage.wanted and (update := next(updates, None)) is not None:
                    yield update
        except UserError as e:
            yield rest(held) | failed(stage.outputs, str(e))

    return told


def _answer_at_rest(stage: Stage, held: Keys) -> dict:
    """The answer that is kept, or none."""
    kept = stage.shelf.get(held.kept)
    free = gr.Button(interactive=kept is not None or stage.shelf.get(held.compared) is not None)
    return {stage.export: free} | (filled(stage.outputs, kept) if kept else blank(stage.outputs))


def _stepper_at_rest(stage: Stage, held: Keys) -> str:
    kept = stage.shelf.get(held.kept)
    return views.stepper(finished(kept.trace) if kept else views.Progress())


def wire_status(page: gr.Blocks, engine: Engine, line: gr.HTML) -> None:
    """The line on the models follows their loading, then rests."""
    clock = gr.Timer(1.0)

    def look() -> tuple[str, gr.Timer]:
        return status(engine), gr.Timer(active=not engine.settled)

    gr.on([page.load, clock.tick], look, None, [line, clock], **QUIET)
