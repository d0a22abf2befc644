"""The bundled example videos and their questions, as ``examples.json`` lists them.

Only the page and ``measure_examples`` know the true answers; they compare after a run. The
pipeline gets a file and a question, as it would from a visitor.
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
class Example:
    """One bundled video."""

    path: Path
    title: str
    track: str
    minutes: float
    questions: tuple[ExampleQuestion, ...]


@dataclass(frozen=True)
class Measured:
    """What ``measure_examples`` found: how many questions the embedded models answer right."""

    right: int
    total: int
    budget: int


@dataclass(frozen=True)
class Examples:
    items: tuple[Example, ...] = ()
    measured: Measured | None = None

    @property
    def chance(self) -> float:
        """Right answers that guessing would give on average."""
        return sum(1 / len(q.options) for example in self.items for q in example.questions)

    def find(self, number: int | None, question: str, options: list[str]) -> ExampleQuestion | None:
        """The question of example ``number`` with this very text and options, or None."""
        if number is None or not 0 <= number < len(self.items):
            return None
        asked = (question.strip(), tuple(options))
        same = (q for q in self.items[number].questions if (q.question, q.options) == asked)
        return next(same, None)


def load_examples(path: Path = LIST) -> Examples:
    """Read the list; without one, or for videos that are not there, the page goes on without."""
    if not path.is_file():
        return Examples()
    record = json.loads(path.read_text(encoding="utf-8"))
    items = tuple(_example(entry, path.parent) for entry in record["examples"])
    measured = record.get("measured")
    return Examples(
        items=tuple(example for example in items if example.path.is_file()),
        measured=Measured(measured["right"], measured["total"], measured["budget"]) if measured else None,
    )


def _example(entry: dict, folder: Path) -> Example:
    questions = tuple(ExampleQuestion(q["question"], tuple(q["options"]), q["answer"]) for q in entry["questions"])
    return Example(folder / entry["file"], entry["title"], entry["track"], float(entry["minutes"]), questions)


@lru_cache
def content(path: Path) -> str:
    """The id of a bundled video: the same for any copy of it."""
    return open_video(path).id


def from_reel(source: VideoFile | IsolatedVideo) -> bool:
    """Whether the embedded models know the world of this video: a bundled one, or one that Reel made."""
    bundled = {content(example.path) for example in load_examples().items}
    return source.id in bundled or made_by_reel(source.path, source.comment)
