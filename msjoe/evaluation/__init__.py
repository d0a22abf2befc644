"""Who is better, by how much: answers read, scored as each benchmark does, with intervals.

Nothing here loads a model; what runs one is in the modules beside.
"""

from msjoe.evaluation.extraction import extract_answer
from msjoe.evaluation.intervals import bootstrap_mean, paired_difference
from msjoe.evaluation.scoring import score

__all__ = ["bootstrap_mean", "extract_answer", "paired_difference", "score"]
