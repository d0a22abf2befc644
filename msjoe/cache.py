"""CLIP features on disk, so that the second question about a video starts at the query step.

Shapes: T dense frames, D embedding width.
"""

import hashlib
import json
import logging
import os
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from msjoe.files import write_atomic

log = logging.getLogger(__name__)

CACHE_ENV = "MSJOE_CACHE"
DEFAULT_BYTES = 2 << 30  # about 180 hours of video at 1 fps and the 768 float32 of ViT-L/14
LEFTOVER_SECONDS = 3600  # nobody writes an entry for an hour: the process behind an older temporary file was killed
ENTRY = "entry"  # the one key of a file's metadata: several would be written in a random order
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}-\w+\.safetensors")


def default_folder() -> Path:
    """$MSJOE_CACHE, else msjoe/features in the user's cache folder ($XDG_CACHE_HOME or ~/.cache)."""
    if os.environ.get(CACHE_ENV):
        return Path(os.environ[CACHE_ENV])
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "msjoe" / "features"


@dataclass(frozen=True)
class FeatureKey:
    """All that a video's features depend on, and the shape that follows from it."""

    video: str  # content id of the video
    clip: str  # id of the CLIP's weights
    fps: float
    dtype: str  # that CLIP computes in; the features themselves are float32
    frames: int  # T
    width: int  # D

    def to_json(self) -> dict:
        return asdict(self) | {"fps": float(self.fps)}


class FeatureCache:
    """Float32 [T, D] embeddings by ``FeatureKey``; the least recently used go first.

    One safetensors file an entry, written atomically, so several processes can share a folder. An entry holds its
    key and a checksum. One that is damaged, or is not what its key says, is removed with a warning: a cache never
    stops an answer, and never changes one. What cannot be written is logged.
    """

    def __init__(self, folder: Path | str | None = None, max_bytes: int = DEFAULT_BYTES) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()
        self.max_bytes = max_bytes

    def get(self, key: FeatureKey) -> np.ndarray | None:
        """The features exactly as they were put, or None."""
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            told, feats_TD = _read(path)
            os.utime(path)  # used just now
        except OSError as error:
            log.warning("cached features %s cannot be read (%s): computing them again", path, error)
            return None
        except (SafetensorError, ValueError, TypeError, AttributeError, KeyError) as error:  # a damaged header
            return self._remove(path, f"damaged ({type(error).__name__})")
        if (fault := _fault(key, told, feats_TD)) is not None:
            return self._remove(path, fault)
        return feats_TD

    def put(self, key: FeatureKey, feats: np.ndarray) -> None:
        """Keep float32 [T, D] ``feats``, then drop old entries until ``max_bytes`` hold all."""
        feats = np.ascontiguousarray(feats, dtype=np.float32)
        told = key.to_json() | {"checksum": _checksum(feats)}
        if (fault := _fault(key, told, feats)) is not None:
            log.warning("features of %s are not cached: they are %s", key.video, fault)
            return
        metadata = {ENTRY: json.dumps(told)}
        try:
            write_atomic(self._path(key), lambda temporary: save_file({"feats": feats}, temporary, metadata=metadata))
            self._shrink()
        except (OSError, SafetensorError) as error:
            log.warning("features are not cached in %s (%s); set %s to a folder", self.folder, error, CACHE_ENV)

    def _path(self, key: FeatureKey) -> Path:
        name = hashlib.sha256(json.dumps(key.to_json()).encode()).hexdigest()[:32]
        return self.folder / f"{name}.safetensors"

    def _remove(self, path: Path, fault: str) -> None:
        try:
            path.unlink(missing_ok=True)
            done = "it is removed"
        except OSError as error:
            done = f"it cannot be removed ({error.strerror})"
        log.warning("cached features %s are %s: %s, and they are computed again", path, fault, done)

    def _shrink(self) -> None:
        """Remove what killed processes left, then the oldest entries while all files are too many bytes."""
        old = time.time() - LEFTOVER_SECONDS
        total, entries = 0, []
        for path, stat in self._files():
            if not path.name.startswith("."):
                entries.append((stat.st_mtime_ns, stat.st_size, path))
            elif stat.st_mtime < old:
                path.unlink(missing_ok=True)
                continue
            total += stat.st_size
        for _, size, path in sorted(entries):
            if total <= self.max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        """Entries, and hidden ones that are being written, with their stats; a file may vanish meanwhile."""
        found = []
        for path in self.folder.glob("*.safetensors"):
            if path.name.startswith(".") and not _TEMPORARY.fullmatch(path.name):
                continue
            try:
                found.append((path, path.stat()))
            except FileNotFoundError:
                continue
        return found


def _read(path: Path) -> tuple[dict, np.ndarray]:
    """What an entry says of itself, and its features."""
    with safe_open(path, framework="numpy") as file:
        told = json.loads((file.metadata() or {}).get(ENTRY, "{}"))
        return told if isinstance(told, dict) else {}, file.get_tensor("feats")


def _fault(key: FeatureKey, told: dict, feats_TD: np.ndarray) -> str | None:
    """What makes features unfit for use; None where nothing does."""
    if {name: told.get(name) for name in key.to_json()} != key.to_json():
        return "of something else"
    if feats_TD.dtype != np.float32 or feats_TD.shape != (key.frames, key.width):
        return f"{feats_TD.dtype} {list(feats_TD.shape)} and not float32 {[key.frames, key.width]}"
    if told.get("checksum") != _checksum(feats_TD):
        return "damaged (the checksum differs)"
    return None if np.isfinite(feats_TD).all() else "not all finite"


def _checksum(feats: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(feats), digest_size=16).hexdigest()
