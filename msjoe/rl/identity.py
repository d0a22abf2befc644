"""Which models a run began with, by content: a path may change between two starts, the weights must not."""

import hashlib
import os
from pathlib import Path

from msjoe.loading import EMBEDDED_CLIP, EMBEDDED_MLLM, embedded
from msjoe.rl.recipe import Parts

SAMPLES, BYTES = 64, 4096  # of each file: training changes weights everywhere, and 15 GB are not read to see it
SUFFIXES = (".safetensors", ".json", ".bin", ".pt")


def model_identities(parts: Parts) -> dict[str, str | bool]:
    """What of ``parts`` decides the weights that a run ends with; device and folders of features do not."""
    return {
        "mllm": model_identity(parts.mllm or embedded(EMBEDDED_MLLM)),
        "clip": model_identity(parts.clip or embedded(EMBEDDED_CLIP)),
        "load_in_4bit": parts.load_in_4bit,
        "dtype": parts.dtype,
    }


def model_identity(name: str) -> str:
    """A digest of a local folder's weights and settings, from samples of each file; a hub id is its own identity."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return name
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            for i in range(SAMPLES):
                file.seek(max(0, size - BYTES) * i // (SAMPLES - 1), os.SEEK_SET)
                digest.update(file.read(BYTES))
    return digest.hexdigest()[:16]
