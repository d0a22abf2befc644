"""From answers to a table, on answers made by hand."""

import json

import pytest

from msjoe.errors import CheckpointError, QuestionError
from msjoe.evaluation.compare import compare, comparison_table
from msjoe.evaluation.plan import Arm, Plan
from msjoe.evaluation.report import report
from msjoe.evaluation.run_folder import RunFolder, check_config
from msjoe.evaluation.summary import summarise
from msjoe.evaluation.tables import percent, signed, table
from tests.evaluation import answers

PLAN = Plan("reel", selectors=("uniform", "topk", "msjoe"), queries=("own",), bounds=True)
CONFIG = {
    "settings": PLAN.to_json() | {"mllm": "m", "clip": "c", "msjoe": "the rule x", "reel_version": "0.1"},
    "command": "msjoe eval reel",
    "versions": {"msjoe": "1"},
}


UNIFORM, TOPK, MSJOE = Arm("uniform", "none", 8), Arm("topk", "own", 8), Arm("msjoe", "own", 8)
ORACLE = Arm("oracle", "none", 8)


@pytest.fixture
def summary() -> dict:
    rows = answers(UNIFORM, [False, False, False, True, True], hit=(True, False))
    rows += answers(TOPK, [True, False, None, True, False])
    rows += answers(MSJOE, [True, True, False, True, True])
    rows += answers(ORACLE, [True] * 5)
    return summarise(PLAN, rows)


def arms(summary: dict) -> dict[str, dict]:
    return {arm["name"]: arm for arm in summary["arms"]}


def test_accuracy_by_arm_and_track(summary):
    found = arms(summary)
    assert list(found) == ["uniform/8", "topk/own/8", "msjoe/own/8", "oracle/8"]
    assert found["uniform/8"]["headline"][0] == pytest.approx(0.4)
    assert found["msjoe/own/8"]["groups"]["needle"][0] == pytest.approx(2 / 3)
    assert found["msjoe/own/8"]["groups"]["global"] == pytest.approx([1, 1, 1])
    assert found["topk/own/8"]["unreadable"] == pytest.approx(0.2)
    assert found["topk/own/8"]["unseen"][0] == 1
    low, high = found["msjoe/own/8"]["headline"][1:]
    assert 0 <= low < 0.8 < high <= 1
    assert summary["questions"] == 5
    assert summary["videos"] == 3


def test_differences_are_to_uniform_and_to_the_best_other_selector(summary):
    found = arms(summary)
    assert found["uniform/8"]["minus_uniform"] is None
    assert found["msjoe/own/8"]["minus_uniform"][0] == pytest.approx(0.4)
    assert found["msjoe/own/8"]["rival"] in ("uniform/8", "topk/own/8")  # both 2 of 5; the oracle is none
    assert found["topk/own/8"]["rival"] == "msjoe/own/8"
    assert found["topk/own/8"]["minus_rival"][0] == pytest.approx(-0.4)
    assert found["oracle/8"]["rival"] == "msjoe/own/8"
    # v1: 0.5 and 1 of 2; v2: 0 and 0 of 1; v3: 0.5 and 1 of 2. Drawn v2 alone gives 0, v1 or v3 alone -0.5.
    assert found["topk/own/8"]["minus_rival"][1:] == pytest.approx([-0.5, 0.0])


def test_recall_and_costs(summary):
    found = arms(summary)
    assert found["uniform/8"]["evidence"][0] == pytest.approx(0.5)
    assert found["topk/own/8"]["evidence"][0] == 1
    assert found["topk/own/8"]["visual_tokens"] == 144
    assert found["topk/own/8"]["seconds"] == pytest.approx(1.5)
    assert found["topk/own/8"]["seconds_by_step"] == {"choice": 0.5, "answer": 1.0}
    assert found["topk/own/8"]["fallbacks"] == 0


def test_two_arms_of_one_selector_are_no_rivals():
    question = Arm("topk", "question", 8)
    plan = Plan("reel", selectors=("uniform", "topk"))
    rows = answers(UNIFORM, [False] * 5) + answers(TOPK, [True] * 5) + answers(question, [True] * 4 + [False])
    found = arms(summarise(plan, rows))
    assert found["topk/question/8"]["rival"] == "uniform/8"
    assert found["uniform/8"]["rival"] == "topk/own/8"


def test_the_headline_of_mlvu_is_the_mean_of_its_tasks():
    plan = Plan("mlvu", selectors=("uniform", "topk"), queries=("own",))
    rows = answers(UNIFORM, [True, True, True, False, False], truth=None)
    rows += answers(TOPK, [True, False, False, True, True], truth=None)
    found = summarise(plan, rows)
    assert found["headline"] == "m_avg_macro"
    assert arms(found)["uniform/8"]["headline"][0] == pytest.approx(0.5)  # 3 of 3 and 0 of 2
    assert arms(found)["uniform/8"]["accuracy"][0] == pytest.approx(0.6)
    assert arms(found)["topk/own/8"]["minus_uniform"][0] == pytest.approx(2 / 3 - 0.5)
    assert "evidence" not in arms(found)["uniform/8"]
    assert found["losses"] == []


