"""TSPO's training rule (Tang et al., AAAI 2026, arXiv 2508.04369): one update of its temporal agent.

For a question, G candidate sets of K frames are drawn (``msjoe.draw.draw_frames``) and answered, and
each gets a reward. One update is made per rollout, so the importance ratio is 1 and nothing is clipped;
there is no KL term and no reference model. The K frames count as independent categorical draws, although they
are drawn without replacement. Log-probabilities are a float32 log_softmax; the authors' bfloat16 softmax
could reach log 0.

Shapes: T dense frames, G candidates of a question, K chosen.
"""

import torch
from torch import Tensor


def group_advantages(rewards_G: Tensor) -> Tensor:
    """(R - mean) / (standard deviation + 1e-4) within the group, with G - 1 in the deviation. [G] -> [G], G >= 2."""
    return (rewards_G - rewards_G.mean()) / (rewards_G.std() + 1e-4)


def tspo_loss(logits_T: Tensor, picks_GK: Tensor, rewards_G: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Surrogate loss of one question, and metrics; differentiable in ``logits_T``.

    logits_T: the agent's scores; picks_GK: int64 frames of each candidate. Its value is 0 up to rounding; its
    gradient is -1/G sum_g A_g 1/K sum_k (onehot_k - softmax(logits)).
    """
    advantages_G = group_advantages(rewards_G).to(logits_T.dtype)
    logp_GK = logits_T.log_softmax(-1)[picks_GK]
    ratio_GK = torch.exp(logp_GK - logp_GK.detach())
    loss = -(ratio_GK.mean(1) * advantages_G).mean()
    return loss, {"reward": rewards_G.mean().item(), "reward_spread": rewards_G.std().item()}
