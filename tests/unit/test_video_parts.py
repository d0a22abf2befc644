"""The parts of the video reader by themselves: plan, workers, sizes, writing, decord."""

import threading
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
import pytest

from msjoe.errors import VideoError
from msjoe.video import open_video, write_video
from msjoe.video.clock import longest_gap, steady_times
from msjoe.video.index import PacketIndex
from msjoe.video.picture import dense_shape, shrunk_shape
from msjoe.video.plan import Chain, group_chains, plan_chains
from msjoe.video.workers import in_order
from tests.videos import encode, pattern


def _index(pts: list[int], keys: list[int]) -> PacketIndex:
    pts_N = np.array(pts)
    key_N = np.isin(np.arange(len(pts)), keys)
    lengths = np.ones_like(pts_N)
    return PacketIndex(
        Fraction(1, 10), 1, pts_N, pts_N, key_N, pts_N, lengths, np.sort(pts_N), True, True, None, longest=100
    )


# Two GOPs in file order, 0 3 1 2 | 6 4 5 8 7: frames 4 and 5 are shown before the key frame 6 that they come after.
OPEN = _index([0, 3, 1, 2, 6, 4, 5, 8, 7], keys=[0, 4])


def test_on_screen_counts_the_times_of_each_frame():
    assert OPEN.on_screen(np.array([0, 0.05, 0.1, 0.399999999, 0.4, 9])) == ([0, 1, 4, 8], [2, 1, 2, 1])


def test_plan_ends_at_the_last_wanted_packet():
    assert plan_chains(OPEN, [1]) == [Chain(0, 2, None, (1,), frozenset({2}))]


def test_plan_starts_at_the_key_frame_before():
    # From key frame 6 on, without the leading frames 4 and 5, which cannot be decoded from there.
    assert plan_chains(OPEN, [0, 7]) == [
        Chain(0, 0, None, (0,), frozenset({0})),
        Chain(4, 8, 6, (7,), frozenset({8})),
    ]


def test_plan_of_a_leading_frame_starts_one_gop_earlier():
    assert plan_chains(OPEN, [5]) == [Chain(0, 6, None, (5,), frozenset({6}))]
    assert plan_chains(OPEN, [1, 5, 7]) == [Chain(0, 8, None, (1, 5, 7), frozenset({2, 6, 8}))]


def test_groups_hold_about_as_many_frames_as_asked():
    chains = [Chain(i, i, None, (0,) * n, frozenset()) for i, n in enumerate([1, 1, 5, 1, 1])]
    assert [[c.first for c in job] for job in group_chains(chains, 2)] == [[0, 1], [2], [3, 4]]
    assert [[c.first for c in job] for job in group_chains(chains, 100)] == [[0, 1, 2, 3, 4]]


def test_steady_times_turn_jumps_into_one_step():
    assert steady_times(np.array([50, 60, 70, 10, 20]), 10, 100).tolist() == [50, 60, 70, 80, 90]
    assert steady_times(np.array([0, 10, 110, 211, 221]), 10, 100).tolist() == [0, 10, 110, 120, 130]


TENTHS = Fraction(1, 10)


@pytest.mark.parametrize(
    ("restarts", "announced", "kept"),
    [
        (False, None, True),
        (False, 1300, True),  # the header agrees with the gap
        (False, 100, False),  # it agrees with the number of pictures
        (False, 50, True),  # with neither: a header written before the end
        (True, 1300, False),
    ],
)
def test_a_gap_of_two_minutes_is_believed_or_not(restarts, announced, kept):
    ticks = np.array([*range(50), *range(1250, 1300)])
    assert (longest_gap(ticks, ticks, 1, TENTHS, restarts, announced) >= 1200) == kept


@pytest.mark.parametrize("ticks", [[], [5], [0, 1 << 62], [-(1 << 63), 0, 1, (1 << 63) - 1]])
def test_few_and_extreme_times(ticks):
    ticks = np.array(ticks, dtype=np.int64)
    assert 0 < longest_gap(ticks, ticks, 1, TENTHS, False, 100) <= 72_000


@pytest.mark.parametrize(
    ("shape", "max_pixels", "expected"),
    [
        ((100, 200), None, (100, 200)),
        ((100, 200), 5000, (50, 100)),
        ((200, 100), 5000, (100, 50)),
        ((10, 10), 5000, (10, 10)),
        ((2, 5000), 100, (2, 50)),
        ((1000, 1000), 5, (2, 2)),
    ],
)
def test_shrunk_shape(shape, max_pixels, expected):
    assert shrunk_shape(*shape, max_pixels) == expected


def test_dense_shape():
    assert dense_shape(360, 640, 224) == (224, 398)
    assert dense_shape(640, 360, 224) == (398, 224)
    assert dense_shape(10, 10, 224) == (224, 224)
    assert dense_shape(2, 10_000, 224) == (224, 16 * 224)  # squeezed: as it is, one frame would be a gigabyte


