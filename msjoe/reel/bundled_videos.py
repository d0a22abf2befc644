"""The three videos bundled with the page. Their seeds were fixed before any results were known."""

import json
from dataclasses import dataclass
from pathlib import Path

from msjoe.files import write_atomic
from msjoe.reel.make import describe, make_video
from msjoe.reel.script.write_script import make_script


@dataclass(frozen=True)
class BundledVideo:
    title: str
    track: str
    seed: int
    minutes: float


# Seeds beyond the test split, so that no score is measured on them.
EXAMPLES = (
    BundledVideo("A needle in ten minutes", "needle", 2001, 10),
    BundledVideo("Several moments", "multi", 2002, 6),
    BundledVideo("The whole story", "global", 2003, 16),
)


def write_examples(folder: Path, progress: bool = True) -> Path:
    """Write ``examples/*.mp4`` and ``examples.json`` (questions, options, answers) into ``folder``."""
    records = []
    for example in EXAMPLES:
        script = make_script("test", example.track, example.seed, example.minutes)
        video, record = make_video(script, folder / "examples", progress=progress)
        record.unlink()  # its questions go into examples.json, which the pipeline never opens
        records.append(_record(example, video.relative_to(folder), describe(script)))
    path = folder / "examples.json"
    text = json.dumps({"examples": records}, indent=1) + "\n"
    write_atomic(path, lambda part: part.write_text(text, encoding="utf-8"))
    return path


def _record(example: BundledVideo, video: Path, about: dict) -> dict:
    keys = ("text", "options", "answer", "template", "evidence")
    return {
        "file": video.as_posix(),
        "title": example.title,
        "track": example.track,
        "seed": example.seed,
        "minutes": example.minutes,
        "reel_version": about["reel_version"],
        "questions": [{"question": q["text"]} | {k: q[k] for k in keys[1:]} for q in about["questions"]],
    }
