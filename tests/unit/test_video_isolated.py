"""Decoding in processes of their own: the same pictures, and what becomes of crashes, hangs, bloat and lies."""

import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from msjoe.errors import UserError, VideoError
from msjoe.video import open_video
from msjoe.video.isolated import DecoderLimits, Decoders, DecodingStopped
from msjoe.video.wire import BadMessage, receive
from tests.videos import encode

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pipes that can be waited for")
GENEROUS = 60  # seconds for what takes a moment, on a busy machine


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """20 seconds, with B-frames and frames of unequal length."""
    return encode(tmp_path_factory.mktemp("films") / "film.mp4", [5 * i + i % 3 for i in range(404)])


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    decoders = Decoders()
    yield decoders
    decoders.close()


@pytest.fixture
def faulty() -> Iterator[Decoders]:
    """Processes that misbehave on files of certain names, and may be silent for three seconds."""
    decoders = Decoders(DecoderLimits(seconds=3.0), module="tests.faulty_decoder")
    yield decoders
    decoders.close()


def gone(pid: int) -> bool:
    """Whether a process has ended, within a moment."""
    deadline = time.monotonic() + GENEROUS
    while time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z":
                time.sleep(0.02)
                continue
        return True
    return False


KINDS = {
    "b_frames.mp4": {"ticks": range(0, 800, 4)},
    "vfr.mkv": {"ticks": [0, 3, 50, 51, 52, 300, 420]},
    "turned.mp4": {"ticks": range(0, 200, 4), "rotation": 90},
    "old.avi": {"ticks": range(0, 200, 4), "codec": "mpeg4"},
    "broadcast.ts": {"ticks": range(0, 200, 4), "codec": "mpeg2video"},
}


@pytest.mark.parametrize("name", KINDS)
def test_the_pictures_are_those_of_this_process(name, tmp_path, decoders):
    path = encode(tmp_path / name, **KINDS[name])
    theirs, ours = decoders.open(path, threads=2), open_video(path, threads=2)
    for fact in ("duration", "id", "height", "width", "notes"):
        assert getattr(theirs, fact) == getattr(ours, fact)
    for got, wanted in zip(theirs.dense(5, 32, batch=7), ours.dense(5, 32, batch=7), strict=True):
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, wanted)
    times = [1.0, 0.0, 0.5, 99.0]
    for pixels in (None, 500):
        for got, wanted in zip(theirs.frames_at(times, pixels), ours.frames_at(times, pixels), strict=True):
            np.testing.assert_array_equal(got, wanted)
    assert theirs.frames_at([]) == []


def test_one_process_is_kept_for_one_thing_after_the_other(film, decoders):
    for _ in range(3):
        video = decoders.open(film)
        assert sum(len(part) for part in video.dense(1, 32)) == 20
        assert len(video.frames_at([1, 2])) == 2
    assert len(decoders.pids()) == 1


def test_bad_files_are_told_in_the_same_words_and_cost_no_process(film, tmp_path, decoders):
    decoders.open(film)
    before = decoders.pids()
    text = tmp_path / "notes.mp4"
    text.write_text("this is no video\n" * 40)
    for bad in (text, tmp_path / "none.mp4", tmp_path):
        with pytest.raises(VideoError) as here:
            open_video(bad)
        with pytest.raises(VideoError) as there:
            decoders.open(bad)
        assert str(there.value) == str(here.value)
    assert decoders.pids() == before
    for call in (lambda v: v.dense(0, 32), lambda v: v.dense(1, 1), lambda v: v.frames_at([float("nan")])):
        with pytest.raises(ValueError, match="give"):
            call(decoders.open(film))


def test_a_killed_process_is_told_and_the_next_request_has_a_new_one(film, decoders):
    video = decoders.open(film)
    (pid,) = decoders.pids()
    parts = video.dense(20, 48, batch=4)
    next(parts)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(VideoError, match="SIGKILL"):
        list(parts)
    assert sum(len(part) for part in video.dense(1, 32)) == 20
    assert len(decoders.pids()) == 1
    assert decoders.pids() != [pid]


def test_a_process_that_died_between_requests_is_replaced_unseen(film, decoders):
    video = decoders.open(film)
    (pid,) = decoders.pids()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert len(video.frames_at([1.0])) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hang.mp4", "3 s"),
        ("crash.mp4", "SIGSEGV"),
        ("bloat.mp4", "4096 MB"),
        ("lie-shape.mp4", "something else"),
        ("lie-flat.mp4", "something else"),
        ("lie-nothing.mp4", "something else"),
        ("babble.mp4", "nonsense"),
    ],
)
def test_a_decoder_that_misbehaves_costs_its_process_alone(name, words, film, tmp_path, faulty):
    bad = shutil.copy(film, tmp_path / name)
    video = faulty.open(bad)
    (pid,) = faulty.pids()
    with pytest.raises(VideoError, match=words) as told:
        list(video.dense(1, 32, batch=4))
    assert name in str(told.value)
    if not name.startswith("lie"):
        assert gone(pid)
    assert sum(len(part) for part in faulty.open(film).dense(1, 32)) == 20


