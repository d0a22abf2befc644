"""From the rewards of a question's rollouts to their advantages.

Shapes: N questions, G rollouts of each.
"""

from torch import Tensor

BASELINES = ("mean", "leave_one_out", "none")
SMALLEST_STD = 1e-4  # added to the deviation, as TRL does
EQUAL = 1e-6  # rewards that differ by less are the same


def group_advantages(rewards_NG: Tensor, baseline: str = "mean", scale: bool = True) -> tuple[Tensor, dict[str, float]]:
    """Advantages [N, G], and metrics under TRL's names.

    ``baseline``: "mean" takes off the group's mean, which holds the rollout itself (a bias of order 1 / G, made good
    by the learning rate); "leave_one_out" the mean of the others (unbiased, RLOO); "none" nothing, as the paper's
    formula for the sampler may be read. ``scale`` divides by the group's standard deviation (G - 1 in it) + 1e-4.
    A group of equal rewards gets exact zeros, but with "none".
    """
    groups = rewards_NG.shape[1]
    if groups < 2 and (baseline != "none" or scale):
        raise ValueError(f"{groups} rollout a question has no group: give 2 or more, or baseline none without scale")
    centred_NG = rewards_NG - rewards_NG.mean(1, keepdim=True)
    std_N = rewards_NG.std(1) if groups > 1 else rewards_NG.new_zeros(len(rewards_NG))
    equal_N = zero_spread(rewards_NG)
    if baseline == "mean":
        adv_NG = centred_NG
    elif baseline == "leave_one_out":
        adv_NG = centred_NG * groups / (groups - 1)
    else:
        assert baseline == "none", baseline
        adv_NG = rewards_NG
    if scale:
        adv_NG = adv_NG / (std_N[:, None] + SMALLEST_STD)
    if baseline != "none":
        adv_NG = adv_NG.masked_fill(equal_N[:, None], 0.0)
    metrics = {
        "reward": rewards_NG.mean().item(),
        "reward_std": std_N.mean().item(),
        "frac_reward_zero_std": equal_N.float().mean().item(),
    }
    return adv_NG, metrics


def zero_spread(rewards_NG: Tensor) -> Tensor:
    """Which groups have equal rewards and so teach nothing, bool [N]."""
    return rewards_NG.amax(1) - rewards_NG.amin(1) < EQUAL
