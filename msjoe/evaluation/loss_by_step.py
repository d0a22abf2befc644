"""Where a wrong answer was lost, on Reel: an analysis of what was chosen, made after the choice.

An answer's frames *show* the evidence when every evidence scene has a frame among them. In `global`,
whose evidence is a stretch of the video in many scenes, they show it when at least one frame, and at
least half as many frames as the stretch's share of the video would get from an even spread, lie in it.

CLIP *finds* an evidence scene when, for one of the ideal queries at least, fewer than K frames outside
the evidence score higher than the scene's best frame; K is the budget. It finds the evidence when it finds
every scene (`global`: one scene).

Each wrong answer, unreadable ones included, then falls under the first that holds:

1. misread: the frames showed the evidence, and the MLLM did not answer right.
2. queries: the same rule on the ideal queries would have shown the evidence.
3. clip: with the ideal queries CLIP does not find the evidence.
4. choice: CLIP finds the evidence with the ideal queries, and the rule still passes it over.

A rule that looks at no queries (uniform, random) can lose by 1 and 4 only, one that is given ideal
queries by 1, 3 and 4. Black frames lose nothing at a step and are left out. In `order` the second moment is named
by no query alone ("red diamond" is seen in many scenes), so there 3 also counts what no CLIP could find.

Shapes: Q queries, T dense frames.
"""

from collections.abc import Sequence

import numpy as np

from msjoe.data import Record, reel_truth
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.plan import BLACK, Arm
from msjoe.evaluation.recall import hits, single
from msjoe.routing import routed
from msjoe.selectors.base import Selector
from msjoe.steps import Settings, choose, match
from msjoe.trace import Trace

LOSSES = ("queries", "clip", "choice", "misread")
Spans = Sequence[tuple[float, float]]  # of the evidence, in seconds


def examine(
    record: Record, arm: Arm, trace: Trace, rule: Selector | None, footage: Footage, settings: Settings
) -> dict:
    """What the analysis needs of one answer: {"evidence": hit scenes, "shown", "ideal_shown", "found"}.

    ``rule`` is the arm's, or None for a bound without one. For an arm that looks at no queries
    "ideal_shown" is "shown" and "found" is None: they cost nothing.
    """
    truth = reel_truth(record)
    times = () if arm.selector == BLACK else trace.chosen_times
    seen = {"evidence": hits(single(truth.evidence), times), "shown": shows(record, truth.evidence, times)}
    if not arm.needs_scores:
        return seen | {"ideal_shown": seen["shown"], "found": None}
    ideal = Trace(trace.question, queries=list(truth.ideal_queries))
    scores = match(ideal, footage.feats_TD, footage.text_QD(ideal.queries), settings.dense_fps)
    choose(ideal, scores, routed(ideal, rule, footage.scope), settings)
    return seen | {
        "ideal_shown": shows(record, truth.evidence, ideal.chosen_times),
        "found": finds(record, truth.evidence, scores.sim_QT, scores.times_T, settings.budget),
    }


def shows(record: Record, evidence: Spans, times: Sequence[float]) -> bool:
    """Whether frames at ``times`` show the evidence, as the module's text says."""
    if record.group != "global":
        return all(hits(single(evidence), times))
    inside = sum(start <= t < end for start, end in evidence for t in times)
    share = sum(end - start for start, end in evidence) / record.duration
    return inside >= max(1.0, share * len(times) / 2)


def finds(record: Record, evidence: Spans, sim_QT: np.ndarray, times_T: np.ndarray, budget: int) -> bool:
    """Whether CLIP finds the evidence with the ideal queries, whose similarities are ``sim_QT``."""
    inside = [(times_T >= start) & (times_T < end) for start, end in evidence]
    others_QT = sim_QT[:, ~np.any(inside, axis=0)]
    found = []
    for scene_T in inside:
        best_Q1 = sim_QT[:, scene_T].max(axis=1, initial=-np.inf, keepdims=True)
        found.append(bool(((others_QT > best_Q1).sum(axis=1) < budget).any()))
    return any(found) if record.group == "global" else all(found)


def loss(row: dict) -> str | None:
    """Which of LOSSES a wrong answer's row falls under; None for a right one."""
    truth = row["truth"]
    if row["right"]:
        return None
    if truth["shown"]:
        return "misread"
    if truth["ideal_shown"]:
        return "queries"
    return "clip" if truth["found"] is False else "choice"
