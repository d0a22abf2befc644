"""What a program or a crafted request may send: limits hold on the page and the API, and every error has a message."""

import json
import socket
import threading
import urllib.request
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import demo.api
from demo.api import _checked_request, add_endpoints
from demo.browse.archive import TraceArchive
from demo.browse.traces_page import build as build_traces
from demo.examples import load_examples
from demo.jobs.engine import Engine
from demo.limits import Limits
from demo.page import PageOptions, build
from demo.ui.page_frame import blocks
from demo.ui.question_form import read_request
from demo.views.answer_card import answer_card
from demo.views.heatmap_figure import heatmap_figure, heatmap_value
from demo.views.messages import short_name
from msjoe.errors import UserError
from msjoe.pipeline import Event
from msjoe.trace import Trace

PATIENCE = 60  # seconds for a busy machine


@pytest.fixture
def film_there(tmp_path, monkeypatch) -> dict:
    """An uploaded file, as a program names it."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "film.mp4").write_bytes(b"film")
    return {"path": str(tmp_path / "film.mp4")}


USUAL = {"question": "What?", "options": ["a", "b"], "budget": 8, "previews": -1, "selector": "", "seed": 0}


def asked_by_program(video: dict, **sent):
    sent = USUAL | sent
    settings = {name: sent[name] for name in ("budget", "previews", "selector", "seed")}
    return _checked_request(video, sent["question"], sent["options"], settings, 1.0, Limits())


def asked_by_page(**sent):
    sent = USUAL | {"previews": ""} | sent
    names = ("question", "options", "budget", "previews", "selector", "seed")
    return read_request(("film.mp4", *(sent[name] for name in names), None, None), 1.0, Limits())


def test_what_is_usual_passes_both_doors(film_there):
    one, two = asked_by_program(film_there), asked_by_page()
    assert (one.question, one.options, one.budget, one.previews) == ("What?", ["a", "b"], 8, None)
    assert (two.question, two.options, two.budget, two.previews) == ("What?", ["a", "b"], 8, None)
    assert asked_by_program(film_there, options=None, previews=32).previews == 32


NUMBERS = [("budget", value) for value in (0, 33, 600, 10**6, 10**400, 7.5, True, "8", None, [8])]
NUMBERS += [("seed", value) for value in (-1, 1.5, 10**400, "x", [])]
NOT_NUMBERS = [(name, value) for name in ("budget", "seed") for value in (float("nan"), float("inf"), -float("inf"))]
TEXTS = [
    ("question", "\ud800"),
    ("question", 5),
    ("options", ["a", "\ud800"]),
    ("selector", "\udfff"),
    ("selector", [1]),
]


@pytest.mark.parametrize(("name", "value"), NUMBERS + NOT_NUMBERS + TEXTS, ids=lambda value: ascii(value)[:20])
def test_no_door_takes_what_is_beyond_the_bounds(film_there, name, value):
    with pytest.raises(UserError):
        asked_by_program(film_there, **{name: value})
    with pytest.raises(UserError):
        asked_by_page(**{name: value})


@pytest.mark.parametrize("value", [33, 100_000, 10**6, -2, float("nan"), float("inf"), "3", None])
def test_previews_are_bounded_for_programs(film_there, value):
    with pytest.raises(UserError):
        asked_by_program(film_there, previews=value)


@pytest.mark.parametrize("typed", ["9" * 5000, "33", "-1", "\u0663\u0663"])
def test_previews_are_bounded_on_the_page(typed):
    with pytest.raises(UserError):
        asked_by_page(previews=typed)


@pytest.mark.parametrize("options", [[1, 2, 3], [["a"], ["b"]], ["a", None], "ab", {"A": "red"}, ["x"] * 27])
def test_a_program_s_options_are_refused_and_not_dropped(film_there, options):
    with pytest.raises(UserError):
        asked_by_program(film_there, options=options)


class Caller:
    """Raw HTTP: asks for an answer, begins to listen, and can go away."""

    def __init__(self, port: int, data: list) -> None:
        address = f"http://127.0.0.1:{port}/gradio_api/call/answer"
        request = urllib.request.Request(address, json.dumps({"data": data}).encode())
        request.add_header("Content-Type", "application/json")
        event = json.load(urllib.request.urlopen(request, timeout=PATIENCE))["event_id"]
        self.line = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.line.sendall(f"GET /gradio_api/call/answer/{event} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def test_a_run_ends_when_the_program_that_asked_for_it_has_gone(film_there, monkeypatch):
    """The run goes on until it is closed; the models are free for the next caller once it is."""
    begun, closed, enough = (threading.Event() for _ in range(3))

    def endless(models, asked):
        try:
            begun.set()
            while not enough.wait(0.05):
                yield Event("similarity", 0.5, "at work", Trace("q"))
        finally:
            closed.set()

    monkeypatch.setattr(demo.api, "answer_events", endless)
    engine = Engine()
    with blocks("test", Limits(), load_examples()) as page:
        add_endpoints(engine, 1.0, Limits())
    page.queue(api_open=False)
    page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    try:
        engine.start(object)
        caller = Caller(
            page.server_port, [film_there | {"meta": {"_type": "gradio.FileData"}}, "What?", [], 4, -1, "", 0]
        )
        assert begun.wait(PATIENCE)
        assert not closed.is_set()
        caller.line.close()
        assert closed.wait(PATIENCE / 3)
    finally:
        enough.set()
        page.close()


def turn_of(page):
    """The function behind the page's choices, and how many more values it takes."""
    found = [f for f in page.fns.values() if any(event == "turn" for _, event in f.targets)]
    return found[0].fn, len(found[0].inputs) - 1


