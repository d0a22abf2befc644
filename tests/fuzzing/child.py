"""Cases of one entry in a process of its own: ``python -m tests.fuzzing.child MODULE FIRST COUNT FOLDER``.

Writes a line of JSON to FOLDER/cases.jsonl before and after each case, so that the seed is known whatever happens.
"""

import json
import os
import random
import shutil
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path

from msjoe.errors import UserError
from tests.fuzzing.entry import Attempt, Entry, check_told
from tests.fuzzing.guards import Memory, Overdue, Writes, bound_memory, in_time

PREPARING = 300.0  # seconds
CASES = "cases.jsonl"
PLACES = {
    "TMPDIR": "tmp",
    "HOME": "home",
    "XDG_CACHE_HOME": "home",
    "MPLCONFIGDIR": "home",
    "MSJOE_CACHE": "cache",
    "GRADIO_TEMP_DIR": "uploads",
}


def settle(folder: Path) -> dict[str, str]:
    """The environment in which nothing has a reason to write outside ``folder``."""
    for name in set(PLACES.values()):
        (folder / name).mkdir(exist_ok=True)
    places = {variable: str(folder / name) for variable, name in PLACES.items()}
    return places | {"PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def try_case(entry: Entry, attempt: Attempt, name: str, seed: int, folder: Path, writes: Writes) -> tuple[str, str]:
    """(outcome, fault); the fault is "" for a case that kept to the rules."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chdir(folder)
    writes.outside.clear()
    memory = Memory()
    try:
        with in_time(entry.seconds):
            outcome = attempt(random.Random(f"{name} {seed}"), folder)
    except UserError as error:
        outcome = "refused"
        try:
            check_told(str(error))
        except AssertionError as fault:
            return "fault", str(fault)
    except (Exception, Overdue, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is reported by its seed
        return "fault", "".join(traceback.format_exception(error, limit=-12))
    if writes.outside:
        return "fault", f"outside of the folder: {writes.outside[:3]}"
    grown = memory.grown()
    if grown > entry.megabytes:
        return "fault", f"the peak of memory grew by {grown:.0f} MB, the bound is {entry.megabytes}"
    return outcome, ""


def main(module: str, first: int, count: int, folder: Path) -> None:
    entry: Entry = import_module(module).ENTRY
    bound_memory()
    writes = Writes(folder)
    shared = folder / "shared"
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir()
    with in_time(PREPARING):
        attempt = entry.prepare(shared)
    with (folder / CASES).open("a", encoding="utf-8") as lines:

        def note(**what) -> None:
            lines.write(json.dumps(what) + "\n")
            lines.flush()

        for seed in range(first, first + count):
            note(seed=seed)
            began = time.perf_counter()
            outcome, fault = try_case(entry, attempt, module, seed, folder / "case", writes)
            note(seed=seed, outcome=outcome, fault=fault, seconds=round(time.perf_counter() - began, 3))
    os._exit(0)  # threads of a case that was given up must not keep the process


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
