"""Scores against hand-computed numbers and the benchmarks' own code; intervals against enumeration."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from msjoe.data import load_benchmark
from msjoe.evaluation import bootstrap_mean, paired_difference, score
from msjoe.evaluation.scoring import HEADLINE

SHARED = Path(__file__).parents[3] / "shared"
GOLDEN = SHARED / "golden" / "aggregation.json"
needs_files = pytest.mark.skipif(not GOLDEN.is_file(), reason="the benchmarks' files are not here")


def row(answer: str, letter: str | None, group: str = "g", labels: tuple[str, ...] = (), video: str = "v") -> dict:
    return {"id": "", "video": video, "group": group, "labels": labels, "answer": answer, "letter": letter}


def test_unreadable_answers_are_wrong_and_a_rate():
    result = score("videomme", [row("A", "A"), row("B", "A"), row("C", None), row("D", "D")])
    assert (result["accuracy"], result["unreadable"], result["n"]) == (0.5, 0.25, 4)
    published = result["as_published"]
    assert published["videomme_perception_score"] == 50
    assert published["official_without_unreadable"] == pytest.approx(200 / 3)  # 2 of the 3 that can be read


def test_groups_stand_in_their_own_order():
    rows = [row("A", "A", "long"), row("A", "B", "short"), row("A", "A", "short"), row("A", None, "medium")]
    result = score("videomme", rows)
    assert list(result["by_group"].items()) == [("short", 0.5), ("medium", 0.0), ("long", 1.0)]
    assert result["n_by_group"] == {"short": 2, "medium": 1, "long": 1}
    numbers = score("longvideobench", [row("A", "A", g) for g in ("3600", "15", "600", "60")])
    assert list(numbers["by_group"]) == ["15", "60", "600", "3600"]


def test_a_question_counts_once_for_each_of_its_labels():
    rows = [row("A", "A", labels=("x", "y")), row("A", "B", labels=("y",)), row("A", "A", labels=("x", "x"))]
    result = score("lvbench", rows)
    assert result["by_label"] == {"x": 1.0, "y": 0.5}
    assert result["n_by_label"] == {"x": 2, "y": 2}
    assert result["accuracy"] == pytest.approx(2 / 3)


def test_mlvu_macro_and_micro():
    rows = [row("A", "A", "ego")] * 3 + [row("A", "B", "ego"), row("A", "A", "count")] + [row("A", "B", "count")] * 3
    rows += [row("A", "A", "plotQA")] * 2
    result = score("mlvu", rows)
    assert result["m_avg_macro"] == pytest.approx((0.75 + 0.25 + 1) / 3)
    assert result["m_avg_micro"] == 0.6
    assert result["as_published"]["mlvu_percetion_score"] == pytest.approx(200 / 3)
    assert result[HEADLINE["mlvu"]] == result["m_avg_macro"]
    assert "m_avg_macro" not in score("reel", rows)


def test_questions_without_an_answer_are_set_apart():
    result = score("mlvu", [row("", "A"), row("B", "B")])
    assert (result["n"], result["unscored"], result["accuracy"]) == (1, 1, 1.0)
    nothing = score("longvideobench", [row("", "A")])
    assert (nothing["n"], nothing["accuracy"], nothing["unreadable"], nothing["as_published"]) == (0, None, None, {})


# --- the benchmarks' own code, on one set of predictions


def golden(name: str, path: str, part: str) -> tuple[dict, dict]:
    case = json.loads(GOLDEN.read_text(encoding="utf-8"))[part]
    records = load_benchmark(name, SHARED / "benchmarks" / path)
    rows = [row(r.answer, case["predictions"][r.id], r.group, r.labels) for r in records]
    return score(name, rows), case["expected"]


@needs_files
def test_longvideobench_as_lmms_eval():
    result, expected = golden("longvideobench", "longvideobench", "longvideobench")
    assert result["n"] == expected["n"]
    assert result["as_published"]["lvb_acc"] == expected["lmms_eval_0.7.2_overall(0-1, rounded 5)"]
    for key, value in expected.items():
        kind, _, rest = key.partition(":")
        if kind == "duration_group":
            assert round(result["by_group"][rest.removesuffix("(0-1)")], 5) == value
        elif kind == "duration_group_n":
            assert result["n_by_group"][rest] == value
        elif kind == "question_category":
            assert round(result["by_label"][rest], 5) == value


@needs_files
def test_lvbench_as_lmms_eval_and_as_its_authors():
    result, expected = golden("lvbench", "lvbench", "lvbench")
    assert result["as_published"]["lvbench_score"] == pytest.approx(expected["lmms_eval_0.7.2_mean(0-1)"], abs=1e-12)
    official = dict(expected["official_compute_accuracy(0-1)"])
    assert result["accuracy"] == pytest.approx(official.pop("acc"), abs=1e-12)
    assert result["by_label"] == pytest.approx(official, abs=1e-12)


@needs_files
def test_mlvu_as_lmms_eval_and_as_the_fork():
    pytest.importorskip("pyarrow", reason="the predictions go by the ids of the parquet form")
    result, expected = golden("mlvu", "mlvu/hf_dev", "mlvu_dev")
    published = result["as_published"]
    assert published["mlvu_percetion_score"] == pytest.approx(expected["lmms_eval_0.7.2_macro_avg(0-100)"], abs=1e-10)
    assert published["vlmevalkit_m_avg"] == pytest.approx(
        expected["tspo_fork_of_lmms_eval_micro_avg(0-100)"], abs=1e-10
    )
    for task, (accuracy, n) in expected["per_task(acc 0-100, n)"].items():
        assert 100 * result["by_group"][task] == pytest.approx(accuracy, abs=1e-10)
        assert result["n_by_group"][task] == n


# --- intervals


def test_one_video_has_no_width():
    assert bootstrap_mean([1, 0, 1, 1], ["v"] * 4) == (0.75, 0.75, 0.75)


def test_questions_of_one_video_stand_or_fall_together():
    """40 questions: right in one of two videos. Resampled one by one the interval would be 0.35 to 0.65."""
    hits, videos = [1] * 20 + [0] * 20, ["a"] * 20 + ["b"] * 20
    assert bootstrap_mean(hits, videos) == (0.5, 0.0, 1.0)
    _, low, high = bootstrap_mean(hits, range(40))
    assert 0.3 < low < 0.4 < 0.6 < high < 0.7


def test_against_every_resample_of_four_videos():
    """4 videos with 1, 2, 1, 3 questions: 256 equally likely resamples, each the mean of its questions."""
    by_video = {"a": [1], "b": [0, 1], "c": [0], "d": [1, 1, 0]}
    hits = [h for found in by_video.values() for h in found]
    videos = [v for v, found in by_video.items() for _ in found]
    means = [np.mean([h for v in drawn for h in by_video[v]]) for drawn in itertools.product("abcd", repeat=4)]
    low, high = np.percentile(means, [2.5, 97.5])
    assert bootstrap_mean(hits, videos, samples=20_000) == pytest.approx((4 / 7, low, high), abs=0.02)


def test_it_is_seeded_and_blind_to_the_order_of_answers():
    rng = np.random.default_rng(3)
    hits, videos = rng.random(300), np.arange(300) // 3
    first = bootstrap_mean(hits, videos)
    assert bootstrap_mean(hits, videos) == first
    order = rng.permutation(300)
    assert bootstrap_mean(hits[order], videos[order]) == pytest.approx(first, abs=1e-12)
    assert bootstrap_mean(hits, videos, seed=1) != first


def test_coverage_is_near_95_percent():
    """Videos that are right with their own chance around 0.6: about 19 of 20 intervals hold it."""
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        hits = rng.random((60, 4)) < rng.choice([0.4, 0.8], (60, 1))
        _, low, high = bootstrap_mean(hits.ravel(), np.repeat(np.arange(60), 4), samples=400, seed=trial)
        held += low <= 0.6 <= high
    assert 0.89 <= held / 200 <= 0.99


def test_the_mean_of_groups():
    hits, videos, groups = [1, 1, 1, 0], ["a", "b", "c", "d"], ["x", "x", "x", "y"]
    mean, low, high = bootstrap_mean(hits, videos, groups_N=groups)
    # With y: (1 + 0) / 2. Without it, (3/4)^4 = 32 % of the resamples: x alone. Without x: 0.4 %.
    assert (mean, low, high) == (0.5, 0.5, 1.0)
    assert bootstrap_mean(hits, videos)[0] == 0.75


def test_a_paired_difference_is_narrower_than_two_intervals():
    """The same videos are hard for both; b errs in one more question of every fifth video."""
    base = np.repeat(np.random.default_rng(1).random(100) < 0.5, 5).astype(float)
    better, videos = base.copy(), np.repeat(np.arange(100), 5)
    better[:50:5] = 1
    difference, low, high = paired_difference(better, base, videos)
    assert difference == pytest.approx(np.mean(better) - np.mean(base))
    _, a_low, a_high = bootstrap_mean(better, videos)
    assert 0 <= low < difference < high
    assert high - low < (a_high - a_low) / 3


def test_a_difference_of_equals_is_zero_and_signs_are_kept():
    assert paired_difference([1, 0], [1, 0], ["a", "b"]) == (0.0, 0.0, 0.0)
    assert paired_difference([0, 0], [1, 1], ["a", "b"]) == (-1.0, -1.0, -1.0)


@pytest.mark.parametrize("call", [lambda: bootstrap_mean([], []), lambda: bootstrap_mean([1], ["a", "b"])])
def test_lengths_must_fit(call):
    with pytest.raises(ValueError, match="give as many"):
        call()


def test_pairs_must_fit():
    with pytest.raises(ValueError, match="paired"):
        paired_difference([1], [1, 0], ["a"])
