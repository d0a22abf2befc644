"""Loading a trained sampler, with an error that helps for every folder that holds none."""

import json
from dataclasses import fields
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError

from msjoe.errors import CheckpointError
from msjoe.sampler import CONFIG, INPUT_VERSION, WEIGHTS, SamplerConfig, UNetSampler

_ADVICE = 'train one with "msjoe train sampler" or pass --sampler standin'


def load_sampler(path_or_id: str | Path, device: str | torch.device = "cpu") -> UNetSampler:
    """A trained sampler from a local folder or a hub id, in eval mode.

    Raises CheckpointError for a folder that is missing, foreign, damaged or of another version.
    """
    folder = _sampler_folder(str(path_or_id))
    config = _read_config(folder, path_or_id)
    try:
        return UNetSampler.from_pretrained(folder, config=config, map_location=device)
    except SafetensorError as e:
        raise CheckpointError(f"{WEIGHTS} in {path_or_id} cannot be read ({e}): {_ADVICE}") from e
    except RuntimeError as e:  # what strict loading raises
        raise CheckpointError(f"{WEIGHTS} in {path_or_id} does not fit its {CONFIG}: {_ADVICE}") from e


def _sampler_folder(name: str) -> Path:
    folder = Path(name)
    if not folder.is_dir():
        if folder.exists() or name.startswith((".", "/", "~")) or (len(folder.parts) > 1 and folder.parent.is_dir()):
            raise CheckpointError(f"no folder {name}: {_ADVICE}")
        folder = _download(name)
    for file in (WEIGHTS, CONFIG):
        if not (folder / file).is_file():
            raise CheckpointError(f"no {file} in {name}: {_ADVICE}")
    return folder


def _download(name: str) -> Path:
    try:
        return Path(snapshot_download(name, allow_patterns=[WEIGHTS, CONFIG]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as e:
        reason = type(e).__name__
        raise CheckpointError(
            f"{name} is no local folder and could not be had from the hub ({reason}): {_ADVICE}"
        ) from e


def _read_config(folder: Path, name: str | Path) -> SamplerConfig:
    try:
        read = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise CheckpointError(f"{CONFIG} in {name} is not readable JSON ({e}): {_ADVICE}") from e
    known = {field.name for field in fields(SamplerConfig)}
    if not isinstance(read, dict) or set(read) != known:
        got = ", ".join(sorted(read)[:6]) if isinstance(read, dict) else type(read).__name__
        raise CheckpointError(f"{CONFIG} in {name} is not a sampler's (it holds {got}): {_ADVICE}")
    if read["input_version"] != INPUT_VERSION:
        raise CheckpointError(
            f"the sampler in {name} is of input version {read['input_version']}, this is {INPUT_VERSION}: {_ADVICE}"
        )
    try:
        return SamplerConfig(**read)
    except ValueError as e:
        raise CheckpointError(f"{CONFIG} in {name} has a bad value, {e}: {_ADVICE}") from e
