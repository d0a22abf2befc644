"""The files of a small saved Trace, and their mutations."""

import io
import json
import zipfile
from pathlib import Path
from random import Random

import gradio as gr
import numpy as np
from PIL import Image

from demo.jobs.answer_store import StoredAnswer
from demo.limits import Limits
from demo.ui.results import ResultParts, progress_parts, result_parts, show_answer
from msjoe.trace import Trace
from tests.fuzzing.mutations import damaged, encoded, mutated, odd, text_of

RECORD, NUMBERS = "trace.json", "arrays.npz"
NAMES = (
    "keyframe_0000.jpg",
    "keyframe_0002.jpg",
    "keyframe_00001.jpg",
    "preview_9999.jpg",
    "../x.jpg",
    "/x",
    "a\\b",
    "é",
)
FILLS = (0.0, 1.0, -1.0, 1e30, 3e38, float("nan"), float("inf"), -float("inf"))
KINDS = (np.float64, np.float16, np.longdouble, np.int8, bool, complex, "U1", ">f4")
PICTURES = (("RGB", "JPEG"), ("L", "JPEG"), ("CMYK", "JPEG"), ("RGB", "PNG"), ("RGB", "GIF"), ("RGB", "TIFF"))


def parts_of(folder: Path) -> dict[str, bytes]:
    """Bytes by file name; ``folder`` is written to."""
    rng, count = np.random.default_rng(0), 30
    trace = Trace(
        question="What?",
        options=["a cup", "a key"],
        video="film.mp4",
        duration=float(count),
        settings={"budget": 3, "previews": 1},
        models={"mllm": "m", "clip": "c", "selector": "qframe"},
        preview_times=[1.0],
        queries=["red star", "cup"],
        queries_from="reply",
        times_T=np.arange(count, dtype=np.float32),
        sim_QT=rng.normal(0, 0.1, (2, count)).astype(np.float32),
        weights_T=np.full(count, 1 / count, np.float32),
        indices=[0, 7, 9],
        chosen_times=[0.0, 7.0, 9.0],
        tiers=[0, 1, 2],
        answer_reply="A",
        answer="A",
        seconds={"queries": 0.5, "answer": 1.25},
        tokens={"answer": {"visual": 128, "prompt": 200, "new": 2}},
        prompts={"answer": "[picture]What?"},
        notes=["a note"],
        previews=[np.full((8, 8, 3), 7, np.uint8)],
        keyframes=[np.full((8, 8, 3), i, np.uint8) for i in range(3)],
    )
    saved = trace.save(folder / "saved")
    return {path.name: path.read_bytes() for path in sorted(saved.iterdir())}


def mutated_parts(parts: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    """One or two files are other than they were."""
    whole, parts = parts, dict(parts)
    for _ in range(rng.choice((1, 1, 2))):
        how = rng.randrange(10)
        name = rng.choice(sorted(parts))
        if how < 4:
            record = odd(rng) if how == 0 else mutated(json.loads(whole[RECORD]), rng)
            parts[RECORD] = encoded(text_of(record, rng), rng)
        elif how == 4:
            parts[NUMBERS] = _arrays(rng)
        elif how == 5:
            parts[name] = _picture(rng)
        elif how == 6:
            del parts[name]
        elif how == 7:
            parts[rng.choice(NAMES)] = parts[name]
        else:
            parts[name] = damaged(parts[name], rng)
    return parts


def _arrays(rng: Random) -> bytes:
    """Other shapes and types, values that are no numbers, headers that promise more."""
    shapes = ((30,), (0,), (1,), (31,), (2, 30), (0, 30), (2, 0), (30, 2), (1, 1, 30), ())
    arrays = {}
    for name in ("times_T", "sim_QT", "weights_T"):
        usual = (2, 30) if name == "sim_QT" else (30,)
        shape = usual if rng.random() < 0.7 else rng.choice(shapes)
        with np.errstate(all="ignore"):
            rising = np.arange(np.prod(shape, dtype=int), dtype=np.float64).reshape(shape)
            value = rising if rng.random() < 0.5 else np.full(shape, rng.choice(FILLS))
            arrays[name] = value.astype(rng.choice(KINDS) if rng.random() < 0.3 else np.float32)
    if rng.random() < 0.3:
        del arrays[rng.choice(sorted(arrays))]
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    data = packed.getvalue()
    return data if rng.random() < 0.7 else data.replace(b"(30,)", rng.choice((b"(99,)", b"(-1,)", b"(3e1)", b"30,,,")))


def _picture(rng: Random) -> bytes:
    size = rng.choice(((1, 1), (8, 8), (1, 3000), (3000, 1), (700, 700), (1500, 900)))
    written = io.BytesIO()
    mode, kind = rng.choice(PICTURES)
    progressive = {"progressive": True} if kind == "JPEG" and rng.random() < 0.3 else {}
    Image.new(mode, size).save(written, kind, **progressive)
    return written.getvalue()


def packed(parts: dict[str, bytes], rng: Random, method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of them; sometimes a name is there twice."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as file:
        for name, data in parts.items():
            file.writestr(name, data)
        if rng.random() < 0.05 and parts:
            name = rng.choice(sorted(parts))
            file.writestr(zipfile.ZipInfo(name.swapcase()), parts[name])
    return written.getvalue()


def outputs() -> ResultParts:
    """The parts of a page that show an answer."""
    with gr.Blocks():
        return result_parts(*progress_parts(), Limits(), again="")


def check_shown(trace: Trace, shown: ResultParts) -> None:
    """A Trace that was read can be drawn, sent to a browser and saved again."""
    json.dumps(list(show_answer(shown, StoredAnswer(trace)).values()), ensure_ascii=False).encode()
    json.dumps(trace.summary(), ensure_ascii=False).encode()
    trace.save("again")
    again = Trace.load("again")
    assert [p.shape for p in again.keyframes] == [p.shape for p in trace.keyframes]
    assert again.same_answer(trace), "a Trace that was saved again differs"
