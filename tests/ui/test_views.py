"""What the page is made of, without a browser: HTML, figure, examples, engine."""

import json
import threading
import time

import numpy as np
import pytest

from demo.examples import ExampleQuestion, Examples, load_examples
from demo.jobs.engine import Engine, RunFailed
from demo.jobs.queue import QueueFull, QueuePosition
from demo.views.answer_card import answer_card
from demo.views.example_cards import measured_line
from demo.views.frames import key_frames_html
from demo.views.heatmap_figure import (
    _spaced_labels,
    column_peaks,
    heatmap_figure,
    heatmap_legend,
    heatmap_value,
    time_ticks,
)
from demo.views.messages import notice_html, query_note_html
from demo.views.progress import STEP_HINTS, STEP_TITLES, RunProgress, stepper_html
from demo.views.run_details import details_html
from msjoe import pipeline
from msjoe.clock import clock
from msjoe.errors import QuestionError
from msjoe.trace import Trace
from scripts.measure_examples import write_measured


@pytest.fixture
def trace() -> Trace:
    picture = np.full((8, 8, 3), 120, np.uint8)
    return Trace(
        question="What?",
        options=["a <b>cup</b>", "a key"],
        duration=3700.0,
        queries=["red <i>star</i>", "blue waves"],
        queries_from="reply",
        times_T=np.arange(3700, dtype=np.float32),
        sim_QT=np.stack([np.linspace(-0.2, 0.4, 3700), np.linspace(0.1, 0.3, 3700)]).astype(np.float32),
        weights_T=np.full(3700, 1 / 3700, np.float32),
        indices=[5, 3661],
        chosen_times=[5.0, 3661.0],
        answer_reply="A",
        answer="A",
        seconds={"previews": 0.5, "answer": 1.25},
        tokens={"answer": {"visual": 128, "prompt": 200, "new": 2}},
        keyframes=[picture, picture],
    )


def test_the_stepper_names_the_steps_of_the_pipeline():
    assert tuple(STEP_TITLES) == pipeline.STEPS == tuple(STEP_HINTS)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3600, "1:00:00"), (36061, "10:01:01")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_progress_marks_finished_running_and_pending_steps():
    html = stepper_html(RunProgress("similarity", 0.5, "32 of 64 frames", {"previews": 0.1, "queries": 2.0}))
    assert html.count('class="step finished"') == 2
    assert html.count('class="step running"') == 1
    assert html.count('class="step pending"') == 2
    assert "width:50%" in html
    assert "32 of 64 frames" in html


def test_text_from_outside_is_escaped(trace):
    assert "&lt;i&gt;star" in heatmap_figure(trace).layout.annotations[0].text
    trace.queries_from = "<i>"
    assert "<i>" not in query_note_html(trace)
    trace.query_reply = "<i>"
    assert "<pre tabindex='0'>&lt;i&gt;</pre>" in details_html(trace)
    assert "a &lt;b&gt;cup&lt;/b&gt;" in answer_card(trace)
    assert "<script>" not in notice_html("<script>alert(1)</script>")


def test_the_verdict_stands_only_where_the_truth_is_known(trace):
    assert "verdict" not in answer_card(trace)
    truth = ExampleQuestion("What?", tuple(trace.options), "A")
    assert "verdict right" in answer_card(trace, truth)
    wrong = answer_card(trace, ExampleQuestion("What?", tuple(trace.options), "B"))
    assert "verdict wrong" in wrong
    assert "a key" in wrong


def test_an_open_question_shows_the_reply(trace):
    trace.options, trace.answer, trace.answer_reply = [], None, "It is a cup."
    assert "It is a cup." in answer_card(trace)
    assert 'class="letter"' not in answer_card(trace)


def test_key_frames_seek_to_their_times(trace):
    html = key_frames_html(trace)
    assert html.count("data:image/jpeg;base64,") == 2
    assert 'data-seek="3661.00"' in html
    assert "1:01:01" in html


def test_details_add_up(trace):
    html = details_html(trace)
    assert "<td>1.75</td>" in html  # 0.5 + 1.25 seconds
    assert "<td>128</td>" in html


def test_figure_has_a_row_a_query_and_one_for_the_weights(trace):
    figure = heatmap_figure(trace)
    rows = [t for t in figure.data if t.type == "heatmap"]
    assert len(rows) == 3
    assert [row.zmax for row in rows] == pytest.approx([0.4, 0.4, 1 / 3700])
    assert len(figure.layout.shapes) == 2 * 2  # both key-frames through both queries
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.height > 150
    assert "&lt;i&gt;star" in figure.layout.annotations[0].text
    marks = next(t for t in figure.data if t.type == "scatter")
    assert list(marks.text) == ["0:05", "1:01:01"]


def test_prompts_are_shown_as_they_were_asked(trace):
    trace.prompts = {"queries": "1:40[picture]\nWhat <is> it?"}
    shown = details_html(trace)
    assert "Prompt for the queries" in shown
    assert "1:40[picture]\nWhat &lt;is&gt; it?" in shown
    assert "Prompt for the answer" not in shown


def test_where_queries_come_from_is_told_only_where_it_is_not_the_reply(trace):
    assert query_note_html(trace) == ""
    trace.queries_from = "edited"
    assert "Edited by hand" in query_note_html(trace)
    trace.queries_from = "question"
    assert "question itself" in query_note_html(trace)


def test_figure_of_a_rule_that_looked_at_no_score(trace):
    trace.sim_QT, trace.weights_T = None, None
    figure = heatmap_figure(trace)
    assert [t.type for t in figure.data] == ["heatmap", "scatter"]
    assert "No score" in figure.layout.annotations[0].text
    assert "similarity" not in heatmap_legend(trace)
    assert heatmap_value(Trace("q")) is None


