"""Packets -> pictures, the fast way for sound files; a worker of ``in_order``. For others see ``plain``."""

import threading
from collections.abc import Iterator, Sequence
from itertools import chain as joined
from itertools import islice
from pathlib import Path

import av
import numpy as np

from msjoe.video.container import open_container, set_threads, video_packets, video_stream
from msjoe.video.index import PacketIndex
from msjoe.video.picture import Converter, Fit
from msjoe.video.plan import Chain

FAR_PACKETS = 300  # reading on over so many packets costs less than finding the place anew


class UndecodablePart(Exception):
    """A chain did not give exactly the frames that the index promised."""


class ChainDecoder:
    """Decodes chains with one container of its own, skipping what no wanted frame needs.

    Packets of unwanted frames are sent with ``skip_frame = NONREF``: the decoder drops those that
    nothing refers to. So the wanted frames are exactly those of a full decode, which is checked by
    their times; anything else raises UndecodablePart.
    """

    def __init__(self, path: Path, index: PacketIndex, fit: Fit, stop: threading.Event, threads: int) -> None:
        self._path, self._index, self._stop, self._threads = path, index, stop, threads
        self._convert = Converter(fit)
        self._by_time = np.argsort(index.pts_N)
        self._keys = np.flatnonzero(index.key_N)

    def __enter__(self) -> "ChainDecoder":
        self._open()
        return self

    def __exit__(self, *_) -> None:
        self._container.close()

    def _open(self) -> None:
        self._container = open_container(self._path)
        self._stream = video_stream(self._container, self._path.name)
        set_threads(self._stream, self._threads)
        # Where a decoder would repair damage with what is around, skipping would change the picture.
        self._stream.codec_context.options = {"err_detect": "explode"}
        packets = list(islice(video_packets(self._container, self._stream), 1))
        self._show_first(packets)
        self._next = 0  # position of the packet that comes next
        self._packets = joined(packets, video_packets(self._container, self._stream))

    def _show_first(self, packets: list[av.Packet]) -> None:
        """Let the decoder see the file's first packet: x264 notes its version only there, and FFmpeg
        decodes 4:4:4 of old versions differently (they had a bug that every decoder has to repeat).
        """
        try:
            for packet in [*packets, None]:
                self._stream.codec_context.decode(packet)
        except av.error.FFmpegError as e:
            raise UndecodablePart(e.strerror) from e
        self._stream.codec_context.flush_buffers()

    def results(self, chains: Sequence[Chain]) -> Iterator[np.ndarray]:
        """One picture per wanted frame of the chains. Raises UndecodablePart."""
        try:
            for chain in chains:
                yield from self._pictures(chain)
        except av.error.FFmpegError as e:
            raise UndecodablePart(e.strerror) from e

    def _pictures(self, chain: Chain) -> Iterator[np.ndarray]:
        waiting = list(reversed(chain.wanted))
        for frame in self._frames(chain):
            if waiting and frame.pts == waiting[-1]:
                waiting.pop()
                yield self._convert(frame)
        if waiting and not self._stop.is_set():
            raise UndecodablePart(f"{len(waiting)} frames are missing")

    def _frames(self, chain: Chain) -> Iterator[av.VideoFrame]:
        context = self._stream.codec_context
        for position, packet in self._read(chain.first, chain.last):
            if self._stop.is_set():
                return
            if chain.floor is not None and packet.pts < chain.floor:
                continue
            skips = self._index.skips_nonref and position not in chain.targets
            context.skip_frame = "NONREF" if skips else "DEFAULT"
            yield from context.decode(packet)
        yield from context.decode(None)
        context.flush_buffers()

    def _read(self, first: int, last: int) -> Iterator[tuple[int, av.Packet]]:
        """Packets at positions ``first`` to ``last`` of the index."""
        if not self._next <= first <= self._next + FAR_PACKETS:
            self._seek(first)
        while self._next <= last:
            packet = next(self._packets, None)
            if packet is None or packet.pts != self._index.pts_N[self._next]:
                raise UndecodablePart(f"packet {self._next} is not where it was")
            self._next += 1
            if self._next > first:
                yield self._next - 1, packet

    def _seek(self, first: int) -> None:
        """Go to the packet at ``first``, a key frame, or some way before it; at worst to the start of the file.

        Formats seek by decoding or by display time and to different key frames, so it is tried
        and the place found is looked up in the index.
        """
        gop = int(np.searchsorted(self._keys, first))
        earlier = [self._keys[max(gop - back, 0)] for back in (0, 1, 3)]
        for ticks in (self._index.pts_N[first], *self._index.dts_N[earlier]):
            try:
                self._container.seek(int(ticks), stream=self._stream)
            except av.error.FFmpegError:
                continue
            packets = video_packets(self._container, self._stream)
            packet = next(packets, None)
            position = self._position(packet.pts) if packet is not None else None
            if position is not None and position <= first:
                self._next, self._packets = position, joined([packet], packets)
                return
        self._container.close()
        self._open()

    def _position(self, pts: int | None) -> int | None:
        if pts is None:
            return None
        rank = np.searchsorted(self._index.pts_N, pts, sorter=self._by_time)
        if rank == len(self._by_time) or self._index.pts_N[self._by_time[rank]] != pts:
            return None
        return int(self._by_time[rank])
