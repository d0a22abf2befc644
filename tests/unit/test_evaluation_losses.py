"""Where a wrong answer is lost, on cases made by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from msjoe.data import Record
from msjoe.evaluation import bounds
from msjoe.evaluation.loss_by_step import LOSSES, finds, loss, shows
from msjoe.evaluation.plan import Arm
from msjoe.evaluation.recall import hits, single
from msjoe.evaluation.summary import losses


def record(track: str, duration: float = 100.0) -> Record:
    return Record("test-x-0-0", "reel", "Where?", ("a", "b"), "A", "x-0", duration, track)


SCENES = ((10.0, 20.0), (50.0, 52.0))


def test_a_scene_is_hit_from_its_start_up_to_its_end():
    assert hits(single(SCENES), [10.0]) == [True, False]
    assert hits(single(SCENES), [20.0, 51.9]) == [False, True]
    assert hits(single(SCENES), []) == [False, False]


def test_evidence_is_shown_when_every_scene_is_hit():
    assert shows(record("multi"), SCENES, [11.0, 51.0])
    assert not shows(record("multi"), SCENES, [11.0, 12.0, 13.0])


@pytest.mark.parametrize(
    ("evidence", "times", "shown"),
    [
        (((0.0, 40.0), (60.0, 70.0)), [1.0, 61.0, 55.0, 56.0, 57.0, 58.0, 80.0, 90.0], True),  # half the video, 2 of 8
        (((0.0, 40.0), (60.0, 70.0)), [1.0, 51.0, 55.0, 56.0, 57.0, 58.0, 80.0, 90.0], False),  # 1 of 8
        (((0.0, 12.5),), [0.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0], True),  # an eighth, 1 of 8
        (((0.0, 12.5),), [20.0, 30.0, 40.0, 50.0], False),
        (((0.0, 12.5),), [], False),
    ],
)
def test_evidence_of_global_is_shown_by_half_its_share_of_the_frames(evidence, times, shown):
    assert shows(record("global"), evidence, times) is shown


def test_clip_finds_a_scene_that_fewer_than_k_other_frames_outrank():
    times_T = np.arange(10.0)
    evidence = ((2.0, 4.0), (7.0, 8.0))
    sim_QT = np.array([[9, 1, 5, 8, 1, 9, 1, 0, 1, 1], [0, 5, 0, 0, 5, 0, 0, 4, 5, 0]], dtype=np.float32)
    # Scene one: its best is 8, outranked by frames 0 and 5. Scene two: 4 in the second row, outranked by 1, 4 and 8.
    assert not finds(record("multi"), evidence, sim_QT, times_T, budget=3)
    assert finds(record("multi"), evidence, sim_QT, times_T, budget=4)
    assert finds(record("multi"), evidence[:1], sim_QT, times_T, budget=3)
    assert not finds(record("multi"), evidence[:1], sim_QT, times_T, budget=2)
    assert finds(record("global"), evidence, sim_QT, times_T, budget=3)  # one scene is enough


def test_frames_of_the_evidence_do_not_outrank_each_other():
    sim_QT = np.array([[9, 8, 7, 6, 1]], dtype=np.float32)
    assert finds(record("multi"), ((0.0, 3.0), (3.0, 4.0)), sim_QT, np.arange(5.0), budget=1)


def test_a_scene_between_two_dense_frames_cannot_be_found():
    assert not finds(record("needle"), ((1.2, 1.8),), np.ones((1, 4), np.float32), np.arange(4.0), budget=4)


@pytest.mark.parametrize(
    ("truth", "step"),
    [
        ({"shown": True, "ideal_shown": True, "found": True}, "misread"),
        ({"shown": True, "ideal_shown": False, "found": False}, "misread"),
        ({"shown": False, "ideal_shown": True, "found": False}, "queries"),
        ({"shown": False, "ideal_shown": False, "found": False}, "clip"),
        ({"shown": False, "ideal_shown": False, "found": True}, "choice"),
        ({"shown": False, "ideal_shown": False, "found": None}, "choice"),  # looks at no queries
    ],
)
def test_every_wrong_answer_falls_under_one_step(truth, step):
    assert loss({"right": False, "truth": truth}) == step
    assert loss({"right": True, "truth": truth}) is None


def test_losses_and_right_answers_add_up():
    steps = [
        (True, True, None),
        (False, True, None),
        (False, False, True),
        (False, False, False),
        (False, False, False),
    ]
    rows = [
        {
            "group": "needle" if i < 3 else "order",
            "right": right,
            "truth": {"shown": shown, "ideal_shown": bool(ideal), "found": True},
        }
        for i, (right, shown, ideal) in enumerate(steps)
    ]
    lines = {line["group"]: line for line in losses(Arm("topk", "own", 8), rows)}
    assert lines["needle"] | {"arm": ""} == {
        "arm": "",
        "group": "needle",
        "questions": 3,
        "wrong": 2,
        "queries": 1,
        "clip": 0,
        "choice": 0,
        "misread": 1,
    }
    assert lines["all"]["choice"] == 2
    for line in lines.values():
        assert sum(line[step] for step in LOSSES) == line["wrong"]
    assert losses(Arm("black", "none", 8), rows) == []


def test_the_oracle_has_a_frame_in_every_scene_and_spreads_the_others(monkeypatch):
    truth = SimpleNamespace(evidence=((10.0, 15.0), (90.0, 92.0)), ideal_queries=("a", "b"))
    monkeypatch.setattr(bounds, "reel_truth", lambda _: truth)
    times_T = np.arange(100, dtype=np.float32)
    assert bounds.oracle_choice(record("multi"), times_T, 2).indices.tolist() == [12, 91]
    assert bounds.oracle_choice(record("multi"), times_T, 3).indices.tolist() == [12, 51, 91]  # farthest from both
    assert len(bounds.oracle_choice(record("multi"), times_T, 200).indices) == 100
    assert bounds.ideal_queries(record("multi")) == ["a", "b"]


def test_the_oracle_takes_spread_scenes_where_there_are_more_than_frames(monkeypatch):
    truth = SimpleNamespace(evidence=tuple((10.0 * i, 10.0 * i + 1) for i in range(9)))
    monkeypatch.setattr(bounds, "reel_truth", lambda _: truth)
    chosen = bounds.oracle_choice(record("global"), np.arange(100, dtype=np.float32), 3)
    assert chosen.indices.tolist() == [0, 40, 80]


def test_the_oracle_takes_the_nearest_frame_of_a_scene_between_two(monkeypatch):
    monkeypatch.setattr(bounds, "reel_truth", lambda _: SimpleNamespace(evidence=((5.0, 8.0),)))
    chosen = bounds.oracle_choice(record("needle"), np.arange(0, 100, 10, dtype=np.float32), 1)
    assert chosen.indices.tolist() == [1]
