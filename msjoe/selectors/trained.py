"""The trained sampler as a selector. Shapes: T dense frames, K chosen."""

from dataclasses import dataclass

import numpy as np
import torch

from msjoe.sampler import UNetSampler
from msjoe.selectors.base import ScoreSet, Selection, checked, short_note


@dataclass(frozen=True)
class SamplerSelector:
    """A U-Net's K most probable frames, or with ``stochastic`` a draw without replacement as in training.

    The paper leaves open which of the two it uses at test. Without ``rng`` a draw is that of seed 0.
    """

    model: UNetSampler
    stochastic: bool = False
    name: str = "sampler"

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        policy = self.model.policy(scores.sim_QT, scores.times_T)
        if self.stochastic:
            rng = rng or np.random.default_rng(0)
            generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
            chosen_K = policy.sample(budget, 1, generator)[0]
        else:
            chosen_K = policy.greedy(budget)
        how = "drawn" if self.stochastic else "most probable"
        weights_T = policy.weights_T().numpy()
        spread = f"spread {policy.gamma:.2f}" if policy.gamma else ""
        notes = (f"sampler {self.model.source}", how, spread, short_note(len(weights_T), budget))
        return Selection(chosen_K.sort().values.numpy(), weights_T, note="; ".join(n for n in notes if n))
