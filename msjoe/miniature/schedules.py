"""Learning rates as functions of the step, and torch schedulers that apply them."""

import math
from collections.abc import Callable, Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from msjoe.errors import RecipeError

Rate = Callable[[int], float]  # step, from 0 -> learning rate


def check_rate(lr: float) -> None:
    """Raises RecipeError for a learning rate that teaches nothing or destroys the weights."""
    if not 0 < lr < math.inf:
        raise RecipeError(f"the learning rate is {lr}: give a number above 0")


def warmup_cosine(lr: float, warmup: int, steps: int) -> Rate:
    """Linear warm-up to ``lr``, then a cosine that reaches 0 after the last step."""

    def rate(step: int) -> float:
        if step < warmup:
            return lr * (step + 1) / warmup
        share = (step - warmup) / max(1, steps - warmup)
        return lr * 0.5 * (1 + math.cos(math.pi * share))

    return rate


def warmup_hold_decay(lr: float, warmup: int, steps: int, decay: float) -> Rate:
    """Linear warm-up to ``lr``, which holds, then falls linearly to 0 over the last ``decay`` of the steps.

    With ``decay`` 0 it never falls, so training can be long without knowing its end.
    """

    def rate(step: int) -> float:
        rise = min(1.0, (step + 1) / warmup)
        fall = min(1.0, (steps - step) / max(1.0, decay * steps)) if decay else 1.0
        return lr * rise * fall

    return rate


def schedulers(optimizers: Sequence[Optimizer], rate: Rate, done: int) -> list[LambdaLR]:
    """One scheduler for each optimizer, at step ``done``.

    LambdaLR multiplies the rate that an optimizer was built with. All of them are given 1 here, so that ``rate`` is the
    learning rate itself, without a rounding in between.
    """
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] = 1.0
    return [LambdaLR(optimizer, rate, last_epoch=done - 1) for optimizer in optimizers]
