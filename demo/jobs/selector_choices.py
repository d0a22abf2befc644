"""The names under which a visitor chooses a selector."""

from msjoe.selectors import selector_names

AS_STARTED = ""  # what the app was started with: a trained sampler, or a rule
NEED_WEIGHTS = ("sampler", "tspo", "tspo_repaired")  # to be had only as the one the app was started with
FAITHFUL = ("wfs_sb", "mdp3", "dig_style", "qca", "adaq", "gift")  # on the page in their repaired form alone
SAVING = ("focus", "focus_repaired")  # their point is to score few frames, and the page scores all of them


def rule_names() -> list[str]:
    """Selectors on offer: they need no weights of their own."""
    return [name for name in selector_names() if name not in (*NEED_WEIGHTS, *FAITHFUL, *SAVING)]


def rule_choices() -> list[tuple[str, str]]:
    """(label, value) of each selector, the app's default first."""
    return [("the app's default", AS_STARTED), *((name, name) for name in rule_names())]
