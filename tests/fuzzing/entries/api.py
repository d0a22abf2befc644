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

SELECTORS = (
    "",
    "topk",
    "uniform",
    "random",
    "aks",
    "bolt",
    "qframe",
    "qframe_repaired",
    "sampler",
    "tspo",
    "aks?t1=0.2",
    "aks?t1=x",
    "?",
)
QUESTIONS = ("What?", "", " ", "x" * 100_000, "\ud800", "<b>", "Which letter? A. this B. that", "what " * 3000)
OPTIONS = (
    [],
    ["a", "b"],
    ["a", "a"],
    ["a"],
    ["A. a", "B. b"],
    ["", ""],
    ["x"] * 26,
    ["x"] * 27,
    [str(i) for i in range(26)],
    ["a", "y" * 9000],
)
BUDGETS = (1, 2, 4, 8, 8.0, 12, 13, 32, 33, -1, "8", None, 1e9)


def prepare(folder: Path) -> Attempt:
    uploads = Path(os.environ["GRADIO_TEMP_DIR"]).resolve()
    page = build(engine(folder), load_examples(), PageOptions(embedded=True, limits=Limits()))
    calls = functions(page, lambda f: f.api_name in ("answer", "select"))
    assert len(calls) == 2
    uploaded = films(uploads)

    def attempt(rng: Random, case: Path) -> str:
        call = rng.choice(calls)
        values = [_video(uploaded, rng), rng.choice(QUESTIONS), list(rng.choice(OPTIONS)), rng.choice(BUDGETS)]
        if call.api_name == "answer":
            values.append(rng.choice((-1, -1, 0, 1, 4, 32, 33, None)))
        values += [rng.choice(SELECTORS), rng.choice((0, 0, 1, 2**32 - 1, 2**32, -1))]
        for _ in range(rng.choice((0, 0, 1, 2))):
            values[rng.randrange(len(values))] = nested(200) if rng.random() < 0.05 else odd(rng)
        outcome, sent = Browser(page, uploads).send(call, values)
        if outcome == "answered":
            _check_result(call.api_name, sent[-1])
        return outcome

    return attempt


def _check_result(name: str, result: object) -> None:
    assert isinstance(result, dict), result
    assert result["times"], result
    assert {"answer", "reply"} <= set(result) or name == "select"


def _video(uploaded: list[Path], rng: Random) -> object:
    usual = {"path": str(uploaded[0]), "meta": {"_type": "gradio.FileData"}}
    how = rng.random()
    if how < 0.6:
        return usual
    if how < 0.75:
        return usual | {"path": str(rng.choice(uploaded))}
    if how < 0.85:
        return usual | {
            "path": rng.choice(("/etc/passwd", "..", "", "\0", f"{uploaded[0]}/x", str(uploaded[0].parent), "film.mp4"))
        }
    return mutated(usual, rng)


ENTRY = Entry(prepare, seconds=60)
