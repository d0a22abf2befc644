"""Settings of every rule for Reel: the same search for each, on the same validation videos.

    python benchmarks/tune_selectors.py > analysis/reel-test/settings.txt

For each setting of a rule's grid the share of questions whose evidence its frames show (as the evaluation's
loss-by-step defines it), with ideal queries, mean over the budgets and the four tracks; rules that draw are drawn
three times. The first line of a rule is its default. Frames are drawn without a file; CLIP is the embedded one.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import product

import numpy as np

from msjoe.clip import Clip, similarity
from msjoe.data import Record, reel_records, reel_source, reel_truth
from msjoe.evaluation.loss_by_step import shows
from msjoe.flags import parse_settings
from msjoe.loading import EMBEDDED_CLIP, embedded
from msjoe.reel.script.records import TRACKS
from msjoe.selectors import build_selector, draws
from msjoe.selectors.base import ScoreSet
from msjoe.selectors.standin import DensityShares

ROWS = ("mean", "max_z", "round_robin")
GRIDS = {
    "uniform": {},
    "topk": {"rows": ROWS},
    "topk_apart": {"rows": ROWS, "seconds": (5, 10, 20, 40)},
    "topk_neighbours": {"rows": ROWS, "seconds": (2, 5, 10, 20)},
    "aks_repaired": {"rows": ROWS, "t1": (0.2, 0.4, 0.6, 0.8), "depth": (2, 3)},
    "bolt_repaired": {"rows": ROWS, "power": (1, 2, 4, 6, 10, 15, 25)},
    "qframe_repaired": {"rows": ROWS, "tau": (0.003, 0.01, 0.03, 0.1, 0.3)},
    "qframe_repaired?mode=frames": {"rows": ROWS, "tau": (0.003, 0.01, 0.03, 0.1, 0.3)},
    "wfs_sb_repaired": {
        "rows": ROWS,
        "weights": ((0.4, 0.2, 0.3, 0.1), (0.3, 0.4, 0.2, 0.1)),
        "strictness": (0.3, 0.6, 1.2, 1.5),
    },
    "mdp3_repaired": {"rows": ROWS, "weight": (0.02, 0.05, 0.1, 0.2), "segment": (None, 32)},
    "focus_repaired": {"rows": ROWS},
    "dig_style_repaired": {"rows": ROWS, "prominence": (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.4)},
    "qca_repaired": {"rows": ROWS, "gamma": (0.0, 0.5), "tau": (0.003, 0.01, 0.1, 1.0)},
    "adaq_repaired": {"rows": ROWS, "gamma": (0.1, 0.2, 0.5, 1.0, 1.5, 2.5, 4.0)},
    "gift_repaired": {"rows": ROWS, "batch": (1, 2, 4, 6, 9, 12, 16)},
    "standin": {
        "shares": [
            DensityShares(match, focus, context)
            for match in (0.4, 0.5, 0.6, 0.7, 0.8)
            for context in (0.0, 0.15)
            for focus in (1.5, 3.0, 5.0)
        ]
    },
}
DRAWS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=16, help="of each track (default: %(default)s)")
    parser.add_argument("--budgets", type=int, nargs="+", default=(8, 16), metavar="K", help="default: 8 16")
    parser.add_argument("--rules", default=",".join(GRIDS), help="default: all")
    args = parser.parse_args()
    asked = list(questions(Clip.load(embedded(EMBEDDED_CLIP), device="cpu"), args.videos))
    budgets = " and ".join(map(str, args.budgets))
    print(f"{len(asked)} questions about {4 * args.videos} validation videos, {budgets} frames, ideal queries")
    for rule in args.rules.split(","):
        found = [(measured(rule, setting, asked, args.budgets), setting) for setting in settings(GRIDS[rule])]
        print(f"\n{rule}\n" + f"{'mean':>8}" + "".join(f"{track:>8}" for track in TRACKS))
        for shares, setting in [found[0], *sorted(found[1:], key=lambda one: -np.mean(one[0]))[:5]]:
            cells = "".join(f"{share:>8.1%}" for share in (np.mean(shares), *shares))
            print(f"{cells}  {' '.join(f'{k}={v}' for k, v in setting.items()) or 'default'}")


def questions(clip: Clip, videos: int):
    """(record, truth, scores) of the first ``videos`` of each track."""
    for track in TRACKS:
        for records in by_video(reel_records("validation", (track,), videos)):
            feats_TD = np.concatenate(list(clip.encode_batches(reel_source(records[0]).dense(1.0, clip.size))))
            times_T = np.arange(len(feats_TD), dtype=np.float32)
            for record in records:
                truth = reel_truth(record)
                text_QD = clip.encode_texts(list(truth.ideal_queries))
                yield record, truth, ScoreSet(similarity(text_QD, feats_TD), times_T, feats_TD, text_QD)
            print(".", end="", file=sys.stderr, flush=True)


def by_video(records: list[Record]) -> list[list[Record]]:
    films = defaultdict(list)
    for record in records:
        films[record.video].append(record)
    return list(films.values())


def settings(grid: dict) -> list[dict]:
    """The default first, then every combination."""
    return [{}] + ([dict(zip(grid, values, strict=True)) for values in product(*grid.values())] if grid else [])


def measured(rule: str, setting: dict, asked: list, budgets: Sequence[int]) -> list[float]:
    """Share of questions with their evidence shown, by track, mean over the budgets."""
    name, _, told = rule.partition("?")
    selector = build_selector(name, **setting, **(parse_settings(rule, [told]) if told else {}))
    repeats = DRAWS if draws(name) else 1
    shown = defaultdict(list)
    for number, (record, truth, scores) in enumerate(asked):
        for budget, draw in product(budgets, range(repeats)):
            chosen = selector.select(scores, budget, np.random.default_rng([number, draw])).indices
            shown[record.group].append(shows(record, truth.evidence, scores.times_T[chosen]))
    return [float(np.mean(shown[track])) for track in TRACKS]


if __name__ == "__main__":
    main()
