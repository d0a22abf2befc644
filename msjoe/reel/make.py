"""``msjoe reel make``: a Reel video as a real H.264 file, and its questions as JSON beside it."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from msjoe.files import write_atomic, writing
from msjoe.reel.drawing.pose import TICKS
from msjoe.reel.script.records import Script
from msjoe.reel.source import file_frames
from msjoe.video.write import write_video

log = logging.getLogger(__name__)

MARK = "Reel"  # how the comment in a video's metadata begins


def make_video(script: Script, out: Path, crf: int = 25, progress: bool = True) -> tuple[Path, Path]:
    """Write ``reel-SPLIT-TRACK-SEED.mp4`` and ``.json`` into ``out``; returns both paths.

    The JSON holds questions, options, answers and evidence times, for analysis only. Raises PathError where the
    files cannot be written.
    """
    stem = f"reel-{script.split}-{script.track}-{script.seed}"
    video, record = out / f"{stem}.mp4", out / f"{stem}.json"
    text = json.dumps(describe(script) | {"video": video.name}, indent=1)
    frames, comment = _counted(script, progress), f"{MARK} {script.version}"
    with writing(out, "choose another folder, or make room, and give the same command again"):
        out.mkdir(parents=True, exist_ok=True)
        write_video(video, frames, fps=TICKS, crf=crf, gop=TICKS * 30, comment=comment)
        write_atomic(record, lambda path: path.write_text(text, encoding="utf-8"))
    return video, record


def made_by_reel(path: Path, comment: str) -> bool:
    """Whether ``make_video`` made this file, by the comment in its metadata or the JSON beside it."""
    record = path.with_suffix(".json")
    return comment.split(" ")[0] == MARK or (record.is_file() and '"reel_version"' in _start(record))


def _start(record: Path) -> str:
    """The first characters of a file of any kind."""
    with record.open(encoding="utf-8", errors="replace") as file:
        return file.read(200)


def describe(script: Script) -> dict:
    """The questions and facts of a script, ready for JSON."""
    keys = ("split", "track", "seed", "duration")
    return {
        "reel_version": script.version,
        **{k: getattr(script, k) for k in keys},
        "questions": [asdict(q) for q in script.questions],
    }


def _counted(script: Script, progress: bool) -> Iterator[np.ndarray]:
    total = round(script.duration * TICKS)
    yield from tqdm(file_frames(script), total=total, unit="frame", desc="drawing", disable=not progress)
