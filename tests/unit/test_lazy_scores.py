"""CLIP's scores of the frames that are asked for, beside those of all frames."""

import numpy as np
import pytest

from msjoe.clip import similarity
from msjoe.lazy_scores import ClipScorer
from msjoe.reel.source import ReelSource
from msjoe.selectors import build_selector
from msjoe.video import open_video

QUERIES = ["a red diamond", "a tree"]


@pytest.mark.parametrize(("fps", "kind"), [(1.0, "file"), (2.0, "drawn")])
def test_a_frame_scores_what_it_does_among_all_of_them(models, film, fps, kind):
    source = open_video(film[1]) if kind == "file" else ReelSource(film[0])
    clip = models.clip
    feats = np.concatenate(list(clip.encode_batches(source.dense(fps, clip.size))))
    dense = similarity(clip.encode_texts(QUERIES), feats).mean(axis=0)
    scorer = ClipScorer(source, clip, QUERIES, fps, batch=4)
    frames = np.array([50, 3, 3, 17, 41, 0, 58])
    assert scorer.score(frames) == pytest.approx(dense[frames], abs=1e-5)
    assert scorer.scored == 7
    assert scorer.video == (len(dense), fps)


def test_focus_decodes_no_more_than_it_scores(models, film, monkeypatch):
    source = ReelSource(film[0])
    drawn = []
    fetch = source.frames_at
    monkeypatch.setattr(source, "frames_at", lambda times, *most: drawn.extend(times) or fetch(times, *most))
    scorer = ClipScorer(source, models.clip, QUERIES, 2.0)
    picked = build_selector("focus_repaired").select_scoring(scorer, scorer.video, 8)
    assert len(picked.indices) == 8
    assert scorer.scored == len(picked.extra["scored"]) == len(set(drawn)) < scorer.video.count
    assert set(drawn) - {0.0} <= set((picked.extra["scored"] / 2.0).tolist())
