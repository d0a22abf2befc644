"""The loop: what the pipeline would have done, each thing once, and what a stop leaves behind."""

import ast
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from msjoe.cache import FeatureCache
from msjoe.data import reel_source, reel_truth
from msjoe.errors import UserError
from msjoe.evaluation.answering import answer_all
from msjoe.evaluation.asking import ask_all
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.plan import Arm
from msjoe.evaluation.run_folder import read_rows
from msjoe.pipeline import answer
from msjoe.selectors.base import Selection
from msjoe.steps import NO_FRAME
from msjoe.trace import Trace
from tests.evaluation import evaluation, short_reel  # noqa: F401

pytestmark = pytest.mark.usefixtures("short_reel")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def few_words(models, monkeypatch):
    """Untrained models never end a reply by themselves."""
    few = replace(models.mllm.templates, reason_new_tokens=8, answer_new_tokens=3)
    monkeypatch.setattr(models.mllm, "templates", few)


def run(made) -> list[dict]:
    list(made.run(made.library.films))
    return read_rows(made.folder.path)


def test_the_traces_are_those_of_the_pipeline(tmp_path, models):
    made = evaluation(tmp_path, models, selectors=("topk", "qframe", "msjoe"), queries=("own",), budgets=(4, 6))
    film = made.library.films[1]
    footage = Footage(made.library.open(film), models, 1.0)
    asked = ask_all(film.records, footage, made.plan)
    for record in film.records:
        traces = made.choose(record, asked, footage)
        answer_all(record, made.arms, traces, footage, made.library.wording, batch=3)
        for arm, trace in zip(made.arms, traces, strict=True):
            parts = replace(models, selector=made.rules[arm.selector])
            settings = made.plan.settings(arm.budget, record.id)
            alone = answer(reel_source(record), record.question, list(record.options), parts, settings, record.video)
            assert trace.same_answer(alone), arm
            assert trace.answer_reply == alone.answer_reply
            assert trace.tokens == alone.tokens
            assert set(trace.seconds) == set(alone.seconds)
            for mine, its in zip(trace.keyframes + trace.previews, alone.keyframes + alone.previews, strict=True):
                assert np.array_equal(mine, its)


def test_each_thing_is_computed_once(tmp_path, models, monkeypatch):
    chosen = ("uniform", "aks", "topk", "msjoe")  # faithful AKS gives uniform's frames at these budgets
    models = replace(models, cache=FeatureCache(tmp_path / "features"))  # the shared one may know this video already
    made = evaluation(tmp_path, models, selectors=chosen, budgets=(4, 8), tracks=("needle",), limit=3, bounds=True)
    calls = Counter()

    def counted(owner, name, count=lambda *args: 1):
        original = getattr(owner, name)

        def call(*args, **kwargs):
            calls[name] += count(*args)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    counted(models.clip, "encode_batches")
    counted(models.mllm, "reason", lambda batch, *_: len(batch))
    counted(models.mllm, "answer", lambda batch, *_: len(batch))
    source = made.library.open(made.library.films[0])
    times = []
    fetch = source.frames_at
    monkeypatch.setattr(source, "frames_at", lambda t, pixels: times.extend((s, pixels) for s in t) or fetch(t, pixels))
    monkeypatch.setattr(made.library, "open", lambda film: source)
    rows = run(made)
    assert len(rows) == 3 * 2 * 11  # questions, budgets, arms
    assert calls["encode_batches"] == 1
    assert calls["reason"] == 3 * 2  # questions, numbers of previews
    assert len(times) == len(set(times))  # no picture is fetched twice
    different = {(row["id"], row["selector"] == "black", *row["times"]) for row in rows}
    assert calls["answer"] == len(different) < len(rows)
    assert sum(row["same_as"] is None for row in rows) == len(different)


def test_an_arm_of_the_same_frames_has_the_same_reply(tmp_path, models):
    rows = run(evaluation(tmp_path, models, selectors=("uniform", "aks")))
    by_arm = {(row["id"], row["arm"]): row for row in rows}
    for row in rows:
        if row["selector"] == "aks":  # at 4 frames its quotas are all 0
            assert row["fallback"]
            assert NO_FRAME in row["notes"]
            assert row["same_as"] == "uniform/4"
            assert row["times"] == by_arm[row["id"], "uniform/4"]["times"]
            assert row["reply"] == by_arm[row["id"], "uniform/4"]["reply"]
        else:
            assert not row["fallback"]
            assert row["same_as"] is None


def test_a_short_list_and_repeats_are_shown_as_they_are(tmp_path, models, monkeypatch):
    made = evaluation(tmp_path, models, selectors=("topk", "uniform"), queries=("question",), limit=1)
    odd = type("Odd", (), {"name": "topk", "select": lambda *a: Selection(np.array([5, 5, 9]))})()
    made.rules["topk"] = odd
    rows = [row for row in run(made) if row["selector"] == "topk"]
    assert [row["times"] for row in rows] == [[5.0, 5.0, 9.0]] * 2
    assert [row["visual_tokens"]["answer"] for row in rows] == [3 * 16] * 2


def test_a_line_says_what_happened(tmp_path, models):
    made = evaluation(tmp_path, models, limit=1)
    row = {r["arm"]: r for r in run(made)}["msjoe/own/4"]
    assert row["frames"] == len(row["times"]) == 4
    assert row["visual_tokens"] == {"queries": 2 * 4, "answer": 4 * 16}
    assert set(row["seconds"]) == {"features", "previews", "queries", "similarity", "choice", "answer"}
    assert row["gold"] in "ABCDE"
    assert row["right"] == (row["letter"] == row["gold"])
    assert row["queries"]
    assert row["trace"] is None
    assert row["labels"][1] in ("seen", "unseen")


