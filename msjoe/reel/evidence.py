"""Random times inside the evidence of a question."""

import numpy as np

from msjoe.reel.script.records import Question


def random_evidence_times(rng: np.random.Generator, question: Question, duration: float, count: int) -> list[float]:
    """``count`` times in seconds, sorted: one in each piece of evidence, the rest anywhere in the video.

    Where there are more pieces than ``count``, a random choice of them is used.
    """
    spans = list(question.evidence)
    if len(spans) > count:
        spans = [spans[i] for i in rng.choice(len(spans), count, replace=False)]
    times = [float(rng.uniform(start, end)) for start, end in spans]
    return sorted([*times, *rng.uniform(0, duration, count - len(times)).tolist()])
