"""Gate 2, last part: a U-Net trained on matrices without information does no better than uniform frames.

The sampler's U-Net is trained by stage 1's own rule (``msjoe.rl.rules``: exact log-probability of the draw, group
baseline, REINFORCE) on matrices that say nothing about the question, and then selects frames of other videos:

- *constant*: a row of zeros. It can learn where evidence lies in a video: its position and, through the position
  channel, the video's length. One U-Net for each track, on scripts alone.
- *shuffled*: the true similarity of the ideal queries, with its seconds shuffled anew each time. It can also learn from
  the number of queries and how peaked their scores are. One U-Net for all tracks, as in training.

Three things make the search stricter than stage 1. The reward is the share of a question's evidence scenes that a drawn
frame falls into: it is denser than a right or wrong answer, and a point of it is worth less than a point of accuracy
(about 0.6: oracle minus blind). The stand-in residual is off, so that draws start spread over the whole video. And the
learned logits are read as a density that stretches uniform frames (``stretched``): the U-Net's most probable frames are
neighbours, which costs more than a weak prior gains and would hide it. An untrained U-Net gives exactly the uniform
frames.

Training can also make it worse than uniform, which is not a leak: only the upper side is a gate. Another gate checks
that a prior is found where there is one: *planted*, where questions with late evidence are kept four times as often as
the others. ``planted_worth`` reports what knowing that prior is worth.

`global` is left out: by what its questions ask, its evidence is most of a video, or an end of it.

Shapes: Q queries, T dense frames, B questions, G draws of each, K chosen, R repeats, E evidence scenes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from msjoe.draw import FramePolicy
from msjoe.evaluation import paired_difference
from msjoe.reel_audit.check_sizes import CheckSizes
from msjoe.reel_audit.gates.gate import Gate
from msjoe.reel_audit.gates.scene_facts import EvidenceLayout
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
# Many questions a step: a weak prior is lost in the noise of four of them, and a rate of 6e-3 on four ended far below
# uniform.
STAGE = SamplerStage(
    CheckSizes.steps,
    questions=16,
    rollouts=64,
    lr=4e-3,
    warmup=10,
    scale=True,
    reward="plain",
    spread=0.0,
    input_version=1,
)


@dataclass(frozen=True)
class MatrixQuestion:
    """A question: where its evidence lies, and a similarity matrix."""

    layout: EvidenceLayout
    sim_QT: np.ndarray  # float32

    @property
    def times_T(self) -> np.ndarray:
        return np.arange(self.sim_QT.shape[1], dtype=np.float32)


ToScores = Callable[[MatrixQuestion], ScoreSet]  # what the U-Net gets of a question


def constant(layout: EvidenceLayout) -> MatrixQuestion:
    """A question with a matrix of zeros, as long as its video."""
    return MatrixQuestion(layout, np.zeros((1, dense_count(layout.duration, 1.0)), np.float32))


def plain(case: MatrixQuestion) -> ScoreSet:
    return ScoreSet(case.sim_QT, case.times_T)


class Shuffled:
    """Shuffles the seconds of a matrix, anew at each call."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, case: MatrixQuestion) -> ScoreSet:
        return ScoreSet(self.rng.permutation(case.sim_QT, axis=1), case.times_T)


def late(cases: Sequence[MatrixQuestion], seed: int) -> list[MatrixQuestion]:
    """A planted prior: of the questions whose evidence lies before LATE of the video, a share of KEPT_EARLY stays."""
    rng = np.random.default_rng(seed)
    return [c for c in cases if np.mean(c.layout.evidence) > LATE * c.layout.duration or rng.random() < KEPT_EARLY]


