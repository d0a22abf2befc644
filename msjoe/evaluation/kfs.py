"""KFS-Bench's figures (arXiv 2512.14017): its definitions, written anew."""

import math
from collections.abc import Sequence

from msjoe.evaluation.recall import Scenes, hits, inside

FIGURES = ("kfr", "shr", "bsr", "bds", "ukss")
LEAST_UKSS = 0.01


def kfs_figures(scenes: Scenes, times: Sequence[float]) -> dict[str, float]:
    """Those of one question, for frames at ``times`` (seconds).

    "kfr": share of frames in any scene; "shr": share of scenes hit; "bsr": share of scenes with at least their due,
    floor(min(share of length, equal share) x frames in scenes) and at least 1; "bds": the largest cosine between
    frames by scene and scene lengths to the power 0, 0.1 .. 1; "ukss": cube root of kfr x bsr x bds, at least 0.01.
    """
    by_scene = [sum(inside(scene, t) for t in times) for scene in scenes]
    frames = sum(any(inside(scene, t) for scene in scenes) for t in times)
    lengths = [sum(end - start for start, end in scene) for scene in scenes]
    due = [max(1, math.floor(min(length / sum(lengths), 1 / len(scenes)) * frames)) for length in lengths]
    kfr = frames / len(times) if times else 0.0
    bsr = sum(n >= least for n, least in zip(by_scene, due, strict=True)) / len(scenes)
    bds = max(_cosine(by_scene, [length ** (p / 10) for length in lengths]) for p in range(11)) if frames else 0.0
    shr = sum(hits(scenes, times)) / len(scenes)
    return {"kfr": kfr, "shr": shr, "bsr": bsr, "bds": bds, "ukss": max(LEAST_UKSS, (kfr * bsr * bds) ** (1 / 3))}


def kfs_means(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """Over questions: arithmetic means, and the geometric one of "ukss", as the authors' code takes them."""
    means = {name: sum(one[name] for one in figures) / len(figures) for name in FIGURES}
    return means | {"ukss": math.exp(sum(math.log(one["ukss"]) for one in figures) / len(figures))}


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
