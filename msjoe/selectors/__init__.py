"""Rules that turn scores into a choice of frames, by name.

The published rules are faithful to their authors' code by default, quirks included (AdaQ and GIFT, which have no
code, to one reading of their papers); a name that ends in ``_repaired`` is the same rule without what makes it lose
frames or depend on the scorer's range, so that no baseline loses by a bug.
"""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from msjoe.errors import UserError
from msjoe.selectors.adaq import AdaQRepairedSelector, AdaQSelector
from msjoe.selectors.aks import AksRepairedSelector, AksSelector
from msjoe.selectors.apart import TopKApartSelector, TopKNeighboursSelector
from msjoe.selectors.base import ScoreSet, Selection, Selector
from msjoe.selectors.bolt import BoltRepairedSelector, BoltSelector
from msjoe.selectors.dig import DigStyleRepairedSelector, DigStyleSelector
from msjoe.selectors.focus import FocusRepairedSelector, FocusSelector
from msjoe.selectors.gift import GiftRepairedSelector, GiftSelector
from msjoe.selectors.mdp3 import Mdp3RepairedSelector, Mdp3Selector
from msjoe.selectors.plain import RandomSelector, TopKSelector, UniformSelector
from msjoe.selectors.qca import QcaRepairedSelector, QcaSelector
from msjoe.selectors.qframe import QFrameRepairedSelector, QFrameSelector
from msjoe.selectors.standin import StandinSelector
from msjoe.selectors.wfs_sb import WfsSbRepairedSelector, WfsSbSelector

if TYPE_CHECKING:
    from msjoe.sampler import UNetSampler
    from msjoe.selectors.tspo_agent import TspoAgent

__all__ = ["ScoreSet", "Selection", "Selector", "build_selector", "draws", "needs_model", "selector_names"]

# Rules with a network are imported when they are built: the others need no torch, and the sampler's
# module itself builds on this package's stand-in rule.


def _sampler(model: "UNetSampler", stochastic: bool = False) -> Selector:
    from msjoe.selectors.trained import SamplerSelector

    return SamplerSelector(model, stochastic)


def _tspo(model: "TspoAgent", mode: str = "topk", rows: str = "mean") -> Selector:
    from msjoe.selectors.tspo import TspoSelector

    return TspoSelector(model, mode, rows)


def _tspo_repaired(model: "TspoAgent", mode: str = "topk", rows: str = "mean", norm: float = 20.0) -> Selector:
    from msjoe.selectors.tspo import TspoRepairedSelector

    return TspoRepairedSelector(model, mode, rows, norm=norm)


_BUILDERS: dict[str, Callable[..., Selector]] = {
    "uniform": UniformSelector,
    "random": RandomSelector,
    "topk": TopKSelector,
    "standin": StandinSelector,
    "sampler": _sampler,
    "aks": AksSelector,
    "aks_repaired": AksRepairedSelector,
    "bolt": BoltSelector,
    "bolt_repaired": BoltRepairedSelector,
    "qframe": QFrameSelector,
    "qframe_repaired": QFrameRepairedSelector,
    "tspo": _tspo,
    "tspo_repaired": _tspo_repaired,
    "topk_apart": TopKApartSelector,
    "topk_neighbours": TopKNeighboursSelector,
    "wfs_sb": WfsSbSelector,
    "wfs_sb_repaired": WfsSbRepairedSelector,
    "mdp3": Mdp3Selector,
    "mdp3_repaired": Mdp3RepairedSelector,
    "focus": FocusSelector,
    "focus_repaired": FocusRepairedSelector,
    "dig_style": DigStyleSelector,
    "dig_style_repaired": DigStyleRepairedSelector,
    "qca": QcaSelector,
    "qca_repaired": QcaRepairedSelector,
    "adaq": AdaQSelector,
    "adaq_repaired": AdaQRepairedSelector,
    "gift": GiftSelector,
    "gift_repaired": GiftRepairedSelector,
}


DRAWING = ("random", "qframe", "qframe_repaired", "focus", "focus_repaired", "adaq", "adaq_repaired")


def selector_names() -> list[str]:
    return list(_BUILDERS)


def needs_model(name: str) -> bool:
    """Whether a rule, one of ``selector_names``, works with trained weights."""
    return "model" in inspect.signature(_BUILDERS[name]).parameters


def draws(name: str) -> bool:
    """Whether a rule, by its name with or without settings, may choose otherwise with another ``rng``."""
    return name.partition("?")[0] in DRAWING


def build_selector(name: str, /, **params) -> Selector:
    """The selector of that name, with its settings: e.g. ``build_selector("aks", t1=0.2, depth=3)``.

    "sampler" needs ``model``, a UNetSampler; "tspo" and "tspo_repaired" a TspoAgent. Raises UserError for
    an unknown name or setting.
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
