"""How a network of stage 1 scores frames, is paid and learns: REINFORCE on the U-Net, and TSPO's rule on its agent.

Shapes: B questions, G draws of each, N = B x G, T dense frames, D embedding width.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

import torch
from torch import Tensor, nn

from msjoe.clip import similarity
from msjoe.draw import entropy
from msjoe.evaluation.footage import Footage
from msjoe.rl.advantages import group_advantages
from msjoe.rl.losses import reinforce_loss
from msjoe.rl.pool import Rated
from msjoe.rl.recipe import LOGPS, Recipe, SamplerStage, TspoStage
from msjoe.rl.rewards import difficulty_reward
from msjoe.rl.rollouts import Queries
from msjoe.rl.tspo import tspo_loss
from msjoe.sampler import SamplerConfig, UNetSampler
from msjoe.selectors.base import ScoreSet
from msjoe.selectors.tspo_agent import TspoAgent


class Rule(Protocol):
    """What ``sampler_training.DrawLearner`` needs to know."""

    module: nn.Module

    def queries(self, rated: Rated) -> Queries: ...

    def scores(self, rated: Rated, footage: Footage) -> ScoreSet: ...

    def logits(self, scores: Sequence[ScoreSet], step: int | None) -> list[Tensor]:
        """[T] for each question, with gradient. ``step`` None: as at inference."""

    def rewards(self, rated: Rated, right_G: Tensor) -> Tensor: ...

    def loss(
        self, logits: Sequence[Tensor], drawn: Sequence[Tensor], rewards_BG: Tensor, total: int
    ) -> tuple[Tensor, dict[str, float]]:
        """This process's share of the loss of ``total`` questions, and metrics, means over its own."""


def new_sampler(recipe: Recipe) -> UNetSampler:
    """Untrained: it chooses what the stand-in rule chooses. The same on every process."""
    stage, queries = recipe.sampler, recipe.rollout.max_queries
    torch.manual_seed(recipe.seed)
    if stage.net == "mlp":
        return UNetSampler(SamplerConfig(4 * stage.width, levels=0, kernel=1, max_queries=queries))
    return UNetSampler(SamplerConfig(stage.width, stage.levels, stage.kernel, queries))


def sampler_logits(module: UNetSampler, scores: Sequence[ScoreSet]) -> list[Tensor]:
    """[T] of each, with gradient. Neighbours of one length go through together; none is padded to the longest video."""
    found = []
    for _, alike in groupby(scores, key=lambda s: s.sim_QT.shape[1]):
        logits_NT, mask_NT = module([module.inputs(s.sim_QT, s.times_T) for s in alike])
        found += [row_T[mask_T] for row_T, mask_T in zip(logits_NT, mask_NT, strict=True)]
    return found


class ReinforceRule:
    """How the sampler scores frames, is paid and learns."""

    def __init__(self, stage: SamplerStage, module: UNetSampler) -> None:
        self.stage, self.module = stage, module

    def queries(self, rated: Rated) -> Queries:
        return Queries.found(rated.queries, rated.query_reply, rated.record)

    def scores(self, rated: Rated, footage: Footage) -> ScoreSet:
        return ScoreSet(similarity(footage.text_QD(self.queries(rated).texts), footage.feats_TD), footage.times_T)

    def logits(self, scores: Sequence[ScoreSet], step: int | None) -> list[Tensor]:
        return sampler_logits(self.module, scores)

    def rewards(self, rated: Rated, right_G: Tensor) -> Tensor:
        return difficulty_reward(right_G, rated.pass_rate) if self.stage.reward == "difficulty" else right_G.float()

    def loss(
        self, logits: Sequence[Tensor], drawn: Sequence[Tensor], rewards_BG: Tensor, total: int
    ) -> tuple[Tensor, dict[str, float]]:
        stage, groups = self.stage, rewards_BG.shape[1]
        adv_BG, metrics = group_advantages(rewards_BG, stage.baseline, stage.scale)
        pairs = list(zip(logits, drawn, strict=True))
        logp_N = torch.cat([LOGPS[stage.logp](lo.expand(groups, -1), dr.to(lo.device)) for lo, dr in pairs])
        entropy_N = torch.stack([entropy(lo) for lo in logits]).repeat_interleave(groups)
        adv_N = adv_BG.flatten().to(logp_N.device)
        loss, told = reinforce_loss(logp_N, adv_N, entropy_N, total * groups, stage.entropy_bonus)
        return loss, metrics | {name: value * total / len(logits) for name, value in told.items()}


class TspoRule:
    """TSPO's: see ``msjoe.rl.tspo``."""

    def __init__(self, stage: TspoStage, module: TspoAgent) -> None:
        self.stage, self.module = stage, module

    def queries(self, rated: Rated) -> Queries:
        return Queries((rated.record.question,), "question")

    def scores(self, rated: Rated, footage: Footage) -> ScoreSet:
        text_1D = footage.text_QD(self.queries(rated).texts)
        return ScoreSet(similarity(text_1D, footage.feats_TD), footage.times_T, footage.feats_TD, text_1D)

    def logits(self, scores: Sequence[ScoreSet], step: int | None) -> list[Tensor]:
        warmth = self.module.config.temperature / self._temperature(step)
        device = self.module.device
        pairs = [(torch.from_numpy(s.feats_TD).to(device), torch.from_numpy(s.text_QD).to(device)) for s in scores]
        return [self.module(feats_TD.float(), text_1D.float()) * warmth for feats_TD, text_1D in pairs]

    def _temperature(self, step: int | None) -> float:
        """Linear over the steps."""
        first, last = self.stage.first_temperature, self.stage.last_temperature
        return last if step is None else first + (last - first) * step / max(1, self.stage.steps - 1)

    def rewards(self, _: Rated, right_G: Tensor) -> Tensor:
        return right_G.float()

    def loss(
        self, logits: Sequence[Tensor], drawn: Sequence[Tensor], rewards_BG: Tensor, total: int
    ) -> tuple[Tensor, dict[str, float]]:
        _, metrics = group_advantages(rewards_BG)
        rows = zip(logits, drawn, rewards_BG, strict=True)
        losses = [tspo_loss(lo, dr.to(lo.device), rewards_G.to(lo.device))[0] for lo, dr, rewards_G in rows]
        with torch.no_grad():
            pairs = list(zip(logits, drawn, strict=True))
            logp_of = LOGPS["independent"]
            logp = torch.stack([logp_of(lo.expand(len(dr), -1), dr.to(lo.device)).mean() for lo, dr in pairs])
            spread = torch.stack([entropy(lo) for lo in logits])
        means = {"sampler/logp": logp.mean().item(), "sampler/entropy": spread.mean().item()}
        return torch.stack(losses).sum() / total, metrics | means