def test_questions_without_a_known_answer_are_not_scored():
    rows = answers(UNIFORM, [True, False, True, False, True])
    rows[0] |= {"right": None, "gold": None}
    found = summarise(PLAN, rows)
    assert found["questions"] == 5
    assert found["scored"] == 4
    assert arms(found)["uniform/8"]["headline"][0] == pytest.approx(0.5)


def test_the_report_holds_the_numbers_and_what_was_left_out(summary):
    text = report(CONFIG, summary | {"missing": ["a.mp4"], "left_out": [], "wall_seconds": 60.0, "processes": 2})
    assert "`msjoe` is the rule x" in text
    assert "1 videos are missing: a.mp4" in text
    assert "| msjoe/own " in text
    assert "| oracle (bound) " in text
    assert "80.0 (" in text
    assert "+40.0 (" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines if "unreadable" in line} == {8}
    assert "| topk/own/8 " in text.split("## Where wrong answers were lost")[1]


def test_a_table_is_aligned():
    assert (
        table(["a", "b"], [["long", "1"], ["x", "22"]]) == "| a    |  b |\n|------|---:|\n| long |  1 |\n| x    | 22 |"
    )
    assert percent([0.4, 0.3, 0.5]) == "40.0 (30.0 to 50.0)"
    assert signed([0.01, -0.02, 0.04]) == "+1.0 (-2.0 to +4.0)"
    assert percent(None) == signed(None) == ""


def saved(path, rows: list[dict], **settings):
    check_config(path, CONFIG["settings"] | settings, {"command": "", "versions": {}}, write=True)
    RunFolder(path).append(rows)
    return path


def test_two_runs_are_compared_on_the_questions_of_both(tmp_path):
    a = saved(tmp_path / "a", answers(MSJOE, [True, True, False, True, True]) + answers(UNIFORM, [True] * 5))
    b = saved(tmp_path / "b", answers(MSJOE, [True, False, False, True]), seed=1)
    (line,) = compare(a, b)["arms"]
    assert line["arm"] == "msjoe/own/8"
    assert line["questions"] == 4
    assert line["a"][0] == pytest.approx(0.75)
    assert line["b"][0] == pytest.approx(0.5)
    assert line["difference"][0] == pytest.approx(0.25)
    assert "+25.0 (" in comparison_table(compare(a, b))
    assert json.dumps(compare(a, b))


def test_runs_that_cannot_be_compared_are_refused(tmp_path):
    a = saved(tmp_path / "a", answers(MSJOE, [True] * 5))
    with pytest.raises(CheckpointError, match="different questions"):
        compare(a, saved(tmp_path / "b", answers(MSJOE, [True] * 5), split="validation"))
    with pytest.raises(CheckpointError, match="nothing to compare"):
        compare(a, saved(tmp_path / "c", answers(TOPK, [True] * 5)))
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        compare(a, tmp_path / "nowhere")


# --- plans


def test_a_plan_runs_blind_rules_once_and_the_others_on_every_source_of_queries():
    plan = Plan("reel", selectors=("uniform", "topk", "msjoe"), budgets=(8, 16))
    names = [arm.name for arm in plan.arms()]
    assert names == [
        "uniform/8",
        "topk/own/8",
        "topk/question/8",
        "msjoe/own/8",
        "msjoe/question/8",
        "uniform/16",
        "topk/own/16",
        "topk/question/16",
        "msjoe/own/16",
        "msjoe/question/16",
    ]


def test_bounds_of_a_real_benchmark_need_no_truth():
    plan = Plan("lvbench", selectors=("uniform",), bounds=True)
    assert [arm.name for arm in plan.arms()] == ["uniform/8", "black/8"]
    reel = Plan("reel", selectors=("uniform",), bounds=True)
    assert [arm.name for arm in reel.arms() if arm.bound] == ["black/8", "msjoe/ideal/8", "topk/ideal/8", "oracle/8"]


def test_the_seed_of_a_question_is_its_own_in_every_arm():
    plan = Plan("reel", selectors=("uniform",), budgets=(8, 16))
    assert plan.settings(8, "a").seed == plan.settings(16, "a").seed
    assert plan.settings(8, "a").seed != plan.settings(8, "b").seed


@pytest.mark.parametrize(
    "wrong",
    [
        {"selectors": ()},
        {"selectors": ("topk", "topk")},
        {"queries": ("mine",)},
        {"budgets": (0,)},
        {"budgets": ()},
        {"batch": 0},
        {"limit": 0},
        {"wording": "theirs"},
        {"dense_fps": 0.0},
    ],
)
def test_senseless_plans_are_refused(wrong):
    with pytest.raises(QuestionError):
        Plan("reel", **{"selectors": ("uniform",)} | wrong)
