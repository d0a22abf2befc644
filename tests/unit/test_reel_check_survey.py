"""Gates 3 to 8: by hand from made-up answers, and the answers themselves on short videos with untrained models."""

import numpy as np
import pytest

from msjoe.data import reel
from msjoe.evaluation.plan import Arm
from msjoe.reel.script.records import TRACKS
from msjoe.reel_audit import gate_stages as stages
from msjoe.reel_audit.gates import video_answers as asked
from msjoe.reel_audit.gates.answer_gates import ArmAnswers, answer_gates, file_gates
from msjoe.reel_audit.gates.scene_facts import SPREAD
from msjoe.reel_audit.gates.video_answers import (
    AKS_IDEAL,
    AKS_OWN,
    AKS_QUESTION,
    ARMS,
    BEST,
    FILE_ARMS,
    TOPK_IDEAL,
    TOPK_OWN,
    UNIFORM,
    UNSEEN,
    AuditModels,
    VideoTask,
    answer_drawn_and_filed,
    answer_video,
    tasks_of,
)
from tests.evaluation import short_script

EACH = 20  # questions of a track, each about a video of its own


def rows_of(arm: Arm | str, right: dict[str, int] | int, evidence: float = 0.0) -> list[dict]:
    """Of the EACH questions of every track the first ``right`` are answered right."""
    name = arm if isinstance(arm, str) else arm.name
    counts = right if isinstance(right, dict) else dict.fromkeys(TRACKS, right)
    return [
        {
            "id": f"{track}-{i}-0",
            "video": f"{track}-{i}",
            "group": track,
            "arm": name,
            "letter": "A" if i < counts[track] else "B",
            "right": i < counts[track],
            "evidence": evidence,
        }
        for track in TRACKS
        for i in range(EACH)
    ]


def world(**changed) -> list[dict]:
    """Answers that pass every gate, but for what is ``changed``."""
    right = {"four": 7, "eight": 8, "sixteen": 8, "thirty": 9, "question": 10, "own": 11, "ideal": 13, "best": 17}
    right |= {"topk": {"needle": 16, "order": 10, "multi": 9, "global": 8}, "seen": 10, "unseen": 8} | changed
    arms = [*UNIFORM.values(), AKS_QUESTION, AKS_OWN, AKS_IDEAL, BEST, TOPK_IDEAL]
    names = ["four", "eight", "sixteen", "thirty", "question", "own", "ideal", "best", "topk"]
    rows = [row for arm, name in zip(arms, names, strict=True) for row in rows_of(arm, right[name])]
    return rows + rows_of(TOPK_OWN, right["seen"], 0.5) + rows_of(UNSEEN, right["unseen"], right.get("blind", 0.3))


def verdicts(number: int, rows: list[dict]) -> dict[str, bool]:
    return {gate.name: gate.passed for gate in answer_gates(number, rows) if not gate.informational}


def test_accuracy_is_the_mean_of_the_tracks():
    rows = rows_of(BEST, {"needle": 20, "order": 10, "multi": 0, "global": 10})
    needles = [row for row in rows if row["group"] == "needle"]
    more = [row | {"id": row["id"] + "-more"} for row in needles]  # twice as many needles weigh no more
    value, low, high = ArmAnswers(rows + more).accuracy(BEST)
    assert value == pytest.approx(50)
    assert low < value < high
    assert ArmAnswers(rows).accuracy(BEST, ["order"])[0] == pytest.approx(50)


def test_a_difference_is_paired_over_what_both_answered():
    rows = rows_of(BEST, 12) + rows_of(TOPK_IDEAL, 9)
    value, low, high = ArmAnswers(rows).minus(BEST.name, TOPK_IDEAL.name)
    assert value == pytest.approx(15)
    assert 0 < low < value < high
    assert ArmAnswers(rows_of(BEST, 3, 0.75) + rows_of(UNSEEN, 3, 0.5)).minus(
        BEST.name, UNSEEN, SPREAD, "evidence"
    ) == (
        pytest.approx(25),
        pytest.approx(25),
        pytest.approx(25),
    )


@pytest.mark.parametrize("number", [3, 4, 5, 6, 7])
def test_a_fair_world_passes(number):
    assert all(verdicts(number, world()).values())


@pytest.mark.parametrize(
    ("number", "changed", "failed"),
    [
        (3, {"question": 8}, "question as query minus uniform"),
        (3, {"ideal": 11}, "question as query minus ideal query"),
        (4, {"blind": 0.5, "unseen": 10}, None),
        (4, {"blind": 0.6}, "evidence of top-k, 4 previews minus 0"),
        (5, {"eight": 6}, "8 uniform frames"),
        (5, {"eight": 11}, "8 uniform frames"),
        (5, {"best": 19}, "oracle's frames"),
        (6, {"thirty": 2}, "uniform, 32 frames minus 16"),
        (7, {"topk": dict.fromkeys(TRACKS, 16)}, "oracle minus ideal query + top-k, order"),
        (7, {"topk": dict.fromkeys(TRACKS, 8)}, "oracle minus ideal query + top-k, needle"),
    ],
)
def test_an_unfair_world_fails(number, changed, failed):
    wrong = [name for name, passed in verdicts(number, world(**changed)).items() if not passed]
    assert (failed in wrong) if failed else not wrong


