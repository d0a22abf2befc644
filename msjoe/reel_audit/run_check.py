"""A run of ``msjoe reel check``: stage after stage, in several processes, resumable, with a table at the end.

``OUT/config.json`` holds the settings (a folder with other settings is refused), ``OUT/ledger.jsonl`` the finished
tasks, ``OUT/features`` CLIP's features of the videos, ``OUT/check.md`` and ``OUT/check.json`` the gates so far.
"""

import hashlib
import json
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from msjoe import __version__
from msjoe.checkpoint_stamp import REEL_VERSION
from msjoe.evaluation.run_folder import check_config
from msjoe.files import write_atomic, writing
from msjoe.reel.script.records import TRACKS
from msjoe.reel.script.write_script import make_script
from msjoe.reel.source import ReelSource
from msjoe.reel_audit.check_sizes import CheckSizes
from msjoe.reel_audit.finished_tasks import ADVICE, FinishedTasks
from msjoe.reel_audit.gates.gate import Gate, gate_of_json, gate_table
from msjoe.reel_audit.gates.scene_facts import TrackFacts, gather
from msjoe.reel_audit.gates.text_guessers import WordedQuestion
from msjoe.reel_audit.gates.video_answers import AuditModels
from msjoe.run_lock import run_lock

PACKAGES = ("torch", "transformers", "open_clip_torch", "numpy")
GATES = range(1, 9)
WATCH_SECONDS = 5.0
HEAD = """# Reel's gates of fairness: version {version}, {verdict}

- {passed} of {judged} rows with a wanted range pass, the others are information; gates not run: {missing}
- MLLM {mllm}, CLIP {clip}
- command: `{command}`
- {minutes:.1f} min on {workers} processes, resumed runs together

{table}

In points. What each gate measures: the modules of `msjoe/reel_audit/gates`.
"""


@dataclass
class AuditRun:
    """What the stages share."""

    out: Path
    setup: AuditModels
    sizes: CheckSizes
    ledger: FinishedTasks
    pool: Executor

    @cached_property
    def facts(self) -> dict[str, TrackFacts]:
        """Facts of new videos. Computed on first use, which takes half a minute, and not kept on disk."""
        return gather(self.sizes.text, self.mapped("scripts"))

    @property
    def questions(self) -> list[WordedQuestion]:
        return [question for found in self.facts.values() for question in found.questions]

    def mapped(self, label: str) -> Callable[[Callable, Iterable], Iterator]:
        """The builtin map over the processes, with progress."""

        def over(function: Callable, items: Iterable) -> Iterator:
            items = list(items)
            yield from _with_progress(self.pool.map(function, items), label, len(items))

        return over

    def do(self, label: str, function: Callable, tasks: Mapping[str, Any]) -> list[Any]:
        """The results of tasks (name -> argument). Tasks in the ledger are not run again."""
        named = {f"{label} {name}": given for name, given in tasks.items()}
        done = sum(name in self.ledger.results for name in named)
        for _ in _with_progress(self.ledger.run(function, named, self.pool), label, len(named), done):
            pass
        return [self.ledger.results[name] for name in named]


GateStage = Callable[[AuditRun], list[Gate]]


def run_check(
    out: Path, setup: AuditModels, sizes: CheckSizes, stages: Mapping[str, GateStage], workers: int
) -> list[Gate]:
    """Run the ``stages`` (name -> stage) that OUT does not hold yet; returns all its gates.

    Raises CheckpointError for a folder of another run, and for models that cannot be used; BusyError while another
    check runs in OUT; PathError when something cannot be written.
    """
    settings = {"reel_version": REEL_VERSION, "world": world_digest(), "sizes": asdict(sizes)}
    settings |= {"mllm": model_digest(setup.mllm), "clip": model_digest(setup.clip)}
    packages = {"msjoe": __version__} | {name: version(name) for name in PACKAGES}
    facts = {"command": f"msjoe {shlex.join(sys.argv[1:])}", "versions": packages}
    with writing(out, ADVICE):
        check_config(out, settings, facts, write=True)
    with run_lock(out):
        ledger = FinishedTasks(out / "ledger.jsonl")
        with ProcessPoolExecutor(workers, get_context("spawn"), _begin_worker, (os.getpid(),)) as pool:
            check = AuditRun(out, setup, sizes, ledger, pool)
            for name, stage in stages.items():
                if f"stage {name}" not in ledger.results:
                    start = time.monotonic()
                    gates = [gate.to_json() for gate in stage(check)]
                    ledger.add(f"stage {name}", {"gates": gates, "seconds": round(time.monotonic() - start, 1)})
                write_report(check, settings | facts, workers)
        return gates_of(ledger)


def gates_of(ledger: FinishedTasks) -> list[Gate]:
    """The gates of all finished stages, by number."""
    found = [ledger.results[name] for name in ledger.results if name.startswith("stage ")]
    gates = [gate_of_json(record) for stage in found for record in stage["gates"]]
    return sorted(gates, key=_number)


def _number(gate: Gate) -> int:
    return int(gate.group.split()[0])


def write_report(check: AuditRun, about: dict, workers: int) -> None:
    """check.md and check.json."""
    gates, results = gates_of(check.ledger), check.ledger.results
    seconds = {name[6:]: found["seconds"] for name, found in results.items() if name.startswith("stage ")}
    judged = [gate for gate in gates if not gate.informational]
    failed = sum(not gate.passed for gate in judged)
    missing = sorted(set(GATES) - {_number(gate) for gate in gates})
    text = HEAD.format(
        version=REEL_VERSION,
        verdict=f"{failed} FAILED" if failed else "none failed",
        passed=len(judged) - failed,
        judged=len(judged),
        missing=", ".join(map(str, missing)) or "none",
        mllm=_model_label(check.setup.mllm, about["mllm"]),
        clip=_model_label(check.setup.clip, about["clip"]),
        command=about["command"],
        minutes=sum(seconds.values()) / 60,
        workers=workers,
        table=gate_table(gates),
    )
    record = about | {"passed": not failed, "seconds": seconds, "gates": [gate.to_json() for gate in gates]}
    with writing(check.out, ADVICE):
        write_atomic(check.out / "check.md", lambda path: path.write_text(text, encoding="utf-8"))
        write_atomic(check.out / "check.json", lambda path: path.write_text(json.dumps(record, indent=1) + "\n"))


def world_digest() -> str:
    """Digest of two scripts and two pictures of each track: it finds a change of the world without a new version."""
    digest = hashlib.sha256()
    for track in TRACKS:
        for seed in range(2):
            script = make_script("validation", track, seed)
            digest.update(repr(script).encode())
            digest.update(ReelSource(script).frames_at([script.duration / 2])[0].tobytes())
    return digest.hexdigest()[:12]


def model_digest(name: str) -> str:
    """Digest of the weights and settings in a folder; the name itself where it is not a local folder."""
    folder = Path(name)
    if not folder.is_dir():
        return name
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _begin_worker(parent: int) -> None:
    """Use one thread, and exit when the parent process is killed."""
    torch.set_num_threads(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _model_label(name: str, digest: str) -> str:
    return name if name == digest else f"{Path(name).name} ({digest})"


def _with_progress(items: Iterable, label: str, total: int, done: int = 0) -> Iterator:
    """Iterate with a progress line, which is rarely redrawn where the output is not a terminal."""
    rare = 1 if sys.stderr.isatty() else 30
    return tqdm(items, label, total, initial=done, mininterval=rare, maxinterval=2 * rare, file=sys.stderr)
