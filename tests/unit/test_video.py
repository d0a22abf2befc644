"""Exact pictures by time from files made here, and nothing left behind."""

import logging
import threading

import numpy as np
import pytest

from msjoe.errors import VideoError
from msjoe.video import dense_count, open_video
from msjoe.video.decode import ChainDecoder
from msjoe.video.plan import plan_chains
from tests.videos import encode, on_screen, pattern, plain_decode

STEADY = range(0, 400, 4)  # 25 fps, 4 seconds
OPEN_GOP = {"x264-params": "open-gop=1:keyint=12:bframes=3:scenecut=0"}
KINDS = {
    "b_frames.mp4": dict(ticks=STEADY),
    "one_gop.mp4": dict(ticks=STEADY, g="1000"),
    "open_gop.mp4": dict(ticks=STEADY, **OPEN_GOP),
    "open_gop.ts": dict(ticks=range(5000, 5400, 4), **OPEN_GOP),
    "b_frames.mkv": dict(ticks=STEADY),
    "uneven.mp4": dict(ticks=np.cumsum([1, 2, 30, 1, 1, 90, 3, 3, 200, 4] * 4).tolist()),
    "starts_late.mkv": dict(ticks=range(10_000, 10_400, 4)),
    "edit_list.mp4": dict(ticks=range(-80, 320, 4)),
    "mpeg2.ts": dict(ticks=STEADY, codec="mpeg2video"),
    "mpeg4.mkv": dict(ticks=STEADY, codec="mpeg4"),
    "vp9.webm": dict(ticks=range(0, 160, 4), codec="libvpx-vp9", deadline="realtime"),
    "hevc.mp4": dict(ticks=range(0, 160, 4), codec="libx265", **{"x265-params": "log-level=error:pools=none"}),
}


@pytest.fixture(scope="module", params=KINDS)
def file(request, tmp_path_factory):
    return encode(tmp_path_factory.mktemp("videos") / request.param, **KINDS[request.param])


@pytest.fixture(scope="module")
def b_frames(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("videos") / "b_frames.mp4", STEADY)


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("videos") / "long.mp4", range(0, 3200, 4))


@pytest.mark.parametrize("fps", [1, 7.3, 50])
def test_dense_frames_are_those_on_screen(file, fps, caplog):
    caplog.set_level(logging.INFO, "msjoe.video")
    video = open_video(file, threads=2)
    got = np.concatenate(list(video.dense(fps, 48, batch=7)))
    times = np.arange(dense_count(video.duration, fps)) / fps
    assert len(got) == len(times)
    np.testing.assert_array_equal(got, on_screen(*plain_decode(file), times))
    assert not caplog.records, "a sound file needs no second, plain decode"


def test_frames_at_are_those_on_screen(file):
    video = open_video(file, threads=2)
    times = [video.duration, 0.0, 0.4, 1.0, 0.4, 1.13, 0.03, 0.99, video.duration - 0.01]
    expected = on_screen(*plain_decode(file), np.clip(times, 0, None))
    for got, wanted in zip(video.frames_at(times), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("name", "duration"),
    [("b_frames.mp4", 4.0), ("starts_late.mkv", 4.0), ("edit_list.mp4", 3.2), ("uneven.mp4", 13.39 + 0.04)],
)
def test_duration_is_the_displayed_one(tmp_path, name, duration):
    assert open_video(encode(tmp_path / name, **KINDS[name])).duration == pytest.approx(duration, abs=0.001)


