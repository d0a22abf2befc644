"""Drawing K of T frames without replacement, and how likely such a draw was.

Shapes: ... any batch dimensions (questions, rollouts), T dense frames, K chosen.

``logits_T`` are unnormalised log-weights, p = softmax(logits). ``mask_T`` is True where a frame exists;
padded frames are never drawn and count for nothing, whatever their logits hold. Every function works
in float32 at least, so that half-precision logits do not blur the sums over T = 7200 frames.

Two log-probabilities of a draw x_1..x_K are offered:

- ``sequential_logp`` (the default of training): the exact probability of this ordered draw without
  replacement (Plackett-Luce), prod_k p(x_k) / (1 - p(x_1) - ... - p(x_{k-1})). It is the distribution
  ``draw_frames`` samples from, so REINFORCE with it has an unbiased gradient, and all ordered draws
  sum to 1. The frames are shown in order of time, so the reward depends on the set alone; an unbiased
  gradient does not need the set's own probability, which would cost a sum over K! orders.
- ``independent_logp``: sum_k log p(x_k), as the paper's formula writes it. It treats the K frames as
  draws with replacement; its values do not sum to 1 and its gradient keeps pulling at frames that
  were already certain to be in.
"""

import torch
from torch import Tensor


def draw_frames(
    logits_T: Tensor, budget: int, mask_T: Tensor | None = None, generator: torch.Generator | None = None
) -> Tensor:
    """Draw ``budget`` different frames, each next one with p renormalised over those left.

    Gumbel top-k (Kool et al., 2019): the K largest of logits + Gumbel noise, in falling order, are such
    a draw, first drawn first. logits_T [..., T] -> int64 [..., K]. The generator must live on the device
    of the logits. Raises ValueError where fewer than ``budget`` frames exist.
    """
    logits_T = _masked(logits_T, mask_T)
    _check_budget(logits_T, budget)
    noise_T = torch.empty_like(logits_T).exponential_(generator=generator)  # -log of it is Gumbel noise
    return (logits_T - noise_T.log()).topk(budget, dim=-1).indices


def top_frames(logits_T: Tensor, budget: int, mask_T: Tensor | None = None) -> Tensor:
    """The ``budget`` most probable frames, most probable first; ties keep the earlier frame.

    logits_T [..., T] -> int64 [..., K]. Raises ValueError where fewer than ``budget`` frames exist.
    """
    logits_T = _masked(logits_T, mask_T)
    _check_budget(logits_T, budget)
    return logits_T.argsort(dim=-1, descending=True, stable=True)[..., :budget]


def sequential_logp(logits_T: Tensor, drawn_K: Tensor, mask_T: Tensor | None = None) -> Tensor:
    """Exact log-probability of an ordered draw without replacement; differentiable.

    logits_T [..., T], drawn_K int64 [..., K] in the order drawn -> [...].

    The k-th denominator is the weight of all frames not drawn before. It is summed up from what is left
    (frames never drawn, then x_K, x_{K-1}, ...) and not by subtracting from the total: when the drawn
    frames hold nearly all the weight, that difference would be rounding noise.
    """
    logits_T = _masked(logits_T, mask_T)
    chosen_K = logits_T.gather(-1, drawn_K)
    rest_T = logits_T.scatter(-1, drawn_K, float("-inf"))
    rest = rest_T.logsumexp(-1)  # -inf, with zero gradient, where every frame was drawn
    k = chosen_K.shape[-1]
    earlier_KK = torch.ones(k, k, dtype=torch.bool, device=logits_T.device).tril(-1)  # [k, j]: x_j came before x_k
    left_KK = chosen_K.unsqueeze(-2).expand(*chosen_K.shape, k).masked_fill(earlier_KK, float("-inf"))
    rest_K1 = rest[..., None, None].expand(*chosen_K.shape, 1)
    denominator_K = torch.cat([left_KK, rest_K1], dim=-1).logsumexp(-1)
    return (chosen_K - denominator_K).sum(-1)


def independent_logp(logits_T: Tensor, drawn_K: Tensor, mask_T: Tensor | None = None) -> Tensor:
    """The paper's sum_k log p(x_k). logits_T [..., T], drawn_K int64 [..., K] -> [...]."""
    return _masked(logits_T, mask_T).log_softmax(-1).gather(-1, drawn_K).sum(-1)


def entropy(logits_T: Tensor, mask_T: Tensor | None = None) -> Tensor:
    """Entropy of p in nats, 0 (one sure frame) to log T (uniform). logits_T [..., T] -> [...]."""
    logp_T = _masked(logits_T, mask_T).log_softmax(-1)
    finite_T = logp_T.masked_fill(logp_T.isneginf(), 0.0)  # a frame with p = 0 adds nothing; 0 * -inf would be NaN
    return -(logp_T.exp() * finite_T).sum(-1)


def _masked(logits_T: Tensor, mask_T: Tensor | None) -> Tensor:
    logits_T = logits_T.float() if logits_T.dtype in (torch.float16, torch.bfloat16) else logits_T
    return logits_T if mask_T is None else logits_T.masked_fill(~mask_T, float("-inf"))


def _check_budget(logits_T: Tensor, budget: int) -> None:
    frames = int((~logits_T.isneginf()).sum(-1).min())
    if not 1 <= budget <= frames:
        raise ValueError(f"cannot choose {budget} of {frames} frames: the budget must be 1 to {frames}")
