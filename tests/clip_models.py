"""Small random CLIPs in the forms that open_clip and the hub serve."""

import json
from copy import deepcopy
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

NARROW = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 16, "head_width": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
PREPROCESS = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3], "interpolation": "bicubic", "resize_mode": "shortest"}


def save_narrow(folder: Path, seed: int = 0, preprocess: dict = PREPROCESS, **changes) -> Path:
    """A hub-style folder: standard architecture narrowed, CLIP's own byte-pair tokenizer."""
    config = {**deepcopy(NARROW), **changes}
    torch.manual_seed(seed)
    model = open_clip.CLIP(**config)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    return folder


def fill_hub_cache(cache: Path, repo: str, folder: Path) -> None:
    """Lay ``folder`` out as huggingface_hub keeps a downloaded repository."""
    base = cache / f"models--{repo.replace('/', '--')}"
    snapshot = base / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text("0" * 40)
    for path in folder.iterdir():
        (snapshot / path.name).write_bytes(path.read_bytes())
