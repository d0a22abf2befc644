"""Rules that draw are run with several seeds, and reported as the mean of their draws."""

from dataclasses import replace

import pytest

from msjoe.errors import QuestionError
from msjoe.evaluation.compare import compare
from msjoe.evaluation.plan import Arm, Plan
from msjoe.evaluation.report import report
from msjoe.evaluation.run_folder import RunFolder, check_config, read_rows
from msjoe.evaluation.summary import summarise
from tests.evaluation import answers, evaluation, short_reel  # noqa: F401

PLAN = Plan("reel", selectors=("uniform", "adaq", "topk"), queries=("own",), draws=3)
CONFIG = {
    "settings": PLAN.to_json() | {"mllm": "m", "clip": "c", "msjoe": "the rule x", "reel_version": "0.1"},
    "command": "msjoe eval reel",
    "versions": {"msjoe": "1"},
}
UNIFORM, TOPK, ADAQ = Arm("uniform", "none", 8), Arm("topk", "own", 8), Arm("adaq", "own", 8)


def rows():
    """AdaQ is right in 3, 4 and 5 of 5 questions."""
    made = answers(UNIFORM, [True] + [False] * 4) + answers(TOPK, [True] * 2 + [False] * 3)
    for draw in (1, 2, 3):
        made += answers(replace(ADAQ, draw=draw), [True] * (draw + 2) + [False] * (3 - draw))
    return made


def test_a_rule_that_draws_has_an_arm_for_each_draw():
    assert [arm.name for arm in PLAN.arms()] == [
        "uniform/8",
        "adaq/own/8",
        "adaq/own/8#2",
        "adaq/own/8#3",
        "topk/own/8",
    ]
    assert len({PLAN.settings(8, "q", draw).seed for draw in (1, 2, 3)}) == 3
    assert PLAN.settings(8, "q", 1) == replace(PLAN, draws=1).settings(8, "q")
    with pytest.raises(QuestionError, match="--draws is 0"):
        replace(PLAN, draws=0)


def test_its_numbers_are_means_over_the_draws():
    summary = summarise(PLAN, rows())
    assert (summary["questions"], summary["videos"]) == (5, 3)
    assert [arm["name"] for arm in summary["arms"]] == ["uniform/8", "adaq/own/8", "topk/own/8"]
    adaq = summary["arms"][1]
    assert adaq["headline"][0] == adaq["accuracy"][0] == pytest.approx(12 / 15)
    assert adaq["minus_uniform"][0] == pytest.approx(12 / 15 - 1 / 5)
    assert adaq["minus_rival"][0] == pytest.approx(12 / 15 - 2 / 5)
    assert adaq["groups"]["needle"][0] == 1.0
    assert [arm["draws"] for arm in summary["arms"]] == [1, 3, 1]
    assert "means of 3 draws: adaq" in report(CONFIG, summary)


def test_two_runs_are_compared_by_the_means_of_their_draws(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, made in zip(paths, (rows(), answers(ADAQ, [True, False, False, False, False])), strict=True):
        check_config(path, CONFIG["settings"], {}, write=True)
        RunFolder(path).append(made)
    (line,) = compare(*paths)["arms"]
    assert line["arm"] == "adaq/own/8"
    assert line["questions"] == 5
    assert line["a"][0] == pytest.approx(12 / 15)
    assert line["difference"][0] == pytest.approx(12 / 15 - 1 / 5)


@pytest.mark.usefixtures("short_reel")
def test_the_draws_of_a_run_differ_and_a_stopped_run_draws_the_same(tmp_path, models, monkeypatch):
    few = replace(models.mllm.templates, reason_new_tokens=4, answer_new_tokens=2)
    monkeypatch.setattr(models.mllm, "templates", few)

    def run(name, limit):
        made = evaluation(
            tmp_path / name, models, selectors=("uniform", "random"), draws=3, limit=limit, tracks=("multi",)
        )
        list(made.run(made.library.films))
        return {(row["id"], row["arm"]): row["times"] for row in read_rows(made.folder.path)}

    once = run("a", 2)
    assert len(once) == 2 * 4
    first = next(iter(once))[0]
    assert len({tuple(times) for (name, _), times in once.items() if name == first}) == 4
    run("b", 1)
    assert run("b", 2) == once