def test_long_work_that_reads_on_is_no_hang(film, tmp_path, faulty):
    """Five seconds without a picture, with a limit of three."""
    video = faulty.open(shutil.copy(film, tmp_path / "toil.mp4"))
    assert sum(len(part) for part in video.dense(1, 32)) == 20


def gif(path: Path, side: int) -> Path:
    """A hundred bytes that a decoder makes ``4 * side * side`` of, for each picture."""
    shown = b"\x21\xf9\x04\x00\x64\x00\x00\x00\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0x80)
    shown += b"\x00\x00\x00\xff\xff\xff\x02\x02\x44\x01\x00"
    path.write_bytes(b"GIF89a" + struct.pack("<HHBBB", side, side, 0, 0, 0) + 3 * shown + b"\x3b")
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited on Linux")
def test_a_file_that_swells_is_refused_at_the_limit(film, tmp_path):
    decoders = Decoders(DecoderLimits(memory_mb=700))
    with contextlib.closing(decoders):
        with pytest.raises(VideoError, match="bomb"):
            list(decoders.open(gif(tmp_path / "bomb.gif", 16000)).dense(1, 32))
        assert sum(len(part) for part in decoders.open(film).dense(1, 32)) == 20


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"seconds": float("nan")}, {"memory_mb": 100}])
def test_limits_that_allow_nothing_are_refused(limits):
    with pytest.raises(UserError, match=str(*limits.values())):
        DecoderLimits(**limits)


def test_closing_the_generator_ends_the_work_at_once(film, tmp_path, faulty):
    parts = faulty.open(shutil.copy(film, tmp_path / "hang.mp4")).dense(20, 48, batch=4)
    next(parts)
    (pid,) = faulty.pids()
    parts.close()
    assert gone(pid)
    assert faulty.pids() == []


def test_who_is_no_longer_waited_for_is_stopped_in_the_middle(film, tmp_path):
    decoders = Decoders(DecoderLimits(seconds=600), module="tests.faulty_decoder")
    stop = threading.Event()
    with contextlib.closing(decoders):
        video = decoders.open(shutil.copy(film, tmp_path / "hang.mp4"), stopped=stop.is_set)
        (pid,) = decoders.pids()
        parts = video.dense(1, 32, batch=4)
        next(parts)
        threading.Timer(0.3, stop.set).start()
        with pytest.raises(DecodingStopped):
            list(parts)
        assert gone(pid)


def test_no_more_than_so_many_at_a_time(film, tmp_path):
    decoders = Decoders(DecoderLimits(seconds=2.0), most=2)
    with contextlib.closing(decoders):
        video = decoders.open(film)
        busy = [video.dense(20, 48, batch=4) for _ in range(2)]
        for parts in busy:
            next(parts)
        with pytest.raises(VideoError, match="at work"):
            video.frames_at([1.0])
        busy[0].close()
        assert len(video.frames_at([1.0])) == 1
        busy[1].close()


def test_a_file_that_is_replaced_is_not_taken_for_the_one_before(film, tmp_path, decoders):
    path = shutil.copy(film, tmp_path / "film.mp4")
    video = decoders.open(path)
    os.replace(encode(tmp_path / "other.mp4", range(0, 1200, 4)), path)
    with pytest.raises(VideoError, match="changed"):
        video.frames_at([1.0])


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_process_knows_no_secrets_and_loads_no_models(film, monkeypatch, decoders):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    decoders.open(film)
    (pid,) = decoders.pids()
    assert b"hf_secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    loaded = Path(f"/proc/{pid}/maps").read_text()
    assert "libav" in loaded
    assert "torch" not in loaded


PARENT = """
import sys, time
from msjoe.video.isolated import DecoderLimits, Decoders
decoders = Decoders(DecoderLimits(seconds=600), module="tests.faulty_decoder")
idle = decoders.open(sys.argv[1])
parts = decoders.open(sys.argv[2]).dense(1, 32, batch=4)
next(parts)
decoders.open(sys.argv[1])
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
print(*decoders.pids(), flush=True)
next(parts)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_parent(how, film, tmp_path):
    """One is idle and one hangs."""
    hanging = shutil.copy(film, tmp_path / "hang.mp4")
    command = [sys.executable, "-c", PARENT, str(film), str(hanging)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.send_signal(how)
        parent.wait(GENEROUS)
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize(
    "sent",
    [
        b"\0" * 12,
        struct.pack("<IQ", 1 << 30, 0),
        struct.pack("<IQ", 2, 1 << 40) + b"{}",
        struct.pack("<IQ", 2, 0) + b"[]",
        struct.pack("<IQ", 2, 0) + b"{{",
        struct.pack("<IQ", 2, 0) + b"\xff\xfe",
        *(
            struct.pack("<IQ", len(head), 12) + head + b"\0" * 12
            for head in (
                b'{"shape":[2,2]}',
                b'{"shape":[-3,-4]}',
                b'{"shape":["3",4]}',
                b'{"shape":[true,12]}',
                b'{"shape":5}',
            )
        ),
    ],
)
def test_what_is_no_message_is_not_taken_for_one(sent):
    rest = memoryview(sent)

    def fill(view: memoryview) -> None:
        nonlocal rest
        view[:] = rest[: len(view)]
        rest = rest[len(view) :]

    with pytest.raises(BadMessage):
        receive(fill, most_bytes=1 << 20)
