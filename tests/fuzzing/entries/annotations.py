"""Annotation files of every benchmark, and their subtitles."""

import json
import re
from pathlib import Path
from random import Random

from msjoe.data import BENCHMARKS, Record, read_benchmark, split_present, subtitles_at
from msjoe.errors import UserError
from tests.fuzzing.entry import Attempt, Entry
from tests.fuzzing.mutations import TEXTS, damaged, encoded, mutated, text_of

FIXTURES = Path(__file__).parents[2] / "fixtures" / "benchmarks"
SUFFIXES = (".json", ".jsonl", ".tsv")
SRT = "1\n00:00:01,000 --> 00:00:03,500\nA wizard.\n\n2\n00:00:04,000 --> 00:01:00,000\nTwo\nlines.\n"
SUBTITLES = [
    {"start": "00:00:01.000", "end": "00:00:02.000", "line": "A wizard."},
    {"timestamp": [1.0, 2.5], "text": "Two."},
]


def prepare(folder: Path) -> Attempt:
    sources = sorted(path for path in FIXTURES.rglob("*") if path.suffix in SUFFIXES and "subtitles" not in str(path))
    names = [name for name in BENCHMARKS if name != "reel"]

    def attempt(rng: Random, case: Path) -> str:
        source = rng.choice(sources)
        likely = [name for name in names if name in str(source)] or ["jsonl"]
        suffix, data = _file(source, rng)
        path = case / f"mine{suffix if rng.random() < 0.95 else rng.choice(SUFFIXES)}"
        path.write_bytes(data)
        benchmark = rng.choice(likely if rng.random() < 0.9 else names)
        loaded = read_benchmark(benchmark, path if rng.random() < 0.95 else case)
        for record in loaded.records:
            check_record(record)
        json.dumps(loaded.notes).encode()
        split_present(loaded.records, case)
        if loaded.records:
            _subtitles(rng.choice(loaded.records), case, rng)
        return "read"

    return attempt


def _file(source: Path, rng: Random) -> tuple[str, bytes]:
    """(suffix, content), changed in its fields or in its bytes."""
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".tsv" or rng.random() < 0.15:
        return source.suffix, damaged(text.encode(), rng) if rng.random() < 0.5 else _line(text, rng).encode(
            "utf-8", "replace"
        )
    entries = _parsed(text, source.suffix)
    entries = mutated(entries, rng)
    if rng.random() < 0.15 and (data := _parquet(entries)):
        return ".parquet", damaged(data, rng) if rng.random() < 0.5 else data
    if source.suffix == ".jsonl" and isinstance(entries, list):
        return source.suffix, encoded("\n".join(text_of(entry, rng) for entry in entries), rng)
    return source.suffix, encoded(text_of(entries, rng), rng)


def _line(text: str, rng: Random) -> str:
    lines = text.splitlines()
    cells = rng.choice(lines).split("\t")
    cells[rng.randrange(len(cells))] = rng.choice(TEXTS)
    lines[rng.randrange(len(lines))] = "\t".join(cells)
    return "\n".join(lines)


def _parsed(text: str, suffix: str) -> list:
    if suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return json.loads(re.sub(r",(\s*[\]}])", r"\1", text))  # one of them has commas before closing brackets


def _parquet(entries: object) -> bytes:
    """b"" for what parquet cannot hold: its columns have a type each."""
    import pyarrow
    from pyarrow import parquet

    written = pyarrow.BufferOutputStream()
    try:
        parquet.write_table(pyarrow.Table.from_pylist(entries), written)
    except (pyarrow.ArrowException, AttributeError, OverflowError, UnicodeError, TypeError):
        return b""
    return written.getvalue().to_pybytes()


def check_record(record: Record) -> None:
    """What a reader gives can be asked, and written into answers.jsonl."""
    texts = (record.id, record.question, record.answer, record.video, record.group, record.subtitles)
    for text in (*texts, *record.options, *record.labels):
        assert isinstance(text, str), repr(text)[:200]
        text.encode()
    assert record.question.strip()
    assert record.video.strip()
    assert len(record.options) <= 26
    assert record.answer == "" or ord(record.answer) - ord("A") in range(len(record.options))
    assert record.duration is None or 0 <= record.duration < float("inf")
    assert 0 <= record.subtitle_start < float("inf")


def _subtitles(record: Record, case: Path, rng: Random) -> None:
    """``record.subtitles`` may name any place: only a plain name is written here."""
    name = record.subtitles
    if re.fullmatch(r"[a-zA-Z0-9_-]{1,80}\.(srt|json)", name):
        text = text_of(mutated(SUBTITLES, rng), rng) if name.endswith(".json") else SRT
        data = encoded(text, rng) if rng.random() < 0.5 else damaged(text.encode("utf-8", "replace"), rng)
        (case / name).write_bytes(data)
    try:
        lines = subtitles_at(record, case, [0.0, 2.0, 30.0])
    except UserError:
        return
    json.dumps(lines, ensure_ascii=False).encode()


ENTRY = Entry(prepare)
