"""The names under which a visitor chooses a selector."""

from msjoe.selectors import selector_names

AS_STARTED = ""  # what the app was started with: a trained sampler, or a rule
NEED_WEIGHTS = ("sampler", "tspo", "tspo_repaired")  # to be had only as the one the app was started with


def rule_names() -> list[str]:
    """Selectors that need no weights of their own."""
    return [name for name in selector_names() if name not in NEED_WEIGHTS]


def rule_choices() -> list[tuple[str, str]]:
    """(label, value) of each selector, the app's default first."""
    return [("the app's default", AS_STARTED), *((name, name) for name in rule_names())]
