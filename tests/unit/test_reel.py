"""Reel: true answers, kept promises, the same world on every machine."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from msjoe.errors import QuestionError
from msjoe.reel.drawing.pose import TICKS, drift, random_pose
from msjoe.reel.drawing.render import draw, shrink
from msjoe.reel.moments import caption, held_out, random_moment
from msjoe.reel.script.question_planners import near_pairs
from msjoe.reel.script.records import SPLIT_VIDEOS, TRACKS
from msjoe.reel.script.write_script import make_script
from msjoe.reel.source import ReelSource
from msjoe.reel.vocabulary import CHARACTERS, MARKS, PLACES
from tests.reel_truth import solve


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_answers_are_true_and_the_wrong_options_are_not(split, track):
    for seed in range(25):
        script = make_script(split, track, seed)
        for question in script.questions:
            assert solve(script, question) == question.answer
            assert len(set(question.options)) == len(question.options) in (4, 5)


@pytest.mark.parametrize("track", ["needle", "order"])
def test_wrong_options_are_true_elsewhere_in_the_video(track):
    for seed in range(10):
        script = make_script("test", track, seed)
        seen = " ".join(
            f"{caption(s.moment)} {CHARACTERS[s.moment.who]} {PLACES[s.moment.place].name}" for s in script.scenes
        )
        for question in script.questions:
            if question.template.endswith("mark"):
                continue  # marks are in no caption; all six occur in every video of this length
            for option in question.options:
                assert option.removeprefix("the ") in seen


def test_the_same_seed_gives_the_same_frames_and_questions_everywhere():
    digest = hashlib.sha256()
    for track in TRACKS:
        script = make_script("validation", track, 3)
        digest.update(repr((script.questions, script.duration, script.cast)).encode())
        for size in (56, 112, 224):
            for batch in ReelSource(script).dense(1 / 30, size):
                digest.update(batch.tobytes())
    assert digest.hexdigest() == "d9f38fbb547bc03f1861b73c0af9894097886916b6bfd83ecf8b1f9c83630b55"


def test_scripts_differ_by_seed_track_and_split():
    texts = {
        repr(make_script(split, track, seed).scenes[:3])
        for split in SPLIT_VIDEOS
        for track in TRACKS
        for seed in range(3)
    }
    assert len(texts) == 3 * 4 * 3


def test_scenes_tile_the_video_without_gaps():
    for track in TRACKS:
        script = make_script("train", track, 1)
        ends = [s.end for s in script.scenes]
        assert [s.start for s in script.scenes] == [0.0, *ends[:-1]]
        assert ends[-1] == script.duration
        assert min(s.end - s.start for s in script.scenes) >= 2
        assert max(s.end - s.start for s in script.scenes) <= 120


def test_training_never_shows_the_compositions_kept_for_the_test():
    for track in TRACKS:
        for seed in range(10):
            for scene in make_script("train", track, seed).scenes:
                assert not held_out(scene.moment.who, scene.moment.place, scene.moment.item)
    rng = np.random.default_rng(0)
    assert not any(held_out(m.who, m.place, m.item) for m in (random_moment(rng) for _ in range(300)))


def test_the_test_split_does_show_them():
    unseen = [q.unseen for seed in range(40) for q in make_script("test", "needle", seed).questions]
    assert 0.02 < np.mean(unseen) < 0.25


def test_a_smaller_picture_is_the_large_one_averaged():
    rng = np.random.default_rng(1)
    for _ in range(20):
        moment, pose = random_moment(rng), random_pose(rng)
        large = draw(moment, pose, 224)
        assert np.abs(shrink(large, 2) - draw(moment, pose, 112)).mean() < 1.5
        assert np.abs(shrink(large, 4) - draw(moment, pose, 56)).mean() < 1.5


def test_every_shot_shows_its_mark_for_some_seconds_and_hides_it_for_others():
    for seed in range(3):
        for scene in make_script("test", "needle", seed).scenes:
            ticks = range(round((scene.end - scene.start) * TICKS))
            assert any(not drift(scene.pose, tick).turned for tick in ticks)
    pose = random_pose(np.random.default_rng(0))
    assert np.mean([drift(pose, tick).turned for tick in range(4 * TICKS)]) == pytest.approx(0.375)


def test_a_turned_plate_shows_the_same_whatever_the_mark():
    rng = np.random.default_rng(2)
    moment, pose = random_moment(rng), replace(random_pose(rng), turned=True)
    assert len({draw(moment.but(mark=mark), pose, 112).tobytes() for mark in range(len(MARKS))}) == 1
    facing = replace(pose, turned=False)
    assert len({draw(moment.but(mark=mark), facing, 112).tobytes() for mark in range(len(MARKS))}) == len(MARKS)


def test_near_pairs_favour_no_shot():
    pairs, chances = near_pairs(13)
    for side in (0, 1):
        assert np.bincount(pairs[:, side], weights=chances) == pytest.approx(np.full(13, 1 / 13), rel=1e-3)
    ahead = chances[pairs[:, 1] > pairs[:, 0]].sum()
    assert ahead == pytest.approx(0.5, abs=1e-3)
    assert set(np.abs(pairs[:, 0] - pairs[:, 1])) == {1, 2, 3}


class TestSource:
    script = make_script("validation", "order", 0, minutes=3)

    def test_dense_frames_are_the_frames_at_their_times(self):
        source = ReelSource(self.script)
        frames = np.concatenate(list(source.dense(1.0, 56, batch=7)))
        assert frames.shape == (180, 56, 56, 3)
        for i in (0, 1, 90, 179):
            assert np.array_equal(frames[i], source.frames_at([float(i)], 56 * 56)[0])

    def test_a_size_that_is_not_drawn_is_averaged_from_the_large_one(self):
        assert next(iter(ReelSource(self.script).dense(1.0, 28)))[0].shape == (28, 28, 3)
        with pytest.raises(ValueError, match="divide 224"):
            next(iter(ReelSource(self.script).dense(1.0, 50)))

    def test_it_carries_no_truth(self):
        told = {k: v for k, v in vars(ReelSource(self.script)).items() if k != "_draw"}
        assert set(told) == {"duration", "id"}
        assert "order" not in told["id"]

    def test_the_picture_changes_within_a_shot_and_between_shots(self):
        source = ReelSource(self.script)
        scene = max(self.script.scenes, key=lambda s: s.end - s.start)
        inside = source.frames_at([scene.start, scene.start + 3], 112 * 112)
        assert not np.array_equal(*inside)
        assert len(source.frames_at([self.script.duration + 5], 56 * 56)) == 1

    def test_ticks_are_the_files_rate(self):
        source = ReelSource(self.script)
        same = source.frames_at([10.0, 10.0 + 0.9 / TICKS], 56 * 56)
        assert np.array_equal(*same)


@pytest.mark.parametrize(("split", "track", "seed"), [("dev", "order", 0), ("test", "film", 0), ("test", "order", -1)])
def test_what_does_not_exist_is_refused(split, track, seed):
    with pytest.raises(QuestionError):
        make_script(split, track, seed)


def test_a_video_too_short_for_its_questions_is_refused():
    with pytest.raises(QuestionError, match="too short"):
        make_script("test", "multi", 0, minutes=0.5)
