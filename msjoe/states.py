"""The state of a run on disk, from which a stopped run resumes: a folder for each checkpoint, the last few kept.

    FOLDER/step-000120/{state.safetensors, state.json}

A checkpoint is whole or not there: it is written beside its place, forced to the disk and then renamed. ``state.json``
holds the checksum of the tensors, so that a damaged checkpoint is found and the one before it is taken.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from msjoe.errors import CheckpointError
from msjoe.files import TEMPORARY, sync

log = logging.getLogger(__name__)

STATE, ABOUT = "state.safetensors", "state.json"
PREFIX = "step-"
DAMAGED = "damaged-"  # set before the name of a checkpoint that cannot be used
CHUNK = 1 << 24  # bytes hashed at once


class States:
    """Checkpoints of one run."""

    def __init__(self, folder: Path, settings: Mapping, keep: int) -> None:
        """``settings`` decide the weights: a run with other ones must not resume from these checkpoints."""
        self.folder, self.keep = folder, max(1, keep)
        self.settings = json.loads(json.dumps(settings))  # tuples as lists, as a file gives them back

    def facts(self) -> dict[str, Any]:
        """More to write into state.json."""
        return {}

    def save(self, step: int, seconds: float, tensors: Mapping[str, Tensor]) -> Path:
        """Write the checkpoint of ``step`` finished steps that took ``seconds``; then drop the oldest ones.

        Raises OSError or SafetensorError where the disk is full; the checkpoints that were there before are untouched
        then.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"{PREFIX}{step:06d}"
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=TEMPORARY) as name:
            inner = Path(name) / "state"
            inner.mkdir()
            plain = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}  # untied
            save_file(plain, inner / STATE)
            sync(inner / STATE)
            about = {"step": step, "seconds": seconds, "recipe": self.settings, "sha256": checksum(inner / STATE)}
            (inner / ABOUT).write_text(json.dumps(about | self.facts(), indent=2) + "\n", encoding="utf-8")
            sync(inner / ABOUT)
            sync(inner)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(inner, target)
        sync(self.folder)
        for old in self.found()[: -self.keep]:
            shutil.rmtree(old)
        return target

    def found(self) -> list[Path]:
        """Oldest first."""
        return sorted(path for path in self.folder.glob(f"{PREFIX}*") if path.is_dir() and any(path.iterdir()))

    def restore(
        self,
        load: Callable[[dict[str, Tensor]], None],
        decide: Callable[[Callable[[], int]], int] = lambda find: find(),
    ) -> tuple[int, float]:
        """Give the newest undamaged checkpoint to ``load``; returns (steps done, seconds spent), (0, 0.0) for none.

        ``decide`` is called with ``newest``: of several processes one looks, and all take the step it found.
        Raises CheckpointError when the checkpoint belongs to a run with other settings, or all are damaged.
        """
        step = decide(self.newest)
        if not step:
            return 0, 0.0
        path = self.folder / f"{PREFIX}{step:06d}"
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
        if other := self.differences(about):
            raise CheckpointError(
                f"{path} is of a run with other settings ({'; '.join(other)}): resume with the ones in "
                f"{path / ABOUT}, or choose another folder"
            )
        load(load_file(path / STATE))
        log.info("resuming from %s", path)
        return about["step"], about["seconds"]

    def differences(self, about: Mapping[str, Any]) -> list[str]:
        """What in a checkpoint's state.json keeps this run from resuming it, a line for each setting."""
        return differing(about["recipe"], self.settings)

    def newest(self) -> int:
        """The step of the newest undamaged checkpoint, 0 for none. Newer, damaged ones are set aside with a warning.

        Raises CheckpointError where there are checkpoints and all are damaged.
        """
        damaged = []
        for path in reversed(self.found()):
            try:
                step = _checked_step(path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                damaged.append((path, error))
                continue
            for bad, error in damaged:
                self._set_aside(bad, error)
            return step
        if damaged:
            told = "; ".join(f"{path.name}: {error}" for path, error in damaged)
            raise CheckpointError(
                f"all checkpoints in {self.folder} are damaged ({told}): restore one from a backup, or start again in "
                f"another folder"
            )
        return 0

    def _set_aside(self, path: Path, error: Exception) -> None:
        """Out of the way of the steps that are done again, and of ``keep``; a person may look at it."""
        aside = path.with_name(DAMAGED + path.name)
        log.warning("checkpoint %s is damaged (%s): it is now %s, and an older one is used", path, error, aside.name)
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(path, aside)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _checked_step(path: Path) -> int:
    """The step of a checkpoint. Raises OSError, ValueError, KeyError or TypeError for a damaged one."""
    about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
    step = int(path.name.removeprefix(PREFIX))
    if about["step"] != step or not isinstance(about["recipe"], dict) or about["seconds"] < 0:
        raise ValueError(f"{ABOUT} does not belong to it")
    if checksum(path / STATE) != about["sha256"]:
        raise ValueError(f"the checksum of {STATE} is wrong")
    return step


def differing(theirs: Mapping, ours: Mapping, before: str = "") -> list[str]:
    """A line for each setting with different values: "sampler.lr differs"."""
    lines = []
    for name in sorted({*theirs, *ours}):
        one, other = theirs.get(name), ours.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            lines += differing(one, other, f"{before}{name}.")
        elif one != other:
            lines.append(f"{before}{name} differs")
    return lines
