"""Evidence recall: which share of a question's evidence some frames show. The one place where it is computed.

``msjoe eval`` reports it for its arms, ``msjoe recall`` for published selections and for runs.

Evidence is a list of scenes; a scene is a list of spans of the video, and is hit by a frame in any of them. Spans
are half-open, [start, end) in seconds; ``closed`` makes one that includes its end.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from msjoe.evaluation.intervals import bootstrap_mean, paired_difference

Span = tuple[float, float]
Scenes = Sequence[Sequence[Span]]
Interval = list[float]  # value, low, high


def closed(start: float, end: float, tolerance: float = 0.0) -> Span:
    """From ``start`` to ``end`` seconds, both included, and ``tolerance`` seconds more on each side."""
    return start - tolerance, math.nextafter(end + tolerance, math.inf)


def single(spans: Iterable[Span]) -> Scenes:
    """A scene for each span."""
    return [(span,) for span in spans]


def hits(scenes: Scenes, times: Sequence[float]) -> list[bool]:
    """Whether a frame at one of ``times`` (seconds) falls into each scene."""
    return [any(inside(scene, t) for t in times) for scene in scenes]


def inside(scene: Sequence[Span], time: float) -> bool:
    return any(start <= time < end for start, end in scene)


def share(hit: Sequence[bool]) -> float:
    """Share of a question's evidence that is hit."""
    return float(np.mean(hit))


def recall_of(rows: Sequence[Mapping]) -> dict:
    """Recall over questions, each a mapping with "id", "video", "group" and "hits", as of ``hits``.

    Several rows of one question, as of a rule that draws, count in equal shares.

    {"questions", "videos", "evidence": mean share, "all": share of questions with all scenes hit, "groups": group ->
    {"questions", "evidence", "all"}}; figures are [value, low, high], 95 % bootstrap intervals over videos, or None
    without any question.
    """
    groups = {row["group"]: [r for r in rows if r["group"] == row["group"]] for row in rows}
    return {
        "videos": len({row["video"] for row in rows}),
        **_figures(rows),
        "groups": {name: _figures(part) for name, part in groups.items()},
    }


def recall_difference(rows_a: Sequence[Mapping], rows_b: Sequence[Mapping]) -> dict:
    """{"evidence", "all"} of a minus b over the same questions in the same order, each [value, low, high]."""
    videos = [row["video"] for row in rows_a]
    return {
        name: list(paired_difference(*([value(row["hits"]) for row in side] for side in (rows_a, rows_b)), videos))
        if videos
        else None
        for name, value in (("evidence", share), ("all", all))
    }


def _figures(rows: Sequence[Mapping]) -> dict:
    return {
        "questions": len({row["id"] for row in rows}),
        "evidence": _interval(rows, share),
        "all": _interval(rows, all),
    }


def _interval(rows: Sequence[Mapping], value) -> Interval | None:
    if not rows:
        return None
    return list(bootstrap_mean([value(row["hits"]) for row in rows], [row["video"] for row in rows]))
