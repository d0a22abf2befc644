"""Untrained miniatures, and files a visitor may name."""

from pathlib import Path

from demo.jobs.engine import Engine
from demo.jobs.feature_cache import MemoryFeatureCache
from msjoe.clip import Clip
from msjoe.miniature.clip.model import new_clip, save_clip
from msjoe.miniature.mllm.model import new_mllm, save_mllm
from msjoe.mllm import Mllm
from msjoe.pipeline import Models
from msjoe.selectors import build_selector
from tests import fuzz
from tests.videos import encode


def engine(folder: Path) -> Engine:
    """With models that are loaded already."""
    save_clip(new_clip(0), folder / "clip")
    save_mllm(new_mllm(0), folder / "mllm")
    models = Models(
        mllm=Mllm.load(str(folder / "mllm"), device="cpu"),
        clip=Clip.load(str(folder / "clip"), device="cpu"),
        selector=build_selector("standin"),
        cache=MemoryFeatureCache(),
    )
    started = Engine()
    started.start(lambda: models)
    return started


def films(folder: Path) -> list[Path]:
    """A short one, one that browsers cannot play, a damaged one, an empty one, and what is no film."""
    whole = encode(folder / "film.mp4", range(0, 1200, 4))
    other = encode(folder / "film.avi", range(0, 400, 4), codec="mpeg4", bf="0")
    damaged = folder / "damaged.mp4"
    damaged.write_bytes(fuzz.damaged(whole.read_bytes(), 3))
    (folder / "empty.mp4").touch()
    (folder / "words.mp4").write_text("no film")
    return [whole, other, damaged, folder / "empty.mp4", folder / "words.mp4"]
