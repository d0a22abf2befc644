"""How fast one frame a second comes out of a video, against decord and plain PyAV.

    python benchmarks/decoding.py FILE
    python benchmarks/decoding.py --make-minutes 5
    python benchmarks/decoding.py FILE --isolated

Every way runs in a process of its own, the ways in turn, ``--rounds`` times; medians are printed.
"same picture" is the share of frames that differ from those of a plain full decode by less than
``SAME_LEVELS`` grey levels on average (decord scales differently), "identical" the share that
does not differ at all.

``--isolated`` compares the dense pass in a process of its own, as the page decodes, with that in this
process: both with the file opened and the process running, in turn.
"""

import argparse
import hashlib
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from msjoe.video import FrameSource, dense_count, open_video, write_video
from msjoe.video.isolated import Decoders
from msjoe.video.picture import Converter, dense_shape, resized, upright_shape

FPS = 1.0
SAME_LEVELS = 3.0
THUMBNAIL = (32, 32)


@dataclass(frozen=True)
class Result:
    wall: float  # seconds
    cpu: float  # seconds
    peak_mb: float
    hashes: list[str]  # one per frame
    thumbnails: np.ndarray  # uint8 [T, 32, 32, 3]


def msjoe_dense(path: str, size: int) -> Iterator[np.ndarray]:
    for batch in open_video(path).dense(FPS, size):
        yield from batch


def plain_pyav(path: str, size: int) -> Iterator[np.ndarray]:
    """Every frame decoded with frame threads, those on screen at each second kept."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        count = dense_count(float(stream.duration * stream.time_base), FPS)
        convert = Converter(lambda height, width: dense_shape(height, width, size))
        shown, second, start = None, 0, None
        for frame in container.decode(stream):
            start = frame.time if start is None else start
            while second < count and frame.time - start > second / FPS + 1e-6:
                yield convert(shown)
                second += 1
            shown = frame
        for _ in range(second, count):
            yield convert(shown)


def decord_full(path: str, size: int) -> Iterator[np.ndarray]:
    """As most projects call it: whole frames at 1 fps in one batch, resized afterwards."""
    import decord

    reader = decord.VideoReader(path)
    pictures = reader.get_batch(_decord_indices(reader)).asnumpy()
    shape = dense_shape(*pictures.shape[1:3], size)
    for picture in pictures:
        yield resized(picture, shape)


def decord_small(path: str, size: int) -> Iterator[np.ndarray]:
    """The better way to call it: resized by decord itself."""
    import decord

    with av.open(path) as container:
        height, width = dense_shape(*upright_shape(next(container.decode(video=0))), size)
    reader = decord.VideoReader(path, height=height, width=width)
    yield from reader.get_batch(_decord_indices(reader)).asnumpy()


def _decord_indices(reader) -> list[int]:
    rate = reader.get_avg_fps()
    return [round(i * rate / FPS) for i in range(max(1, int(len(reader) / rate * FPS + 1e-6)))]


WAYS: dict[str, Callable[[str, int], Iterator[np.ndarray]]] = {
    "msjoe": msjoe_dense,
    "plain PyAV": plain_pyav,
    "decord, resize at open": decord_small,
    "decord, full size then resize": decord_full,
}


def measure(way: str, path: str, size: int) -> Result:
    """Run one way in this process. CPU time includes its threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    hashes, thumbnails = [], []
    spent = 0.0  # on looking at the frames, which is no part of the job
    for picture in WAYS[way](path, size):
        look = time.thread_time()
        hashes.append(hashlib.blake2b(np.ascontiguousarray(picture), digest_size=8).hexdigest())
        thumbnails.append(resized(picture, THUMBNAIL))
        spent += time.thread_time() - look
    wall, cpu = time.perf_counter() - wall - spent, time.process_time() - cpu - spent
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Result(wall, cpu, peak_mb, hashes, np.stack(thumbnails))


