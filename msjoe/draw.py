"""Drawing K of T frames without replacement, and how likely such a draw was.

Shapes: ... any batch dimensions (questions, rollouts), T dense frames, K chosen.

``logits_T`` are unnormalised log-weights, p = softmax(logits). ``mask_T`` is True where a frame exists;
padded frames are never drawn and count for nothing, whatever their logits hold. Every function works
in float32 at least, so that half-precision logits do not blur the sums over T = 7200 frames.

Frames may be drawn with spread. The k-th frame is then drawn with probability

    p(x_k = t | x_1 .. x_{k-1})  ~  exp(logit_t) * d_t ^ gamma,   d_t: frames from t to the nearest of x_1 .. x_{k-1}

A drawn frame has distance 0, so no frame is drawn twice. ``gamma`` 0 is the paper's draw (Plackett-Luce). With a
larger one, a policy that has found a scene of twenty seconds does not put all its frames into it. With gamma 1 and
the log of a density as logits, the greedy choice is the stand-in rule. ``gamma`` is a number or a tensor [...].

Two log-probabilities of a draw x_1..x_K are offered:

- ``sequential_logp`` (the default of training): the exact probability of this ordered draw, the product of the
  probabilities above. It is the distribution ``draw_frames`` samples from, so REINFORCE with it has an unbiased
  gradient, and all ordered draws sum to 1. The frames are shown in order of time, so the reward depends on the set
  alone; an unbiased gradient does not need the set's own probability, which would cost a sum over K! orders.
- ``independent_logp``: sum_k log p(x_k), as the paper's formula writes it. It treats the K frames as
  draws with replacement; its values do not sum to 1 and its gradient keeps pulling at frames that
  were already certain to be in. It knows no spread.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

Gamma = float | Tensor


@dataclass(frozen=True)
class FramePolicy:
    """One question's distribution over ordered draws of frames."""

    logits_T: Tensor
    gamma: Gamma = 0.0  # of the spread, a number or a tensor without dimensions

    def sample(self, budget: int, count: int, generator: torch.Generator) -> Tensor:
        """``count`` draws, int64 [count, K] in the order drawn, on the CPU; K is the video's length if shorter."""
        rows_GT, gamma = self.logits_T.detach().float().cpu().expand(count, -1), _detached(self.gamma)
        return draw_frames(rows_GT, min(budget, rows_GT.shape[-1]), generator=generator, gamma=gamma)

    def greedy(self, budget: int) -> Tensor:
        """The most probable next frame again and again, int64 [K] on the CPU; K is the video's length if shorter."""
        logits_T = self.logits_T.detach().float().cpu()
        return top_frames(logits_T, min(budget, len(logits_T)), gamma=_detached(self.gamma))

    def logp(self, drawn_GK: Tensor) -> Tensor:
        """Exact log-probability of each ordered draw, [G]; differentiable in the logits and gamma."""
        drawn_GK = drawn_GK.to(self.logits_T.device)
        return sequential_logp(self.logits_T.expand(len(drawn_GK), -1), drawn_GK, gamma=self.gamma)

    def independent_logp(self, drawn_GK: Tensor) -> Tensor:
        """The paper's sum over single frames, [G]; blind to the spread."""
        drawn_GK = drawn_GK.to(self.logits_T.device)
        return independent_logp(self.logits_T.expand(len(drawn_GK), -1), drawn_GK)

    def entropy(self) -> Tensor:
        """Entropy of the first frame's distribution, in nats."""
        return entropy(self.logits_T)

    def weights_T(self) -> Tensor:
        """Probability of each frame to be drawn first, [T] on the CPU."""
        return self.logits_T.detach().float().softmax(-1).cpu()


def draw_frames(
    logits_T: Tensor,
    budget: int,
    mask_T: Tensor | None = None,
    generator: torch.Generator | None = None,
    gamma: Gamma = 0.0,
) -> Tensor:
    """Draw ``budget`` different frames. logits_T [..., T] -> int64 [..., K], first drawn first.

    Without spread by Gumbel top-k (Kool et al., 2019): the K largest of logits + Gumbel noise, in falling order.
    With it frame by frame, with fresh noise each time. The generator must live on the device of the logits.
    Raises ValueError where fewer than ``budget`` frames exist.
    """
    logits_T = _masked(logits_T, mask_T)
    _check_budget(logits_T, budget)
    if _no_spread(gamma):
        return (logits_T + _gumbel(logits_T, generator)).topk(budget, dim=-1).indices
    return _one_by_one(logits_T, budget, gamma, lambda score_T: score_T + _gumbel(score_T, generator))


def top_frames(logits_T: Tensor, budget: int, mask_T: Tensor | None = None, gamma: Gamma = 0.0) -> Tensor:
    """The most probable next frame, ``budget`` times; ties keep the earlier frame.

    logits_T [..., T] -> int64 [..., K], first chosen first. Raises ValueError where fewer than ``budget`` frames exist.
    """
    logits_T = _masked(logits_T, mask_T)
    _check_budget(logits_T, budget)
    if _no_spread(gamma):
        return logits_T.argsort(dim=-1, descending=True, stable=True)[..., :budget]
    return _one_by_one(logits_T, budget, gamma, lambda score_T: score_T)


def sequential_logp(logits_T: Tensor, drawn_K: Tensor, mask_T: Tensor | None = None, gamma: Gamma = 0.0) -> Tensor:
    """Exact log-probability of an ordered draw without replacement; differentiable in logits and gamma.

    logits_T [..., T], drawn_K int64 [..., K] in the order drawn -> [...].
    """
    logits_T = _masked(logits_T, mask_T)
    return _plackett_luce(logits_T, drawn_K) if _no_spread(gamma) else _spread_logp(logits_T, drawn_K, gamma)


