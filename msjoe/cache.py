"""CLIP features on disk, so that the second question about a video starts at the query step."""

import hashlib
import json
import logging
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from msjoe.files import write_atomic

log = logging.getLogger(__name__)

CACHE_ENV = "MSJOE_CACHE"
DEFAULT_BYTES = 2 << 30  # about 180 hours of video at 1 fps and the 768 float32 of ViT-L/14


def default_folder() -> Path:
    """$MSJOE_CACHE, else msjoe/features in the user's cache folder ($XDG_CACHE_HOME or ~/.cache)."""
    if os.environ.get(CACHE_ENV):
        return Path(os.environ[CACHE_ENV])
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "msjoe" / "features"


class FeatureCache:
    """Float32 [T, D] embeddings by video content, CLIP id and rate; the least recently used go first.

    One safetensors file an entry, written atomically, so several processes can share a folder.
    A cache never stops an answer: what cannot be read is a miss, what cannot be written is logged.
    """

    def __init__(self, folder: Path | str | None = None, max_bytes: int = DEFAULT_BYTES) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()
        self.max_bytes = max_bytes

    def get(self, video_id: str, clip_id: str, fps: float) -> np.ndarray | None:
        """The features exactly as they were put, or None."""
        key = _key(video_id, clip_id, fps)
        path = self._path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                found, feats_TD = (file.metadata() or {}).get("key"), file.get_tensor("feats")
            os.utime(path)  # used just now
        except (SafetensorError, OSError) as error:
            log.warning("cached features %s cannot be read (%s): computing them again", path, error)
            return None
        if found != key or feats_TD.ndim != 2:
            log.warning("cached features %s are of something else: computing them again", path)
            return None
        return feats_TD

    def put(self, video_id: str, clip_id: str, fps: float, feats: np.ndarray) -> None:
        """Keep float32 [T, D] ``feats``, then drop old entries until ``max_bytes`` hold all."""
        key = _key(video_id, clip_id, fps)
        tensors = {"feats": np.ascontiguousarray(feats, dtype=np.float32)}
        path = self._path(key)
        try:
            write_atomic(path, lambda temporary: save_file(tensors, temporary, metadata={"key": key}))
            self._shrink()
        except (OSError, SafetensorError) as error:
            log.warning("features are not cached in %s (%s); set %s to a folder", self.folder, error, CACHE_ENV)

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.safetensors"

    def _shrink(self) -> None:
        entries = sorted((stat.st_mtime_ns, stat.st_size, path) for path, stat in self._entries())
        total = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if total <= self.max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _entries(self) -> list[tuple[Path, os.stat_result]]:
        """Entries with their stats. Hidden files are being written; a file may vanish meanwhile."""
        found = []
        for path in self.folder.glob("[!.]*.safetensors"):
            try:
                found.append((path, path.stat()))
            except FileNotFoundError:
                continue
        return found


def _key(video_id: str, clip_id: str, fps: float) -> str:
    return json.dumps([video_id, clip_id, float(fps)])
