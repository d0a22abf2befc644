"""What FOCUS saves on a long video that nothing is known of yet, against CLIP over all its dense frames.

    python benchmarks/focus_saving.py                               a film of Reel, 20 minutes, made first
    python benchmarks/focus_saving.py FILE --clip ViT-L-14:openai

At each rate both decode and score for themselves, in turn, ``--rounds`` times; medians are printed. No feature
cache is used. "scored" is the share of the dense frames that FOCUS scores, "time" its seconds over those of the dense
pass: below 100 % it saves.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from msjoe.clip import Clip, similarity
from msjoe.lazy_scores import ClipScorer
from msjoe.loading import EMBEDDED_CLIP, embedded
from msjoe.reel.make import make_video
from msjoe.reel.script.write_script import make_script
from msjoe.selectors import build_selector
from msjoe.video import FrameSource, open_video

QUESTION = "a red diamond beside a tree"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path, metavar="FILE", help="default: a film of Reel")
    parser.add_argument("--minutes", type=float, default=20, help="of the film of Reel (default: %(default)s)")
    parser.add_argument("--fps", type=float, nargs="+", default=(0.5, 1.0, 2.0), help="default: 0.5 1 2")
    parser.add_argument("--clip", metavar="NAME", help="default: the embedded CLIP")
    parser.add_argument("--question", default=QUESTION)
    parser.add_argument("--budget", type=int, default=16, metavar="K")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    clip = Clip.load(args.clip or embedded(EMBEDDED_CLIP))
    with tempfile.TemporaryDirectory() as folder:
        source = open_video(args.video or film(args.minutes, Path(folder)))
        print(f"{source.duration / 60:.1f} minutes, CLIP {clip.id}, {clip.size} pixels, {args.budget} key-frames")
        print(f"{'fps':>5}{'dense frames':>14}{'dense s':>9}{'FOCUS frames':>14}{'FOCUS s':>9}{'scored':>8}{'time':>7}")
        for fps in args.fps:
            measure(source, clip, fps, args)


def film(minutes: float, folder: Path) -> Path:
    return make_video(make_script("validation", "order", 0, minutes), folder, progress=False)[0]


def measure(source: FrameSource, clip: Clip, fps: float, args: argparse.Namespace) -> None:
    dense_seconds, focus_seconds = [], []
    for _ in range(args.rounds):
        frames, seconds = dense_pass(source, clip, fps, args.question)
        dense_seconds.append(seconds)
        scored, seconds = focus_pass(source, clip, fps, args)
        focus_seconds.append(seconds)
    dense, focus = statistics.median(dense_seconds), statistics.median(focus_seconds)
    print(f"{fps:>5g}{frames:>14}{dense:>9.1f}{scored:>14}{focus:>9.1f}{scored / frames:>8.0%}{focus / dense:>7.0%}")


def dense_pass(source: FrameSource, clip: Clip, fps: float, question: str) -> tuple[int, float]:
    """(frames, seconds) of scoring every dense frame."""
    start = time.perf_counter()
    text_QD = clip.encode_texts([question])
    feats_TD = np.concatenate(list(clip.encode_batches(source.dense(fps, clip.size))))
    similarity(text_QD, feats_TD)
    return len(feats_TD), time.perf_counter() - start


def focus_pass(source: FrameSource, clip: Clip, fps: float, args: argparse.Namespace) -> tuple[int, float]:
    """(frames scored, seconds) of a choice by FOCUS."""
    start = time.perf_counter()
    scorer = ClipScorer(source, clip, [args.question], fps)
    build_selector("focus_repaired").select_scoring(scorer, scorer.video, args.budget, np.random.default_rng(0))
    return scorer.scored, time.perf_counter() - start


if __name__ == "__main__":
    main()