def independent_logp(logits_T: Tensor, drawn_K: Tensor, mask_T: Tensor | None = None) -> Tensor:
    """The paper's sum_k log p(x_k). logits_T [..., T], drawn_K int64 [..., K] -> [...]."""
    return _masked(logits_T, mask_T).log_softmax(-1).gather(-1, drawn_K).sum(-1)


def entropy(logits_T: Tensor, mask_T: Tensor | None = None) -> Tensor:
    """Entropy of p in nats, 0 (one sure frame) to log T (uniform). logits_T [..., T] -> [...]."""
    logp_T = _masked(logits_T, mask_T).log_softmax(-1)
    finite_T = logp_T.masked_fill(logp_T.isneginf(), 0.0)  # a frame with p = 0 adds nothing; 0 * -inf would be NaN
    return -(logp_T.exp() * finite_T).sum(-1)


def _plackett_luce(logits_T: Tensor, drawn_K: Tensor) -> Tensor:
    """The k-th denominator is the weight of all frames not drawn before.

    It is summed up from what is left (frames never drawn, then x_K, x_{K-1}, ...) and not by subtracting from the
    total: when the drawn frames hold nearly all the weight, that difference would be rounding noise.
    """
    chosen_K = logits_T.gather(-1, drawn_K)
    rest_T = logits_T.scatter(-1, drawn_K, float("-inf"))
    rest = rest_T.logsumexp(-1)  # -inf, with zero gradient, where every frame was drawn
    k = chosen_K.shape[-1]
    earlier_KK = torch.ones(k, k, dtype=torch.bool, device=logits_T.device).tril(-1)  # [k, j]: x_j came before x_k
    left_KK = chosen_K.unsqueeze(-2).expand(*chosen_K.shape, k).masked_fill(earlier_KK, float("-inf"))
    rest_K1 = rest[..., None, None].expand(*chosen_K.shape, 1)
    denominator_K = torch.cat([left_KK, rest_K1], dim=-1).logsumexp(-1)
    return (chosen_K - denominator_K).sum(-1)


def _spread_logp(logits_T: Tensor, drawn_K: Tensor, gamma: Gamma) -> Tensor:
    """The scores of all T frames before each of the K draws are normalised one by one: K x T numbers for a draw."""
    frames_T = torch.arange(logits_T.shape[-1], device=logits_T.device)
    distance_KT = (frames_T - drawn_K[..., None]).abs()
    nearest_KT = torch.cat([torch.ones_like(distance_KT[..., :1, :]), distance_KT[..., :-1, :]], dim=-2)
    nearest_KT[..., 1:, :] = nearest_KT[..., 1:, :].cummin(dim=-2).values
    score_KT = _spread_scores(logits_T[..., None, :], nearest_KT, _column(gamma, logits_T)[..., None])
    return score_KT.log_softmax(-1).gather(-1, drawn_K[..., None])[..., 0].sum(-1)


def _one_by_one(logits_T: Tensor, budget: int, gamma: Gamma, perturbed) -> Tensor:
    frames_T = torch.arange(logits_T.shape[-1], device=logits_T.device)
    nearest_T = torch.ones_like(logits_T, dtype=torch.int64)  # before the first draw no frame is nearer than another
    gamma_1, chosen = _column(gamma, logits_T), []
    for _ in range(budget):
        chosen.append(perturbed(_spread_scores(logits_T, nearest_T, gamma_1)).argmax(-1, keepdim=True))
        distance_T = (frames_T - chosen[-1]).abs()
        nearest_T = distance_T if len(chosen) == 1 else torch.minimum(nearest_T, distance_T)
    return torch.cat(chosen, dim=-1)


def _spread_scores(logits_T: Tensor, nearest_T: Tensor, gamma: Gamma) -> Tensor:
    """Logit + gamma x log distance; -inf at distance 0, set apart because 0 * -inf would be NaN."""
    return (logits_T + gamma * nearest_T.clamp_min(1).to(logits_T.dtype).log()).masked_fill(nearest_T == 0, -torch.inf)


def _column(gamma: Gamma, logits_T: Tensor) -> Tensor:
    """gamma [...] -> [..., 1], to go with [..., T]."""
    return torch.as_tensor(gamma, dtype=logits_T.dtype, device=logits_T.device)[..., None]


def _gumbel(logits_T: Tensor, generator: torch.Generator | None) -> Tensor:
    return -torch.empty_like(logits_T).exponential_(generator=generator).log()


def _no_spread(gamma: Gamma) -> bool:
    return not isinstance(gamma, Tensor) and gamma == 0


def _detached(gamma: Gamma) -> Gamma:
    return gamma.detach().float().cpu() if isinstance(gamma, Tensor) else gamma


def _masked(logits_T: Tensor, mask_T: Tensor | None) -> Tensor:
    logits_T = logits_T.float() if logits_T.dtype in (torch.float16, torch.bfloat16) else logits_T
    return logits_T if mask_T is None else logits_T.masked_fill(~mask_T, float("-inf"))


def _check_budget(logits_T: Tensor, budget: int) -> None:
    frames = int((~logits_T.isneginf()).sum(-1).min())
    if not 1 <= budget <= frames:
        raise ValueError(f"cannot choose {budget} of {frames} frames: the budget must be 1 to {frames}")
