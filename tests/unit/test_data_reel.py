"""Reel as a benchmark: what a record tells, and that the truth stays behind it."""

from dataclasses import asdict

import pytest

from msjoe.data import load_benchmark, reel_records, reel_source, reel_truth
from msjoe.errors import QuestionError
from msjoe.reel.script.records import TRACKS
from msjoe.reel.script.write_script import make_script


def test_records_are_the_questions_of_the_scripts():
    records = reel_records("validation", limit_videos=2)
    assert [r.video for r in records[:8]] == ["needle-0"] * 4 + ["needle-1"] * 4
    assert [t for t in TRACKS if any(r.group == t for r in records)] == list(TRACKS)
    script = make_script("validation", "needle", 1)
    question, record = script.questions[2], records[6]
    assert (record.id, record.question, record.options) == (question.id, question.text, question.options)
    assert (record.answer, record.duration, record.benchmark) == (question.answer, script.duration, "reel")
    assert record.labels[0] == question.template
    assert load_benchmark("reel", "validation", limit_videos=2) == records


def test_long_videos_have_ten_questions():
    counts = {}
    for record in reel_records("test", ["needle"], limit_videos=40):
        counts[record.video, record.duration >= 45 * 60] = counts.get((record.video, record.duration >= 45 * 60), 0) + 1
    assert {(n, long) for (_, long), n in counts.items()} == {(4, False), (10, True)}


def test_the_test_split_is_large_enough():
    records = reel_records("test", ["multi"])
    assert len(records) >= 500
    assert len({r.id for r in records}) == len(records)
    assert {"seen", "unseen"} == {r.labels[1] for r in records}


def test_truth_belongs_to_its_record_and_is_not_in_it():
    for record in reel_records("validation", limit_videos=1):
        truth = reel_truth(record)
        assert (truth.id, truth.text, truth.answer) == (record.id, record.question, record.answer)
        assert truth.evidence
        told = repr(asdict(record))
        assert not any(
            query in told for query in truth.ideal_queries if query not in record.question + repr(record.options)
        )
        assert "evidence" not in told


def test_the_source_is_that_video_and_tells_nothing():
    record = reel_records("validation", ["order"], limit_videos=1)[0]
    source = reel_source(record)
    assert source.duration == record.duration
    assert not {"script", "seed", "questions"} & set(vars(source))


@pytest.mark.parametrize(("split", "limit"), [("dev", None), ("test", 0)])
def test_what_does_not_exist_is_refused(split, limit):
    with pytest.raises(QuestionError):
        reel_records(split, limit_videos=limit)


def test_an_unknown_track_is_refused():
    with pytest.raises(QuestionError, match="tracks needle"):
        reel_records("test", ["haystack"])
