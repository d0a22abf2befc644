"""LoRA adapters in a folder of their own: which model they belong to, put into it, and merged with its weights."""

import json
from importlib.util import find_spec
from pathlib import Path

from torch import nn
from transformers import PreTrainedModel

from msjoe.errors import CheckpointError

ADAPTER_JSON = "adapter_config.json"


def base_of(name: str) -> str | None:
    """The model whose adapters lie in the folder ``name``; None where it holds whole weights, or is a hub id.

    Raises CheckpointError for adapters that name no model, and where peft is missing.
    """
    path = Path(name) / ADAPTER_JSON
    if not path.is_file() or (Path(name) / "config.json").is_file():
        return None
    try:
        base = json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged ({type(error).__name__}): get the adapters again") from error
    if not base:
        raise CheckpointError(f"{path} names no base model: write its folder or hub id as base_model_name_or_path")
    if find_spec("peft") is None:
        raise CheckpointError(f"{name} holds LoRA adapters, which need peft: pip install peft")
    return base


def put_in(model: PreTrainedModel, folder: str, merge: bool) -> None:
    """Load the adapters of a folder into their base model; ``merge``: add them to its weights (not to 4-bit ones).

    Raises CheckpointError for adapters of another model.
    """
    try:
        model.load_adapter(folder)
    except (RuntimeError, ValueError) as error:
        first = str(error).strip().splitlines()[0][:300]
        raise CheckpointError(f"the adapters in {folder} do not fit their base model: {first}") from error
    if merge:
        merge_adapters(model)


def merge_adapters(model: nn.Module) -> None:
    """Add the adapters to the weights they stand beside, and take them out."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(model.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, module.get_base_layer())
    model._hf_peft_config_loaded = False  # or transformers would look for adapters, which are gone
