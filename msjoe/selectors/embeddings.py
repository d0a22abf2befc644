"""Embeddings of frames for rules that look at how alike the pictures are.

Shapes: T dense frames, D embedding width.
"""

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.base import ScoreSet


def frame_embeddings(scores: ScoreSet, name: str) -> np.ndarray:
    """The frames' embeddings of length 1, float64 [T, D]; a zero vector stays zero.

    Raises QuestionError, which names the rule ``name``, where there are only scores.
    """
    if scores.feats_TD is None:
        raise QuestionError(f"{name} reads the frames' embeddings, and only scores were given: use another rule")
    feats_TD = np.asarray(scores.feats_TD, dtype=np.float64)
    if feats_TD.ndim != 2 or len(feats_TD) != scores.sim_QT.shape[1]:
        raise QuestionError(
            f"embeddings of shape {feats_TD.shape} for {scores.sim_QT.shape[1]} frames: give one row a frame"
        )
    if not np.isfinite(feats_TD).all():
        raise QuestionError("the frames' embeddings are not all finite numbers: compute them again")
    return feats_TD / np.maximum(np.linalg.norm(feats_TD, axis=1, keepdims=True), 1e-12)
