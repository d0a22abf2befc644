"""The selectors that a visitor can choose."""

from msjoe.selectors import selector_names

APP_DEFAULT = ""  # the selector that the app was started with
NEED_WEIGHTS = ("sampler", "tspo", "tspo_repaired")  # available only as the app's default
FAITHFUL = ("wfs_sb", "mdp3", "dig_style", "qca", "adaq", "gift")  # the page offers only their repaired forms
SAVING = ("focus", "focus_repaired")  # meant to score few frames; the page scores all of them


def offered_selectors() -> list[str]:
    """Names of the selectors that can be built without weights."""
    return [name for name in selector_names() if name not in (*NEED_WEIGHTS, *FAITHFUL, *SAVING)]


def selector_choices() -> list[tuple[str, str]]:
    """(label, value) for each selector, starting with the app's default."""
    return [("the app's default", APP_DEFAULT), *((name, name) for name in offered_selectors())]
