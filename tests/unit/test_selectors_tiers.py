"""Q-Frame's resolutions reach the MLLM through the pipeline, and are kept in the Trace."""

from dataclasses import replace

import pytest

from msjoe.pipeline import Settings, answer
from msjoe.reel.source import ReelSource
from msjoe.selectors import build_selector
from msjoe.trace import Trace
from msjoe.video import open_video

OPTIONS = ["the harbour", "the desert", "the castle"]


@pytest.fixture(scope="module", params=["file", "drawn"])
def trace(request, models, film) -> Trace:
    source = open_video(film[1]) if request.param == "file" else ReelSource(film[0])
    qframe = replace(models, selector=build_selector("qframe_repaired"))
    return answer(source, "Where did the video end?", OPTIONS, qframe, Settings(budget=4))


def test_every_frame_is_shown_at_its_tier(trace, models):
    assert sorted(trace.tiers) == [0] * 2 + [1] * 4 + [2] * 16
    assert len(trace.indices) == len(trace.chosen_times) == len(trace.keyframes) == 22
    assert trace.indices == sorted(trace.indices)
    for picture, tier in zip(trace.keyframes, trace.tiers, strict=True):
        assert picture.shape[0] * picture.shape[1] <= models.mllm.tier_pixels(tier)
    sides = {tier: picture.shape[0] for tier, picture in zip(trace.tiers, trace.keyframes, strict=True)}
    assert (sides[0], sides[1]) == (112, 56)


def test_visual_tokens_are_those_of_the_pictures(trace):
    """One token for 28 x 28 pixels: pictures of mixed sizes go in as they are, none is enlarged."""
    tokens = sum(picture.shape[0] * picture.shape[1] // 28**2 for picture in trace.keyframes)
    assert trace.tokens["answer"]["visual"] == tokens


def test_the_trace_keeps_the_tiers(trace, tmp_path):
    again = Trace.load(trace.save(tmp_path / "trace"))
    assert again.tiers == trace.tiers
    assert again.same_answer(trace)
    assert [p.shape for p in again.keyframes] == [p.shape for p in trace.keyframes]
    again.tiers = [0] * 22
    assert not again.same_answer(trace)


def test_other_rules_have_no_tiers(models, film):
    plain = answer(ReelSource(film[0]), "Where did the video end?", OPTIONS, models, Settings(budget=4))
    assert plain.tiers == []
