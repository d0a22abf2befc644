"""Whatever happens to a cached entry, the features of a video are those of the video."""

import hashlib
import json
import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from msjoe.cache import FeatureCache
from msjoe.evaluation.footage import Footage
from msjoe.video import open_video


@pytest.fixture(scope="module")
def source(film):
    return open_video(film[1])


@pytest.fixture(scope="module")
def fresh(models, source, tmp_path_factory) -> tuple[np.ndarray, str, bytes]:
    """The features, float32 [60, 128], and their entry's name and bytes."""
    folder = tmp_path_factory.mktemp("fresh")
    feats = features(models, source, folder)
    (entry,) = folder.iterdir()
    return feats, entry.name, entry.read_bytes()


@pytest.fixture
def entry(tmp_path, fresh) -> Path:
    """The video's entry in a folder of its own, to be damaged."""
    path = tmp_path / fresh[1]
    path.write_bytes(fresh[2])
    return path


def features(models, source, folder: Path, **clip) -> np.ndarray:
    """As an evaluation takes them, with a cache in ``folder``."""
    parts = replace(models, cache=FeatureCache(folder), clip=replace(models.clip, **clip))
    return Footage(source, parts, 1.0).feats_TD


def flipped(data: bytes, place: int, bit: int = 0) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


BYTES = {  # damage to the file as a whole
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "header only": lambda data: data[: 8 + int.from_bytes(data[:8], "little")],
    "last 20 bytes gone": lambda data: data[:-20],
    "half gone": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + bytes(100),
    "rubbish": lambda data: b"rubbish" * 100,
    "zeros": lambda data: bytes(len(data)),
    "a bit of the header's length": lambda data: flipped(data, 0),
    "a bit of the key": lambda data: flipped(data, data.index(b"1.0")),
    "a low bit of a number": lambda data: flipped(data, len(data) - 1000 * 4),
    "a sign": lambda data: flipped(data, len(data) - 1000 * 4 + 3, 7),
    "the second half zeroed": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
}
FEATURES = {  # other features, written whole
    "all zero": np.zeros_like,
    "fewer rows": lambda feats: feats[:-7],
    "more rows": lambda feats: np.concatenate([feats, feats[:5]]),
    "no row": lambda feats: feats[:0],
    "narrower": lambda feats: feats[:, :64],
    "wider": lambda feats: np.concatenate([feats, feats], axis=1),
    "a NaN row": lambda feats: np.concatenate([feats[:5], feats[5:6] * np.nan, feats[6:]]),
    "an infinite row": lambda feats: np.concatenate([feats[:5], feats[5:6] * np.inf, feats[6:]]),
    "int8": lambda feats: feats.astype(np.int8),
    "float64": lambda feats: feats.astype(np.float64),
    "float16": lambda feats: feats.astype(np.float16),
    "flat": np.ravel,
    "rows in another order": lambda feats: feats[::-1],
}
VALUES = ("all zero", "rows in another order")  # nothing but the checksum can tell


@pytest.mark.parametrize("damage", BYTES)
def test_damaged_bytes_are_replaced(models, source, entry, fresh, damage, caplog):
    entry.write_bytes(BYTES[damage](entry.read_bytes()))
    check_healed(models, source, entry, fresh, caplog)


@pytest.mark.parametrize(
    ("damage", "sealed"),
    [(name, False) for name in FEATURES] + [(name, True) for name in FEATURES if name not in VALUES],
)
def test_other_features_are_replaced(models, source, entry, fresh, damage, sealed, caplog):
    """``sealed``: as if a faulty program had written them, so that the checksum is right."""
    feats = np.ascontiguousarray(FEATURES[damage](fresh[0]))
    with safe_open(entry, framework="numpy") as file:
        metadata = file.metadata()
    if sealed and "entry" in metadata:
        checksum = hashlib.blake2b(feats, digest_size=16).hexdigest()
        metadata["entry"] = json.dumps(json.loads(metadata["entry"]) | {"checksum": checksum})
    save_file({"feats": feats}, entry, metadata=metadata)
    check_healed(models, source, entry, fresh, caplog)


def check_healed(models, source, entry: Path, fresh: tuple[np.ndarray, str, bytes], caplog) -> None:
    """The features come right, one warning names the entry, and the entry is as it was."""
    with caplog.at_level(logging.WARNING):
        found = features(models, source, entry.parent)
    np.testing.assert_array_equal(found, fresh[0])
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert entry.name in warnings[0]
    assert entry.read_bytes() == fresh[2]


def test_a_damaged_entry_is_gone_even_if_the_new_one_is_never_written(models, source, entry):
    entry.write_bytes(b"rubbish")
    parts = replace(models, cache=FeatureCache(entry.parent), clip=replace(models.clip))
    parts.clip.encode_batches = lambda batches: iter(())  # stopped half-way
    with pytest.raises(ValueError, match="concatenate"):
        _ = Footage(source, parts, 1.0).feats_TD
    assert list(entry.parent.iterdir()) == []


def test_machines_that_compute_in_other_types_do_not_share_entries(models, source, entry):
    other = features(models, source, entry.parent, autocast=torch.bfloat16)
    again = features(models, source, entry.parent, autocast=None)
    assert len(list(entry.parent.iterdir())) == 2
    assert not np.array_equal(other, again)


def test_features_that_are_not_finite_are_not_kept(models, source, tmp_path, caplog):
    parts = replace(models, cache=FeatureCache(tmp_path), clip=replace(models.clip))
    parts.clip.encode_batches = lambda batches: (np.full((len(batch), 128), np.nan, np.float32) for batch in batches)
    assert np.isnan(Footage(source, parts, 1.0).feats_TD).all()
    assert list(tmp_path.iterdir()) == []
    assert "not cached" in caplog.text


def leftover(folder: Path, age: float, size: int = 10, name: str = f".{'0123456789abcdef' * 2}-k3_dfx0z") -> Path:
    """What a process that was killed while it wrote leaves."""
    path = folder / f"{name}.safetensors"
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_what_a_killed_process_left_is_removed_when_it_is_old(models, source, tmp_path):
    old, other = leftover(tmp_path, 7200), leftover(tmp_path, 7200, name=".mine")
    young = leftover(tmp_path, 60, name=f".{'f' * 32}-abcdefgh")
    features(models, source, tmp_path)
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_what_is_being_written_counts(models, source, tmp_path, fresh):
    size = len(fresh[2])
    leftover(tmp_path, 60, size)
    cache = FeatureCache(tmp_path, max_bytes=2 * size + size // 2)
    for fps in (1.0, 1.0001):
        _ = Footage(source, replace(models, cache=cache), fps).feats_TD
        time.sleep(0.01)
    assert len(list(tmp_path.glob("[!.]*"))) == 1
