"""Pictures and tables from runs."""

import xml.etree.ElementTree as ET

import pytest

from analysis.comparison import arms_of, picture, table
from msjoe.errors import UserError


def arm(selector: str, queries: str, share: float, bound: bool = False) -> dict:
    headline = [share, share - 0.05, share + 0.05]
    return {"selector": selector, "queries": queries, "budget": 8, "bound": bound, "headline": headline}


SUMMARY = {
    "arms": [
        arm("uniform", "none", 0.4),
        arm("topk?rows=mean&x=1", "own", 0.5),
        arm("topk?rows=mean&x=1", "question", 0.45),
        arm("oracle", "none", 0.8, bound=True),
    ]
}


def test_the_table_has_the_best_first_and_bounds_last():
    lines = table(arms_of(SUMMARY, 8)).splitlines()[2:]
    assert lines == [
        "| topk (rows=mean, x=1) | 50.0 (45.0 to 55.0) | 45.0 (40.0 to 50.0) |",
        "| uniform | 40.0 (35.0 to 45.0) |  |",
        "| oracle *(bound)* | 80.0 (75.0 to 85.0) |  |",
    ]


def test_the_picture_has_a_dot_for_every_arm_in_the_order_of_the_shares():
    root = ET.fromstring(picture(arms_of(SUMMARY, 8)))
    space = "{http://www.w3.org/2000/svg}"
    dots = [dot for dot in root.iter(f"{space}circle") if dot.find(f"{space}title") is not None]
    assert [dot.find(f"{space}title").text for dot in dots] == ["50.0 %", "45.0 %", "40.0 %", "80.0 %"]
    places = [float(dot.get("cx")) for dot in dots]
    assert places[3] > places[0] > places[1] > places[2]


def test_a_budget_that_was_not_run_is_told():
    with pytest.raises(UserError, match="no arm with 16 frames"):
        arms_of(SUMMARY, 16)
