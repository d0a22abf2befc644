"""GRPO for the MLLM's tokens and REINFORCE for the sampler's draws, as pure functions: tensors in, (loss, metrics) out.

A rollout is two rows of tokens (queries, answer) with two contexts and one advantage. How much a token
counts is decided once for the whole batch by ``token_weights``, which sum to 1; so losses and metrics of
micro-batches add up to those of the batch, however it is cut and over however many processes.

Shapes: B rows (a turn of a rollout each), L tokens of the longest row, R rollouts, N draws.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from msjoe.rl.settings import Checked, OneOf, Within

RATIOS = ("token", "turn", "rollout")
WEIGHTINGS = ("turn", "rollout", "token")
MAX_LOG_RATIO = 10.0  # of new to old policy and of reference to policy, as in torchtitan: e^10 = 22,026 fits float16


@dataclass(frozen=True)
class GrpoConfig(Checked):
    """How rollouts become a loss. The paper writes the ratio per sequence and leaves the rest open."""

    # "turn": geometric mean of a row's ratios (GSPO); "rollout": product over both turns (paper)
    ratio: Annotated[str, OneOf(*RATIOS)] = "token"
    # "turn": turns count alike; "rollout": rollouts do; "token": tokens do (long turns dominate)
    weighting: Annotated[str, OneOf(*WEIGHTINGS)] = "turn"
    epsilon_low: Annotated[float, Within(0, 1, above=True, below=True)] = 0.2
    # "clip-higher" of DAPO; as epsilon_low for the plain form
    epsilon_high: Annotated[float, Within(0, above=True)] = 0.28
    beta: Annotated[float, Within(0)] = 0.0  # of the KL to the reference, k3 estimate


def token_weights(lengths_B: Tensor, rollout_B: Tensor, weighting: str) -> Tensor:
    """Weight of each token of each row of a batch, [B]; times the lengths they sum to 1.

    lengths_B: tokens of each row, at least 1; rollout_B: number of the rollout that a row belongs to.
    """
    lengths_B = lengths_B.double()
    if weighting == "token":
        weights_B = torch.ones_like(lengths_B) / lengths_B.sum()
    elif weighting == "turn":
        weights_B = 1 / (lengths_B * len(lengths_B))
    else:
        assert weighting == "rollout", weighting
        totals_B = _sum_by(lengths_B, rollout_B)
        weights_B = 1 / (totals_B * rollout_B.unique().numel())
    return weights_B.float()


def grpo_loss(
    logp_BL: Tensor,
    old_BL: Tensor,
    mask_BL: Tensor,
    advantages_B: Tensor,
    weights_B: Tensor,
    rollout_B: Tensor,
    config: GrpoConfig,
    ref_BL: Tensor | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """-sum of weights x min(ratio x A, clip(ratio) x A), plus beta x KL; metrics are weighted sums too.

    logp_BL with gradient, old_BL of the policy that wrote the tokens, ref_BL of the reference (for beta > 0), all
    where mask_BL is True. Rows of one rollout must be in the same micro-batch.

    Log ratios are cut to MAX_LOG_RATIO on both sides before exp, which would overflow at 88 (float32) and makes a
    single long rollout's loss and gradient infinite for a negative advantage; tokens beyond it have no gradient.
    """
    weights_BL = mask_BL * weights_B[:, None]
    ratio_BL = _ratios(logp_BL - old_BL, mask_BL, rollout_B, config.ratio)
    adv_B1 = advantages_B[:, None]
    clipped_BL = ratio_BL.clamp(1 - config.epsilon_low, 1 + config.epsilon_high)
    losses_BL = -torch.min(ratio_BL * adv_B1, clipped_BL * adv_B1)
    low_BL = (ratio_BL < 1 - config.epsilon_low) & (adv_B1 < 0)
    high_BL = (ratio_BL > 1 + config.epsilon_high) & (adv_B1 > 0)
    metrics = {
        "clip_ratio/low_mean": (weights_BL * low_BL).sum().item(),
        "clip_ratio/high_mean": (weights_BL * high_BL).sum().item(),
        "clip_ratio/region_mean": (weights_BL * (low_BL | high_BL)).sum().item(),
    }
    if ref_BL is not None:
        kl_BL = kl_estimate(logp_BL, ref_BL)
        losses_BL = losses_BL + config.beta * kl_BL
        metrics["kl"] = (weights_BL * kl_BL).sum().item()
    return (weights_BL * losses_BL).sum(), metrics


def kl_estimate(logp: Tensor, ref: Tensor) -> Tensor:
    """KL(policy || reference) from samples of the policy, never negative (Schulman's k3).

    The log ratio is cut to MAX_LOG_RATIO from above; from below, where nothing overflows, it keeps its gradient.
    """
    log_ratio = (ref - logp).clamp(max=MAX_LOG_RATIO)
    return log_ratio.exp() - log_ratio - 1


def reinforce_loss(
    logp_N: Tensor, advantages_N: Tensor, entropy_N: Tensor, total: int, entropy_bonus: float = 0.0
) -> tuple[Tensor, dict[str, float]]:
    """-sum of (A x log-probability of the draw + bonus x entropy) / total.

    ``total`` is the number of draws in the whole batch, of which these may be a part.
    """
    loss = -((advantages_N * logp_N).sum() + entropy_bonus * entropy_N.sum()) / total
    metrics = {"sampler/logp": logp_N.sum().item() / total, "sampler/entropy": entropy_N.sum().item() / total}
    return loss, metrics


def _ratios(log_BL: Tensor, mask_BL: Tensor, rollout_B: Tensor, kind: str) -> Tensor:
    """Importance ratios of new to old policy, [B, L]."""
    if kind == "token":
        return _bounded(log_BL.masked_fill(~mask_BL, 0.0)).exp()
    sums_B = (log_BL * mask_BL).sum(1)
    log_B = sums_B / mask_BL.sum(1).clamp(min=1) if kind == "turn" else _sum_by(sums_B, rollout_B)
    return _bounded(log_B).exp()[:, None].expand_as(log_BL)


def _bounded(log_ratio: Tensor) -> Tensor:
    return log_ratio.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def _sum_by(values_B: Tensor, group_B: Tensor) -> Tensor:
    """For each row, the sum over the rows of its group, [B]."""
    same_BB = (group_B[:, None] == group_B).to(values_B.dtype)
    return same_BB @ values_B
