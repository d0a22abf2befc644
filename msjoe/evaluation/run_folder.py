"""The folder of an evaluation: what was asked for, and a line for each answer, safe against a stop at any moment.

``config.json`` is written before the first answer; a folder with answers made by other settings is refused. Each
process appends to a file of its own: answers.jsonl for the first, answers-1.jsonl, ... for the others, which are
merged into answers.jsonl when all are done. All lines of a question are written at once and forced to the disk; a
last line that a stop cut off is dropped when the run goes on. Where two files hold the same answer, as after a stop
during the merge, one counts.

An answer counts for the question it was given to. Answers to questions that have changed since, or that are not
asked any more (their video is gone, say), are put aside in outdated.jsonl, and count again should the question
come back.
"""

import json
import logging
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from msjoe.data import Record
from msjoe.errors import CheckpointError
from msjoe.evaluation.answer_lines import (
    ANSWERS,
    answer_files,
    drop_torn,
    every_row,
    read_rows,
    row_key,
    text_of,
    whole_lines,
)
from msjoe.evaluation.questions import digest, is_about
from msjoe.files import write_atomic, writing

__all__ = ["RunFolder", "check_config", "check_place", "read_config", "read_rows"]

log = logging.getLogger(__name__)

CONFIG = "config.json"
OUTDATED = "outdated.jsonl"
LEFTOVER_SECONDS = 3600  # nobody writes a file of the folder for so long
_TEMPORARY = re.compile(r"\.(writing-)?(config|answers|outdated|summary)-\w+\.(json|jsonl|md)")
ADVICE = (
    "the answers that were written are kept; make room, or make the folder writable, and give the same command again: "
    "it goes on where it stopped"
)


class RunFolder:
    """``done`` holds (question id, arm name) of every answer that any process has written and that still counts."""

    def __init__(self, path: Path, rank: int = 0, questions: Mapping[str, Record] | None = None) -> None:
        """Drops the torn last line of this process's file, if there is one.

        ``questions`` are those of the run by id; without them every answer counts. Raises PathError for a folder that
        cannot be made or written, CheckpointError for a damaged line.
        """
        self.path, self.rank, self.questions = path, rank, questions
        self.settings: dict | None = None  # those agreed on, for a last look before the first answer
        self._file = path / (ANSWERS if rank == 0 else f"answers-{rank}.jsonl")
        with self.writing():
            path.mkdir(parents=True, exist_ok=True)
            drop_torn(self._file)
        rows = list(every_row(self._files()))
        self.done = {row_key(row) for row in rows if self._counts(row)}
        if rank == 0:
            self._tell(rows)

    def writing(self) -> AbstractContextManager[None]:
        """Within it, what cannot be written is a PathError that says what is kept and how to go on."""
        return writing(self.path, ADVICE)

    def append(self, rows: Sequence[dict]) -> None:
        """Write the answers that are not there yet, in one piece. Raises PathError."""
        if self.settings is not None and not self.done:
            check_config(self.path, self.settings, {}, write=False)  # nobody has begun another run here meanwhile
        fresh = [row for row in rows if row_key(row) not in self.done]
        with self.writing(), self._file.open("ab") as out:
            out.write(text_of(fresh).encode())
            out.flush()
            os.fsync(out.fileno())
        self.done |= {row_key(row) for row in fresh}

    def merge(self, order: Sequence[tuple[str, str]]) -> list[dict]:
        """Bring all answers into answers.jsonl, in ``order`` of (question id, arm), and return them.

        All others go into outdated.jsonl. Raises PathError.
        """
        place = {key: i for i, key in enumerate(order)}
        current, others = {}, {}
        for row in every_row(self._files()):
            if row_key(row) in place and self._counts(row):
                current.setdefault(row_key(row), self._labelled(row))
            else:
                others.setdefault((*row_key(row), row.get("content")), row | {"trace": None})  # it is written over
        rows = sorted(current.values(), key=lambda row: place[row_key(row)])
        with self.writing():
            if others:
                self.write(OUTDATED, text_of(others.values()))
            self.write(ANSWERS, text_of(rows))
            for file in answer_files(self.path)[1:]:
                file.unlink()
            if not others:
                (self.path / OUTDATED).unlink(missing_ok=True)
        return rows

    def write(self, name: str, text: str) -> None:
        """A whole file of the folder. Raises PathError."""
        with self.writing():
            write_atomic(self.path / name, lambda path: path.write_text(text, encoding="utf-8"))

    def tidy(self) -> None:
        """Remove the notes of what failed, which the summary holds now, and what killed processes were writing."""
        old = time.time() - LEFTOVER_SECONDS
        with self.writing():
            for path in self.path.glob("failed*.jsonl"):
                path.unlink(missing_ok=True)
            for path in self.path.glob(".*"):
                if _TEMPORARY.fullmatch(path.name) and path.stat().st_mtime < old:
                    path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return [*answer_files(self.path), self.path / OUTDATED]

    def _counts(self, row: dict) -> bool:
        if self.questions is None:
            return True
        record = self.questions.get(row["id"])
        return record is not None and is_about(row, record)

    def _labelled(self, row: dict) -> dict:
        """With the digest of its question, which lines of earlier versions lack."""
        return row if self.questions is None else row | {"content": digest(self.questions[row["id"]])}

    def _tell(self, rows: Sequence[dict]) -> None:
        """What a person should know of answers that were here before."""
        changed = {row["id"] for row in rows if not self._counts(row) and row["id"] in (self.questions or {})}
        changed -= {name for name, _ in self.done}
        gone = {row["id"] for row in rows if self.questions is not None and row["id"] not in self.questions}
        old = {row["id"] for row in rows if self.questions is not None and "content" not in row and self._counts(row)}
        if changed:
            log.warning(
                "%s: %d questions have changed since they were answered (%s): they are asked again. Give the lines of "
                'a file of your own an "id", and only those that changed are',
                *(self.path, len(changed), _few(changed)),
            )
        if gone:
            log.warning("%s: answers to %d questions that are not asked now (%s)", self.path, len(gone), _few(gone))
        if old:
            log.warning(
                "%s was begun by an earlier version, whose answers do not hold their questions: those to %d questions "
                "are taken over, by id, video, group and known answer",
                *(self.path, len(old)),
            )


