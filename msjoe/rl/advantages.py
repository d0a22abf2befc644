"""From the rewards of a question's rollouts to their advantages.

What division by the group's standard deviation (``scale``) does to easy and hard questions: of right-or-wrong rewards
with a share p of right ones, the deviation is sqrt(p (1 - p)), so a question that nearly all or nearly none of the
rollouts answer right counts as much as an even one; without it such a question counts less, by that factor. It also
makes a group that differs by a tenth (one reply out of form) as loud as one that differs by being right. And it takes
out any factor that all rewards of a question share: the difficulty-aware reward of stage 1 cannot survive it.

Shapes: N questions, G rollouts of each.
"""

from torch import Tensor

from msjoe.errors import RecipeError

BASELINES = ("mean", "leave_one_out", "none")
SMALLEST_STD = 1e-4  # added to the deviation, as TRL does
EQUAL = 1e-6  # rewards that differ by less are the same


def group_advantages(rewards_NG: Tensor, baseline: str = "mean", scale: bool = True) -> tuple[Tensor, dict[str, float]]:
    """Advantages [N, G], and metrics under TRL's names.

    ``baseline``: "mean" takes off the group's mean, which holds the rollout itself (a bias of order 1 / G, made good
    by the learning rate); "leave_one_out" the mean of the others (unbiased, RLOO); "none" nothing, as the paper's
    formula for the sampler may be read. ``scale`` divides by the group's standard deviation (G - 1 in it) + 1e-4.
    A group of equal rewards gets exact zeros, but with "none". Raises RecipeError as ``check_advantages`` does.
    """
    groups = rewards_NG.shape[1]
    check_advantages(baseline, scale, groups)
    centred_NG = rewards_NG - rewards_NG.mean(1, keepdim=True)
    std_N = rewards_NG.std(1) if groups > 1 else rewards_NG.new_zeros(len(rewards_NG))
    equal_N = zero_spread(rewards_NG)
    if baseline == "mean":
        adv_NG = centred_NG
    elif baseline == "leave_one_out":
        adv_NG = centred_NG * groups / (groups - 1)
    else:
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


def check_advantages(baseline: str, scale: bool, rollouts: int, name: str = "baseline") -> None:
    """Raises RecipeError for advantages that a group of ``rollouts`` does not have, or that would have no limit.

    ``name``: of the setting that ``baseline`` comes from.
    """
    if baseline not in BASELINES:
        raise RecipeError(f"{name} is {baseline!r}: give one of {', '.join(BASELINES)}")
    if rollouts < 2 and baseline != "none":
        raise RecipeError(f"rollouts is {rollouts}: give 2 or more, or {name}: none with scale: false")
    if baseline == "none" and scale:
        raise RecipeError(
            f"{name} is 'none' and scale is True: a group of equal rewards would be divided by nearly 0. "
            f"Give scale: false, or {name}: mean or leave_one_out"
        )


def zero_spread(rewards_NG: Tensor) -> Tensor:
    """Which groups have equal rewards and so teach nothing, bool [N]."""
    return rewards_NG.amax(1) - rewards_NG.amin(1) < EQUAL
