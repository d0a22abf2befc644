"""How a network of stage 1 scores frames, is paid and learns: REINFORCE on the U-Net, and TSPO's rule on its agent.

Shapes: B questions, G draws of each, N = B x G, T dense frames, D embedding width.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

import torch
from torch import Tensor, nn

from msjoe.clip import similarity
from msjoe.draw import FramePolicy
from msjoe.evaluation.footage import Footage
from msjoe.rl.advantages import group_advantages
from msjoe.rl.losses import reinforce_loss
from msjoe.rl.pool import Rated
from msjoe.rl.recipe import JointStage, Recipe, SamplerStage, TspoStage
from msjoe.rl.rewards import difficulty_reward
from msjoe.rl.rollouts import Queries
from msjoe.rl.tspo import tspo_loss
from msjoe.sampler import UNetSampler
from msjoe.selectors.base import ScoreSet
from msjoe.selectors.tspo_agent import TspoAgent


class Rule(Protocol):
    """What ``sampler_training.DrawLearner`` needs to know."""

    module: nn.Module

    def queries(self, rated: Rated) -> Queries: ...

    def scores(self, rated: Rated, footage: Footage) -> ScoreSet: ...

    def policies(self, scores: Sequence[ScoreSet], step: int | None) -> list[FramePolicy]:
        """One for each question, with gradient. ``step`` None: as at inference."""

    def rewards(self, rated: Rated, right_G: Tensor) -> Tensor: ...

    def loss(
        self, policies: Sequence[FramePolicy], drawn: Sequence[Tensor], rewards_BG: Tensor, total: int
    ) -> tuple[Tensor, dict[str, float]]:
        """This process's share of the loss of ``total`` questions, and metrics, means over its own."""


def new_sampler(recipe: Recipe) -> UNetSampler:
    """Untrained: it chooses what the stand-in rule chooses. The same on every process."""
    torch.manual_seed(recipe.seed)
    return UNetSampler(recipe.sampler.net_config(recipe.rollout.max_queries))


def sampler_policies(module: UNetSampler, scores: Sequence[ScoreSet]) -> list[FramePolicy]:
    """With gradient. Neighbours of one length go through together; none is padded to the longest video."""
    found = []
    for _, alike in groupby(scores, key=lambda s: s.sim_QT.shape[1]):
        found += module.policies([module.inputs(s.sim_QT, s.times_T) for s in alike])
    return found


def reinforce(
    policies: Sequence[FramePolicy],
    drawn: Sequence[Tensor],
    advantages_N: Tensor,
    total: int,
    how: SamplerStage | JointStage,
) -> tuple[Tensor, dict[str, float]]:
    """The loss of the draws [G, K] of each policy, as this process's share of ``total`` draws; metrics are its means.

    advantages_N: those of all draws, a policy's side by side.
    """
    logp_of = FramePolicy.logp if how.logp == "sequential" else FramePolicy.independent_logp
    logp_N = torch.cat([logp_of(policy, drawn_GK) for policy, drawn_GK in zip(policies, drawn, strict=True)])
    entropy_N = torch.cat([p.entropy().expand(len(d)) for p, d in zip(policies, drawn, strict=True)])
    adv_N = advantages_N.to(logp_N.device)
    loss, metrics = reinforce_loss(logp_N, adv_N, entropy_N, total, how.entropy_bonus)
    means = {name: value * total / len(logp_N) for name, value in metrics.items()}
    return loss, means | {"sampler/spread": sum(float(policy.gamma) for policy in policies) / len(policies)}


class ReinforceRule:
    """How the sampler scores frames, is paid and learns."""

    def __init__(self, stage: SamplerStage, module: UNetSampler) -> None:
        self.stage, self.module = stage, module

    def queries(self, rated: Rated) -> Queries:
        return Queries.found(rated.queries, rated.query_reply, rated.record)

    def scores(self, rated: Rated, footage: Footage) -> ScoreSet:
        return ScoreSet(similarity(footage.text_QD(self.queries(rated).texts), footage.feats_TD), footage.times_T)

    def policies(self, scores: Sequence[ScoreSet], step: int | None) -> list[FramePolicy]:
        return sampler_policies(self.module, scores)

    def rewards(self, rated: Rated, right_G: Tensor) -> Tensor:
        return difficulty_reward(right_G, rated.pass_rate) if self.stage.reward == "difficulty" else right_G.float()

    def loss(
        self, policies: Sequence[FramePolicy], drawn: Sequence[Tensor], rewards_BG: Tensor, total: int
    ) -> tuple[Tensor, dict[str, float]]:
        stage, groups = self.stage, rewards_BG.shape[1]
        adv_BG, metrics = group_advantages(rewards_BG, stage.baseline, stage.scale)
        loss, means = reinforce(policies, drawn, adv_BG.flatten(), total * groups, stage)
        return loss, metrics | means


class TspoRule:
    """TSPO's: see ``msjoe.rl.tspo``."""

    def __init__(self, stage: TspoStage, module: TspoAgent) -> None:
        self.stage, self.module = stage, module

    def queries(self, rated: Rated) -> Queries:
        return Queries((rated.record.question,), "question")

    def scores(self, rated: Rated, footage: Footage) -> ScoreSet:
        text_1D = footage.text_QD(self.queries(rated).texts)
        return ScoreSet(similarity(text_1D, footage.feats_TD), footage.times_T, footage.feats_TD, text_1D)

    def policies(self, scores: Sequence[ScoreSet], step: int | None) -> list[FramePolicy]:
        warmth = self.module.config.temperature / self._temperature(step)
        device = self.module.device
        pairs = [(torch.from_numpy(s.feats_TD).to(device), torch.from_numpy(s.text_QD).to(device)) for s in scores]
        return [FramePolicy(self.module(feats_TD.float(), text_1D.float()) * warmth) for feats_TD, text_1D in pairs]

    def _temperature(self, step: int | None) -> float:
        """Linear over the steps."""
        first, last = self.stage.first_temperature, self.stage.last_temperature
        return last if step is None else first + (last - first) * step / max(1, self.stage.steps - 1)

    def rewards(self, _: Rated, right_G: Tensor) -> Tensor:
        return right_G.float()

    def loss(
        self, policies: Sequence[FramePolicy], drawn: Sequence[Tensor], rewards_BG: Tensor, total: int
    ) -> tuple[Tensor, dict[str, float]]:
        _, metrics = group_advantages(rewards_BG)
        device = policies[0].logits_T.device
        rows = zip(policies, drawn, rewards_BG, strict=True)
        losses = [tspo_loss(policy.logits_T, dr.to(device), rewards_G.to(device))[0] for policy, dr, rewards_G in rows]
        with torch.no_grad():
            logp = torch.stack([p.independent_logp(dr).mean() for p, dr in zip(policies, drawn, strict=True)])
            entropy = torch.stack([policy.entropy() for policy in policies])
        means = {"sampler/logp": logp.mean().item(), "sampler/entropy": entropy.mean().item()}
        return torch.stack(losses).sum() / total, metrics | means
