"""The lines of answers.jsonl and its like: read whole, written in one piece."""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from msjoe.errors import CheckpointError

log = logging.getLogger(__name__)

ANSWERS = "answers.jsonl"


def read_rows(path: Path) -> list[dict]:
    """Every answer of a run once, in the order of the files; lines that are being written are left out.

    Raises CheckpointError for a whole line that is not an answer.
    """
    found: dict[tuple[str, str], dict] = {}
    for row in every_row(answer_files(path)):
        kept = found.setdefault(row_key(row), row)
        if kept.get("content") != row.get("content"):  # the question has changed, and the run is not merged yet
            found[row_key(row)] = row
    return list(found.values())


def every_row(files: Iterable[Path]) -> Iterator[dict]:
    for file in files:
        for number, line in enumerate(whole_lines(file), 1):
            try:
                row = json.loads(line)
                hash(row_key(row))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise CheckpointError(
                    f"line {number} of {file} is not an answer ({type(error).__name__}): remove the line, and the "
                    f"run answers its question again"
                ) from error
            yield row


def answer_files(path: Path) -> list[Path]:
    """answers.jsonl first, whether it is there or not."""
    return [path / ANSWERS, *sorted(path.glob("answers-*.jsonl"))]


def row_key(row: dict) -> tuple[str, str]:
    return row["id"], row["arm"]


def text_of(rows: Iterable[dict]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def whole_lines(file: Path) -> list[str]:
    """Whole lines only: another process may be writing the last one."""
    if not file.is_file():
        return []
    return file.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]


def drop_torn(file: Path) -> None:
    if not file.is_file():
        return
    data = file.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        log.warning("%s ended in the middle of a line, which is dropped", file.name)
        os.truncate(file, whole)
