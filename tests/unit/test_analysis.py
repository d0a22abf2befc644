"""Pictures and tables from runs."""

import pytest

from analysis.comparison import arms_of, label, picture, table
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


def test_the_table_has_the_best_first_and_bounds_last_with_a_column_for_each_budget():
    more = [arm("uniform", "none", 0.7) | {"budget": 16}]
    head, _, *lines = table(SUMMARY["arms"] + more).splitlines()
    assert head == (
        "| selector | 8 frames, own queries, or none | 8 frames, the question as query "
        "| 16 frames, own queries, or none | 16 frames, the question as query |"
    )
    assert lines == [
        "| uniform | 40.0 (35.0 to 45.0) |  | 70.0 (65.0 to 75.0) |  |",
        "| topk (rows=mean, x=1) | 50.0 (45.0 to 55.0) | 45.0 (40.0 to 50.0) |  |  |",
        "| oracle *(bound)* | 80.0 (75.0 to 85.0) |  |  |  |",
    ]


def test_the_picture_has_a_dot_for_every_arm_beside_its_name():
    arms = arms_of(SUMMARY, 8)
    (axes,) = picture(arms).axes
    dots = {}
    for drawn in axes.containers:  # a kind of queries each
        dots |= {int(row): share for share, row in drawn[0].get_xydata()}
    assert [dots[row] for row in range(4)] == [0.5, 0.45, 0.4, 0.8]
    assert [text.get_text() for text in axes.get_yticklabels()] == [label(arm) for arm in arms]
    assert axes.yaxis_inverted()  # the first on top
    assert axes.get_legend_handles_labels()[1] == ["own queries", "the question as query", "no queries", "bound"]


def test_a_budget_that_was_not_run_is_told():
    with pytest.raises(UserError, match="no arm with 16 frames"):
        arms_of(SUMMARY, 16)
