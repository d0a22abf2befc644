"""Steps 2 and 3 for one question and one arm: its queries' similarity, and its rule's frames."""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np

from msjoe.data import Record
from msjoe.errors import UserError
from msjoe.evaluation.asking import blank, copied
from msjoe.evaluation.bounds import ideal_queries, oracle_choice
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.given import GivenFrames
from msjoe.evaluation.plan import BLACK, GIVEN, IDEAL, MSJOE, ORACLE, Arm
from msjoe.loading import LOADERS, load_selector
from msjoe.routing import routed
from msjoe.selectors import build_selector
from msjoe.selectors.base import ScoreSet, Selector
from msjoe.steps import Settings, choose, match, take_choice
from msjoe.trace import Trace


def build_rules(arms: tuple[Arm, ...], rows: str | None) -> dict[str, Selector]:
    """The rule of every selector name but "msjoe"; "black" has uniform's places, "oracle" has no rule.

    Selections from files are not among them: see ``given``. ``rows`` is given to rules that have the setting. Raises
    UserError for a name that does not exist.
    """
    names = {arm.selector for arm in arms if arm.selector != MSJOE and arm != Arm(ORACLE, "none", arm.budget)}
    names = {name for name in names if not name.startswith(GIVEN)}
    return {name: _rule("uniform" if name == BLACK else name, rows) for name in names}


def choose_for(
    arm: Arm,
    record: Record,
    asked: Mapping[tuple[str, int], Trace],
    footage: Footage,
    rules: Mapping[str, Selector],
    settings: Settings,
) -> Trace:
    """A Trace up to the choice, as ``pipeline.run`` with this selector and these settings fills it."""
    rule = rules.get(arm.selector)
    if arm.queries == "own":
        trace = copied(asked[record.id, arm.budget], settings=asdict(settings))
    else:
        trace = blank(record, footage, settings)
        trace.queries, trace.queries_from = _given_queries(arm, record), arm.queries
    trace.models = trace.models | {"selector": rule.name if rule else arm.selector}
    if arm.needs_scores:
        choose(trace, _scores(trace, footage), routed(trace, rule, footage.scope), settings)
    else:
        _choose_blind(trace, arm, record, footage, rule, settings)
    return trace


def _rule(name: str, rows: str | None) -> Selector:
    """By its name, with its weights as RULE:WEIGHTS, with settings as RULE?KEY=VALUE&KEY=VALUE."""
    if name == ORACLE:
        raise UserError("oracle is a bound and no selector: ask for it with --bounds")
    told = "?" in name or name.partition(":")[0] in LOADERS
    rule = load_selector(name) if told else build_selector(name)
    return replace(rule, rows=rows) if rows and hasattr(rule, "rows") else rule


def _given_queries(arm: Arm, record: Record) -> list[str]:
    """Those of an arm that does not ask the MLLM."""
    if arm.queries == IDEAL:
        return ideal_queries(record)
    return [record.question] if arm.queries == "question" else []


def _scores(trace: Trace, footage: Footage) -> ScoreSet:
    start = time.perf_counter()
    text_QD = footage.text_QD(trace.queries)
    scores = match(trace, footage.feats_TD, text_QD, footage.dense_fps)
    trace.seconds["similarity"] = time.perf_counter() - start
    return scores


def _choose_blind(
    trace: Trace, arm: Arm, record: Record, footage: Footage, rule: Selector | None, settings: Settings
) -> None:
    """A choice that looks at no similarity; there is none in the Trace."""
    trace.times_T = footage.times_T
    if isinstance(rule, GivenFrames):
        rule.take(trace, record, footage)
        return
    if arm.selector == ORACLE:
        take_choice(trace, oracle_choice(record, trace.times_T, arm.budget), trace.times_T)
        return
    nothing = ScoreSet(np.zeros((1, len(trace.times_T)), dtype=np.float32), trace.times_T)
    choose(trace, nothing, rule, settings)
