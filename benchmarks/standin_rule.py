"""How well the training-free rule finds evidence in synthetic similarity matrices, against uniform and top-k.

    python benchmarks/standin_rule.py --cases 100

A video of 3 to 60 minutes is a list of scenes of 2 to 120 s, each with a place, a character and an item. A
query names all three; a scene's similarity grows with the share of them it has, so most rows hold long
half-matches. Four kinds of question:

- short: one scene of at most 12 s, named by one query.
- order: a named scene (the anchor) and one that lies 1 to 3 scenes before or after it, which no query names.
- multi: 2 to 4 scenes, either all alike and named by one query, or each named by its own.
- global: the eight parts of the video; the query names any scene.

Up to two further queries are useless: they name what may not be there, or are noise.
Printed: evidence recall in %, the share of evidence scenes (parts) of which at least one frame was chosen.
This simulation is not Reel: the rule was chosen here and can be judged there.
Shapes: Q queries, T dense frames, K chosen.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from msjoe.selectors import build_selector
from msjoe.selectors.standin import DECAY, DensityShares, evidence_density, spread_order

KINDS = ("short", "order", "multi", "global")
NOISES = (0.3, 0.6, 1.0)
BUDGETS = (8, 16, 32)
ATTRIBUTES = (10, 6, 6)  # how many places, characters, items there are
WEIGHTS = np.array([0.35, 0.40, 0.25])  # their parts in a full match

Rule = Callable[[np.ndarray, int], np.ndarray]  # (sim_QT, budget) -> indices


@dataclass(frozen=True)
class Case:
    sim_QT: np.ndarray
    evidence: list[tuple[int, int]]  # [start, end) in frames


def make_case(rng: np.random.Generator, kind: str, noise: float) -> Case:
    starts, ends, scenes = _video(rng)
    count = len(starts)

    def row(wanted: np.ndarray) -> np.ndarray:
        return _row(rng, ends - starts, scenes, wanted, noise)

    useless = rng.integers(0, 3)
    if kind == "short":
        short = np.flatnonzero(ends - starts <= 12)
        found = [int(rng.choice(short)) if len(short) else int(rng.integers(count))]
        rows = [row(scenes[found[0]])]
    elif kind == "order":
        anchor = int(rng.integers(1, count - 1))
        step = int(rng.integers(1, 4) * rng.choice([-1, 1]))
        found = [anchor, int(np.clip(anchor + step, 0, count - 1))]
        rows = [row(scenes[anchor])]
    elif kind == "multi":
        found = [int(i) for i in rng.choice(count, rng.integers(2, 5), replace=False)]
        alike = rng.random() < 0.5
        if alike:
            scenes[found] = scenes[found[0]]
        rows = [row(scenes[i]) for i in (found[:1] if alike else found)]
        useless = min(useless, 4 - len(rows))
    else:
        found = []
        rows = [row(scenes[rng.integers(count)])]
    for _ in range(useless):
        elsewhere = np.array([rng.integers(n) for n in ATTRIBUTES])
        rows.append(row(elsewhere) if rng.random() < 0.5 else 0.18 + 0.02 * rng.standard_normal(ends[-1]))
    sim_QT = np.stack([rows[i] for i in rng.permutation(len(rows))]).astype(np.float32)
    eighths = np.linspace(0, ends[-1], 9).astype(int)
    parts = list(pairwise(eighths))
    return Case(sim_QT, [(starts[i], ends[i]) for i in found] or parts)


def _video(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts and ends in seconds, and the three attributes of each scene; at least six scenes."""
    while True:
        duration = int(np.exp(rng.uniform(np.log(180), np.log(3600))))
        lengths = np.exp(rng.uniform(np.log(2), np.log(120), duration)).astype(int)
        ends = np.cumsum(lengths)
        ends = np.append(ends[ends < duration], duration)
        if len(ends) >= 6:
            scenes = np.stack([rng.integers(0, n, len(ends)) for n in ATTRIBUTES], axis=1)
            return np.insert(ends[:-1], 0, 0), ends, scenes


def _row(
    rng: np.random.Generator, lengths: np.ndarray, scenes: np.ndarray, wanted: np.ndarray, noise: float
) -> np.ndarray:
    """Cosines of one query: 0.18 for nothing, 0.24 for a full match, scene noise and correlated frame noise."""
    match = ((scenes == wanted) * WEIGHTS).sum(axis=1) ** 1.3
    level_T = np.repeat(match + 0.35 * noise * rng.standard_normal(len(match)), lengths)
    white_T = rng.standard_normal(len(level_T) + 3)
    frame_T = np.convolve(white_T, [0.86, 0.43, 0.22, 0.11], mode="valid")
    return 0.18 + 0.06 * (level_T + 0.6 * noise * frame_T)


def recall(indices: np.ndarray, case: Case) -> float:
    return float(np.mean([np.any((indices >= start) & (indices < end)) for start, end in case.evidence]))


def rules() -> dict[str, Rule]:
    def select(name: str, **params) -> Rule:
        selector = build_selector(name, **params)
        return lambda sim_QT, budget: selector.select(sim_QT, budget).indices

    def variant(**shares) -> Rule:
        made = DensityShares(**shares)
        return lambda sim_QT, budget: spread_order(evidence_density(sim_QT, shares=made), budget)[:budget]

    def drawn(decay: float) -> Rule:
        rng = np.random.default_rng(0)

        def draw(sim_QT: np.ndarray, budget: int) -> np.ndarray:
            logits_T = np.empty(sim_QT.shape[1])
            logits_T[spread_order(evidence_density(sim_QT))] = -decay * np.log(np.arange(1, len(logits_T) + 1))
            return np.argsort(-(logits_T + rng.gumbel(size=len(logits_T))))[:budget]

        return draw

    return {
        "uniform": select("uniform"),
        "topk, mean of rows": select("topk"),
        "topk, max of z": select("topk", rows="max_z"),
        "topk, round-robin": select("topk", rows="round_robin"),
        "stand-in": select("standin"),
        "  no context": variant(match=0.8, context=0.0),
        "  context 0.4": variant(match=0.4, context=0.4),
        "  context 0.5": variant(match=0.3, context=0.5),
        "  no uniform part": variant(match=0.7, context=0.3),
        "  context sharpness 1": variant(sharpness=1.0),
        "  context reach 45 s": variant(reach=45.0),
        **{f"  drawn, decay {d:g}": drawn(d) for d in (1.0, DECAY, 2.0)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100, help="cases for each kind and noise level")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    cases = {(k, n): [make_case(rng, k, n) for _ in range(args.cases)] for k in KINDS for n in NOISES}
    print(f"evidence recall, %, mean over noise {NOISES}; {args.cases} cases each; columns K = {BUDGETS}")
    print(" " * 24 + "".join(f"{kind:>16}" for kind in KINDS) + "    mean  by noise")
    for name, rule in rules().items():
        found = np.array(  # kind, noise, case, budget
            [
                [[[recall(rule(c.sim_QT, k), c) for k in BUDGETS] for c in cases[kind, n]] for n in NOISES]
                for kind in KINDS
            ]
        )
        cells = "".join("    " + "".join(f"{100 * v:4.0f}" for v in found[i].mean(axis=(0, 1))) for i in range(4))
        noises = " ".join(f"{100 * v:.0f}" for v in found.mean(axis=(0, 2, 3)))
        print(f"{name:24s}{cells}{100 * found.mean():8.1f}  {noises}", flush=True)


if __name__ == "__main__":
    main()