def moving_pattern(minutes: float, height: int, width: int, fps: int) -> Iterator[np.ndarray]:
    """Smooth noise that pans, with a grain that changes and a cut every 7 seconds."""
    rng = np.random.default_rng(0)
    grain = rng.integers(-6, 7, (8, height, width, 1), dtype=np.int16)
    for i in range(round(minutes * 60 * fps)):
        if i % (7 * fps) == 0:
            coarse = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
            scene = resized(coarse, (height * 2, width * 2)).astype(np.int16)
            step_y, step_x = rng.integers(-3, 4, 2)
        y, x = (height // 2 + i % (7 * fps) * step_y) % height, (width // 2 + i % (7 * fps) * step_x) % width
        yield np.clip(scene[y : y + height, x : x + width] + grain[i % 8], 0, 255).astype(np.uint8)


def same_share(result: Result, reference: Result) -> tuple[float, float]:
    """Shares of frames (that are the same picture, that are identical)."""
    count = min(len(result.hashes), len(reference.hashes))
    total = max(len(result.hashes), len(reference.hashes))
    levels_T = np.abs(result.thumbnails[:count].astype(int) - reference.thumbnails[:count]).mean((1, 2, 3))
    identical = sum(a == b for a, b in zip(result.hashes, reference.hashes, strict=False))
    return float((levels_T < SAME_LEVELS).sum() / total), identical / total


def compare(path: str, size: int, rounds: int) -> None:
    results: dict[str, list[Result]] = {way: [] for way in WAYS}
    context = multiprocessing.get_context("spawn")
    for _ in range(rounds):
        for way in WAYS:
            with context.Pool(1) as pool:
                results[way].append(pool.apply(measure, (way, path, size)))
    ours = statistics.median(r.wall for r in results["msjoe"])
    print(f"{'way':31s} {'wall s':>7s} {'CPU s':>7s} {'peak MB':>8s} {'x msjoe':>8s} {'same':>6s} {'identical':>9s}")
    for way, runs in results.items():
        wall, cpu = statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs)
        same, identical = same_share(runs[0], results["plain PyAV"][0])
        peak = max(r.peak_mb for r in runs)
        print(f"{way:31s} {wall:7.2f} {cpu:7.2f} {peak:8.0f} {wall / ours:8.2f} {same:6.3f} {identical:9.3f}")


def compare_isolated(path: str, size: int, rounds: int) -> None:
    decoders = Decoders()
    sources = {"in this process": open_video(path), "isolated": decoders.open(path)}
    walls: dict[str, list[float]] = {name: [] for name in sources}
    digests = set()
    for _ in range(rounds):
        for name, source in sources.items():
            wall, digest = timed_dense(source, size)
            walls[name].append(wall)
            digests.add(digest)
    decoders.close()
    for name, runs in walls.items():
        print(f"{name:31s} {statistics.median(runs):7.2f} s (best {min(runs):.2f})")
    here, apart = walls.values()
    medians, best = statistics.median(apart) / statistics.median(here), min(apart) / min(here)
    print(f"isolated / in this process: {medians:.3f} by medians, {best:.3f} by the best of {rounds}")
    print("identical frames" if len(digests) == 1 else "THE FRAMES DIFFER")


def timed_dense(source: FrameSource, size: int) -> tuple[float, str]:
    """Seconds of a dense pass, without those spent on hashing its frames, and their hash."""
    digest, spent, start = hashlib.blake2b(), 0.0, time.perf_counter()
    for batch in source.dense(FPS, size):
        look = time.perf_counter()
        digest.update(batch)
        spent += time.perf_counter() - look
    return time.perf_counter() - start - spent, digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", help="a video file")
    parser.add_argument("--make-minutes", type=float, help="make a test video this long instead")
    parser.add_argument("--height", type=int, default=360, help="of the made video")
    parser.add_argument("--size", type=int, default=224, help="shorter side of the frames asked for")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--isolated", action="store_true", help="compare decoding in another process with that in this")
    args = parser.parse_args()
    run = compare_isolated if args.isolated else compare
    if (args.file is None) == (args.make_minutes is None):
        parser.error("give a FILE or --make-minutes")
    if args.file:
        run(args.file, args.size, args.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "pattern.mp4")
        width = round(args.height * 16 / 9 / 2) * 2
        frames = moving_pattern(args.make_minutes, args.height, width, fps=30)
        count = write_video(path, frames, fps=30, crf=23, gop=250, preset="medium")  # B-frames, as x264 by default
        print(f"made {count} frames, {width} x {args.height}, {Path(path).stat().st_size / 1e6:.1f} MB")
        run(path, args.size, args.rounds)


if __name__ == "__main__":
    main()
