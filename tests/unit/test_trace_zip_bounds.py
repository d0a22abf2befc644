"""Zips made to cost much are refused by what their headers say, before anything of them is decoded."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from msjoe.errors import UserError
from msjoe.trace import Trace
from msjoe.trace_zip import read_zip, write_zip


@pytest.fixture
def no_decoding(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(Image.Image, "convert", fail)


def jpg(width: int, height: int, **how) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height), 90).save(buffer, "JPEG", **how)
    return buffer.getvalue()


def arrays(**named) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **named)
    return buffer.getvalue()


def packed(path, record: dict, numbers: bytes | None = None, pictures: dict | None = None):
    base = {"schema": 1, "question": "What?", "duration": 10.0}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("trace.json", json.dumps(base | record))
        file.writestr("arrays.npz", numbers or arrays(times_T=np.arange(9, dtype=np.float32)))
        for name, data in (pictures or {}).items():
            file.writestr(name, data)
    return path


def previews(data: bytes, count: int) -> tuple[dict, dict]:
    return {"preview_times": [0.0] * count}, {f"preview_{i:03d}.jpg": data for i in range(count)}


def test_pictures_are_bounded_together(tmp_path, no_decoding):
    record, pictures = previews(jpg(1000, 1000), 65)
    with pytest.raises(UserError, match="65,000,000"):
        read_zip(packed(tmp_path / "a.zip", record, pictures=pictures))


@pytest.mark.parametrize(("name", "size"), [("preview_0.jpg", (1001, 1000)), ("keyframe_0.jpg", (2001, 2000))])
def test_each_picture_is_bounded(tmp_path, no_decoding, name, size):
    record = {"preview_times": [0.0], "chosen_times": [0.0], "indices": [0]}
    with pytest.raises(UserError, match=f"{size[0]} x {size[1]}"):
        read_zip(packed(tmp_path / "a.zip", record, pictures={name: jpg(*size)}))


def test_a_jpg_that_is_drawn_in_many_passes_is_refused(tmp_path, no_decoding):
    record, pictures = previews(jpg(64, 64, progressive=True), 1)
    with pytest.raises(UserError, match="preview_000"):
        read_zip(packed(tmp_path / "a.zip", record, pictures=pictures))


def test_pictures_are_bounded_in_number(tmp_path, no_decoding):
    record, pictures = previews(jpg(8, 8), 225)
    with pytest.raises(UserError, match="225"):
        read_zip(packed(tmp_path / "a.zip", record, pictures=pictures))


@pytest.mark.parametrize("count", [5, 300])
def test_queries_are_bounded(tmp_path, count):
    numbers = arrays(times_T=np.arange(9, dtype=np.float32), sim_QT=np.zeros((count, 9), np.float32))
    with pytest.raises(UserError, match=f"{count} queries"):
        read_zip(packed(tmp_path / "a.zip", {"queries": ["q"] * count}, numbers))


def test_frames_times_queries_are_bounded(tmp_path):
    times, sim = np.arange(250_001, dtype=np.float32), np.zeros((4, 250_001), np.float32)
    with pytest.raises(UserError, match="1,000,004"):
        read_zip(packed(tmp_path / "a.zip", {"queries": ["q"] * 4}, arrays(times_T=times, sim_QT=sim)))


def test_times_without_pictures_are_bounded_as_each_is_drawn(tmp_path):
    record = {"chosen_times": [0.0] * 50_000, "indices": [0] * 50_000}
    with pytest.raises(UserError, match="50,000 chosen times"):
        read_zip(packed(tmp_path / "a.zip", record))


def test_times_of_a_video_that_nobody_could_have_made_are_refused(tmp_path):
    """The axis would get a mark for every two hours of 1e31 years."""
    numbers = arrays(times_T=np.array([0, 3e38], np.float32))
    with pytest.raises(UserError, match="times"):
        read_zip(packed(tmp_path / "a.zip", {}, numbers))


def test_the_record_is_bounded(tmp_path):
    with pytest.raises(UserError, match="2 MB"):
        read_zip(packed(tmp_path / "a.zip", {"notes": ["note"] * 400_000}))


def test_a_list_of_parts_is_bounded_before_it_is_read(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for i in range(5000):
            file.writestr(f"preview_{i:04d}.jpg", b"")
    entries = []

    class Counted(zipfile.ZipInfo):
        def __init__(self, *args, **kwargs) -> None:
            entries.append(args)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(zipfile, "ZipInfo", Counted)
    with pytest.raises(UserError):
        read_zip(tmp_path / "a.zip")
    assert len(entries) < 1000


def test_what_the_page_itself_exports_is_within_the_bounds(tmp_path):
    """Q-Frame at the largest budget, with real models' pictures, about a film of four hours."""
    count = 14_400
    rng = np.random.default_rng(0)
    big, small = (rng.integers(0, 255, (side, side, 3), np.uint8) for side in (448, 112))
    trace = Trace(
        "What?",
        duration=float(count),
        queries=["a", "b", "c", "d"],
        times_T=np.arange(count, dtype=np.float32),
        sim_QT=rng.normal(size=(4, count)).astype(np.float32),
        weights_T=np.full(count, 1 / count, np.float32),
        preview_times=[0.0] * 32,
        previews=[small] * 32,
        indices=list(range(176)),
        chosen_times=[float(i) for i in range(176)],
        keyframes=[big] * 16 + [small] * 160,
    )
    assert len(read_zip(write_zip(trace, tmp_path / "a.zip")).keyframes) == 176
