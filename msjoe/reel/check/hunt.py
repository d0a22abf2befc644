"""Gate 2, last part: a U-Net that learns from matrices without information finds nothing beyond even spreading.

The sampler's U-Net is trained by stage 1's own rule (``msjoe.rl.rules``: exact log-probability of the draw, group
baseline, REINFORCE) on matrices that tell nothing of the question, and then asked for frames of other videos:

- *constant*: a row of zeros. What it can learn is where evidence lies in a video: position, and, through the
  position channel, the video's length. A U-Net for each track, on scripts alone.
- *shuffled*: the true similarity of the ideal queries, its seconds shuffled anew each time. What it can learn besides
  is how many queries there are and how peaked their scores. One U-Net for all tracks, as in training.

Three things make the search stricter than stage 1's own. The reward is the share of a question's evidence scenes
that a drawn frame falls into: denser than a right or wrong answer, which needs every scene and then luck, and a point
of it is worth less than one of accuracy (about 0.6: oracle minus blind). The stand-in residual is off, so that draws
begin spread over the whole video and not on the residual's few favourites. And what was learned is read as a density
that stretches uniform frames (``stretched``): the U-Net's most probable frames lie side by side, which costs more than
a faint prior brings and would hide it. A U-Net that has learned nothing gives uniform's frames exactly.

Learning can also make it worse than uniform, which is no leak: only the upper side is a gate. That a prior is found
when there is one is a gate too: *planted*, questions whose evidence lies late kept four times as often as the others.
What that prior is worth to who knows it (``planted_worth``) is told beside it.

`global` is left out: its evidence is most of a video, or an end of it, by what its questions ask.

Shapes: Q queries, T dense frames, B questions, G draws of each, K chosen, R ways of telling, E evidence scenes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from msjoe.draw import FramePolicy
from msjoe.evaluation import paired_difference
from msjoe.reel.check.facts import Layout
from msjoe.reel.check.gate import Gate
from msjoe.reel.check.sizes import Sizes
from msjoe.rl.gradients import Stepper
from msjoe.rl.recipe import SamplerStage
from msjoe.rl.rules import ReinforceRule
from msjoe.rl.schedule import rate_at
from msjoe.sampler import EMBEDDED, UNetSampler
from msjoe.selectors.base import ScoreSet
from msjoe.selectors.plain import linspace_trunc
from msjoe.video.base import dense_count

BUDGET = 8
MOST = 2.0  # points of evidence
FOUND = 2.0  # points that the planted prior must bring at least
ALIKE = 8  # batches drawn at once and sorted by length
LATE = 0.6  # of a video: the planted prior favours evidence behind it
KEPT_EARLY = 0.25  # of the planted questions whose evidence lies before it
# many questions a step: a prior is faint beside the luck of four of them, and 6e-3 on four ended far below uniform
STAGE = SamplerStage(
    Sizes.steps, questions=16, rollouts=64, lr=4e-3, warmup=10, scale=True, reward="plain", spread=0.0, input_version=1
)


@dataclass(frozen=True)
class Case:
    """A question: where its evidence lies, and a matrix that may tell something."""

    layout: Layout
    sim_QT: np.ndarray  # float32

    @property
    def times_T(self) -> np.ndarray:
        return np.arange(self.sim_QT.shape[1], dtype=np.float32)


Told = Callable[[Case], ScoreSet]  # what the U-Net is told of a question


def constant(layout: Layout) -> Case:
    """A question of whose video nothing is known but the length."""
    return Case(layout, np.zeros((1, dense_count(layout.duration, 1.0)), np.float32))


def plain(case: Case) -> ScoreSet:
    return ScoreSet(case.sim_QT, case.times_T)


class Shuffled:
    """Tells a matrix with its seconds in an order of their own, a new one each time."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, case: Case) -> ScoreSet:
        return ScoreSet(self.rng.permutation(case.sim_QT, axis=1), case.times_T)


def late(cases: Sequence[Case], seed: int) -> list[Case]:
    """A planted prior: of the questions whose evidence lies before LATE of the video, KEPT_EARLY stay."""
    rng = np.random.default_rng(seed)
    return [c for c in cases if np.mean(c.layout.evidence) > LATE * c.layout.duration or rng.random() < KEPT_EARLY]