@pytest.fixture(scope="module")
def page():
    return build(Engine(), load_examples(), PageOptions(embedded=True, root=Path.cwd()))


@pytest.mark.parametrize(
    "choice",
    [
        {"kind": "nonsense", "value": 1},
        {"kind": ["example"], "value": 1},
        {"kind": "example", "value": 99},
        {"kind": "example", "value": -1},
        {"kind": "example", "value": {"a": 1}},
        {"kind": "question", "value": 99},
        {"kind": "question", "value": "x"},
        {"kind": "place", "value": {"a": 1}},
        {"kind": "options", "value": [1]},
        {"kind": "queries", "value": "\ud800"},
        {"kind": "example", "value": "\ud800"},
        {"kind": "\ud800", "value": 1},
        {"value": 1},
        "turn",
        None,
    ],
    ids=ascii,
)
def test_a_crafted_choice_gets_a_message(page, choice):
    turn, more = turn_of(page)
    held = [None, None, 0, "", None, None, None, None]  # as the page is when it opens: example 0
    assert len(held) == more
    shown = [value for value in turn(choice, *held).values() if isinstance(value, str) and 'role="alert"' in value]
    assert len(shown) == 1
    shown[0].encode()  # what is sent: half a surrogate pair cannot be


def test_every_event_that_reads_what_a_visitor_sent_tells_of_a_fault(page):
    """Where gradio's own fault would be a word for a second, the page's notice says it."""
    config = page.config
    notice = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "notice")
    told = {
        d["trigger_after"] for d in config["dependencies"] if d["trigger_only_on_failure"] and notice in d["outputs"]
    }
    buttons = {c["props"].get("elem_id"): c["id"] for c in config["components"]}
    wanted = {buttons[name] for name in ("run", "compare", "queries", "turns", "export")}
    first = [d for d in config["dependencies"] if d["backend_fn"] and any(t[0] in wanted for t in d["targets"])]
    assert len(first) >= len(wanted)
    works = [d for d in config["dependencies"] if d["backend_fn"] and d["trigger_after"] in {f["id"] for f in first}]
    works = [d for d in works if d["queue"]]  # what uses the models
    assert len(works) == 3
    assert {d["id"] for d in [*first, *works]} <= told


def test_the_seed_s_own_message_is_reached(page):
    seeds = [c for c in page.blocks.values() if getattr(c, "label", "") == "Seed (for rules that draw)"]
    with pytest.raises(UserError, match="-1"):
        asked_by_page(seed=seeds[0].preprocess(-1))


