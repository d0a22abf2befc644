"""How long a video is: one wrong time does not decide it, and a still that is meant stays as long as it is meant to."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from msjoe.pipeline import Settings, answer
from msjoe.video import open_video
from tests.videos import encode

STEADY = range(0, 400, 4)  # 4 seconds
DAY = 8_640_000  # hundredths of a second


def _retimed(sound: Path, path: Path, changed: int, by: int) -> Path:
    """A copy in which one packet has another display time (by so many ticks)."""
    with av.open(str(sound)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux(video=0) if p.size):
            packet.stream = stream
            if number == changed:
                packet.pts += by
            target.mux(packet)
    return path


def _joined(path: Path, *starts: int) -> Path:
    """Parts of 4 seconds whose clocks begin at ``starts`` (hundredths of a second), end to end in one TS file."""
    parts = [encode(path.with_name(f"{start}.ts"), range(start, start + 400, 4)).read_bytes() for start in starts]
    path.write_bytes(b"".join(parts))
    return path


def _pictures(path: Path, seconds: int = 4) -> np.ndarray:
    """Five a second."""
    return np.stack(open_video(path, threads=2).frames_at([i / 5 for i in range(5 * seconds)]))


@pytest.mark.parametrize("changed", [99, 36, 50], ids=["the last", "a key frame", "one between"])
@pytest.mark.parametrize("by", [10**9, 10**12])
def test_one_wrong_time_changes_nothing(tmp_path, changed, by):
    sound = encode(tmp_path / "sound.mkv", STEADY)
    wrong = _retimed(sound, tmp_path / "wrong.mkv", changed, by)
    assert open_video(wrong).duration == pytest.approx(4, abs=0.05)
    np.testing.assert_array_equal(_pictures(wrong), _pictures(sound))


@pytest.mark.parametrize("start", [100 + DAY, 50_000, 2000], ids=["a day later", "500 s later", "16 s later"])
def test_a_recording_whose_clock_was_set_anew_is_as_long_as_its_pictures(tmp_path, start):
    path = _joined(tmp_path / "joined.ts", 0, start)
    assert open_video(path).duration == pytest.approx(8, abs=0.05)
    part = _pictures(tmp_path / "0.ts")
    np.testing.assert_array_equal(_pictures(path, 8), np.concatenate([part, part]))
    dense = np.concatenate(list(open_video(path).dense(5, 48)))
    np.testing.assert_array_equal(dense, np.concatenate([part, part])[: len(dense)])
    assert len(dense) > 38


def test_damage_beside_a_jump_of_the_clock_is_decoded_plainly(tmp_path):
    """The plain way leaves out the same gap as the fast one."""
    path = _joined(tmp_path / "joined.ts", 0, DAY)
    content = bytearray(path.read_bytes())
    start = len(content) // 8
    content[start : start + 2000] = bytes(2000)
    path.write_bytes(content)
    part = _pictures(tmp_path / "0.ts")
    np.testing.assert_array_equal(_pictures(path, 8)[20:], part)


def test_a_jump_of_the_clock_is_noted_in_the_trace(tmp_path, models):
    source = open_video(_joined(tmp_path / "joined.ts", 0, 10_000))
    trace = answer(source, "What happens?", ["this", "that"], models, Settings(4, previews=2))
    assert 7 <= len(trace.times_T) <= 8
    assert sum("clock jumps ahead in one place" in note for note in trace.notes) == 1


KEPT = {
    "vfr_gap.mkv": ([*range(0, 100, 4), *range(800, 900, 4)], 9.0),
    "gap.ts": ([*range(0, 100, 4), *range(1000, 1100, 4)], 11.0),
    "slides.mp4": ([0, 500, 2500, 3000, 9000, 12_000], None),
    "still_of_20_minutes.mkv": ([*range(0, 100, 4), *range(120_000, 120_100, 4)], 1201.0),
    "still_of_20_minutes.mp4": ([*range(0, 100, 4), *range(120_000, 120_100, 4)], 1201.0),
    "few_pictures.mp4": ([0, 4, 8, 60_000], None),
    "few_pictures.mkv": ([0, 4, 8, 60_000], None),
    "one_a_minute.mkv": (range(0, 60_000, 6000), None),
    "one_a_minute.mp4": (range(0, 60_000, 6000), None),
    "one_a_minute.ts": (range(0, 60_000, 6000), None),
}


@pytest.mark.parametrize("name", KEPT)
def test_stills_that_are_meant_are_kept(tmp_path, name):
    ticks, seconds = KEPT[name]
    video = open_video(encode(tmp_path / name, ticks))
    assert video.duration >= ticks[-1] / 100
    assert video.duration == pytest.approx(seconds or ticks[-1] / 100, abs=0.1 if seconds else 61)
    assert video.notes == ()
    shown = video.frames_at([tick / 100 + 0.01 for tick in ticks])
    for before, after in pairwise(shown):
        assert not np.array_equal(before, after)
