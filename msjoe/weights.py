"""Small models of this project on disk and on the hub: safetensors beside a config of plain numbers.

A model class inherits ``SavedModule`` and takes its config (a frozen dataclass of the settings, which
checks itself with ValueError) as the argument ``config``. A setting that older files lack has the metadata
``added`` and, as its default, what those files mean; ``load_module`` reads one and tells what is
wrong with a folder.
"""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TypeVar

import torch
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import nn

from msjoe.errors import CheckpointError
from msjoe.files import write_atomic

WEIGHTS = "model.safetensors"
CONFIG = "config.json"

Module = TypeVar("Module", bound="SavedModule")


class SavedModule(nn.Module, PyTorchModelHubMixin):
    """A module with ``save_pretrained``, ``push_to_hub`` and ``from_pretrained``, without pickle files."""

    source = "untrained"  # hub id or name of the folder of the weights; set by load_module

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def _save_pretrained(self, save_directory: Path) -> None:
        """Called by save_pretrained and push_to_hub."""
        config = json.dumps(asdict(self.config), indent=2) + "\n"
        write_atomic(save_directory / WEIGHTS, lambda path: save_model(self, str(path)))
        write_atomic(save_directory / CONFIG, lambda path: path.write_text(config, encoding="utf-8"))

    @classmethod
    def _from_pretrained(
        cls, *, model_id: str, map_location: str | torch.device = "cpu", strict: bool = True, **kwargs
    ) -> "SavedModule":
        """Called by from_pretrained. Unlike the mixin's own: strict, and never falls back to a pickle file."""
        hub = {k: kwargs.pop(k) for k in ("revision", "cache_dir", "force_download", "local_files_only", "token")}
        local = Path(model_id).is_dir()
        path = Path(model_id) / WEIGHTS if local else hf_hub_download(model_id, WEIGHTS, **hub)
        model = cls(**kwargs)
        load_model(model, path, strict=strict)
        return model.to(map_location).eval()


def load_module(
    model_class: type[Module], config_class: type, name: str, device: str | torch.device, advice: str
) -> Module:
    """A trained model from a local folder or a hub id, in eval mode.

    Raises CheckpointError, which ends in ``advice``, for a folder that is missing, foreign or damaged.
    """
    folder = _folder(name, advice)
    config = read_config(config_class, folder, name, advice)
    try:
        model = model_class.from_pretrained(folder, config=config, map_location=device)
    except SafetensorError as e:
        raise CheckpointError(f"{WEIGHTS} in {name} cannot be read ({e}): {advice}") from e
    except RuntimeError as e:  # what strict loading raises
        raise CheckpointError(f"{WEIGHTS} in {name} does not fit its {CONFIG}: {advice}") from e
    model.source = folder.name if Path(name).expanduser().is_dir() else name
    return model


def _folder(name: str, advice: str) -> Path:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        # "checkpoints/x" has the form of a hub id: it is taken for a path where a folder "checkpoints" lies here.
        beside = len(folder.parts) > 1 and folder.parent.is_dir()
        if folder.exists() or beside or name.startswith((".", "/", "~")):
            raise CheckpointError(f"no folder {name}: {advice}")
        folder = _download(name, advice)
    for file in (WEIGHTS, CONFIG):
        if not (folder / file).is_file():
            raise CheckpointError(f"no {file} in {name}: {advice}")
    return folder


def _download(name: str, advice: str) -> Path:
    try:
        return Path(snapshot_download(name, allow_patterns=[WEIGHTS, CONFIG]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as e:
        why = f"no local folder and could not be had from the hub ({type(e).__name__})"
        raise CheckpointError(f"{name} is {why}: {advice}") from e


def read_config(config_class: type, folder: Path, name: str, advice: str) -> object:
    """The settings of a trained model in ``folder``, by the fields of ``config_class``. Raises CheckpointError."""
    try:
        read = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as e:  # of JSON, of UTF-8, and of numbers of thousands of digits
        raise CheckpointError(f"{CONFIG} in {name} is not readable JSON ({e}): {advice}") from e
    known = {field.name: field for field in fields(config_class)}
    added = {name for name, field in known.items() if field.metadata.get("added")}  # older files lack these settings
    if not isinstance(read, dict) or not known.keys() - added <= read.keys() <= known.keys():
        raise CheckpointError(f"{CONFIG} in {name} is that of another kind of model: {advice}")
    try:
        return config_class(**read)
    except ValueError as e:
        raise CheckpointError(f"{CONFIG} in {name} has a bad value, {e}: {advice}") from e
