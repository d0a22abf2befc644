"""How much of the evidence each rule's frames see, given ideal queries, on validation videos of Reel.

    python benchmarks/evidence_recall.py --videos 8 --budget 8

Prints for every track the share of evidence scenes that a chosen frame falls into, and the share of
questions for which all of them are seen. Frames are drawn without a file; CLIP is the embedded one.
"""

import argparse
from collections import defaultdict

import numpy as np

from msjoe.clip import Clip, similarity
from msjoe.loading import EMBEDDED_CLIP, embedded
from msjoe.reel.script import make_script
from msjoe.reel.source import ReelSource
from msjoe.selectors import build_selector
from msjoe.selectors.base import ScoreSet

TRACKS = ("needle", "order", "multi")  # `global` has no moments to find
RULES = {
    "uniform": build_selector("uniform"),
    "top-k, best row": build_selector("topk", rows="max_z"),
    "top-k, rows in turn": build_selector("topk", rows="round_robin"),
    "stand-in": build_selector("standin"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=8, help="of each track (default: 8)")
    parser.add_argument("--budget", type=int, default=8)
    parser.add_argument("--clip", default=None, help="default: the embedded one")
    args = parser.parse_args()
    clip = Clip.load(args.clip or embedded(EMBEDDED_CLIP), device="cpu")
    seen = defaultdict(list)
    for track in TRACKS:
        for seed in range(args.videos):
            measure(clip, track, seed, args.budget, seen)
    print(f"{'rule':<20}" + "".join(f"{track:>18}" for track in TRACKS))
    for rule in RULES:
        cells = [np.array(seen[rule, track]).mean(0) for track in TRACKS]
        print(f"{rule:<20}" + "".join(f"{part:>10.1%} {whole:>7.1%}" for part, whole in cells))


def measure(clip: Clip, track: str, seed: int, budget: int, seen: dict) -> None:
    """Add (share of scenes seen, all seen) of every rule for each question of one video."""
    script = make_script("validation", track, seed)
    feats_TD = np.concatenate(list(clip.encode_batches(ReelSource(script).dense(1.0, clip.size))))
    times_T = np.arange(len(feats_TD), dtype=np.float32)
    for question in script.questions:
        scores = ScoreSet(similarity(clip.encode_texts(list(question.ideal_queries)), feats_TD), times_T)
        for rule, selector in RULES.items():
            times = times_T[selector.select(scores, budget, np.random.default_rng(0)).indices]
            hits = [bool(((times >= start) & (times < end)).any()) for start, end in question.evidence]
            seen[rule, track].append((np.mean(hits), all(hits)))


if __name__ == "__main__":
    main()
