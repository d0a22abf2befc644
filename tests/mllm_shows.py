"""Shows with branches, as the miniature MLLM is trained on."""

import numpy as np

from msjoe.reel.mllm_batches import Branch
from msjoe.reel.mllm_data import choice_branch
from msjoe.reel.mllm_questions import ask
from msjoe.reel.mllm_shows import Show, random_show


def two_shows(size: int, count: int = 3) -> list[tuple[Show, list[Branch]]]:
    """Two shows with two branches each."""
    rng = np.random.default_rng(5)
    samples = []
    for _ in range(2):
        show = random_show(rng, count, size)
        asked = [ask(rng, show) for _ in range(2)]
        samples.append((show, [choice_branch("open", a) for a in asked]))
    return samples
