"""Visits: a few events of the page after one another, most of them with what the page sends, some forged."""

import os
from pathlib import Path
from random import Random

import gradio as gr

from demo.browse.archive import TraceArchive
from demo.browse.traces_page import build as build_traces
from demo.examples import load_examples
from demo.limits import Limits
from demo.page import PageOptions, build
from msjoe.comparison_zip import Column, Export, write_export
from msjoe.trace import Trace
from tests.fuzzing.browser import Browser, functions
from tests.fuzzing.entry import Attempt, Entry
from tests.fuzzing.models import engine, films
from tests.fuzzing.mutations import TEXTS, damaged, mutated, nested, odd
from tests.fuzzing.saved_traces import parts_of

KINDS = (
    "example",
    "question",
    "upload",
    "cleared",
    "place",
    "options",
    "queries",
    "copied",
    "opened",
    "narrow",
    "step",
    "pick",
)
CHOICES = (0, 1, 2, -1, 99, True, False, None, "film.mp4", "../film.mp4", "film.avi", "sub", "A. one\nB. two\nC. three")
LISTS = ([], ["a", "b"], ["red star"], ["topk", ""], [4, 8], [8], ["x"] * 40, ["\ud800", "b"])
NAMES = ("any", "reel", "topk", "unknown", "", "0.5", "nan", "-inf", "x")


def prepare(folder: Path) -> Attempt:
    uploads, root = Path(os.environ["GRADIO_TEMP_DIR"]).resolve(), folder / "root"
    root.mkdir()
    films(root)
    parts_of(folder / "traces")
    uploaded = [*films(uploads), *_zips(folder / "traces" / "saved", uploads)]
    examples = load_examples()
    pages = [
        build(engine(folder), examples, PageOptions(embedded=True, root=root.resolve(), limits=Limits())),
        build_traces(TraceArchive.scan(folder / "traces"), examples, Limits(), root.resolve()),
    ]
    events = [functions(page, lambda f: f.api_visibility == "private") for page in pages]

    def attempt(rng: Random, case: Path) -> str:
        number = rng.choice((0, 0, 0, 1))
        visit, outcomes = Browser(pages[number], folder.parent), []
        turn = [event for event in events[number] if any(name == "turn" for _, name in event.targets)]
        for _ in range(rng.choice((1, 3, 6))):
            event = rng.choice(turn if rng.random() < 0.5 else events[number])
            values = [_value(component, uploaded, rng) for component in event.inputs]
            outcomes.append(visit.send(event, values)[0])
            after = [event] if outcomes[-1] == "answered" else []
            for first in after:
                then = [f for f in events[number] if f.trigger_after == first._id and not f.trigger_only_on_failure]
                for event in then:
                    outcomes.append(visit.send(event, [_value(part, uploaded, rng) for part in event.inputs])[0])
                after += then
        return max(set(outcomes), key=outcomes.count)

    return attempt


def _zips(saved: Path, uploads: Path) -> list[Path]:
    trace = Trace.load(saved)
    whole = write_export(Export(trace), uploads / "answer.zip")
    columns = tuple(Column(rule, 3, trace) for rule in ("uniform", "topk"))
    compared = write_export(Export(trace, columns), uploads / "compared.zip")
    (uploads / "damaged.zip").write_bytes(damaged(whole.read_bytes(), Random(0)))
    return [whole, compared, uploads / "damaged.zip"]


def _value(component: gr.components.Component, uploaded: list[Path], rng: Random) -> object:
    """What a browser sends for a component: what is on it at first, another value of its kind, or anything.

    Of files, menus and sliders Gradio lets through little but what they offer, so they are seldom forged.
    """
    how = rng.random()
    checked = isinstance(component, (gr.Video, gr.UploadButton, gr.Dropdown, gr.Radio, gr.CheckboxGroup, gr.Slider))
    if how < (0.01 if checked else 0.1):
        return nested(100) if rng.random() < 0.1 else odd(rng)
    if component.elem_id == "turns":
        choice = {"kind": rng.choice(KINDS), "value": rng.choice(CHOICES) if rng.random() < 0.7 else odd(rng)}
        return choice if rng.random() < 0.9 else mutated(choice, rng)
    if isinstance(component, (gr.Video, gr.UploadButton)):
        files = [path for path in uploaded if (path.suffix == ".zip") == isinstance(component, gr.UploadButton)]
        file = {"path": str(rng.choice(files)), "orig_name": "film.mp4", "meta": {"_type": "gradio.FileData"}}
        return None if how < 0.3 else file if how < 0.99 else mutated(file, rng)
    if how < 0.6:
        return component.value
    if isinstance(component, gr.HTML):
        return list(rng.choice(LISTS))
    if isinstance(component, gr.CheckboxGroup):
        return rng.sample([value for _, value in component.choices], rng.choice((0, 1, 2)))
    if isinstance(component, (gr.Dropdown, gr.Radio)):
        return rng.choice([value for _, value in component.choices] or list(NAMES))
    if isinstance(component, (gr.Slider, gr.Number)):
        return rng.choice((1, 2, 4, 8, 32))
    return rng.choice(("What?", "0.5", "4", *TEXTS))


ENTRY = Entry(prepare, seconds=60, megabytes=800)