def test_an_arm_without_queries_costs_no_queries(tmp_path, models):
    row = {r["arm"]: r for r in run(evaluation(tmp_path, models, limit=1))}["uniform/4"]
    assert row["queries"] == []
    assert set(row["seconds"]) == {"choice", "answer"}
    assert set(row["visual_tokens"]) == {"answer"}


def test_blind_arms_need_no_features_and_no_queries(tmp_path, models, monkeypatch):
    monkeypatch.setattr(models.clip, "encode_batches", lambda *_: pytest.fail("features were computed"))
    monkeypatch.setattr(models.mllm, "reason", lambda *_: pytest.fail("queries were asked for"))
    assert len(run(evaluation(tmp_path, models, selectors=("uniform", "random"), limit=1))) == 4


def test_random_draws_differ_between_questions_and_repeat_by_seed(tmp_path, models):
    first, again, other = (
        run(evaluation(tmp_path / name, models, selectors=("random",), tracks=("multi",), limit=3, seed=seed))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert [r["times"] for r in first] == [r["times"] for r in again]
    assert [r["times"] for r in first] != [r["times"] for r in other]
    assert len({tuple(r["times"]) for r in first}) == 3


def test_bounds_do_what_they_say(tmp_path, models):
    made = evaluation(tmp_path, models, bounds=True, budgets=(8,), tracks=("multi",), traced={"test-multi-0-0"})
    rows = {(r["id"], r["arm"]): r for r in run(made)}
    record = made.library.films[0].records[0]
    truth = reel_truth(record)
    oracle = rows[record.id, "oracle/8"]
    assert oracle["truth"]["evidence"] == [True] * len(truth.evidence)
    assert oracle["truth"]["shown"]
    assert len(set(oracle["times"])) == 8
    assert max(np.diff([0.0, *oracle["times"], 120.0])) < 60  # the others are spread
    ideal = rows[record.id, "topk/ideal/8"]
    assert ideal["queries"] == list(truth.ideal_queries)
    black = rows[record.id, "black/8"]
    trace = Trace.load(tmp_path / black["trace"])
    assert len(trace.keyframes) == 8
    assert max(picture.max() for picture in trace.keyframes) == 0
    assert black["truth"]["evidence"] == [False] * len(truth.evidence)
    assert black["times"] == rows[record.id, "uniform/8"]["times"]
    assert black["same_as"] is None


def test_a_rule_on_ideal_queries_loses_nothing_by_queries(tmp_path, models):
    rows = run(evaluation(tmp_path, models, bounds=True))
    for row in rows:
        if row["queries_from"] == "ideal":
            assert row["truth"]["shown"] == row["truth"]["ideal_shown"]


def test_a_trace_is_kept_where_it_is_wanted(tmp_path, models):
    made = evaluation(tmp_path, models, traced={"test-needle-0-0"})
    rows = run(made)
    for row in rows:
        assert (row["trace"] is not None) == (row["id"] == "test-needle-0-0")
        if row["trace"]:
            trace = Trace.load(tmp_path / row["trace"])
            assert trace.chosen_times == row["times"]
            assert trace.answer == row["letter"]


def test_a_stopped_run_goes_on_with_the_same_answers(tmp_path, models):
    whole = run(evaluation(tmp_path / "whole", models))
    cut = evaluation(tmp_path / "cut", models)
    steps = cut.run(cut.library.films)
    for _ in range(3):
        next(steps)
    steps.close()
    file = tmp_path / "cut" / "answers.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:7]) + lines[7][:40])  # stopped while the second question was written
    rest = evaluation(tmp_path / "cut", models)
    assert len(rest.folder.done) == 7
    assert sorted(map(told, run(rest))) == sorted(map(told, whole))
    again = evaluation(tmp_path / "cut", models)
    assert not any(again.left(film) for film in again.library.films)


def told(row: dict) -> str:
    return json.dumps(row | {"seconds": None}, sort_keys=True)


@pytest.mark.parametrize(("selectors", "said"), [(("oracle",), "--bounds"), (("nonsense",), "nonsense")])
def test_selectors_that_are_none_are_refused(tmp_path, models, selectors, said):
    with pytest.raises(UserError, match=said):
        evaluation(tmp_path, models, selectors=selectors)


def test_rows_reach_the_rules_that_read_them(tmp_path, models):
    made = evaluation(tmp_path, models, selectors=("topk", "uniform", "msjoe"), rows="max_z")
    assert made.rules["topk"].rows == "max_z"
    assert made.rules["msjoe"] is models.selector


def test_only_bounds_and_analysis_look_at_the_truth():
    """No other module of the package may import reel_truth, or ask a script for its questions' evidence."""
    allowed = {"bounds.py", "loss_by_step.py", "evidence.py"}
    for path in (ROOT / "msjoe" / "evaluation").glob("*.py"):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert path.name in allowed or not names & {"reel_truth", "make_script"}, path


def test_arms_of_a_plan_have_names_of_their_own(tmp_path, models):
    made = evaluation(tmp_path, models, bounds=True, budgets=(4, 8))
    names = [arm.name for arm in made.arms]
    assert len(set(names)) == len(names)
    assert Arm("topk", "ideal", 8).bound
    assert not Arm("topk", "question", 8).bound