def test_a_name_in_a_zip_is_no_question_to_the_disk(tmp_path):
    there, not_there = short_name(str(tmp_path)), short_name(f"{tmp_path}-not")
    assert (there, not_there) == (tmp_path.name, f"{tmp_path.name}-not")
    assert short_name("Qwen/Qwen2.5-VL-7B-Instruct") == "Qwen/Qwen2.5-VL-7B-Instruct"


def long_trace(count: int) -> Trace:
    sim = np.random.default_rng(0).normal(0, 0.01, (4, count)).astype(np.float32)
    sim[1, 123_457 % count] = 1
    return Trace(
        "q",
        duration=float(count),
        queries=["a", "b", "c", "d"],
        times_T=np.arange(count, dtype=np.float32),
        sim_QT=sim,
        weights_T=np.full(count, 1 / count, np.float32),
        indices=[5],
        chosen_times=[5.0],
    )


@pytest.mark.parametrize("count", [14_400, 200_000])
def test_a_long_video_s_heatmap_is_small_and_its_columns_find_the_second_of_their_peak(count):
    drawn = heatmap_value(long_trace(count))
    assert len(json.dumps(drawn)) < 500_000
    peaks, peak = drawn["peaks"], 123_457 % count
    column = round((peak - peaks["first"]) / peaks["width"])
    assert peaks["seconds"][1][column] == peak
    row = json.loads(drawn["figure"])["data"][1]
    assert (row["x0"], row["dx"]) == (peaks["first"], peaks["width"])
    assert heatmap_figure(long_trace(count)).data[1].z[0][column] == 1
    assert all(len(seconds) <= 2000 for seconds in peaks["seconds"])
    assert peaks["seconds"][0] == sorted(peaks["seconds"][0])


def test_a_column_of_a_short_video_is_its_frame():
    trace = long_trace(900)
    assert heatmap_value(trace)["peaks"] is None
    assert np.array_equal(heatmap_figure(trace).data[2].z[0], trace.sim_QT[2])


@pytest.fixture
def two_traces(tmp_path) -> Path:
    """a: whole; b: without its arrays."""
    for name in ("a", "b"):
        Trace(
            "q",
            ["x", "y"],
            duration=3.0,
            times_T=np.arange(3, dtype=np.float32),
            answer="A",
            answer_reply="A",
            seconds={"answer": 1.0},
        ).save(tmp_path / "run" / name)
    (tmp_path / "run" / "b" / "arrays.npz").unlink()
    return tmp_path / "run"


@pytest.mark.parametrize("least", ["", "5"], ids=["unreadable", "none-fits"])
def test_no_answer_of_another_trace_stays_on_show(two_traces, least):
    page = build_traces(TraceArchive.scan(two_traces), load_examples(), Limits(), None)
    turn, more = turn_of(page)
    any_of_all = ["any"] * (more - 2)
    choice = {"kind": "pick", "value": 1} if not least else {"kind": "narrow", "value": None}
    updates = turn(choice, 0, *any_of_all, least)
    by_id = {getattr(part, "elem_id", None): value for part, value in updates.items()}
    assert by_id["answer"] == answer_card(None)
    assert by_id["heatmap"] is None
    assert by_id["frames"] == ""
    assert ('role="alert"' in by_id["notice"]) is (not least)


def test_each_limit_is_a_flag_in_the_docs_with_its_default():
    table = (Path(__file__).parents[2] / "docs" / "app.md").read_text(encoding="utf-8").split("## Limits")[1]
    lines = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| `--")}
    for field in fields(Limits):
        line = lines.pop(f"`--{field.name.replace('_', '-')}`")
        assert f"`MSJOE_{field.name.upper()}`" in line
        assert f" {field.default:,} ".replace(",", "") in line.replace(",", "").replace("|", " ").replace(";", " ")
    assert not lines
    assert {"max_budget", "max_previews", "max_queries", "max_zip_megapixels"} <= {
        field.name for field in fields(Limits)
    }
