"""Opening a video: what is let in, how long it may be, what is kept of it, and what decord is not given."""

import os
import socket
import subprocess
import sys
import threading
import tracemalloc
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

import msjoe.video.index
from demo.files.decoders import DECODERS
from demo.files.open_video import upload_fault
from demo.jobs.answer_store import StoredAnswer
from demo.jobs.pipeline_jobs import answer_events, compare_events, search_events
from demo.jobs.request import ColumnSetup, QuestionRequest
from msjoe.cli import main
from msjoe.errors import VideoError
from msjoe.evaluation.films import Library, Place
from msjoe.evaluation.plan import Plan
from msjoe.pipeline import Settings, answer
from msjoe.video import open_video, write_video
from msjoe.video.index import read_index
from msjoe.video.isolated import never
from tests.videos import encode, pattern

NEGATIVE = Path(__file__).parents[2] / ".." / "shared" / "videos" / "broken" / "negpts.mkv"  # times below 0
STEADY = range(0, 400, 4)  # 4 seconds


@pytest.fixture
def short(tmp_path):
    return encode(tmp_path / "short.mp4", STEADY)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    refused = []

    def open_it():
        with pytest.raises(VideoError) as refusal:
            open_video(path)
        refused.append(str(refusal.value))

    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    thread.join(20)
    if thread.is_alive():
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # lets the reader go
        thread.join()
        pytest.fail("opening a pipe waits for a writer")
    assert "pipe.mp4" in refused[0]


