"""Saved Traces with many pictures come back in order, and damaged ones end in a UserError wherever they are read."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.browse.archive import TraceArchive
from msjoe.errors import UserError
from msjoe.trace import Trace
from msjoe.trace_zip import read_zip, write_zip

MANY = 176  # what Q-Frame shows for a budget of 32


def a_trace(frames: int = 3) -> Trace:
    """Picture i is grey of brightness i."""
    count = max(frames, 40)
    return Trace(
        question="What?",
        options=["a cup", "a key"],
        video="film.mp4",
        duration=float(count),
        models={"mllm": "m", "clip": "c", "selector": "qframe"},
        preview_times=[1.0],
        queries=["red star"],
        queries_from="reply",
        times_T=np.arange(count, dtype=np.float32),
        sim_QT=np.linspace(0, 1, count, dtype=np.float32)[None],
        weights_T=np.full(count, 1 / count, np.float32),
        indices=list(range(frames)),
        chosen_times=[float(i) for i in range(frames)],
        answer_reply="A",
        answer="A",
        seconds={"answer": 1.25},
        tokens={"answer": {"visual": 128, "prompt": 200, "new": 2}},
        prompts={"answer": "[picture]What?"},
        previews=[np.full((8, 8, 3), 7, np.uint8)],
        keyframes=[np.full((8, 8, 3), i, np.uint8) for i in range(frames)],
    )


def brightness(trace: Trace) -> list[int]:
    return [round(float(picture.mean())) for picture in trace.keyframes]


def test_many_pictures_stay_beside_their_times_in_a_folder_a_zip_and_an_archive(tmp_path):
    trace = a_trace(MANY)
    folder = trace.save(tmp_path / "run" / "one")
    wanted = list(range(MANY))
    assert brightness(Trace.load(folder)) == wanted
    assert brightness(TraceArchive.scan(tmp_path / "run").load(0).trace) == wanted
    assert brightness(read_zip(write_zip(trace, tmp_path / "a.zip"))) == wanted
    names = sorted(path.name for path in folder.glob("keyframe_*"))
    assert [round(float(np.asarray(Image.open(folder / name)).mean())) for name in names] == wanted  # for any reader


def test_pictures_numbered_by_older_versions_are_read_in_order(tmp_path):
    folder = a_trace(MANY).save(tmp_path / "one")
    for path in [*folder.glob("*.jpg")]:
        kind, number = path.stem.split("_")
        path.rename(folder / f"{kind}_{int(number):02d}.jpg")
    assert (folder / "keyframe_100.jpg").is_file()
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as packed:
        for part in folder.iterdir():
            packed.write(part, part.name)
    assert brightness(Trace.load(folder)) == list(range(MANY))
    assert brightness(read_zip(tmp_path / "old.zip")) == list(range(MANY))


def record(folder: Path, **changes) -> None:
    text = (folder / "trace.json").read_text(encoding="utf-8")
    (folder / "trace.json").write_text(json.dumps(json.loads(text) | changes), encoding="utf-8")


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def promised(folder: Path, header: bytes) -> None:
    """arrays.npz whose one array has this header, and four bytes."""
    with zipfile.ZipFile(folder / "arrays.npz", "w") as packed:
        body = header.ljust(118) + b"\n"
        packed.writestr("times_T.npy", b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body + bytes(4))


FLOATS = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }"
TEXTS = {
    "null": b"null",
    "number": b"5",
    "text": b'"x"',
    "list": b"[]",
    "empty": b"",
    "torn": b'{"schema": 1, "question": "Wh',
    "deep": b'{"schema": 1, "question": ' + b"[" * 200_000,
    "latin-1": b'{"schema": 1, "question": "caf\xe9"}',
    "half a character": b'{"schema": 1, "question": "\\ud800"}',
    "long number": b'{"schema": 1, "question": "q", "duration": ' + b"9" * 5000 + b"}",
    "no question": b'{"schema": 1}',
    "no schema": b'{"question": "q"}',
}
DAMAGE = {
    **{f"record {name}": (lambda at, text=text: (at / "trace.json").write_bytes(text)) for name, text in TEXTS.items()},
    "newer schema": lambda at: record(at, schema=2),
    "odd schema": lambda at: record(at, schema="1"),
    "unknown field": lambda at: record(at, future=1),
    "question is a number": lambda at: record(at, question=3),
    "prompts are objects": lambda at: record(at, prompts={"answer": {"text": "x"}}),
    "prompts are a list": lambda at: record(at, prompts=[1]),
    "options are a text": lambda at: record(at, options="ab"),
    "answer is no option": lambda at: record(at, answer="AB"),
    "times are null": lambda at: record(at, chosen_times=None),
    "infinite time": lambda at: record(at, duration=float("inf")),
    "huge number": lambda at: record(at, seconds={"answer": 10**400}),
    "fraction of a frame": lambda at: record(at, indices=[0, 1.5, 2]),
    "arrays missing": lambda at: (at / "arrays.npz").unlink(),
    "arrays empty": lambda at: (at / "arrays.npz").write_bytes(b""),
    "arrays are a text": lambda at: (at / "arrays.npz").write_bytes(b"none here\n" * 9),
    "arrays half": lambda at: cut(at / "arrays.npz", 0.5),
    "arrays almost whole": lambda at: cut(at / "arrays.npz", 0.95),
    "arrays flipped": lambda at: flipped(at / "arrays.npz"),
    "arrays of objects": lambda at: np.savez(at / "arrays.npz", times_T=np.array([{"a": 1}], dtype=object)),
    "arrays of another shape": lambda at: np.savez(at / "arrays.npz", times_T=np.zeros((4, 4), np.float32)),
    "arrays without times": lambda at: np.savez(at / "arrays.npz", sim_QT=np.zeros((1, 40), np.float32)),
    "header of 400 GB": lambda at: promised(at, FLOATS % b"100000000000"),
    "header of minus one": lambda at: promised(at, FLOATS % b"-1"),
    "header nested": lambda at: promised(at, b"(" * 5000),
    "a picture missing": lambda at: next(at.glob("keyframe_*1.jpg")).unlink(),
    "a picture half": lambda at: cut(next(at.glob("keyframe_*1.jpg")), 0.5),
    "a picture empty": lambda at: next(at.glob("keyframe_*1.jpg")).write_bytes(b""),
    "a picture is a text": lambda at: next(at.glob("preview_*")).write_bytes(b"no picture"),
    "a picture is a png": lambda at: Image.new("RGB", (4, 4)).save(next(at.glob("preview_*")), "PNG"),
}


@pytest.fixture(params=DAMAGE, ids=lambda name: name.replace(" ", "-"))
def damaged(request, tmp_path):
    """run/bad is a damaged Trace, run/good is whole."""
    a_trace().save(tmp_path / "run" / "bad")
    a_trace().save(tmp_path / "run" / "good")
    DAMAGE[request.param](tmp_path / "run" / "bad")
    return tmp_path / "run"


def test_a_damaged_trace_is_a_user_error(damaged):
    with pytest.raises(UserError) as refused:
        Trace.load(damaged / "bad")
    assert "pickle" not in str(refused.value)


def test_a_damaged_trace_never_keeps_the_others_from_being_browsed(damaged):
    archive = TraceArchive.scan(damaged)
    listed = {entry.name: number for number, entry in enumerate(archive.entries)}
    assert archive.load(listed["good"]).trace.answer == "A"
    json.dumps([entry.question for entry in archive.entries], ensure_ascii=False).encode()  # what a page sends
    if "bad" in listed:
        with pytest.raises(UserError) as refused:
            archive.load(listed["bad"])
        assert str(damaged) not in str(refused.value)


def test_a_damaged_trace_in_a_zip_is_a_user_error(damaged, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as packed:
        for part in (damaged / "bad").iterdir():
            packed.write(part, part.name)
    with pytest.raises(UserError) as refused:
        read_zip(tmp_path / "bad.zip")
    assert "/" not in str(refused.value)
    assert "trace.json in" not in str(refused.value)


@pytest.mark.parametrize("name", ["trace.json", "arrays.npz", "keyframe_0001.jpg"])
def test_any_flipped_byte_gives_a_trace_or_a_user_error(tmp_path, name):
    whole = a_trace().save(tmp_path / "whole")
    part = whole / name if (whole / name).exists() else next(whole.glob("keyframe_*1.jpg"))
    data, rng = part.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        changed = bytearray(data)
        changed[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        part.write_bytes(bytes(changed))
        try:
            assert Trace.load(whole).keyframes
        except UserError:
            continue


def test_a_newer_trace_is_no_reason_to_save_it_again(tmp_path):
    for number, change in enumerate(({"schema": 2}, {"future": 1})):
        folder = a_trace().save(tmp_path / str(number))
        record(folder, **change)
        with pytest.raises(UserError, match="upgrade msjoe"):
            Trace.load(folder)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("answers.jsonl", b'{"trace": ' + b"[" * 200_000),
        ("answers.jsonl", b'{"trace": "good", "reward": ' + b"9" * 400 + b"}"),
        ("answers.jsonl", b'{"trace": "good", "reward": NaN, "group": "\\ud800"}'),
        ("config.json", b"\xff\xfe\x00"),
        ("config.json", b'{"a":' * 100_000),
    ],
)
def test_a_damaged_file_of_a_run_never_keeps_its_traces_from_being_browsed(tmp_path, name, data):
    a_trace().save(tmp_path / "run" / "good")
    (tmp_path / "run" / name).write_bytes(data)
    entry = TraceArchive.scan(tmp_path / "run").entries[0]
    assert entry.reward is None
    entry.track.encode()


def test_a_folder_where_a_file_should_be_is_passed_over(tmp_path):
    a_trace().save(tmp_path / "run" / "good")
    (tmp_path / "run" / "more.jsonl").mkdir()
    (tmp_path / "run" / "config.json").mkdir()
    shutil.copytree(tmp_path / "run" / "good", tmp_path / "run" / "other")
    assert len(TraceArchive.scan(tmp_path / "run").entries) == 2
