"""What is no video is refused in clear words; what is damaged shows its last good picture."""

import logging
import wave
from pathlib import Path

import numpy as np
import pytest

from msjoe.errors import VideoError
from msjoe.video import dense_count, open_video, write_video
from tests.videos import encode, on_screen, pattern, plain_decode

REAL = Path(__file__).parents[2] / ".." / "shared" / "videos"
REFUSED = {"audio_only.mp4", "bitflips_moov.mp4", "text.mp4", "trunc50_moovend.mp4", "zero.mp4"}
REAL_FILES = sorted(p for p in (*REAL.glob("*.*"), *REAL.glob("broken/*.*")) if p.suffix != ".md")
READABLE = [p for p in REAL_FILES if p.name not in REFUSED]
# Times that do not grow, are missing or jump: there a plain search in them does not say what is on screen.
UNORDERED = {"reschange.ts", "negpts.mkv", "restart_day.ts", "wild1e12.mkv"}


@pytest.mark.skipif(not REAL_FILES, reason="no ../shared/videos")
def test_the_real_files_are_there():
    assert len(READABLE) > 30
    assert {p.name for p in REAL_FILES} > REFUSED


@pytest.mark.parametrize("path", READABLE, ids=lambda p: p.name)
def test_real_files_give_the_frames_on_screen(path):
    video = open_video(path, threads=2)
    got = np.concatenate(list(video.dense(2, 64)))
    times = np.arange(dense_count(video.duration, 2)) / 2
    assert len(got) == len(times)
    sparse = video.frames_at([0.0, video.duration / 2, video.duration], max_pixels=10_000)
    assert len(sparse) == 3
    assert all(4 < p.shape[0] * p.shape[1] <= 10_000 for p in sparse)
    if path.name not in UNORDERED:
        expected = on_screen(*plain_decode(path, got.shape[1:3]), times)
        same = np.mean([np.array_equal(a, b) for a, b in zip(got, expected, strict=True)])
        # Repairing bit flips, a full decode also changes a sound frame that it has not given out yet.
        assert same == 1 or (path.name == "bitflips_mdat.mp4" and same > 0.95)


@pytest.mark.parametrize("path", [p for p in REAL_FILES if p.name in REFUSED], ids=lambda p: p.name)
def test_real_files_that_are_no_video(path):
    with pytest.raises(VideoError, match=r"give a"):
        open_video(path)


def test_damage_shows_the_last_good_picture_and_is_counted(tmp_path, caplog):
    """The second half of a one-GOP file is zeroed: players stay at the last frame before."""
    path = encode(tmp_path / "hole.mp4", range(0, 400, 4), g="1000", bf="0")
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    end = start - 8 + int.from_bytes(content[start - 8 : start - 4], "big")
    content[(start + end) // 2 : end] = bytes(end - (start + end) // 2)
    path.write_bytes(content)

    seconds, pictures = plain_decode(path)
    assert 20 < len(pictures) < 80
    video = open_video(path)
    got = np.concatenate(list(video.dense(10, 48)))
    assert len(got) == 40
    np.testing.assert_array_equal(got, on_screen(seconds, pictures, np.arange(40) / 10))
    np.testing.assert_array_equal(video.frames_at([3.9])[0], pictures[-1])
    warned = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert f"{100 - len(pictures)} packets could not be decoded" in warned[0].getMessage()


def test_cut_off_file_keeps_what_is_there(tmp_path, caplog):
    path = tmp_path / "cut.mp4"
    write_video(path, (pattern(i) for i in range(100)), fps=10, gop=10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    video = open_video(path)
    assert 2 < video.duration < 9
    assert "announces 10.0 s" in caplog.text
    assert len(np.concatenate(list(video.dense(1, 24)))) == int(video.duration)


def _text(path: Path) -> None:
    path.write_text("not a video\n" * 50)


def _playlist(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n")


def _empty(path: Path) -> None:
    path.touch()


def _folder(path: Path) -> None:
    path.mkdir()


def _nothing(path: Path) -> None:
    pass


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(50_000))


def _sound(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(8000))


def _without_index(path: Path) -> None:
    encode(path, range(0, 400, 4))
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_text, "cannot be read as a video"),
        (_playlist, "cannot be read as a video"),
        (_noise, "cannot be read as a video"),
        (_without_index, "cut off or damaged"),
        (_empty, "empty"),
        (_folder, "folder"),
        (_nothing, "there is no file"),
        (_sound, "no video, only audio"),
    ],
)
@pytest.mark.parametrize("backend", ["pyav", "decord"])
def test_what_is_no_video_is_refused(tmp_path, make, says, backend):
    if backend == "decord":
        pytest.importorskip("decord")
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(VideoError, match=says) as refusal:
        open_video(path, backend)
    assert "clip.mp4" in str(refusal.value)
