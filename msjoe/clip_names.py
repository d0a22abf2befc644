"""Which weights the name of a CLIP means, and what to say when it means none."""

import hashlib
from difflib import get_close_matches
from pathlib import Path

import open_clip
from open_clip.pretrained import get_pretrained_cfg

from msjoe.checkpoint_stamp import check_reel_version
from msjoe.errors import CheckpointError

HUB = "hf-hub:"
LOCAL = "local-dir:"
CONFIG_NAME = "open_clip_config.json"
WEIGHTS = ("*.safetensors", "*.bin", "*.pth")  # what open_clip looks for in a folder


def resolve(name: str) -> tuple[str, dict, str]:
    """(open_clip's model name, further arguments of create_model, Clip.id)."""
    folder = Path(name.removeprefix("local-dir:"))
    if folder.is_dir():
        return f"local-dir:{folder}", {}, _check_folder(folder)
    if name.startswith(HUB):
        return name, {}, name
    model, _, tag = name.rpartition(":")
    if not model or model not in open_clip.list_models():
        raise CheckpointError(_unknown(name))
    if Path(tag).is_file():
        return model, {"pretrained": tag}, f"{model}:{_digest(Path(tag))}"
    tags = open_clip.list_pretrained_tags_by_model(model)
    if tag not in tags:
        raise CheckpointError(f"{model} has no weights {tag!r} and no such file exists: it has {', '.join(tags)}")
    # open_clip 3 only warns when a tag was trained with QuickGELU and the model's config has GELU
    quick = bool(get_pretrained_cfg(model, tag).get("quick_gelu"))
    return model, {"pretrained": tag, "force_quick_gelu": quick}, name


def _check_folder(folder: Path) -> str:
    """The id of a local checkpoint: its name and the hash of its weights, so that retraining changes it."""
    if not (folder / CONFIG_NAME).is_file():
        raise CheckpointError(f"{folder} has no {CONFIG_NAME}: give a folder saved by open_clip, or MODEL:TAG")
    weights = sorted(path for pattern in WEIGHTS for path in folder.glob(pattern))
    if not weights:
        raise CheckpointError(f"{folder} has no weights (open_clip_model.safetensors): download or train them first")
    check_reel_version(folder)
    return f"{folder.resolve().name}@{_digest(weights[0])}"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()[:12]


def _unknown(name: str) -> str:
    known = [f"{model}:{tag}" for model, tag in open_clip.list_pretrained()]
    folded = {entry.lower(): entry for entry in known}
    near = [folded[match] for match in get_close_matches(name.lower(), folded, n=5, cutoff=0.5)]
    hint = f"; near it: {', '.join(near)}" if near else ""
    return f"no folder and no CLIP is called {name!r}: give MODEL:TAG, hf-hub:ORG/NAME or a local directory{hint}"


def load_failure(name: str, error: Exception) -> str:
    reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    if Path(name).is_dir():
        return f"{name} cannot be loaded as a CLIP ({reason}): is it a whole open_clip checkpoint?"
    return (
        f"the weights of {name} could not be loaded ({reason}): check the network and the name, "
        f"or download them elsewhere and give the local directory"
    )
