"""Shared fixtures: untrained miniatures in the files' own formats, and a short Reel film."""

import pytest

from msjoe.clip import Clip, FeatureCache
from msjoe.miniature.clip.model import new_clip, save_clip
from msjoe.miniature.mllm.model import new_mllm, save_mllm
from msjoe.mllm import Mllm
from msjoe.pipeline import Models
from msjoe.reel.make import make_video
from msjoe.reel.script.write_script import make_script
from msjoe.selectors import build_selector


@pytest.fixture(scope="session")
def miniatures(tmp_path_factory):
    """Folder with untrained "mllm" and "clip": for tests of the machinery, not of what they know."""
    folder = tmp_path_factory.mktemp("miniatures")
    save_clip(new_clip(0), folder / "clip")
    save_mllm(new_mllm(0), folder / "mllm")
    return folder


@pytest.fixture(scope="session")
def models(miniatures, tmp_path_factory) -> Models:
    return Models(
        mllm=Mllm.load(str(miniatures / "mllm"), device="cpu"),
        clip=Clip.load(str(miniatures / "clip"), device="cpu"),
        selector=build_selector("standin"),
        cache=FeatureCache(tmp_path_factory.mktemp("features")),
    )


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """A one-minute Reel file: (script, path of the mp4, path of the json)."""
    script = make_script("validation", "global", 9, minutes=1)
    return script, *make_video(script, tmp_path_factory.mktemp("film"), progress=False)
