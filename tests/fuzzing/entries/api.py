"""``/answer`` and ``/select``, as programs call them."""

import os
from pathlib import Path
from random import Random

from demo.examples import load_examples
from demo.limits import Limits
from demo.page import PageOptions, build
from tests.fuzzing.browser import Browser, functions
from tests.fuzzing.entry import Attempt, Entry
from tests.fuzzing.models import engine, films
from tests.fuzzing.mutations import mutated, nested, odd

VALUES = {  # usual ones first
    "question": (
        "What?",
        "What is it?",
        "",
        " ",
        "x" * 100_000,
        "\ud800",
        "<b>",
        "Which? A. this B. that",
        "what " * 3000,
    ),
    "options": (["a", "b"], [], ["a", "a"], ["a"], ["A. a", "B. b"], ["", ""], ["x"] * 27, ["a", "y" * 9000]),
    "budget": (4, 1, 2, 8.0, 12, 13, 32, 33, -1, "8", None, 1e9),
    "previews": (-1, 0, 1, 4, 32, 33, None),
    "selector": ("", "topk", "uniform", "random", "aks", "bolt", "qframe_repaired", "sampler", "tspo", "aks?t1=0.2"),
    "seed": (0, 1, 2**32 - 1, 2**32, -1),
}


def prepare(folder: Path) -> Attempt:
    uploads = Path(os.environ["GRADIO_TEMP_DIR"]).resolve()
    page = build(engine(folder), load_examples(), PageOptions(embedded=True, limits=Limits()))
    calls = functions(page, lambda f: f.api_name in ("answer", "select"))
    assert len(calls) == 2
    uploaded = films(uploads)

    def attempt(rng: Random, case: Path) -> str:
        call = rng.choice(calls)
        names = [name for name in VALUES if name != "previews" or call.api_name == "answer"]
        changed = rng.sample(names, rng.choice((0, 1, 1, 2)))
        values = [_value(name, name in changed, rng) for name in names]
        outcome, sent = Browser(page, uploads).send(call, [_video(uploaded, rng), *values])
        if outcome == "answered":
            _check_result(call.api_name, sent[-1])
        return outcome

    return attempt


def _check_result(name: str, result: object) -> None:
    assert isinstance(result, dict), result
    assert result["times"], result
    assert {"answer", "reply"} <= set(result) or name == "select"


def _value(name: str, changed: bool, rng: Random) -> object:
    if changed and rng.random() < 0.4:
        return nested(200) if rng.random() < 0.1 else odd(rng)
    value = rng.choice(VALUES[name] if changed else VALUES[name][:2])
    return list(value) if isinstance(value, list) else value


def _video(uploaded: list[Path], rng: Random) -> object:
    usual = {"path": str(uploaded[0]), "meta": {"_type": "gradio.FileData"}}
    how = rng.random()
    if how < 0.75:
        return usual
    if how < 0.85:
        return usual | {"path": str(rng.choice(uploaded))}
    if how < 0.92:
        paths = ("/etc/passwd", "..", "", "\0", f"{uploaded[0]}/x", str(uploaded[0].parent), "film.mp4")
        return usual | {"path": rng.choice(paths)}
    return mutated(usual, rng)


ENTRY = Entry(prepare, seconds=60)
