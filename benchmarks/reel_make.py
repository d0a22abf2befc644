"""How fast a Reel video is drawn and encoded, against the promise of a minute for 30 minutes.

    python benchmarks/reel_make.py --minutes 30

Prints seconds for drawing alone, for drawing and encoding, and how many times faster than
real time that is.
"""

import argparse
import tempfile
import time
from pathlib import Path

from msjoe.reel.make import make_video
from msjoe.reel.script.write_script import make_script
from msjoe.reel.source import file_frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    script = make_script("validation", "order", args.seed, args.minutes)
    start = time.perf_counter()
    frames = sum(1 for _ in file_frames(script))
    drawing = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        video, _ = make_video(script, Path(folder), progress=False)
        making = time.perf_counter() - start
        size = video.stat().st_size
    print(f"{args.minutes:g} min: {frames} frames, {size / 1e6:.1f} MB")
    print(f"drawing alone        {drawing:6.1f} s")
    print(f"drawing and encoding {making:6.1f} s, {60 * args.minutes / making:.0f} x real time")
    print(f"share of the promised minute per half hour: {making / (args.minutes * 2):.2f}")


if __name__ == "__main__":
    main()
