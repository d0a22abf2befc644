"""A prompt that cannot fit is refused before its pictures are read."""

from dataclasses import replace

import pytest

from msjoe.cli import main
from msjoe.errors import QuestionError
from msjoe.pipeline import Settings, run
from msjoe.video import VideoFile, open_video

QUESTION, OPTIONS = "Where did the video end?", ["the pool", "the castle"]


@pytest.fixture
def no_reading(monkeypatch):
    def fail(self, times, *_):
        assert not times, f"{len(times)} pictures were read"
        return []

    monkeypatch.setattr(VideoFile, "frames_at", fail)


@pytest.mark.parametrize("count", [2000, 10**5])
def test_previews_that_cannot_fit_are_not_read(film, miniatures, tmp_path, monkeypatch, capsys, no_reading, count):
    monkeypatch.setenv("MSJOE_CACHE", str(tmp_path))
    flags = ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]
    assert main(["answer", str(film[1]), QUESTION, "--options", *OPTIONS, "--previews", str(count), *flags]) == 2
    assert "number of previews" in capsys.readouterr().err


def test_key_frames_that_cannot_fit_are_not_read(models, film, no_reading):
    settings = Settings(budget=900, previews=0, dense_fps=20.0)
    with pytest.raises(QuestionError):
        list(run(open_video(str(film[1])), QUESTION, OPTIONS, replace(models, cache=None), settings))
