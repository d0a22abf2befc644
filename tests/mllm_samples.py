"""Frame sets with branches, as the miniature MLLM is trained on."""

import numpy as np

from msjoe.miniature.mllm.samples.branches import Branch
from msjoe.miniature.mllm.samples.frame_questions import ask
from msjoe.miniature.mllm.samples.frame_sets import FrameSet, random_frames
from msjoe.miniature.mllm.samples.training_mix import choice_branch


def two_samples(size: int, count: int = 3) -> list[tuple[FrameSet, list[Branch]]]:
    """Two frame sets with two branches each."""
    rng = np.random.default_rng(5)
    samples = []
    for _ in range(2):
        frame_set = random_frames(rng, count, size)
        asked = [ask(rng, frame_set) for _ in range(2)]
        samples.append((frame_set, [choice_branch("open", a) for a in asked]))
    return samples
