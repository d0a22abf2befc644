"""Runs the cases of an entry in child processes and gathers what came of them."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzzing.child import CASES, settle

ENTRIES = {  # cases in CI
    "page": 30,
    "api": 30,
    "zips": 100,
    "traces": 50,
    "annotations": 400,
    "scores": 150,
    "recipes": 60,
    "shell": 150,
    "videos": 36,
}
TIMES = int(os.environ.get("MSJOE_FUZZ", "1"))  # as many cases of each
ROOT = Path(__file__).parents[2]
MOST_DEATHS = 20


@dataclass
class Report:
    """What came of a run of cases."""

    outcomes: Counter = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)  # by seed
    slowest: tuple[float, int] = (0.0, 0)  # seconds, seed
    cases: int = 0

    def __str__(self) -> str:
        took, seed = self.slowest
        told = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        lines = [f"{self.cases} cases: {told}; the slowest took {took:.1f} s (seed {seed})"]
        return "\n".join([*lines, *(f"seed {seed}: {fault}" for seed, fault in self.faults.items())])


def module_of(name: str) -> str:
    return name if "." in name else f"tests.fuzzing.entries.{name}"


def run_entry(name: str, count: int, first: int = 0) -> Report:
    """Cases ``first`` to ``first + count - 1``; where one ends the process, the others go on in a new one."""
    report, end, deaths = Report(), first + count, 0
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as temporary:
        folder = Path(temporary).resolve()
        while first < end:
            code, told = _child(name, first, end - first, folder)
            last = _gather(folder / CASES, report)
            if last is None:
                raise RuntimeError(f"{name} cannot be prepared (exit code {code}):\n{told}")
            seed, done = last
            if not done:
                report.cases += 1
                report.outcomes["fault"] += 1
                report.faults[seed] = f"the process ended with {code}:\n{told}"
                deaths += 1
            elif seed + 1 < end:
                raise RuntimeError(f"{name} stopped after seed {seed} (exit code {code}):\n{told}")
            if deaths > MOST_DEATHS:
                break
            first = seed + 1
    return report


def _child(name: str, first: int, count: int, folder: Path) -> tuple[int, str]:
    (folder / CASES).unlink(missing_ok=True)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "tests.fuzzing.child", module_of(name), str(first), str(count), str(folder)]
    environment = os.environ | settle(folder) | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")[-4000:]


def _gather(path: Path, report: Report) -> tuple[int, bool] | None:
    """(last seed, whether it was done); None where no case began."""
    last = None
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        case = json.loads(line)
        last = (case["seed"], "outcome" in case)
        if "outcome" in case:
            report.cases += 1
            report.outcomes[case["outcome"]] += 1
            report.slowest = max(report.slowest, (case["seconds"], case["seed"]))
            if case["fault"]:
                report.faults[case["seed"]] = case["fault"]
    return last