def test_a_step_that_falls_within_its_interval_is_no_fall():
    """8 of 80 answers swap either way, one more falls."""
    rows = rows_of(UNIFORM[4], 10) + rows_of(UNIFORM[8], 10) + rows_of(UNIFORM[16], 10) + rows_of(UNIFORM[32], 10)
    for i, row in enumerate(row for row in rows if row["arm"] == UNIFORM[16].name):
        row["right"] = {0: False, 11: True, 1: False}.get(i % EACH, row["right"])
    gate = next(g for g in answer_gates(6, rows) if g.name == "uniform, 16 frames minus 8")
    assert gate.value == pytest.approx(-5)
    assert gate.passed


def test_files_are_compared_answer_by_answer():
    drawn = [row for arm in FILE_ARMS for row in rows_of(arm, 10)]
    same, letters = file_gates(drawn, [dict(row) for row in drawn])
    assert (same.value, same.passed, letters.value) == (0, True, 100)
    worse = [
        row | {"right": False, "letter": "C"} if row["id"] in ("needle-0-0", "order-0-0") else row for row in drawn
    ]
    lower, letters = file_gates(drawn, worse)
    assert lower.value == pytest.approx(-100 * 2 / 80)  # of each arm's 80 answers two are lost
    assert not lower.passed
    assert letters.value == pytest.approx(97.5)


@pytest.fixture
def short(monkeypatch, miniatures, tmp_path):
    """Two minutes for every video, and models that know nothing."""
    monkeypatch.setattr(reel, "_script", short_script)
    monkeypatch.setattr(asked, "make_script", short_script)
    monkeypatch.setattr(reel, "SPLIT_VIDEOS", dict.fromkeys(reel.SPLIT_VIDEOS, 1))
    asked.videos_of.cache_clear()
    yield AuditModels(str(miniatures / "mllm"), str(miniatures / "clip"), tmp_path / "features")
    asked.videos_of.cache_clear()


def test_a_video_is_asked_about_by_every_arm(short):
    rows = answer_video(VideoTask(short, "validation", "multi", 0))
    questions = {row["id"] for row in rows}
    assert len(questions) == 4
    assert {(row["id"], row["arm"]) for row in rows} == {
        (question, name) for question in questions for name in (*(arm.name for arm in ARMS), UNSEEN)
    }
    evidence = {
        arm: np.mean([row["evidence"] for row in rows if row["arm"] == arm]) for arm in {r["arm"] for r in rows}
    }
    assert evidence[BEST.name] == 1
    assert evidence[UNIFORM[4].name] < evidence[UNIFORM[32].name] <= 1
    assert list(short.features.glob("*.safetensors"))  # encoded once, for both ways of asking


def test_global_is_not_asked_without_previews(short):
    rows = answer_video(VideoTask(short, "validation", "global", 0))
    assert {row["arm"] for row in rows} == {arm.name for arm in ARMS}


def test_a_film_and_its_file_get_the_same_questions(short):
    drawn, filed = answer_drawn_and_filed(VideoTask(short, "test", "order", 0))
    assert [(row["id"], row["arm"]) for row in drawn] == [(row["id"], row["arm"]) for row in filed]
    assert {row["arm"] for row in drawn} == {arm.name for arm in FILE_ARMS}
    assert len(list(short.features.glob("*.safetensors"))) == 2  # a file is another video than the pictures


def test_shuffled_matrices_are_those_of_the_ideal_queries(short, monkeypatch):
    monkeypatch.setattr(stages, "make_script", short_script)
    task = VideoTask(short, "validation", "multi", 0)
    assert stages.features_task(task) == 120
    cases, script = stages.cases_of(task), short_script("validation", "multi", 0)
    assert [case.sim_QT.shape for case in cases] == [(len(q.ideal_queries), 120) for q in script.questions]
    assert [case.layout.evidence for case in cases] == [q.evidence for q in script.questions]
    found = stages.shuffled_task(([task], [task], 1))
    assert found["video"] == ["multi-0"] * len(cases)
    assert found["uniform"] == pytest.approx(
        [
            np.mean([any(start <= t < end for t in np.linspace(0, 119, 8).astype(int)) for start, end in q.evidence])
            for q in script.questions
        ]
    )


def test_tasks_name_the_videos_of_a_split():
    tasks = tasks_of(AuditModels("m", "c", "f"), "validation", 2, ("needle", "multi"))
    assert [task.name for task in tasks] == ["needle-0", "needle-1", "multi-0", "multi-1"]