def test_figure_before_the_choice_and_of_one_frame():
    trace = Trace("q", queries=["a"], duration=0.5, times_T=np.zeros(1, np.float32), sim_QT=np.ones((1, 1), np.float32))
    figure = heatmap_figure(trace)
    assert len(figure.data) == 1
    assert not figure.layout.shapes
    assert json.loads(heatmap_value(trace)["figure"])["data"]


def test_lone_weights_are_widened_only_in_long_videos():
    peak = np.zeros(10, np.float32)
    peak[4] = 1
    assert column_peaks(peak, most=10, screen=10).tolist() == list(range(10))
    assert peak[column_peaks(peak, most=10, screen=5)].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    assert peak[column_peaks(peak, most=4, screen=10)].tolist() == [0, 1, 0, 0]


def test_close_marks_share_a_label():
    assert _spaced_labels([10.0, 11.0, 60.0], 100.0) == ["0:10", "", "1:00"]


@pytest.mark.parametrize(("last", "step"), [(6, 1), (59, 10), (420, 60), (3700, 600), (100_000, 14400)])
def test_time_ticks_are_round(last, step):
    ticks = time_ticks(last)
    assert ticks[:2] == [0, step]
    assert ticks[-1] <= last


def test_bundled_examples_are_complete():
    examples = load_examples()
    assert len(examples.items) == 3
    assert sum(example.path.stat().st_size for example in examples.items) < 12 << 20
    for example in examples.items:
        assert 5 <= example.minutes <= 20
        assert len(example.questions) == 4
        assert all(q.answer in "ABCDE"[: len(q.options)] for q in example.questions)


def test_truth_is_found_only_for_an_unchanged_example_question():
    examples = load_examples()
    asked = examples.items[1].questions[2]
    assert examples.find(1, asked.question, list(asked.options)) is asked
    assert examples.find(1, asked.question, list(asked.options)[::-1]) is None
    assert examples.find(0, asked.question, list(asked.options)) is None
    assert examples.find(None, asked.question, list(asked.options)) is None
    assert examples.find(99, asked.question, list(asked.options)) is None


def test_measuring_leaves_the_examples_as_they_are(tmp_path):
    path = tmp_path / "examples.json"
    path.write_text('{"examples": [], "measured": {"right": 1, "total": 12, "budget": 8}}', encoding="utf-8")
    write_measured(path, {"right": 7, "total": 12, "budget": 8})
    assert json.loads(path.read_text()) == {"examples": [], "measured": {"right": 7, "total": 12, "budget": 8}}
    assert "7 of 12" in measured_line(Examples(load_examples().items, load_examples(path).measured))


def test_no_list_of_examples_is_no_error(tmp_path):
    assert load_examples(tmp_path / "none.json").items == ()


def started(load) -> Engine:
    engine = Engine()
    engine.start(load)
    return engine


def events(stream) -> list:
    return [event for event in stream if event is not None]


def test_a_run_waits_for_the_models():
    may_end = threading.Event()
    engine = started(lambda: may_end.wait() and "models")
    stream = engine.stream(lambda models: (f"{m} used" for m in [models]))
    assert next(stream) is None  # a sign of life while the models load
    may_end.set()
    assert events(stream) == ["models used"]


def test_faults_of_a_run_do_not_end_the_engine():
    def bad_input(models):
        yield "first"
        raise QuestionError("the question is empty")

    def fault(models):
        yield 1 / 0

    engine = started(lambda: "models")
    with pytest.raises(QuestionError, match="is empty"):
        events(engine.stream(bad_input))
    with pytest.raises(RunFailed, match="ZeroDivisionError"):
        events(engine.stream(fault))
    assert events(engine.stream(lambda models: (word for word in ["next"]))) == ["next"]


def test_a_stopped_run_is_closed_before_the_next():
    order = []

    def endless(models):
        try:
            while True:
                yield "step"
        finally:
            order.append("closed")

    def following(models):
        order.append("next")
        yield "event"

    engine = started(lambda: "models")
    stream = engine.stream(endless)
    while next(stream) is None:
        pass
    stream.close()
    assert events(engine.stream(following)) == ["event"]
    assert order == ["closed", "next"]


def test_failed_loading_is_told_to_every_run():
    def load():
        raise QuestionError("no such model")

    engine = started(load)
    with pytest.raises(QuestionError, match="no such model"):
        events(engine.stream(lambda models: iter(())))
    assert isinstance(engine.failure, QuestionError)
    assert engine.models is None


def test_a_stop_reaches_into_the_step_in_progress_and_no_further():
    engine = started(lambda: "models")
    seen = []

    def long_step(models):
        yield "first"
        for _ in range(1000):
            time.sleep(0.01)
            if engine.stopping():
                seen.append("interrupted")
                break
        yield "rest"

    def following(models):
        seen.append(engine.stopping())
        yield "next"

    stream = engine.stream(long_step)
    while next(stream) is None:
        pass
    assert next(stream) is None  # within the long step
    stream.close()
    assert events(engine.stream(following)) == ["next"]
    assert seen == ["interrupted", False]


def test_a_second_run_is_told_its_place_and_a_third_is_turned_away():
    engine = Engine(max_waiting=1)
    engine.start(lambda: "models")

    def slow(models):
        yield "first"
        time.sleep(1)
        yield "last"

    one = engine.stream(slow)
    while next(one) is None:
        pass
    two = engine.stream(lambda models: (word for word in ["mine"]))
    assert next(two) == QueuePosition(1)
    with pytest.raises(QueueFull, match="1 waiting"):
        next(engine.stream(slow))
    one.close()
    assert events(two) == ["mine"]
    assert events(engine.stream(lambda models: (word for word in ["again"]))) == ["again"]
