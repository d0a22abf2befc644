"""All packet times of a video, read without decoding: what is on screen when, and where decoding can start.

Shapes: N packets in file (= decoding) order, S shown frames in display order, T asked-for times.
Times are int64 ticks of the stream's time base unless called seconds.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import av
import numpy as np

from msjoe.video.clock import STILL_SECONDS, far_apart, jumps, longest_gap, steady_times, usual_step, without_wrong
from msjoe.video.container import clock_restarts, video_packets

# Codecs whose key frames are complete pictures after which nothing older is needed. A GIF, for
# one, calls every frame a key frame and paints only the part that changed.
CODECS_WITH_KEY_FRAMES = {"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg"}
# Codecs in which a frame that says so is never referred to. HEVC says it only within its temporal
# layer, so there every packet is decoded.
CODECS_WITH_NONREF = {"h264", "mpeg1video", "mpeg2video", "mpeg4", "vp8", "vp9"}
HALF_OPEN_SECONDS = 1e-6  # a frame that starts this shortly after a time counts as on screen: i / fps is rounded


@dataclass(frozen=True)
class PacketIndex:
    """Times of a video stream. ``origin`` is the first displayed frame, which is time 0."""

    time_base: Fraction  # seconds per tick
    step: int  # ticks of one frame at the nominal rate
    pts_N: np.ndarray
    dts_N: np.ndarray  # equal to pts where the file has none
    key_N: np.ndarray  # bool
    clock_N: np.ndarray  # times that give the length where packet times are not exact
    length_N: np.ndarray  # how long a frame is on screen if no other comes
    shown_S: np.ndarray  # sorted display times, before ``with_origin`` all that are not cut away by an edit list
    exact: bool  # whether packet times are those of frames and key frames can be started at
    skips_nonref: bool
    announced: int | None  # duration in ticks that the header states for the video stream
    longest: int  # distance of neighbours up to which it is believed: see ``clock``
    origin: int = 0

    def with_origin(self, origin: int) -> "PacketIndex":
        """The same index with the time of the first frame that a decoder gives back."""
        return replace(self, origin=origin, shown_S=self.shown_S[self.shown_S >= origin])

    @property
    def nbytes(self) -> int:
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))

    def notes(self) -> tuple[str, ...]:
        """What a user should know about these times, in sentences."""
        count = len(self.jumps)
        if not count:
            return ()
        places = "one place" if count == 1 else f"{count} places"
        return (
            f"the video's clock jumps ahead in {places}, over times without pictures; these gaps are left out, so "
            f"times count what is to be seen and can differ from a player's",
        )

    @cached_property
    def time_S(self) -> np.ndarray:
        """When each shown frame comes on screen: ``shown_S`` without the gaps that are not believed."""
        return steady_times(self.shown_S, self.join, self.longest)

    @cached_property
    def join(self) -> int:
        """Ticks that replace a jump: the usual ones where it goes ahead, as the nominal rate then counts its gap."""
        return usual_step(np.unique(self.pts_N), self.step) if len(self.jumps) else self.step

    @cached_property
    def jumps(self) -> np.ndarray:
        """Display times behind which the clock jumps forwards by more than is believed."""
        return jumps(np.unique(self.pts_N), self.longest)

    @property
    def has_leading(self) -> bool:
        """Whether frames come after a key frame in the file and are shown before it, as in open GOPs."""
        keys = np.flatnonzero(self.key_N)
        gop_N = np.searchsorted(keys, np.arange(len(self.pts_N)), side="right") - 1
        return bool((self.pts_N < self.pts_N[keys[gop_N]])[gop_N >= 0].any()) if len(keys) else False

    @property
    def duration(self) -> float:
        """Seconds from the first displayed frame to the end of the last one, by the packets that are there.

        Some formats state a packet's duration in decoding order, which can be too long for the
        last frame; the header's duration is then the shorter one. PyAV below 17 gives packets of some MP4 files the
        rate of the H.264 stream inside, which can be too short; the header's duration is then the longer one, by
        less than a frame at the nominal rate.
        """
        if not self.exact:
            ticks = steady_times(self.clock_N, self.join, self.longest)[-1] - self.clock_N[0] + self.join
            return float(max(int(ticks), 1) * self.time_base)
        start = int(self.time_S[-1]) - self.origin
        length = int(self.length_N[np.argmax(self.pts_N == self.shown_S[-1])])
        end = start + min(length, int(STILL_SECONDS / self.time_base))
        if self.announced is not None and start < self.announced <= max(end, start + self.step):
            end = self.announced
        return float(end * self.time_base)

    def times_of(self, numbers: Sequence[int]) -> list[float]:
        """Seconds at which frames begin to show, by numbers in display order from 0; past the last: the last's."""
        last = self.frame_count - 1
        if not self.exact:
            return [min(n, last) * float(self.step * self.time_base) for n in numbers]
        return [float((int(self.time_S[min(n, last)]) - self.origin) * self.time_base) for n in numbers]

    def numbers_at(self, times_T: np.ndarray) -> list[int]:
        """The number of the frame on screen at each of ``times_T`` (seconds)."""
        times_T = np.asarray(times_T, dtype=np.float64)
        ticks_T = np.floor((times_T + HALF_OPEN_SECONDS) / float(self.time_base)).astype(np.int64)
        if not self.exact:
            return np.clip(ticks_T // self.step, 0, self.frame_count - 1).tolist()
        found_T = np.searchsorted(self.time_S, self.origin + ticks_T, side="right") - 1
        return np.clip(found_T, 0, self.frame_count - 1).tolist()

    @property
    def frame_count(self) -> int:
        """Shown frames; what the nominal rate gives where packet times are not those of frames."""
        return len(self.shown_S) if self.exact else max(1, round(self.duration / float(self.step * self.time_base)))

    def on_screen(self, times_T: np.ndarray) -> tuple[list[int], list[int]]:
        """Frame times shown at sorted ``times_T`` (seconds): distinct pts, and how often each is asked for."""
        ticks_T = self.origin + np.floor((times_T + HALF_OPEN_SECONDS) / float(self.time_base)).astype(np.int64)
        if self.exact:
            rank_T = np.searchsorted(self.time_S, ticks_T, side="right") - 1
            ticks_T = self.shown_S[np.maximum(rank_T, 0)]
        wanted, repeats = np.unique(ticks_T, return_counts=True)
        return wanted.tolist(), repeats.tolist()

    def steady(self, wanted: Sequence[int]) -> list[int]:
        """The times at which frames of ``on_screen`` come out of a ``PlainDecoder``, in which nothing jumps."""
        return [self.steady_time(ticks) for ticks in wanted] if self.exact else list(wanted)

    def steady_time(self, ticks: int) -> int:
        """A frame's time without the gaps that are not believed; for exact packet times."""
        before = max(int(np.searchsorted(self.shown_S, ticks, side="right")) - 1, 0)
        return int(self.time_S[before]) + min(ticks - int(self.shown_S[before]), self.longest)


def read_index(container: av.container.InputContainer, stream: av.VideoStream) -> PacketIndex:
    """List the packets of a freshly opened container."""
    step = nominal_step(stream)
    complete, last = True, 0
    rows = array("q")  # a tenth of what tuples take: three hours have a quarter of a million packets
    for packet in video_packets(container, stream):
        complete &= packet.pts is not None
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            pts = last + step if rows else 0
        last = pts
        dts = pts if packet.dts is None else packet.dts
        rows.extend((pts, dts, packet.duration or step, packet.is_keyframe, not packet.is_discard))
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    pts_N, dts_N, length_N = (np.ascontiguousarray(column) for column in table[:, :3].T)
    key_N, shown_N = table[:, 3] > 0, table[:, 4] > 0
    codec = stream.codec_context.name
    length = _length(container, stream)
    longest = longest_gap(pts_N, dts_N, step, stream.time_base, clock_restarts(container), length)
    wrong_N = far_apart(pts_N, dts_N, longest, step)
    sound = complete and not wrong_N.any() and _is_regular(pts_N, key_N, shown_N)
    return PacketIndex(
        stream.time_base,
        step,
        pts_N,
        dts_N,
        key_N,
        without_wrong(pts_N, wrong_N, step) if wrong_N.any() and not wrong_N.all() else dts_N,
        length_N,
        np.sort(pts_N[shown_N]),
        exact=sound and codec in CODECS_WITH_KEY_FRAMES,
        skips_nonref=codec in CODECS_WITH_NONREF,
        announced=stream.duration or None,
        longest=longest,
    )


def _length(container: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    """The header's duration in ticks; of the whole file where it states none for the stream."""
    if stream.duration or not container.duration:
        return stream.duration or None
    return int(Fraction(container.duration, av.time_base) / stream.time_base)


def nominal_step(stream: av.VideoStream) -> int:
    """Ticks of one frame at the announced rate, or at 25 a second where none is announced."""
    rate = stream.average_rate or stream.guessed_rate or 25
    return max(1, round(1 / (rate * stream.time_base)))


def _is_regular(pts_N: np.ndarray, key_N: np.ndarray, shown_N: np.ndarray) -> bool:
    """Whether every packet has a time of its own, and key frames come after all before them in the file."""
    if not (shown_N.any() and key_N[0] and len(np.unique(pts_N)) == len(pts_N)):
        return False
    latest_N = np.maximum.accumulate(pts_N)
    return bool((pts_N[key_N] == latest_N[key_N]).all())
