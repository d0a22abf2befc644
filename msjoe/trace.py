"""A Trace: everything one answer produced. The page draws it, the shell prints it, analysis reads it.

On disk a folder: ``trace.json`` + ``arrays.npz`` + the pictures as jpg (``trace_files``).
Shapes: Q queries, T dense frames, K chosen.
"""

import os
import tempfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from msjoe.errors import UserError
from msjoe.trace_check import check_trace
from msjoe.trace_files import ARRAYS, IMAGES, picture_paths, read_arrays, read_picture, read_record, write_parts

# Facts about the run and not about the answer: two runs of one question differ only in these.
RUN_FACTS = ("seconds", "video", "notes")


@dataclass
class Trace:
    """Filled step by step by the pipeline; a partial Trace has empty later fields."""

    question: str
    options: list[str] = field(default_factory=list)
    video: str = ""  # a name for people; no step reads it
    video_id: str = ""
    duration: float = 0.0  # seconds
    settings: dict = field(default_factory=dict)
    models: dict = field(default_factory=dict)  # {"mllm": ..., "clip": ..., "selector": ...}
    versions: dict = field(default_factory=dict)

    preview_times: list[float] = field(default_factory=list)
    query_reply: str = ""
    queries: list[str] = field(default_factory=list)
    queries_from: str = ""  # "reply", or "question" when the reply could not be read

    times_T: np.ndarray | None = None  # seconds, float32
    sim_QT: np.ndarray | None = None  # cosine similarity, float32
    weights_T: np.ndarray | None = None  # sampling weights, sum 1, float32
    selection_note: str = ""
    indices: list[int] = field(default_factory=list)  # into times_T, sorted
    chosen_times: list[float] = field(default_factory=list)
    tiers: list[int] = field(default_factory=list)  # Q-Frame's resolutions: 0 full, 1 half, 2 quarter; [] all full

    answer_reply: str = ""
    answer: str | None = None  # the letter; None when it could not be read or there are no options

    seconds: dict = field(default_factory=dict)  # step -> seconds
    tokens: dict = field(default_factory=dict)  # step -> {"visual", "prompt", "new"}
    prompts: dict = field(default_factory=dict)  # step -> what the MLLM was asked, [picture] for each picture
    notes: list[str] = field(default_factory=list)  # what a reader should know: fallbacks, caches
    previews: list[np.ndarray] = field(default_factory=list)  # uint8 [H, W, 3]
    keyframes: list[np.ndarray] = field(default_factory=list)  # uint8 [H, W, 3], as chosen_times

    def same_answer(self, other: "Trace") -> bool:
        """Whether both traces hold the same content, run facts (times taken, file name) aside."""
        skip = set(ARRAYS) | set(IMAGES) | set(RUN_FACTS)
        plain = all(getattr(self, f.name) == getattr(other, f.name) for f in fields(self) if f.name not in skip)
        return plain and all(_equal(getattr(self, n), getattr(other, n)) for n in ARRAYS)

    def answer_text(self) -> str:
        """The answer in words: the option's text, or the reply where there are no options."""
        if self.answer is None:
            return self.answer_reply.strip()
        return self.options[ord(self.answer) - ord("A")]

    def summary(self) -> dict:
        """The short form for programs (``msjoe answer --json``)."""
        keys = ("video", "duration", "question", "options", "queries", "queries_from", "answer", "models", "notes")
        short = {k: getattr(self, k) for k in keys}
        return short | {
            "times": self.chosen_times,
            "answer_text": self.answer_text(),
            "reply": self.answer_reply,
            "seconds": self.seconds,
            "tokens": self.tokens,
        }

    def save(self, folder: str | Path) -> Path:
        """Write the Trace to a new or empty ``folder``, complete or not at all.

        An empty folder is filled and not replaced, because it may be a mount, or its parent read-only; trace.json,
        without which nothing is loaded, comes last.
        """
        folder = Path(folder)
        check_free(folder)
        fill = folder.is_dir()
        if not fill:
            folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder if fill else folder.parent, prefix=".trace-") as tmp:
            inner = Path(tmp) / "trace"
            inner.mkdir()
            self._write(inner)
            if not fill:
                os.replace(inner, folder)
                return folder
            for file in sorted(inner.iterdir(), key=lambda file: file.name == "trace.json"):
                os.replace(file, folder / file.name)
        return folder

    def _write(self, folder: Path) -> None:
        record = asdict(self)
        for name in ARRAYS + IMAGES:
            record.pop(name)
        arrays = {n: getattr(self, n) for n in ARRAYS if getattr(self, n) is not None}
        write_parts(folder, record, arrays, {n: getattr(self, n) for n in IMAGES})

    @classmethod
    def load(cls, folder: str | Path, called: str = "") -> "Trace":
        """Read a saved Trace. Raises UserError for whatever is no whole one, naming it ``called`` or by its folder."""
        folder = Path(folder)
        where = called or str(folder)
        trace = cls(**read_record(folder, plain_fields(), where))
        for name, array in read_arrays(folder, where).items():
            setattr(trace, name, array)
        for name in IMAGES:
            setattr(trace, name, [read_picture(path, where) for path in picture_paths(folder, name, where)])
        check_trace(trace, where)
        return trace


def plain_fields() -> list[str]:
    """Fields that trace.json holds."""
    return [f.name for f in fields(Trace) if f.name not in ARRAYS + IMAGES]


def check_free(folder: Path) -> None:
    """Raise UserError where a Trace cannot be saved without overwriting something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} already exists and is not an empty folder: choose another one for the trace")


def _equal(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and bool(np.array_equal(a, b))
