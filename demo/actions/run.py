"""The buttons that use the models: Run, Search again, Compare, and Stop."""

from collections.abc import Callable, Iterator
from contextlib import closing

import gradio as gr

from demo.actions.page_parts import PageParts, ShownKeys, run_failed
from demo.actions.updates import answer_updates, comparison_updates, search_updates
from demo.jobs.request_checks import checked_queries
from demo.ui.comparison_form import checked_columns
from demo.ui.event_queue import FAULT, QUIET, next_after
from demo.ui.results import empty_for_search, empty_page, finished, show_answer
from demo.ui.text_list import items_of
from demo.views.comparison_table import stored_comparison_table
from demo.views.messages import notice_html
from demo.views.progress import RunProgress, stepper_html
from msjoe.errors import UserError

Work = Callable[..., Iterator[dict]]
Restore = Callable[[ShownKeys], dict]  # updates after a run that did not finish: what is stored is shown again


def wire_run(parts: PageParts) -> None:
    """Run: all four steps."""
    results = parts.results

    def begin(last: str | None) -> dict:
        waiting = RunProgress("waiting", message="waiting for a turn")
        reset = {parts.export: gr.Button(interactive=False), parts.tabs: gr.Tabs(selected="why")}
        return parts.run_begins(last) | reset | empty_page(results, waiting)

    def work(shown: ShownKeys, *values) -> Iterator[dict]:
        request, store = parts.read(values), parts.store_answer(shown)
        yield from answer_updates(parts.engine, parts.examples, request, results, store)

    outputs = [*parts.buttons, parts.run_token, *results.all(), parts.export, parts.tabs]
    begun = parts.run.click(begin, [parts.run_token], outputs, **QUIET)
    _wire_work(parts, begun, work, parts.form.request_fields(), lambda shown: _restore_answer(parts, shown))


def wire_search(parts: PageParts) -> None:
    """Search again: steps 2 to 4 with edited queries."""
    results = parts.results

    def begin(key: str | None, last: str | None) -> dict:
        answer = parts.store.get(key)
        spent = answer.trace.seconds if answer else {}
        seconds = {step: spent[step] for step in ("previews", "queries") if step in spent}
        waiting = RunProgress("waiting", message="waiting for a turn", seconds=seconds)
        reset = {parts.export: gr.Button(interactive=False)}
        return parts.run_begins(last) | reset | empty_for_search(results, waiting)

    def work(shown: ShownKeys, queries: object, *values) -> Iterator[dict]:
        request, store = parts.read(values), parts.store_answer(shown)
        answer = parts.store.get(shown.answer)
        checked = checked_queries(parts.limits, items_of(queries, parts.limits.max_queries))
        yield from search_updates(parts.engine, parts.examples, request, answer, checked, results, store)

    def restore(shown: ShownKeys) -> dict:
        """The typed queries stay, so that they can be corrected and searched again."""
        updates = _restore_answer(parts, shown)
        return {part: update for part, update in updates.items() if part not in (results.queries, results.query_note)}

    outputs = [*parts.buttons, parts.run_token, parts.export, *results.all()]
    begun = results.queries.submit(begin, [parts.answer_key, parts.run_token], outputs, **QUIET)
    _wire_work(parts, begun, work, [results.queries, *parts.form.request_fields()], restore)


def wire_compare(parts: PageParts) -> None:
    """Compare: the same question under several selectors and budgets."""
    results, form = parts.results, parts.comparison

    def begin(last: str | None) -> dict:
        return parts.run_begins(last) | {results.notice: "", form.table: ""}

    def work(shown: ShownKeys, selectors: list, budgets: list, *values) -> Iterator[dict]:
        request, columns = parts.read(values), checked_columns(selectors, budgets, parts.limits)
        answer, store = parts.store.get(shown.answer), parts.store_comparison(shown)
        yield from comparison_updates(
            parts.engine, parts.examples, request, answer, columns, results, form.table, store
        )

    def restore(shown: ShownKeys) -> dict:
        answer = parts.store.get(shown.answer)
        progress = finished(answer.trace) if answer else RunProgress()
        table = stored_comparison_table(parts.store.get(shown.comparison))
        return {results.stepper: stepper_html(progress), form.table: table}

    outputs = [*parts.buttons, parts.run_token, results.notice, form.table]
    begun = form.start.click(begin, [parts.run_token], outputs, **QUIET)
    _wire_work(parts, begun, work, [form.selectors, form.budgets, *parts.form.request_fields()], restore)


def wire_stop(parts: PageParts) -> None:
    """Stop: cancels the run, which ends at its next update and then enables the buttons."""
    parts.stop.click(parts.tokens.cancel, [parts.run_token], None, **QUIET)


def _wire_work(parts: PageParts, begun: gr.events.Dependency, work: Work, inputs: list, restore: Restore) -> None:
    """After a button's first event, do the work; then enable the buttons again, however it ended."""
    keys, outputs = [parts.answer_key, parts.comparison_key], parts.run_outputs()
    event = parts.model_event()
    working = begun.then(_until_cancelled(parts, work, restore), [parts.run_token, *keys, *inputs], outputs, **event)
    next_after(begun, parts.results.notice)

    def end(token: str | None, *shown: str | None) -> dict:
        cancelled = token not in parts.tokens
        return (restore(ShownKeys(*shown)) if cancelled else {}) | parts.run_ends(token)

    def fail(token: str | None, *shown: str | None) -> dict:
        return restore(ShownKeys(*shown)) | {parts.results.notice: notice_html(FAULT)} | parts.run_ends(token)

    working.success(end, [parts.run_token, *keys], [*parts.buttons, *outputs], **QUIET)
    working.failure(fail, [parts.run_token, *keys], [*parts.buttons, *outputs], **QUIET)


def _until_cancelled(parts: PageParts, work: Work, restore: Restore) -> Work:
    """``work`` until its token is cancelled. A UserError becomes a message beside what is stored."""

    def run(token: str | None, answer: str | None, comparison: str | None, *values) -> Iterator[dict]:
        shown = ShownKeys(answer, comparison)
        yield {parts.results.stepper: gr.skip()}
        try:
            with closing(work(shown, *values)) as updates:
                while token in parts.tokens and (update := next(updates, None)) is not None:
                    yield update
        except UserError as e:
            yield restore(shown) | run_failed(parts.results, str(e))

    return run


def _restore_answer(parts: PageParts, shown: ShownKeys) -> dict:
    """Updates that show the stored answer again, or none."""
    answer = parts.store.get(shown.answer)
    anything = answer is not None or parts.store.get(shown.comparison) is not None
    updates = show_answer(parts.results, answer) if answer else empty_page(parts.results)
    return {parts.export: gr.Button(interactive=anything)} | updates
