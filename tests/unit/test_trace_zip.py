"""A Trace as a zip and back; and zips that mean harm."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from msjoe.errors import UserError
from msjoe.trace import Trace
from msjoe.trace_check import check_trace
from msjoe.trace_zip import ZipBounds, read_zip, write_zip


@pytest.fixture
def trace() -> Trace:
    rng = np.random.default_rng(0)
    picture = np.full((16, 16, 3), 120, np.uint8)
    return Trace(
        question="What?",
        options=["a cup", "a key"],
        video="film.mp4",
        duration=40.0,
        settings={"budget": 2},
        models={"mllm": "m", "clip": "c", "selector": "standin"},
        versions={"msjoe": "0"},
        preview_times=[20.0],
        queries=["red star", "blue waves"],
        queries_from="reply",
        times_T=np.arange(40, dtype=np.float32),
        sim_QT=rng.normal(size=(2, 40)).astype(np.float32),
        weights_T=np.full(40, 1 / 40, np.float32),
        indices=[5, 30],
        chosen_times=[5.0, 30.0],
        answer_reply="A",
        answer="A",
        seconds={"answer": 1.25},
        tokens={"answer": {"visual": 128, "prompt": 200, "new": 2}},
        previews=[picture],
        keyframes=[picture, picture],
    )


def test_a_zip_gives_the_trace_back(trace, tmp_path):
    again = read_zip(write_zip(trace, tmp_path / "answer.zip"))
    assert again.same_answer(trace)
    assert again.seconds == trace.seconds
    assert len(again.keyframes) == 2
    assert np.abs(again.keyframes[0].astype(int) - trace.keyframes[0]).max() <= 2  # jpg
    names = zipfile.ZipFile(tmp_path / "answer.zip").namelist()
    assert names == ["arrays.npz", "keyframe_0000.jpg", "keyframe_0001.jpg", "preview_0000.jpg", "trace.json"]


def test_a_trace_that_ended_early_can_be_kept_too(tmp_path):
    assert read_zip(write_zip(Trace("What?", duration=1.0), tmp_path / "a.zip")).question == "What?"


def rebuilt(path, changes: dict[str, bytes | None]):
    """The zip at ``path`` with parts replaced, added or (None) left out."""
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    parts |= changes
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in parts.items():
            if data is not None:
                packed.writestr(name, data)
    return path


def record(trace: Trace, tmp_path, **changes) -> bytes:
    path = write_zip(trace, tmp_path / "record.zip")
    return json.dumps(json.loads(zipfile.ZipFile(path).read("trace.json")) | changes).encode()


def arrays(**named) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **named)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name", ["../trace.json", "/etc/passwd", "a/trace.json", "..\\evil.jpg", "evil.py", "keyframe_0.png", "x/"]
)
def test_foreign_parts_are_refused(trace, tmp_path, name):
    path = rebuilt(write_zip(trace, tmp_path / "a.zip"), {name: b"x"})
    with pytest.raises(UserError, match="not an exported answer"):
        read_zip(path)
    assert not (tmp_path / "evil.py").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 99},
        {"answer": "<script>"},
        {"answer": "C"},
        {"options": "text"},
        {"options": [1, 2]},
        {"duration": "long"},
        {"duration": float("nan")},
        {"chosen_times": [1.0]},
        {"chosen_times": ["<b>", "<i>"]},
        {"chosen_times": [-5.0, 3.0]},
        {"indices": [0, 4000]},
        {"queries": ["one alone"]},
        {"seconds": {"answer": "<img>"}},
        {"tokens": {"answer": "many"}},
        {"tokens": {"answer": {"visual": "<img>"}}},
        {"models": {"mllm": None}},
        {"models": []},
        {"unknown": 1},
        {"question": None},
        {"tiers": [0, float("inf")]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_record_that_does_not_fit_is_refused(trace, tmp_path, changes):
    path = rebuilt(write_zip(trace, tmp_path / "a.zip"), {"trace.json": record(trace, tmp_path, **changes)})
    with pytest.raises(UserError):
        read_zip(path)


def test_arrays_that_do_not_fit_are_refused(trace, tmp_path):
    times, sim = trace.times_T, trace.sim_QT
    for data in (
        arrays(times_T=times, sim_QT=sim[:1]),
        arrays(times_T=times, sim_QT=np.full_like(sim, np.nan)),
        arrays(times_T=times, sim_QT=sim.astype(object)),
        arrays(times_T=times.astype("U5"), sim_QT=sim),
        arrays(times_T=times[:0], sim_QT=sim[:, :0]),
        b"no arrays",
        None,
    ):
        path = rebuilt(write_zip(trace, tmp_path / "a.zip"), {"arrays.npz": data})
        with pytest.raises(UserError):
            read_zip(path)


def test_pictures_are_jpgs_of_a_sane_size(trace, tmp_path):
    png = io.BytesIO()
    Image.new("RGB", (4, 4)).save(png, "PNG")
    huge = io.BytesIO()
    Image.new("L", (6000, 5000)).save(huge, "JPEG")
    for data in (png.getvalue(), huge.getvalue(), b"no picture", None):
        path = rebuilt(write_zip(trace, tmp_path / "a.zip"), {"keyframe_0000.jpg": data})
        with pytest.raises(UserError):
            read_zip(path)


def test_a_zip_that_unpacks_to_too_much_is_refused(trace, tmp_path):
    path = write_zip(trace, tmp_path / "a.zip")
    assert read_zip(path, ZipBounds(megabytes=1))
    rebuilt(path, {"arrays.npz": arrays(times_T=trace.times_T, zeros=np.zeros(1_000_000, np.float32))})
    with pytest.raises(UserError, match="1 MB"):
        read_zip(path, ZipBounds(megabytes=1))


def test_what_is_no_zip_gets_a_message(tmp_path):
    path = tmp_path / "a.zip"
    for data in (b"", b"no zip", b"PK\x03\x04 broken"):
        path.write_bytes(data)
        with pytest.raises(UserError):
            read_zip(path)


def test_a_sound_trace_passes(trace):
    check_trace(trace)
