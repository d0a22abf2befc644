"""The learning rate of a step, the same function for every stage."""


def rate_at(step: int, lr: float, warmup: int, decay_steps: int = 0) -> float:
    """The learning rate of step ``step`` (from 0): rises over ``warmup`` steps, then stays, or falls to nothing at
    step ``decay_steps``."""
    rate = lr * min(1.0, (step + 1) / max(1, warmup))
    return rate * (1 - step / decay_steps) if decay_steps else rate
