"""Folders of saved Traces, with what a run wrote beside them, as ``--traces`` browses them."""

import json
from pathlib import Path
from random import Random

from demo.browse.archive import TraceArchive, TraceFilter
from msjoe.errors import UserError
from msjoe.trace import Trace
from tests.fuzzing.entry import Attempt, Entry, check_told
from tests.fuzzing.mutations import damaged, encoded, mutated, odd, text_of
from tests.fuzzing.saved_traces import check_shown, mutated_parts, outputs, parts_of

ROW = {
    "trace": "traces/one",
    "question": "What?",
    "selector": "topk",
    "group": "needle",
    "gold": "A",
    "right": True,
    "reward": 0.5,
}
CONFIG = {"settings": {"benchmark": "reel", "seed": 0}}


def prepare(folder: Path) -> Attempt:
    parts, shown = parts_of(folder), outputs()

    def attempt(rng: Random, case: Path) -> str:
        _write_run(case / "run", parts, rng)
        try:
            return _browse(case / "run", shown)
        finally:
            _load(case / "run" / "traces" / "one")

    return attempt


def _browse(run: Path, shown) -> str:
    """The whole Trace beside it is always found and read. A visitor learns of no place on this machine."""
    archive = TraceArchive.scan(run)
    names = [entry.name for entry in archive.entries]
    assert "traces/whole" in names, names
    for name in ("benchmark", "track", "result", "selector"):
        json.dumps(archive.values(name), ensure_ascii=False).encode()
    assert archive.matching(TraceFilter()) == list(range(len(names)))
    archive.matching(TraceFilter(least_reward=0.5))
    outcome = "left out"
    for number, name in enumerate(names):
        try:
            check_shown(archive.load(number).trace, shown)
        except UserError as error:
            assert name != "traces/whole"
            check_told(str(error), run)
            outcome = "refused"
        else:
            outcome = "read" if name != "traces/whole" else outcome
            _remove("again")
    return outcome


def _load(folder: Path) -> None:
    try:
        Trace.load(folder)
    except UserError as error:
        check_told(str(error))


def _remove(name: str) -> None:
    for path in Path(name).iterdir():
        path.unlink()
    Path(name).rmdir()


def _write_run(run: Path, parts: dict[str, bytes], rng: Random) -> None:
    for name, content in (("whole", parts), ("one", mutated_parts(parts, rng))):
        folder = run / "traces" / name
        folder.mkdir(parents=True)
        for part, data in content.items():
            (folder / Path(part.replace("\\", "/")).name).write_bytes(data)
    rows = [ROW | {"trace": "traces/whole"}, ROW]
    lines = [mutated(row, rng) if rng.random() < 0.6 else row for row in (*rows, odd(rng))]
    data = encoded("\n".join(text_of(line, rng) for line in lines), rng)
    (run / "answers.jsonl").write_bytes(damaged(data, rng) if rng.random() < 0.2 else data)
    (run / "config.json").write_bytes(encoded(text_of(mutated(CONFIG, rng), rng), rng))


ENTRY = Entry(prepare)