def check_config(path: Path, settings: dict, facts: dict, write: bool) -> None:
    """Start the run in ``path`` (with ``write``), or see that it goes on with the same ``settings``.

    ``facts`` are in config.json for the reader and may differ: versions, command, device. A run that was given up
    before its first answer is started anew with the settings given here. Raises CheckpointError for another run's
    folder, naming each difference, and for a folder of something else; PathError for one that cannot be written.
    """
    settings = json.loads(json.dumps(settings))
    known = check_place(path)
    differing = differences(known, settings, {*known, *settings}) if known else []
    if differing and not (write and _is_unused(path)):
        raise _other_run(path, differing)
    if differing:
        log.warning("%s held no answers yet and is started again with other settings (%s)", path, "; ".join(differing))
    if write and (differing or not known):
        text = json.dumps({"settings": settings, **facts}, indent=2, ensure_ascii=False) + "\n"
        with writing(path, "choose another folder with --out"):
            write_atomic(path / CONFIG, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def check_place(path: Path, settings: Mapping = {}) -> dict:
    """The settings of the run in ``path``, {} for a folder that is new or empty.

    Raises CheckpointError for a folder of something else, and where some of ``settings`` are known to differ: a part
    of them can be checked before models are loaded.
    """
    if (path / CONFIG).is_file():
        known = _read(path / CONFIG)["settings"]
        differing = differences(known, json.loads(json.dumps(settings)), set(settings))
        if differing and not _is_unused(path):
            raise _other_run(path, differing)
        return known
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CheckpointError(f"{path} is not empty and holds no {CONFIG}: choose another folder with --out")
    return {}


def differences(known: Mapping, settings: Mapping, names: Iterable[str]) -> list[str]:
    return [
        f"{name} is {known.get(name)!r} there, {settings.get(name)!r} here"
        for name in sorted(names)
        if known.get(name) != settings.get(name)
    ]


def read_config(path: Path) -> dict:
    """What ``check_config`` wrote. Raises CheckpointError where there is none."""
    if not os.path.isfile(path / CONFIG):  # as Path.is_file, but False for a name that is too long
        raise CheckpointError(f"no {CONFIG} in {path}: give a folder written by msjoe eval --out")
    return _read(path / CONFIG)


def _is_unused(path: Path) -> bool:
    """Whether a folder with a config holds no answer, and nothing that an evaluation does not write."""
    written = {CONFIG, ANSWERS, OUTDATED, "traces", "summary.json", "summary.md"}
    names = {file.name for file in path.iterdir() if not file.name.startswith(".")}
    names -= {file.name for pattern in ("answers-*.jsonl", "failed*.jsonl") for file in path.glob(pattern)}
    return names <= written and not any(whole_lines(file) for file in [*answer_files(path), path / OUTDATED])


def _other_run(path: Path, differing: Sequence[str]) -> CheckpointError:
    return CheckpointError(
        f"{path} holds a run with other settings ({'; '.join(differing)}): choose another folder with --out"
    )


def _read(file: Path) -> dict:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        _ = config["settings"].keys()
        return config
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{file} is not the config of a run ({type(error).__name__}): restore it") from error


def _few(names: Iterable[str]) -> str:
    first = sorted(map(str, names))
    return ", ".join(first[:5]) + (", ..." if len(first) > 5 else "")
