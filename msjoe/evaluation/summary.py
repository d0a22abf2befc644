"""From answers to numbers: every arm's accuracy and what it costs, differences with intervals, losses by step.

Intervals are 95 % bootstrap intervals over videos, as [value, low, high] in shares from 0 to 1. The headline is
the number a benchmark's table is about: accuracy, or for MLVU the mean of its tasks' accuracies. The draws of a
rule that draws are one arm: all its numbers are means over them.
Shapes: N questions.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from msjoe.evaluation import bootstrap_mean, paired_difference, score
from msjoe.evaluation.loss_by_step import LOSSES, loss
from msjoe.evaluation.plan import BLACK, Arm, Plan
from msjoe.evaluation.recall import recall_of
from msjoe.evaluation.scoring import HEADLINE

Interval = list[float]


def summarise(plan: Plan, rows: Sequence[dict]) -> dict:
    """{"headline", "questions", "scored", "videos", "arms": [...], "losses": [...]}; rows as in answers.jsonl."""
    by_arm = {arm: [row for row in rows if arm_of(row) == arm] for arm in dict.fromkeys(a.pooled for a in plan.arms())}
    by_arm = {arm: found for arm, found in by_arm.items() if found}
    first = next(iter(by_arm.values()), [])
    headlines = {arm: headline(plan.benchmark, found) for arm, found in by_arm.items()}
    return {
        "headline": HEADLINE.get(plan.benchmark, "accuracy"),
        "questions": len({row["id"] for row in first}),
        "scored": len({row["id"] for row in _scored(first)}),
        "videos": len({row["video"] for row in first}),
        "arms": [
            _arm(plan.benchmark, arm, found) | _differences(plan.benchmark, arm, by_arm, headlines)
            for arm, found in by_arm.items()
        ],
        "losses": [line for arm, found in by_arm.items() for line in losses(arm, found)],
    }


def arm_of(row: dict) -> Arm:
    """The arm that a row of answers.jsonl counts for, whichever draw it is."""
    return Arm(row["selector"], row["queries_from"], row["budget"])


def losses(arm: Arm, rows: Sequence[dict]) -> list[dict]:
    """For each group, and for "all", how many wrong answers were lost at which step; [] for what has no truth."""
    if arm.selector == BLACK:
        return []
    rows = [row for row in _scored(rows) if row["truth"] is not None]
    lines = []
    for group in [*_groups(rows), "all"] if rows else []:
        part = [row for row in rows if group in ("all", row["group"])]
        counts = Counter(loss(row) for row in part if not row["right"])
        wrong = sum(not row["right"] for row in part)
        lines.append({"arm": arm.name, "group": group, "questions": len(part), "wrong": wrong})
        lines[-1] |= {step: counts[step] for step in LOSSES}
    return lines


def _arm(benchmark: str, arm: Arm, rows: Sequence[dict]) -> dict:
    scored = _scored(rows)
    told = {"name": arm.name, "selector": arm.selector, "queries": arm.queries, "budget": arm.budget}
    told |= {
        "draws": max(row.get("draw", 1) for row in rows),
        "bound": arm.bound,
        "headline": headline(benchmark, scored),
    }
    told["accuracy"] = _interval(scored, _right)
    told["groups"] = {g: _interval([r for r in scored if r["group"] == g], _right) for g in _groups(rows)}
    if benchmark == "reel":
        told["unseen"] = _interval([row for row in scored if "unseen" in row["labels"]], _right)
        told |= _evidence(rows)
    return told | {
        "unreadable": float(np.mean([row["letter"] is None for row in scored])) if scored else None,
        "fallbacks": sum(row["fallback"] for row in rows),
        "over_budget": sum(row["frames"] > row["budget"] for row in rows),
        "shared": sum(row["same_as"] is not None for row in rows),
        "frames": _mean(rows, lambda row: row["frames"]),
        "visual_tokens": _mean(rows, lambda row: sum(row["visual_tokens"].values())),
        "seconds": _mean(rows, lambda row: sum(row["seconds"].values())),
        "seconds_by_step": {s: _mean(rows, lambda row, s=s: row["seconds"].get(s, 0.0)) for s in rows[0]["seconds"]},
        "score": score(benchmark, [row | {"answer": row["gold"] or ""} for row in rows]),
    }


def _differences(
    benchmark: str, arm: Arm, by_arm: dict[Arm, list[dict]], headlines: dict[Arm, Interval | None]
) -> dict:
    """To uniform, and to the best arm of another selector that is no bound, at the same budget."""
    uniform = Arm("uniform", "none", arm.budget)
    rivals = [a for a in by_arm if a.budget == arm.budget and a.selector != arm.selector and not a.bound]
    rivals = [a for a in rivals if headlines[a] is not None]
    rival = max(rivals, key=lambda a: headlines[a][0], default=None)

    def minus(other: Arm | None) -> Interval | None:
        return None if other in (arm, None) else difference(benchmark, by_arm[arm], by_arm.get(other, []))

    return {"minus_uniform": minus(uniform), "rival": rival and rival.name, "minus_rival": minus(rival)}


def difference(benchmark: str, rows_a: Sequence[dict], rows_b: Sequence[dict]) -> Interval | None:
    """Headline of a minus b over the questions that both answered, each the mean of its draws; None without any."""
    a, b = _by_question(rows_a), _by_question(rows_b)
    common = [question for question in a if question in b]
    if not common:
        return None
    hits_a, hits_b = ([_mean(side[question], _right) for question in common] for side in (a, b))
    first = [a[question][0] for question in common]
    return list(paired_difference(hits_a, hits_b, [r["video"] for r in first], groups_N=_macro(benchmark, first)))


def headline(benchmark: str, rows: Sequence[dict]) -> Interval | None:
    """The number a benchmark's table is about, over the rows with a known answer."""
    scored = _scored(rows)
    return _interval(scored, _right, _macro(benchmark, scored))


def _macro(benchmark: str, rows: Sequence[dict]) -> list[str] | None:
    return [row["group"] for row in rows] if HEADLINE.get(benchmark) == "m_avg_macro" else None


def _interval(rows: Sequence[dict], value: Callable[[dict], float], groups: list[str] | None = None) -> Interval | None:
    if not rows:
        return None
    return list(bootstrap_mean([value(row) for row in rows], [row["video"] for row in rows], groups_N=groups))


def _by_question(rows: Sequence[dict]) -> dict[str, list[dict]]:
    """The draws of every question with a known answer."""
    found: dict[str, list[dict]] = {}
    for row in _scored(rows):
        found.setdefault(row["id"], []).append(row)
    return found


def _scored(rows: Sequence[dict]) -> list[dict]:
    """Those with a known answer."""
    return [row for row in rows if row["right"] is not None]


def _groups(rows: Sequence[dict]) -> list[str]:
    return list(dict.fromkeys(row["group"] for row in rows))


def _right(row: dict) -> float:
    return float(row["right"])


def _evidence(rows: Sequence[dict]) -> dict:
    """Recall of the evidence scenes, and how often all of them are hit; by group, too."""
    found = recall_of([row | {"hits": row["truth"]["evidence"]} for row in rows])
    told = {"evidence": found["evidence"], "evidence_all": found["all"]}
    return told | {"evidence_groups": {name: part["evidence"] for name, part in found["groups"].items()}}


def _mean(rows: Sequence[dict], value: Callable[[dict], float]) -> float:
    return float(np.mean([value(row) for row in rows]))
