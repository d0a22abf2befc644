"""``msjoe compare``: two runs over the same questions, arm by arm, with paired intervals."""

import logging
from pathlib import Path

from msjoe.errors import CheckpointError
from msjoe.evaluation.plan import Arm
from msjoe.evaluation.run_folder import read_config, read_rows
from msjoe.evaluation.summary import arm_of, difference, headline
from msjoe.evaluation.tables import percent, signed, table

log = logging.getLogger(__name__)

SAME = ("benchmark", "split", "reel_version")  # without which questions of one id are not the same


def compare(run_a: Path, run_b: Path) -> dict:
    """{"benchmark", "arms": [{"arm", "questions", "a", "b", "difference"}]} over what both runs answered.

    Raises CheckpointError for folders that hold no run, for runs of other questions, or with no arm in common.
    """
    settings_a, settings_b = (read_config(path)["settings"] for path in (run_a, run_b))
    differing = [name for name in SAME if settings_a.get(name) != settings_b.get(name)]
    if differing:
        told = ", ".join(f"{name} {settings_a.get(name)} and {settings_b.get(name)}" for name in differing)
        raise CheckpointError(f"the runs ask different questions ({told}): give two runs of one benchmark")
    rows_a, rows_b = read_rows(run_a), read_rows(run_b)
    _tell_changed(rows_a, rows_b)
    benchmark = settings_a["benchmark"]
    lines = []
    for arm in dict.fromkeys(arm_of(row) for row in rows_a):
        line = _line(benchmark, arm, rows_a, rows_b)
        if line["difference"] is not None:
            lines.append(line)
    if not lines:
        raise CheckpointError(f"{run_a} and {run_b} have no arm with the same scored questions: nothing to compare")
    return {"benchmark": benchmark, "arms": lines}


def comparison_table(result: dict) -> str:
    rows = [
        [line["arm"], str(line["questions"]), percent(line["a"]), percent(line["b"]), signed(line["difference"])]
        for line in result["arms"]
    ]
    return table(["arm", "questions", "A", "B", "A minus B"], rows)


def same_question(row_a: dict, row_b: dict) -> bool:
    """Whether two answers under one id are to the same question; lines of earlier versions do not say."""
    return "content" not in row_a or "content" not in row_b or row_a["content"] == row_b["content"]


def _tell_changed(rows_a: list[dict], rows_b: list[dict]) -> None:
    first = {row["id"]: row for row in rows_a}
    changed = {row["id"] for row in rows_b if row["id"] in first and not same_question(first[row["id"]], row)}
    if changed:
        log.warning("%d questions are not the same in both runs under one id: left out", len(changed))


def _line(benchmark: str, arm: Arm, rows_a: list[dict], rows_b: list[dict]) -> dict:
    a, b = ([row for row in rows if arm_of(row) == arm] for rows in (rows_a, rows_b))
    first, second = ({row["id"]: row for row in rows} for rows in (a, b))  # all draws ask the same
    common = {name for name in first if name in second and same_question(first[name], second[name])}
    a, b = ([row for row in rows if row["id"] in common] for rows in (a, b))
    return {
        "arm": arm.name,
        "questions": len(common),
        "a": headline(benchmark, a),
        "b": headline(benchmark, b),
        "difference": difference(benchmark, a, b),
    }