def train(
    cases: Sequence[MatrixQuestion], to_scores: ToScores, stage: SamplerStage = STAGE, seed: int = 0
) -> UNetSampler:
    """A U-Net trained with the evidence that its draws show as reward."""
    torch.manual_seed(seed)
    rule, rng = ReinforceRule(stage, UNetSampler(stage.net_config(EMBEDDED.max_queries))), np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(rule.module.parameters(), stage.lr, weight_decay=0.0)
    stepper = Stepper("sampler", optimizer, rule.module, stage.max_grad_norm)
    drawer = torch.Generator().manual_seed(seed)
    for step, part in zip(range(stage.steps), _batches(cases, stage.questions, rng), strict=False):
        policies = bare_policies(rule.module, [to_scores(case) for case in part])
        drawn = [policy.sample(BUDGET, stage.rollouts, drawer) for policy in policies]
        rewards_BG = torch.stack([shown_share(c.layout, drawn_GK) for c, drawn_GK in zip(part, drawn, strict=True)])
        loss, _ = rule.loss(policies, drawn, rewards_BG, len(part))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        lr = rate_at(step, stage.lr, stage.warmup, stage.steps)  # falls to 0, so that the weights settle
        stepper.step(lr, step)
    return rule.module.eval()


def bare_policies(sampler: UNetSampler, scores: Sequence[ScoreSet]) -> list[FramePolicy]:
    """The U-Net's policies without the logits of the stand-in rule, one for each question; flat before training."""
    items = [sampler.inputs(s.sim_QT, s.times_T) for s in scores]
    return sampler.policies([replace(item, start_T=torch.zeros_like(item.start_T)) for item in items])


def stretched(logits_T: Tensor, budget: int = BUDGET) -> Tensor:
    """Frames that divide p = softmax(logits) evenly, int64 [K]. Flat logits give the uniform frames.

    They are the first frame, the last frame and the quantiles i / (K - 1) of the mass in between.
    """
    mass_T = logits_T.double().softmax(-1)
    steps_T = (mass_T[1:] + mass_T[:-1]).cumsum(0)  # trapezoids: from frame 0 to frame t
    wanted_K = torch.linspace(0, 1, budget, dtype=torch.float64) * steps_T[-1]
    return torch.searchsorted(steps_T, wanted_K + 1e-9 * steps_T[-1], right=True).clamp(max=len(logits_T) - 1)


def _batches(cases: Sequence[MatrixQuestion], size: int, rng: np.random.Generator) -> Iterator[list[MatrixQuestion]]:
    """Random questions without end; those of a batch are similar in length, which keeps padding small."""
    while True:
        drawn = [cases[i] for i in rng.choice(len(cases), min(ALIKE * size, len(cases)), replace=False)]
        drawn.sort(key=lambda case: case.sim_QT.shape[1])
        batches = [drawn[first : first + size] for first in range(0, len(drawn), size)]
        yield from (batches[i] for i in rng.permutation(len(batches)))


def shown_share(layout: EvidenceLayout, frames_GK: Tensor) -> Tensor:
    """Share of the evidence scenes that one of the frames (one a second) falls into, [G]."""
    starts_E, ends_E = torch.tensor(layout.evidence).T
    times_GK1 = frames_GK[..., None]
    return ((times_GK1 >= starts_E) & (times_GK1 < ends_E)).any(1).float().mean(1)


@torch.no_grad()
def compare(
    sampler: UNetSampler, cases: Sequence[MatrixQuestion], to_scores: ToScores, repeats: int = 1
) -> dict[str, list]:
    """Evidence shown by the U-Net's frames and by uniform ones: {"video", "unet", "uniform"} by question.

    ``repeats``: how often each question is asked; the U-Net's share is the mean.
    """
    tries = lambda case: bare_policies(sampler, [to_scores(case) for _ in range(repeats)])  # noqa: E731
    return _shown(cases, lambda case: [policy.logits_T for policy in tries(case)])


def planted_worth(cases: Sequence[MatrixQuestion]) -> dict[str, list]:
    """As ``compare``, with the planted density instead of a U-Net's: the most that can be found."""
    early = float(np.log(KEPT_EARLY))
    return _shown(cases, lambda case: [torch.tensor(case.times_T <= LATE * case.layout.duration) * early])


def _shown(cases: Sequence[MatrixQuestion], logits_of: Callable[[MatrixQuestion], list[Tensor]]) -> dict[str, list]:
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
