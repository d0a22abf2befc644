"""What the event handlers share: the components of the page, the stores behind it, and updates that several use."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from demo.examples import Examples
from demo.jobs.answer_store import AnswerStore, StoredAnswer, StoredComparison
from demo.jobs.cancellation import CancellationTokens
from demo.jobs.engine import Engine
from demo.jobs.request import QuestionRequest, same_subject
from demo.limits import Limits
from demo.ui.comparison_form import ComparisonForm
from demo.ui.question_form import QuestionForm, read_request
from demo.ui.results import ResultParts, empty_page, empty_results
from demo.views.messages import notice_html
from demo.views.progress import RunProgress, stepper_html


@dataclass(frozen=True)
class ShownKeys:
    """The store's keys of the displayed answer and comparison."""

    answer: str | None
    comparison: str | None


@dataclass(frozen=True)
class PageParts:
    engine: Engine
    examples: Examples
    store: AnswerStore
    tokens: CancellationTokens  # of runs and copies
    limits: Limits
    dense_fps: float
    form: QuestionForm
    results: ResultParts
    comparison: ComparisonForm
    run: gr.Button
    stop: gr.Button
    tabs: gr.Tabs
    export: gr.Button
    queue: gr.HTML  # sends the visitor's choices
    answer_key: gr.State  # of the displayed answer
    comparison_key: gr.State  # of the displayed comparison
    run_token: gr.State  # of the last run
    copy_token: gr.State  # of the copy that the player waits for

    @property
    def buttons(self) -> list:
        return [self.run, self.stop, self.comparison.start]

    def run_begins(self, last: str | None) -> dict:
        """Updates for the start of a run; cancels the run with the token ``last``."""
        return self._busy(True) | {self.run_token: self.tokens.issue(replacing=last)}

    def run_ends(self, token: str | None) -> dict:
        """Updates for the end of the run with this token."""
        self.tokens.cancel(token)
        return self._busy(False)

    def _busy(self, busy: bool) -> dict:
        free = gr.Button(interactive=not busy)
        return {self.run: free, self.comparison.start: free, self.stop: gr.Button(interactive=busy)}

    def model_event(self) -> dict:
        """Arguments for an event that uses the models. The engine's queue limits these, not gradio's."""
        limit = self.limits.max_waiting + 2  # one more than may run or wait, so that it gets the message "full"
        return {
            "concurrency_limit": limit,
            "concurrency_id": "models",
            "show_progress": "hidden",
            "api_visibility": "private",
        }

    def read(self, values: tuple) -> QuestionRequest:
        """The request in the form. Raises QuestionError for a value of the wrong type or range."""
        return read_request(values, self.dense_fps, self.limits)

    def store_answer(self, shown: ShownKeys) -> Callable[[StoredAnswer], dict]:
        """A function that stores an answer in place of the displayed one and returns updates.

        A displayed comparison about another question is removed.
        """

        def store(answer: StoredAnswer) -> dict:
            key = self.store.put(answer, replaces=shown.answer)
            updates = {self.answer_key: key, self.export: gr.Button(interactive=True)}
            comparison = self.store.get(shown.comparison)
            if comparison is None or same_subject(comparison.request, answer.request):
                return updates
            self.store.drop(shown.comparison)
            return updates | {self.comparison_key: None, self.comparison.table: ""}

        return store

    def store_comparison(self, shown: ShownKeys) -> Callable[[StoredComparison], dict]:
        """A function that stores a comparison, finished or not, in place of the last one and returns updates.

        A displayed answer to another question is removed.
        """
        last = shown.comparison

        def store(comparison: StoredComparison) -> dict:
            nonlocal last
            last = self.store.put(comparison, replaces=last)
            updates = {self.comparison_key: last, self.export: gr.Button(interactive=True)}
            answer = self.store.get(shown.answer)
            if answer is None or same_subject(comparison.request, answer.request):
                return updates
            self.store.drop(shown.answer)
            return updates | {self.answer_key: None} | empty_results(self.results)

        return store

    def run_outputs(self) -> list:
        """The components that a run may change."""
        return [*self.results.all(), self.comparison.table, self.answer_key, self.comparison_key, self.export]


def clear_answer(parts: PageParts, answer_key: str | None) -> dict:
    """Delete the displayed answer; updates that empty the results."""
    parts.store.drop(answer_key)
    return {parts.answer_key: None, parts.export: gr.Button(interactive=False), **empty_page(parts.results)}


def clear_video_and_comparison(parts: PageParts, copy_token: str | None, comparison_key: str | None) -> dict:
    """Updates before another video is shown: no path, no copy for the player, no comparison."""
    parts.tokens.cancel(copy_token)
    parts.store.drop(comparison_key)
    return {
        parts.comparison_key: None,
        parts.queue: {"place": None},
        parts.form.source: None,
        parts.form.place: None,
        parts.copy_token: None,
        parts.comparison.table: "",
    }


def run_failed(results: ResultParts, message: str) -> dict:
    """Updates that show why a run has stopped."""
    stopped = RunProgress("failed", message="Stopped: see the message.")
    return {results.notice: notice_html(message), results.stepper: stepper_html(stopped)}
