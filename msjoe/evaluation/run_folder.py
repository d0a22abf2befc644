"""The folder of an evaluation: what was asked for, and a line for each answer, safe against a stop at any moment.

``config.json`` is written once; a folder made with other settings is refused. Each process appends to a file
of its own: answers.jsonl for the first, answers-1.jsonl, ... for the others, which are merged into
answers.jsonl when all are done. All lines of a question are written at once and forced to the disk; a last
line that a stop cut off is dropped when the run goes on. Where two files hold the same answer, as after a
stop during the merge, one counts.
"""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from msjoe.errors import CheckpointError
from msjoe.files import write_atomic

log = logging.getLogger(__name__)

CONFIG = "config.json"
ANSWERS = "answers.jsonl"


class RunFolder:
    """``done`` holds (question id, arm name) of every answer that any process has written."""

    def __init__(self, path: Path, rank: int = 0) -> None:
        """Drops the torn last line of this process's file, if there is one."""
        self.path, self.rank = path, rank
        self._file = path / (ANSWERS if rank == 0 else f"answers-{rank}.jsonl")
        path.mkdir(parents=True, exist_ok=True)
        _drop_torn(self._file)
        self.done = {_key(row) for row in read_rows(path)}

    def append(self, rows: Sequence[dict]) -> None:
        """Write the answers that are not there yet, in one piece."""
        fresh = [row for row in rows if _key(row) not in self.done]
        with self._file.open("ab") as out:
            out.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in fresh).encode())
            out.flush()
            os.fsync(out.fileno())
        self.done |= {_key(row) for row in fresh}

    def merge(self, order: Sequence[tuple[str, str]]) -> list[dict]:
        """Bring all answers into answers.jsonl, in ``order`` of (question id, arm), and return them."""
        place = {key: i for i, key in enumerate(order)}
        rows = sorted((row for row in read_rows(self.path) if _key(row) in place), key=lambda row: place[_key(row)])
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_atomic(self.path / ANSWERS, lambda path: path.write_text(text, encoding="utf-8"))
        for file in _files(self.path)[1:]:
            file.unlink()
        return rows


def check_config(path: Path, settings: dict, facts: dict, write: bool) -> None:
    """Start the run in ``path`` (with ``write``), or see that it goes on with the same ``settings``.

    ``facts`` stand in config.json for the reader and may differ: versions, command, device.
    Raises CheckpointError for another run's folder, naming each difference, and for a folder of something else.
    """
    file = path / CONFIG
    settings = json.loads(json.dumps(settings))
    if file.is_file():
        known = _read(file)["settings"]
        differing = [name for name in sorted({*known, *settings}) if known.get(name) != settings.get(name)]
        if differing:
            told = "; ".join(f"{name} is {known.get(name)!r} there, {settings.get(name)!r} here" for name in differing)
            raise CheckpointError(f"{path} holds a run with other settings ({told}): choose another folder with --out")
        return
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CheckpointError(f"{path} is not empty and holds no {CONFIG}: choose another folder with --out")
    if write:
        text = json.dumps({"settings": settings, **facts}, indent=2, ensure_ascii=False) + "\n"
        write_atomic(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_config(path: Path) -> dict:
    """What ``check_config`` wrote. Raises CheckpointError where there is none."""
    if not (path / CONFIG).is_file():
        raise CheckpointError(f"no {CONFIG} in {path}: give a folder written by msjoe eval --out")
    return _read(path / CONFIG)


def read_rows(path: Path) -> list[dict]:
    """Every answer of a run once, in the order of the files; lines that are being written are left out.

    Raises CheckpointError for a whole line that is not an answer.
    """
    found: dict[tuple[str, str], dict] = {}
    for file in _files(path):
        for number, line in enumerate(_lines(file), 1):
            try:
                row = json.loads(line)
                found.setdefault(_key(row), row)
            except (ValueError, KeyError, TypeError) as error:
                raise CheckpointError(
                    f"line {number} of {file} is not an answer ({type(error).__name__}): remove the line, and the "
                    f"run answers its question again"
                ) from error
    return list(found.values())


def _files(path: Path) -> list[Path]:
    """answers.jsonl first, whether it is there or not."""
    return [path / ANSWERS, *sorted(path.glob("answers-*.jsonl"))]


def _read(file: Path) -> dict:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        _ = config["settings"].keys()
        return config
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{file} is not the config of a run ({type(error).__name__}): restore it") from error


def _key(row: dict) -> tuple[str, str]:
    return row["id"], row["arm"]


def _lines(file: Path) -> list[str]:
    """Whole lines only: another process may be writing the last one."""
    if not file.is_file():
        return []
    return file.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]


def _drop_torn(file: Path) -> None:
    if not file.is_file():
        return
    data = file.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        log.warning("%s ended in the middle of a line, which is dropped", file.name)
        os.truncate(file, whole)
