"""Rewards: what a rollout is worth, as pure functions of its reply, its queries' similarities and its question.

Joint training (r = r_acc + r_format + r_info, weights 0.8, 0.1, 0.1) and the sampler's difficulty-aware reward are the
paper's. Its informativeness term asks for max_i s_ji / min_i s_ji > 10, which needs positive similarities of
some spread, and cosines of one video are neither; the transform between is left open there. Here it is
s = exp(a * cosine) with one fixed a, so that the ratio is exp(a * (max - min)): a query informs when its cosines
span more than ln(10) / a. a is fitted once, on the base MLLM's queries about training videos, so that half of
them pass, and is stored beside the checkpoint: a sampler or MLLM cannot raise the reward by scaling anything.
Long videos have wider spans; the fit is over videos as they come.

The difficulty-aware reward has two values in a question's group, and what it says is how far apart they are:
1 / c + 1 / (1 - c) = 1 / (c (1 - c)), which is 4 at c = 1/2, 9.1 at 1/8 and 7/8, and 11 at 0. A baseline leaves that
factor in the advantages. Division by the group's standard deviation takes it out, to the last digit: a z-score of two
values does not depend on which two they are. So stage 1 takes the group's mean off and does not divide.

Shapes: Q queries, T dense frames, G rollouts of a question.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from msjoe.errors import CheckpointError, RecipeError
from msjoe.files import write_atomic
from msjoe.prompts import extract_letter, parse_queries
from msjoe.rl.settings import Checked, Within

SAMPLER_REWARDS = ("difficulty", "plain")  # of stage 1; plain: 1 for a right answer, 0 for a wrong one
RATIO = 10.0  # the paper's threshold for max / min
TRANSFORM_JSON = "informativeness.json"


Weight = Annotated[float, Within(0)]


@dataclass(frozen=True)
class RewardWeights(Checked):
    """The paper's; they need not sum to 1."""

    accuracy: Weight = 0.8
    format: Weight = 0.1
    informativeness: Weight = 0.1


@dataclass(frozen=True)
class RewardParts:
    """Of one rollout, each from 0 to 1 before weighting."""

    accuracy: float
    format: float
    informativeness: float

    def total(self, weights: RewardWeights) -> float:
        return (
            weights.accuracy * self.accuracy
            + weights.format * self.format
            + weights.informativeness * self.informativeness
        )


@dataclass(frozen=True)
class PositiveTransform:
    """s = exp(sharpness * cosine); see the module's text."""

    sharpness: float
    fitted_on: int  # queries

    def ratios(self, sim_QT: np.ndarray) -> np.ndarray:
        """max_i s_ji / min_i s_ji of each query, float64 [Q]."""
        return np.exp(self.sharpness * spans(sim_QT))

    def save(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2) + "\n"
        write_atomic(folder / TRANSFORM_JSON, lambda path: path.write_text(text, encoding="utf-8"))

    @classmethod
    def load(cls, folder: Path) -> "PositiveTransform":
        """Raises CheckpointError where there is none."""
        path = folder / TRANSFORM_JSON
        if not path.is_file():
            raise CheckpointError(f'no {TRANSFORM_JSON} in {folder}: run "msjoe train difficulty" first')
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def spans(sim_QT: np.ndarray) -> np.ndarray:
    """Largest minus smallest cosine of each query, float64 [Q]."""
    sim_QT = np.asarray(sim_QT, dtype=np.float64)
    return sim_QT.max(axis=1) - sim_QT.min(axis=1)


def fit_transform(spans_N: Sequence[float]) -> PositiveTransform:
    """The transform under which half of the given queries have a ratio above 10.

    Raises ValueError where there is no query, or none that tells frames apart.
    """
    middle = float(np.median(spans_N)) if len(spans_N) else 0.0
    if not middle > 0:
        raise ValueError(f"the middle span of {len(spans_N)} queries is {middle}: the transform needs one above 0")
    return PositiveTransform(math.log(RATIO) / middle, len(spans_N))


def accuracy(reply: str, options: Sequence[str], answer: str) -> float:
    """1 where the reply's letter is the right one. What cannot be read is wrong."""
    return float(extract_letter(reply, options) == answer)


def format_kept(query_reply: str, answer_reply: str, options: Sequence[str], ended: bool, max_queries: int) -> float:
    """1 where turn 1 is exactly a block of queries and turn 2 names an option, both ended by the model itself."""
    strict = parse_queries(query_reply, max_queries).strict
    return float(ended and strict and extract_letter(answer_reply, options) is not None)


def informativeness(sim_QT: np.ndarray, transform: PositiveTransform) -> float:
    """Share of the queries with a ratio above 10."""
    return float((transform.ratios(sim_QT) > RATIO).mean())


def difficulty_reward(right_G: Tensor, pass_rate: float) -> Tensor:
    """Stage 1's reward: 1 / c for a right answer (10 where c = 0), -1 / (1 - c) for a wrong one. bool [G] -> [G].

    ``pass_rate`` c is how often the base MLLM answers right. Raises ValueError for c = 1, which training drops.
    """
    if not 0 <= pass_rate < 1:
        raise ValueError(f"a pass rate of {pass_rate} has no difficulty-aware reward: it must be from 0 to below 1")
    gain = 10.0 if pass_rate == 0 else 1.0 / pass_rate
    return torch.where(right_G.bool(), gain, -1.0 / (1.0 - pass_rate))


def difficulty_cancels(reward: str, scale: bool) -> bool:
    """Whether stage 1's settings divide the factor of the difficulty-aware reward out again; see the module's text."""
    return reward == "difficulty" and scale


def check_sampler_reward(reward: str, scale: bool) -> None:
    """Raises RecipeError for stage 1's settings under which the difficulty-aware reward is the plain one."""
    if difficulty_cancels(reward, scale):
        raise RecipeError(
            f"reward is {reward!r} and scale is {scale}: division by the group's standard deviation takes the factor "
            f"1 / (c (1 - c)) of the difficulty-aware reward out again, which leaves the plain reward. "
            f"Give scale: false, or reward: plain"
        )
