"""The bundled example videos and their questions, which ``examples.json`` lists.

The pipeline never sees the true answers: it gets a file and a question, as from any visitor. The page compares after
a run, and so does scripts/measure_examples.py.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from msjoe.reel.make import made_by_reel
from msjoe.video import VideoFile, open_video
from msjoe.video.isolated import IsolatedVideo

FOLDER = Path(__file__).resolve().parent
LIST = FOLDER / "examples.json"


@dataclass(frozen=True)
class ExampleQuestion:
    """A multiple-choice question; ``answer`` is the letter of the true option."""

    question: str
    options: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class ExampleVideo:
    """One bundled video."""

    path: Path
    title: str
    track: str
    minutes: float
    questions: tuple[ExampleQuestion, ...]


@dataclass(frozen=True)
class MeasuredAccuracy:
    """How many of the questions the embedded models answer right, as scripts/measure_examples.py found."""

    right: int
    total: int
    budget: int


@dataclass(frozen=True)
class Examples:
    items: tuple[ExampleVideo, ...] = ()
    measured: MeasuredAccuracy | None = None

    @property
    def chance(self) -> float:
        """The expected number of right answers from guessing."""
        return sum(1 / len(q.options) for example in self.items for q in example.questions)

    def find(self, number: int | None, question: str, options: list[str]) -> ExampleQuestion | None:
        """The question of example ``number`` with exactly this text and these options, or None."""
        if number is None or not 0 <= number < len(self.items):
            return None
        asked = (question.strip(), tuple(options))
        same = (q for q in self.items[number].questions if (q.question, q.options) == asked)
        return next(same, None)

    def number_of(self, video_id: str | None) -> int | None:
        """The number of the example with this content id, or None."""
        same = (i for i, example in enumerate(self.items) if video_id and content_id(example.path) == video_id)
        return next(same, None)


def load_examples(path: Path = LIST) -> Examples:
    """Read the list. A missing list, or missing videos, are left out: the page works without examples."""
    if not path.is_file():
        return Examples()
    record = json.loads(path.read_text(encoding="utf-8"))
    items = tuple(_example(entry, path.parent) for entry in record["examples"])
    measured = record.get("measured")
    return Examples(
        items=tuple(example for example in items if example.path.is_file()),
        measured=MeasuredAccuracy(measured["right"], measured["total"], measured["budget"]) if measured else None,
    )


def _example(entry: dict, folder: Path) -> ExampleVideo:
    questions = tuple(ExampleQuestion(q["question"], tuple(q["options"]), q["answer"]) for q in entry["questions"])
    return ExampleVideo(folder / entry["file"], entry["title"], entry["track"], float(entry["minutes"]), questions)


@lru_cache
def content_id(path: Path) -> str:
    """The id of a video's content, which all copies of it share."""
    return open_video(path).id


def from_reel(source: VideoFile | IsolatedVideo) -> bool:
    """Whether a video shows Reel's world, which the embedded models know: bundled, or made by Reel."""
    bundled = {content_id(example.path) for example in load_examples().items}
    return source.id in bundled or made_by_reel(source.path, source.comment)