class _Counter:
    """Job n gives n, n + 0.1, ...; counts what it made."""

    made = 0

    def __init__(self, fail_at=None):
        self.fail_at = fail_at

    @contextmanager
    def __call__(self, stop: threading.Event):
        yield self

    def results(self, job):
        for i in range(5):
            if job == self.fail_at and i == 2:
                raise KeyError("two")
            self.made += 1
            yield job + i / 10


def test_in_order_gives_results_in_order():
    assert list(in_order(range(20), _Counter(), 3, 2, KeyError)) == [n + i / 10 for n in range(20) for i in range(5)]


def test_in_order_bounds_what_waits():
    counter = _Counter()
    results = in_order(range(1000), counter, threads=1, capacity=3, errors=KeyError)
    for taken in range(1, 200):
        next(results)
        # Two jobs of at most three, and one more in the thread's hand.
        assert counter.made <= taken + 2 * 3 + 1
    results.close()


def test_in_order_raises_an_error_in_its_place():
    results = in_order(range(20), _Counter(fail_at=3), 4, 10, KeyError)
    assert [next(results) for _ in range(17)] == [n + i / 10 for n in range(4) for i in range(5)][:17]
    with pytest.raises(KeyError):
        next(results)


def test_written_video_gives_back_the_same_pictures(tmp_path):
    frames = [pattern(i) for i in range(30)]
    assert write_video(tmp_path / "new" / "a.mp4", iter(frames), fps=29.97, crf=14) == 30
    video = open_video(tmp_path / "new" / "a.mp4")
    assert video.duration == pytest.approx(30 / 29.97, abs=1e-3)
    got = np.array(video.frames_at([(i + 0.5) / 29.97 for i in range(30)])).astype(float)
    error = np.mean((got - np.array(frames)) ** 2)
    assert 10 * np.log10(255**2 / error) > 33


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 60, 90)])
def test_writing_does_not_shift_colours(tmp_path, colour):
    write_video(tmp_path / "a.mp4", [np.full((32, 32, 3), colour, np.uint8)] * 3, fps=4, crf=10)
    got = open_video(tmp_path / "a.mp4").frames_at([0.5])[0]
    assert np.abs(got.astype(int) - colour).max() <= 3


def test_written_video_is_tagged_and_starts_with_its_index(tmp_path):
    write_video(tmp_path / "a.mp4", [pattern(i) for i in range(9)], fps=4, gop=4)
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        keys = [p.is_keyframe for p in container.demux(video=0) if p.size]
    assert sum(keys) == 3


def test_writing_is_all_or_nothing(tmp_path):
    def broken():
        yield pattern(0)
        raise KeyError("drawing failed")

    with pytest.raises(KeyError):
        write_video(tmp_path / "a.mp4", broken(), fps=4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([], "at least one"),
        ([np.zeros((31, 32, 3), np.uint8)], "even"),
        ([np.zeros((32, 32, 3), np.float32)], "uint8"),
        ([np.zeros((32, 32, 3), np.uint8), np.zeros((32, 34, 3), np.uint8)], "same size"),
    ],
)
def test_frames_that_cannot_be_written(tmp_path, frames, says):
    with pytest.raises(ValueError, match=says):
        write_video(tmp_path / "a.mp4", frames, fps=4)


def test_decord_gives_the_same_pictures(tmp_path):
    pytest.importorskip("decord")
    path = encode(tmp_path / "a.mp4", range(0, 400, 4))
    theirs, ours = open_video(path, "decord", threads=1), open_video(path)
    assert theirs.duration == pytest.approx(ours.duration, abs=1e-3)
    assert theirs.id != ours.id
    a, b = (np.concatenate(list(v.dense(7.3, 24, batch=5))).astype(int) for v in (theirs, ours))
    assert a.shape == b.shape == (29, 24, 32, 3)
    assert np.abs(a - b).mean((1, 2, 3)).max() < 5  # neighbours differ by more than 10
    for one, other in zip(theirs.frames_at([3.0, 0.5], 800), ours.frames_at([3.0, 0.5], 800), strict=True):
        assert one.shape == other.shape
        assert np.abs(one.astype(int) - other).mean() < 5


def test_decord_is_not_let_near_transport_streams(tmp_path):
    pytest.importorskip("decord")
    with pytest.raises(VideoError, match="hangs"):
        open_video(encode(tmp_path / "a.ts", range(0, 40, 4)), "decord")


def test_missing_decord_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("msjoe.video.decord_backend.decord", None)
    with pytest.raises(VideoError, match="pip install decord"):
        open_video(encode(tmp_path / "a.mp4", range(0, 40, 4)), "decord")
