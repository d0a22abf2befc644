"""Damaged video files, the same for the same seed: twelve formats, each cut, flipped, holed, shuffled or grown.

``python -m tests.fuzz 500`` tries the first 500 in every format and prints what came of them.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from msjoe.errors import VideoError
from msjoe.video import dense_count, open_video
from tests.videos import encode

SECONDS = 12.0
# Twice what is there, as damage can copy a part, and an hour of a still, which cannot be told from one that is meant.
MOST_SECONDS = 2 * SECONDS + 3600
TICKS = range(0, 1200, 4)  # 300 pictures at 25 a second
# name: codec and options. MPEG-2 knows no other rate than the usual ones, H.264 without B-frames suits all.
FORMATS = {
    "a.mp4": {},
    "fragmented.mp4": {"muxing": {"movflags": "frag_keyframe+empty_moov"}},
    "a.mov": {"codec": "mpeg4"},
    "a.mkv": {},
    "a.webm": {"codec": "libvpx", "deadline": "realtime"},
    "a.avi": {"codec": "mpeg4", "bf": "0"},
    "a.ts": {},
    "a.mpg": {"codec": "mpeg2video"},
    "a.flv": {"bf": "0"},
    "a.nut": {"codec": "mpeg4"},
    "a.wmv": {"codec": "wmv2", "bf": "0"},
    "a.3gp": {"bf": "0"},
}


def samples(folder: Path) -> dict[str, bytes]:
    """The sound files, by name."""
    return {name: encode(folder / name, TICKS, **options).read_bytes() for name, options in FORMATS.items()}


def _cut(content: bytearray, rng: np.random.Generator) -> bytearray:
    return content[: int(rng.integers(1, len(content)))]


def _flip(content: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, len(content), int(rng.integers(1, 60))):
        content[place] ^= 1 << int(rng.integers(8))
    return content


def _flip_head(content: bytearray, rng: np.random.Generator) -> bytearray:
    """Where most formats have their tables."""
    for place in rng.integers(0, min(4096, len(content)), int(rng.integers(1, 8))):
        content[place] = int(rng.integers(256))
    return content


def _flip_tail(content: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(max(0, len(content) - 4096), len(content), int(rng.integers(1, 8))):
        content[place] = int(rng.integers(256))
    return content


def _hole(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, end = _span(content, rng)
    content[start:end] = bytes(end - start)
    return content


def _lose(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, end = _span(content, rng)
    del content[start:end]
    return content


def _grow(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, end = _span(content, rng)
    content[start:start] = rng.bytes(end - start)
    return content


def _repeat(content: bytearray, rng: np.random.Generator) -> bytearray:
    start, end = _span(content, rng)
    content[start:start] = content[start:end]
    return content


def _span(content: bytearray, rng: np.random.Generator) -> tuple[int, int]:
    start = int(rng.integers(0, len(content)))
    return start, min(len(content), start + int(rng.integers(1, 1 + len(content) // 3)))


DAMAGES: tuple[Callable[[bytearray, np.random.Generator], bytearray], ...] = (
    _cut,
    _flip,
    _flip_head,
    _flip_tail,
    _hole,
    _lose,
    _grow,
    _repeat,
)


def damaged(content: bytes, seed: int) -> bytes:
    """One to three damages, the first kind by turns."""
    rng = np.random.default_rng(seed)
    result = bytearray(content)
    for damage in (DAMAGES[seed % len(DAMAGES)], *rng.choice(DAMAGES, int(rng.integers(0, 3)))):
        if len(result) > 2:
            result = damage(result, rng)
    return bytes(result)


def length_of(path: Path) -> float | None:
    """Seconds of a file whose dense frames were all read, None for one that is refused in words.

    Raises AssertionError for a length that is out of all proportion (before anything is decoded of it), and
    where more or fewer frames come than the length gives.
    """
    try:
        video = open_video(path, threads=1)
        assert video.duration <= MOST_SECONDS, f"{video.duration:.0f} s of {SECONDS:.0f}"
        count = sum(len(batch) for batch in video.dense(1, 16))
        video.frames_at([0.0, video.duration / 2, video.duration], max_pixels=500)
    except VideoError:
        return None
    assert count == dense_count(video.duration, 1)
    return video.duration


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sound = samples(Path(folder))
        for name, content in sound.items():
            told, longest, faults = Counter(), 0.0, Counter()
            path = Path(folder) / name
            for seed in range(rounds):
                path.write_bytes(damaged(content, seed))
                try:
                    length = length_of(path)
                except Exception as e:  # noqa: BLE001 - each kind of fault is counted and printed
                    faults[f"{type(e).__name__}: {e}"[:120], seed] += 1
                    continue
                told["refused" if length is None else "longer" if length > 2 * SECONDS else "read"] += 1
                longest = max(longest, length or 0)
            sys.stdout.write(f"{name}: {dict(told)}, longest {longest:.0f} s, faults {dict(faults)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
