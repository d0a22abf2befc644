"""Real files, odd and damaged ones too, go through all four steps or are refused in plain words."""

from pathlib import Path

import pytest

from msjoe.errors import VideoError
from msjoe.pipeline import Settings, answer
from msjoe.video import dense_count, open_video

FOLDER = Path(__file__).parents[3] / "shared" / "videos"
NO_VIDEO = {"audio_only.mp4", "bitflips_moov.mp4", "text.mp4", "trunc50_moovend.mp4", "zero.mp4"}
FILES = sorted(p for p in FOLDER.rglob("*") if p.is_file() and p.name != "README.md")

pytestmark = pytest.mark.skipif(not FILES, reason="no folder of real videos beside the repository")


@pytest.mark.parametrize("path", [p for p in FILES if p.name not in NO_VIDEO], ids=lambda p: p.name)
def test_a_real_file_goes_through_all_four_steps(path, models):
    source = open_video(path)
    budget = min(4, dense_count(source.duration, 1.0))
    trace = answer(source, "What happens?", ["nothing", "something"], models, Settings(budget, previews=2), path.name)
    assert len(trace.keyframes) == budget
    assert trace.sim_QT.shape == (len(trace.queries), dense_count(source.duration, 1.0))
    assert trace.tokens["answer"]["visual"] > 0


@pytest.mark.parametrize("name", sorted(NO_VIDEO))
def test_what_is_no_video_is_refused(name):
    with pytest.raises(VideoError, match=name.replace(".", r"\.")):
        open_video(FOLDER / "broken" / name)