def test_sockets_and_devices_are_refused_unread(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.mp4"))
        for path in (tmp_path / "s.mp4", "/dev/zero"):
            with pytest.raises(VideoError, match="pipe, socket or device"):
                open_video(path)


def _longer_than(minutes: str, path) -> int:
    return main(["answer", str(path), "Who?", "--budget", "2", "--max-minutes", minutes])


def test_the_shell_refuses_a_video_over_the_limit(short, capsys):
    assert _longer_than("0.05", short) == 2
    assert "at most 0.05 min" in capsys.readouterr().err
    assert _longer_than("nan", short) == 2
    assert "nan" in capsys.readouterr().err


def test_evaluation_refuses_a_video_over_the_limit(short):
    annotations = short.with_name("a.jsonl")
    annotations.write_text('{"video": "short.mp4", "question": "Who?", "options": ["a", "b"], "answer": "A"}\n')
    plan, place = Plan("jsonl", ("uniform",)), Place(annotations, short.parent)
    library = Library(plan, place, max_minutes=0.05)
    with pytest.raises(VideoError, match="max-minutes"):
        library.open(library.films[0])
    assert Library(plan, place).open(library.films[0]).duration == pytest.approx(4, abs=0.01)


def test_the_page_refuses_a_video_over_the_limit(short):
    assert "0.05" in upload_fault(str(short), 0.05)
    assert upload_fault(str(short), 0.1) == ""


@pytest.fixture
def listings(monkeypatch):
    """How often a file's packets were listed."""
    calls, real = [], msjoe.video.index.video_packets

    def counted(container, stream):
        calls.append(container.name)
        return real(container, stream)

    monkeypatch.setattr(msjoe.video.index, "video_packets", counted)
    return calls


def test_upload_run_search_again_and_compare_list_the_packets_once(short, models, listings, monkeypatch):
    """A decoding process does for the page what is done here in this one."""
    monkeypatch.setattr(DECODERS, "open", lambda path, stopped=never, **how: open_video(path, **how))
    asked = QuestionRequest(str(short), "What happens?", ["this", "that"], budget=2)
    assert upload_fault(str(short), 10) == ""
    *_, done = answer_events(models, asked)
    kept = StoredAnswer(done.trace, str(short), None)
    list(search_events(models, asked, kept, ["a wave"]))
    list(compare_events(models, asked, kept, [ColumnSetup("uniform", 2), ColumnSetup("topk", 3)]))
    assert len(listings) == 1


def test_a_file_that_was_changed_is_listed_again(short, listings):
    assert open_video(short).duration == pytest.approx(4, abs=0.01)
    encode(short, range(0, 200, 4))
    assert open_video(short).duration == pytest.approx(2, abs=0.01)
    assert len(listings) == 2


def test_what_is_kept_of_files_is_bounded(tmp_path, listings, monkeypatch):
    monkeypatch.setattr("msjoe.video.facts._recent._max_bytes", 10_000)  # a file of 100 packets takes 5,000
    paths = [encode(tmp_path / f"{i}.mp4", STEADY) for i in range(3)]
    for path in (*paths, paths[2], paths[0]):
        open_video(path)
    assert [os.path.basename(name) for name in listings] == ["0.mp4", "1.mp4", "2.mp4", "0.mp4"]


def test_listing_packets_takes_little_memory(monkeypatch):
    """80 bytes a packet: three hours at 25 a second are 270,000 of them."""
    count = 50_000

    def packets(container, stream):
        for number in range(count):
            ticks = 10**9 + 512 * number
            yield SimpleNamespace(pts=ticks, dts=ticks, duration=512, is_keyframe=not number % 50, is_discard=False)

    monkeypatch.setattr(msjoe.video.index, "video_packets", packets)
    stream = SimpleNamespace(
        time_base=Fraction(1, 12_800),
        average_rate=Fraction(25),
        duration=None,
        codec_context=SimpleNamespace(name="h264"),
    )
    container = SimpleNamespace(duration=None, format=SimpleNamespace(flags=0))
    tracemalloc.start()
    index = read_index(container, stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(index.pts_N) == count
    assert peak < 160 * count


def test_a_stream_that_comes_up_late_does_not_end_the_reading(tmp_path):
    """A recording that starts without sound: FFmpeg finds the second stream long after it has opened the file."""
    noise = np.random.default_rng(0)

    def part(name: str, count: int, sound: bool) -> bytes:
        with av.open(str(tmp_path / name), "w") as target:
            stream = target.add_stream("libx264", rate=25, options={"crf": "1", "preset": "ultrafast", "g": "10"})
            stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
            heard = target.add_stream("mp2", rate=48_000) if sound else None
            for _ in range(count):
                picture = noise.integers(0, 256, (240, 320, 3), np.uint8)
                target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            if heard:
                for number in range(40):
                    silence = av.AudioFrame.from_ndarray(np.zeros((1, 1152 * 2), np.int16), layout="stereo")
                    silence.sample_rate, silence.pts = 48_000, 1152 * number
                    target.mux(heard.encode(silence))
                target.mux(heard.encode(None))
            target.mux(stream.encode(None))
        return (tmp_path / name).read_bytes()

    path = tmp_path / "recording.ts"
    path.write_bytes(part("a.ts", 60, False) + part("b.ts", 25, True) + part("c.ts", 25, False))
    video = open_video(path)
    assert video.duration == pytest.approx(110 / 25, abs=0.1)
    assert sum(len(batch) for batch in video.dense(5, 48)) == int(video.duration * 5 + 1e-6)


@pytest.mark.parametrize("size", [(2, 4096), (4096, 2)])
def test_a_strip_goes_through_all_steps(tmp_path, models, size):
    path = tmp_path / "strip.mkv"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(4):
            picture = np.full((size[1], size[0], 3), 50 * number, np.uint8)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        target.mux(stream.encode(None))
    trace = answer(open_video(path), "What happens?", ["this", "that"], models, Settings(2, previews=2))
    assert all(max(p.shape[:2]) / min(p.shape[:2]) <= 100 for p in (*trace.previews, *trace.keyframes))
    assert len(trace.keyframes) == 2


def test_a_long_still_is_encoded_once_a_batch(tmp_path, models, monkeypatch):
    path = encode(tmp_path / "still.mp4", [0, 4, 8, 60_000])
    video, clip = open_video(path), models.clip
    plain = np.concatenate([clip._encode_frames(batch) for batch in video.dense(1, clip.size)])
    rows, real = [], clip._encode_frames
    monkeypatch.setattr(clip, "_encode_frames", lambda batch: rows.append(len(batch)) or real(batch))
    features = np.concatenate(list(clip.encode_batches(video.dense(1, clip.size))))
    assert len(features) == 600
    assert sum(rows) < 100
    np.testing.assert_allclose(features, plain, atol=2e-3 * np.abs(plain).max())


def test_decord_notes_where_it_shows_other_frames(tmp_path):
    pytest.importorskip("decord")
    options = {"x265-params": "log-level=error:pools=none"}
    hevc = encode(tmp_path / "a.mp4", STEADY, codec="libx265", **options)
    opened = encode(tmp_path / "b.mp4", STEADY, **{"x264-params": "open-gop=1:keyint=12:bframes=3:scenecut=0"})
    cut = encode(tmp_path / "c.mp4", range(-80, 320, 4))
    plain = encode(tmp_path / "d.mp4", STEADY)
    found = [open_video(path, "decord", threads=1).notes for path in (hevc, opened, cut, plain)]
    assert [len(notes) for notes in found] == [1, 1, 1, 0]
    assert "HEVC" in found[0][0]


def test_decord_is_not_given_a_file_whose_times_jump(tmp_path):
    """In a process of its own with little memory: decord ends the whole process where it gets none."""
    pytest.importorskip("decord")
    path = tmp_path / "wild.mkv"
    with av.open(str(encode(tmp_path / "sound.mkv", STEADY))) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            packet.stream = stream
            packet.pts += 10**12 if number == 99 else 0
            target.mux(packet)
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))\n"
        "from msjoe.video import open_video; open_video(sys.argv[1], 'decord', threads=1)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, "VideoError" in done.stderr) == (1, True)


@pytest.mark.skipif(not NEGATIVE.exists(), reason="no ../shared/videos")
def test_decord_is_refused_where_its_times_are_not_the_files():
    pytest.importorskip("decord")
    assert open_video(NEGATIVE).duration == pytest.approx(12, abs=0.05)
    with pytest.raises(VideoError, match=r"12\.0 s"):
        open_video(NEGATIVE, "decord", threads=1)


def test_a_file_that_goes_away_is_an_error_in_words(short):
    video = open_video(short)
    short.unlink()
    with pytest.raises(VideoError, match=r"short\.mp4"):
        list(video.dense(1, 24))
    with pytest.raises(VideoError, match=r"short\.mp4"):
        video.frames_at([1.0])


def test_written_videos_have_nothing_to_note(tmp_path):
    write_video(tmp_path / "a.mp4", (pattern(i) for i in range(20)), fps=4)
    assert open_video(tmp_path / "a.mp4").notes == ()
