"""Rules that turn scores into a choice of frames, by name."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from msjoe.errors import UserError
from msjoe.selectors.base import ScoreSet, Selection, Selector
from msjoe.selectors.plain import RandomSelector, TopKSelector, UniformSelector
from msjoe.selectors.standin import StandinSelector

if TYPE_CHECKING:
    from msjoe.sampler import UNetSampler

__all__ = ["ScoreSet", "Selection", "Selector", "build_selector", "selector_names"]


def _sampler(model: "UNetSampler", stochastic: bool = False) -> Selector:
    from msjoe.selectors.trained import SamplerSelector  # not above: the sampler builds on this package's stand-in rule

    return SamplerSelector(model, stochastic)


_BUILDERS: dict[str, Callable[..., Selector]] = {
    "uniform": UniformSelector,
    "random": RandomSelector,
    "topk": TopKSelector,
    "standin": StandinSelector,
    "sampler": _sampler,
}


def selector_names() -> list[str]:
    return list(_BUILDERS)


def build_selector(name: str, **params) -> Selector:
    """The selector of that name, with its settings: e.g. ``build_selector("topk", rows="max_z")``.

    "sampler" needs ``model``, a UNetSampler. Raises UserError for an unknown name or setting.
    """
    if name not in _BUILDERS:
        raise UserError(f"no selector is called {name!r}: choose one of {', '.join(_BUILDERS)}")
    parameters = inspect.signature(_BUILDERS[name]).parameters
    known = [p for p in parameters if p != "name"]
    unknown = sorted(set(params) - set(known))
    if unknown:
        settings = ", ".join(known) or "none"
        raise UserError(f"the selector {name} has no setting {', '.join(unknown)}: its settings are {settings}")
    missing = [p for p in known if parameters[p].default is inspect.Parameter.empty and p not in params]
    if missing:
        raise UserError(f"the selector {name} needs {', '.join(missing)}")
    return _BUILDERS[name](**params)