def test_a_long_file_is_sought_and_cut_into_jobs(long):
    """More packets than are read over, more frames than one job, key frames close together."""
    seconds, pictures = plain_decode(long)
    got = np.concatenate(list(open_video(long, threads=3).dense(5, 48)))
    np.testing.assert_array_equal(got, on_screen(seconds, pictures, np.arange(160) / 5))
    times = [31.0, 0.5, 17.7]
    for got, wanted in zip(open_video(long).frames_at(times), on_screen(seconds, pictures, times), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_frames_that_nothing_needs_are_not_decoded(b_frames):
    video = open_video(b_frames)
    wanted, _ = video._index.on_screen(np.array([1.4]))  # frame 35, the last of the third GOP
    (chain,) = plan_chains(video._index, wanted)
    with ChainDecoder(b_frames, video._index, lambda h, w: (h, w), threading.Event(), 1) as decoder:
        times = [frame.pts for frame in decoder._frames(chain)]
    assert wanted[0] in times
    assert chain.last - chain.first + 1 == 12
    assert len(times) < 12


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_applied(tmp_path, degrees):
    path = encode(tmp_path / "turned.mp4", range(0, 40, 4), rotation=degrees)
    upright = np.rot90(pattern(0), degrees // 90)
    video = open_video(path)
    assert (video.height, video.width) == upright.shape[:2]
    picture = video.frames_at([0.0])[0]
    assert picture.shape == upright.shape
    assert np.abs(picture.astype(int) - upright).mean() < 8
    (batch,) = video.dense(1, 24)
    assert batch.shape == (1, *(s // 2 for s in upright.shape[:2]), 3)


@pytest.mark.parametrize("matrix", ["bt709", "bt2020nc", "bt2020c", "smpte240m", "bt470bg"])
def test_colours_of_any_usual_kind_are_shown(tmp_path, matrix):
    path = encode(tmp_path / "tagged.mp4", [0, 4, 8], **{"x264-params": f"colormatrix={matrix}"})
    assert np.abs(open_video(path).frames_at([0])[0].astype(int) - pattern(0)).mean() < 8


def test_colours_of_an_unusual_kind_are_an_error(tmp_path):
    path = encode(tmp_path / "tagged.mp4", [0, 4, 8], **{"x264-params": "colormatrix=YCgCo"})
    with pytest.raises(VideoError, match="colour matrix 8"):
        open_video(path).frames_at([0])


def test_closing_early_stops_the_threads(long):
    frames = open_video(long, threads=3).dense(25, 48, batch=4)
    next(frames)
    assert any(t.name == "msjoe-decode" for t in threading.enumerate())
    frames.close()
    assert not any(t.name == "msjoe-decode" for t in threading.enumerate())


def test_one_frame(tmp_path):
    video = open_video(encode(tmp_path / "one.mp4", [0]))
    assert video.duration == pytest.approx(0.04)
    (batch,) = video.dense(1, 24)
    assert batch.shape == (1, 24, 32, 3)
    assert len(video.frames_at([0, 5, -1])) == 3


def test_id_is_of_the_content(b_frames, tmp_path):
    copy = tmp_path / "another name.mov"
    copy.write_bytes(b_frames.read_bytes())
    other = encode(tmp_path / "other.mp4", range(0, 404, 4))
    assert open_video(copy).id == open_video(b_frames).id != open_video(other).id


def test_sizes(b_frames):
    video = open_video(b_frames)
    assert next(video.dense(1, 24)).shape == (4, 24, 32, 3)
    assert next(video.dense(1, 96)).shape == (4, 96, 128, 3)
    assert video.frames_at([0], max_pixels=64 * 48)[0].shape == (48, 64, 3)
    assert video.frames_at([0], max_pixels=10**9)[0].shape == (48, 64, 3)
    assert video.frames_at([0], max_pixels=16 * 12)[0].shape == (12, 16, 3)
    assert video.frames_at([0], max_pixels=4)[0].shape == (2, 2, 3)
    assert video.frames_at([]) == []


@pytest.mark.parametrize("call", [lambda v: v.dense(0, 24), lambda v: v.dense(1, 0), lambda v: v.frames_at([np.nan])])
def test_impossible_requests(b_frames, call):
    with pytest.raises(ValueError, match="give"):
        call(open_video(b_frames))


def test_unknown_backend(b_frames):
    with pytest.raises(VideoError, match="pyav"):
        open_video(b_frames, backend="cv2")