def train(cases: Sequence[Case], tell: Told, stage: SamplerStage = STAGE, seed: int = 0) -> UNetSampler:
    """A U-Net that has learned from the evidence that its draws showed."""
    torch.manual_seed(seed)
    rule, rng = ReinforceRule(stage, UNetSampler(stage.net_config(EMBEDDED.max_queries))), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(rule.module.parameters(), stage.lr, weight_decay=0.0)
    stepper = Stepper("sampler", optimizer, rule.module, stage.max_grad_norm)
    drawer = torch.Generator().manual_seed(seed)
    for step, part in zip(range(stage.steps), _batches(cases, stage.questions, rng), strict=False):
        policies = bare_policies(rule.module, [tell(case) for case in part])
        drawn = [policy.sample(BUDGET, stage.rollouts, drawer) for policy in policies]
        rewards_BG = torch.stack([shown_share(c.layout, drawn_GK) for c, drawn_GK in zip(part, drawn, strict=True)])
        loss, _ = rule.loss(policies, drawn, rewards_BG, len(part))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        lr = rate_at(step, stage.lr, stage.warmup, stage.steps)  # falls, so that the last steps settle
        stepper.step(lr, step)
    return rule.module.eval()


def bare_policies(sampler: UNetSampler, scores: Sequence[ScoreSet]) -> list[FramePolicy]:
    """The U-Net's own without the stand-in rule's logits, one for each question; all flat before training."""
    items = [sampler.inputs(s.sim_QT, s.times_T) for s in scores]
    return sampler.policies([replace(item, start_T=torch.zeros_like(item.start_T)) for item in items])


def stretched(logits_T: Tensor, budget: int = BUDGET) -> Tensor:
    """Frames that part p = softmax(logits) evenly, as uniform frames part the seconds, int64 [K]; flat: the same ones.

    The first and the last frame stay, the others lie at the quantiles i / (K - 1) of what is between.
    """
    mass_T = logits_T.double().softmax(-1)
    steps_T = (mass_T[1:] + mass_T[:-1]).cumsum(0)  # trapezoids: from frame 0 to frame t
    wanted_K = torch.linspace(0, 1, budget, dtype=torch.float64) * steps_T[-1]
    return torch.searchsorted(steps_T, wanted_K + 1e-9 * steps_T[-1], right=True).clamp(max=len(logits_T) - 1)


def _batches(cases: Sequence[Case], size: int, rng: np.random.Generator) -> Iterator[list[Case]]:
    """Random questions without end, those of a batch alike in length, so that little of it is padding."""
    while True:
        drawn = [cases[i] for i in rng.choice(len(cases), min(ALIKE * size, len(cases)), replace=False)]
        drawn.sort(key=lambda case: case.sim_QT.shape[1])
        batches = [drawn[first : first + size] for first in range(0, len(drawn), size)]
        yield from (batches[i] for i in rng.permutation(len(batches)))


def shown_share(layout: Layout, frames_GK: Tensor) -> Tensor:
    """Share of the evidence scenes that one of the frames (one a second) falls into, [G]."""
    starts_E, ends_E = torch.tensor(layout.evidence).T
    times_GK1 = frames_GK[..., None]
    return ((times_GK1 >= starts_E) & (times_GK1 < ends_E)).any(1).float().mean(1)


@torch.no_grad()
def compare(sampler: UNetSampler, cases: Sequence[Case], tell: Told, repeats: int = 1) -> dict[str, list]:
    """Evidence shown by the U-Net's frames and by uniform ones: {"video", "unet", "uniform"} by question.

    ``repeats``: times that each question is told, over which the U-Net's share is the mean.
    """
    tries = lambda case: bare_policies(sampler, [tell(case) for _ in range(repeats)])  # noqa: E731
    return _shown(cases, lambda case: [policy.logits_T for policy in tries(case)])


def planted_worth(cases: Sequence[Case]) -> dict[str, list]:
    """As ``compare``, with the planted density itself in the place of a U-Net's: what there is to be found."""
    early = float(np.log(KEPT_EARLY))
    return _shown(cases, lambda case: [torch.tensor(case.times_T <= LATE * case.layout.duration) * early])


def _shown(cases: Sequence[Case], logits_of: Callable[[Case], list[Tensor]]) -> dict[str, list]:
    found: dict[str, list] = {"video": [], "unet": [], "uniform": []}
    for case in cases:
        even_K = torch.from_numpy(linspace_trunc(case.sim_QT.shape[1], BUDGET))
        frames_RK = torch.stack([stretched(logits_T) for logits_T in logits_of(case)])
        found["video"].append(case.layout.video)
        found["unet"].append(float(shown_share(case.layout, frames_RK).mean()))
        found["uniform"].append(float(shown_share(case.layout, even_K[None])))
    return found


def found_gate(name: str, found: dict[str, list], by_track: bool = False, **wanted: float) -> Gate:
    """Evidence of the U-Net minus uniform's, in points; ``by_track``: the mean over tracks."""
    tracks = [video.split("-")[0] for video in found["video"]] if by_track else None
    points = [100 * x for x in paired_difference(found["unet"], found["uniform"], found["video"], groups_N=tracks)]
    return Gate("2 layout", name, *points, **wanted)
