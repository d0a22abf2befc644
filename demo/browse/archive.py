"""Saved Traces below a folder, with what is known of each: from its own trace.json and from the run beside it.

An evaluation writes RUN/traces/NAME/trace.json and a line for each answer in RUN/answers.jsonl, which names
the folder under "trace"; a training run may do the same in another .jsonl. Any other tree of saved Traces can
be browsed too: what nobody wrote down is simply unknown.
"""

import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.examples import ExampleQuestion
from demo.shelf import Kept
from msjoe.errors import UserError
from msjoe.trace import Trace

log = logging.getLogger(__name__)

MOST = 50_000  # Traces
UNKNOWN = "unknown"
RESULTS = ("right", "wrong", UNKNOWN)


@dataclass(frozen=True)
class Entry:
    """One saved Trace, by what can be filtered for."""

    folder: Path
    name: str
    question: str
    selector: str
    benchmark: str
    track: str
    result: str  # one of RESULTS
    reward: float | None = None
    gold: str = ""  # the letter of the true option


@dataclass(frozen=True)
class Filter:
    """What is asked for; None: anything."""

    benchmark: str | None = None
    track: str | None = None
    result: str | None = None
    selector: str | None = None
    least_reward: float | None = None

    def fits(self, entry: Entry) -> bool:
        pairs = ((self.benchmark, entry.benchmark), (self.track, entry.track), (self.result, entry.result))
        same = all(wanted in (None, found) for wanted, found in (*pairs, (self.selector, entry.selector)))
        low = self.least_reward
        return same and (low is None or (entry.reward is not None and entry.reward >= low))


@dataclass(frozen=True)
class Archive:
    """All entries, in the order of their folders."""

    root: Path
    entries: tuple[Entry, ...]

    @classmethod
    def scan(cls, root: Path) -> "Archive":
        """Look through ``root``, links not followed. Raises UserError where there is no Trace."""
        if not root.is_dir():
            raise UserError(f"--traces {root} is no folder: give one that holds saved Traces")
        rows = _Rows()
        entries: list[Entry] = []
        for folder, folders, files in os.walk(root.resolve()):
            folders.sort()
            if "trace.json" in files:
                folders.clear()
                entry = _entry(Path(folder), root.resolve(), rows)
                entries += [entry] if entry else []
            if len(entries) >= MOST:
                log.warning("only the first %d Traces are shown", MOST)
                break
        if not entries:
            raise UserError(f"no saved Trace below {root}: give a folder written by --save or by msjoe eval")
        return cls(root, tuple(entries))

    def found(self, wanted: Filter) -> list[int]:
        """Numbers of the entries that fit."""
        return [number for number, entry in enumerate(self.entries) if wanted.fits(entry)]

    def values(self, name: str) -> list[str]:
        """What occurs in a field, sorted."""
        return sorted({getattr(entry, name) for entry in self.entries})

    def load(self, number: int) -> Kept:
        """The whole Trace. Raises UserError for one that cannot be read or shown."""
        entry = self.entries[number]
        trace = Trace.load(entry.folder, called=entry.name)
        known = len(entry.gold) == 1 and "A" <= entry.gold < chr(ord("A") + len(trace.options))
        truth = ExampleQuestion(trace.question, tuple(trace.options), entry.gold) if known else None
        return Kept(trace, None, truth)


class _Rows:
    """Lines of the .jsonl files of runs, by the folder of the Trace that they are about; each run read once."""

    def __init__(self) -> None:
        self._runs: dict[Path, tuple[dict[Path, dict], str]] = {}

    def about(self, folder: Path, root: Path) -> dict:
        """The line about a Trace, from the nearest run above it, or {}; the last place looked at is above ``root``."""
        for run in folder.parents:
            if run not in self._runs:
                self._runs[run] = _read_run(run)
            rows, benchmark = self._runs[run]
            if folder in rows:
                return {"benchmark": benchmark, **rows[folder]}
            if run == root.parent:  # RUN/traces may be given for RUN
                break
        return {}


def _read_run(run: Path) -> tuple[dict[Path, dict], str]:
    rows: dict[Path, dict] = {}
    for file in sorted(run.glob("*.jsonl")):
        for line in _text(file).splitlines():
            row = _json(line)
            if isinstance(row.get("trace"), str):
                rows[run / row["trace"]] = row
    return rows, _find(_json(_text(run / "config.json")), "benchmark")


def _entry(folder: Path, root: Path, rows: _Rows) -> Entry | None:
    trace = _json(_text(folder / "trace.json"))
    if not isinstance(trace.get("question"), str):
        log.warning("%s is left out: its trace.json names no question", folder)
        return None
    row = rows.about(folder, root)
    models = trace.get("models") if isinstance(trace.get("models"), dict) else {}
    gold = str(row.get("gold") or "")
    return Entry(
        folder,
        name=_shown(folder.relative_to(root).as_posix() if folder != root else folder.name),
        question=_shown(trace["question"]),
        selector=_shown(row.get("selector") or models.get("selector") or UNKNOWN),
        benchmark=_shown(row.get("benchmark") or UNKNOWN),
        track=_shown(row.get("group") or row.get("track") or UNKNOWN),
        result=_result(row, trace.get("answer"), gold),
        reward=_number(row.get("reward")),
        gold=gold,
    )


def _result(row: dict, answer: object, gold: str) -> str:
    right = row.get("right")
    if right is None and gold:
        right = answer == gold
    return UNKNOWN if right is None else "right" if right else "wrong"


def _text(path: Path) -> str:
    """What a file holds; "" for one that cannot be read, as one bad file must not keep the rest from being shown."""
    if not path.is_file():
        return ""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        log.warning("%s is left out: %s", path, error)
        return ""


def _json(text: str) -> dict:
    """An object, or {} for anything else: a line may be torn, or nested too deep to be read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _shown(value: object) -> str:
    """As text that a page can hold: a file name or an escape in JSON may give half a surrogate pair."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _number(value: object) -> float | None:
    """A finite number, else None."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and abs(value) <= sys.float_info.max else None


def _find(value: object, key: str) -> str:
    """The first text under ``key`` in nested objects, however deep; "" without one."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if isinstance(value.get(key), str):
                return value[key]
            left.extend(reversed(value.values()))
    return ""
