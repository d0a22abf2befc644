"""Which settings of a run may change when it is resumed, and what to say of those that may not."""

import filecmp
from collections.abc import Mapping
from pathlib import Path

from msjoe.loading import EMBEDDED_CLIP, EMBEDDED_MLLM, embedded
from msjoe.rl.recipe import Recipe
from msjoe.rl.rewards import difficulty_cancels
from msjoe.rl.settings import flat

FREE = ("keep.", "source", "models.device", "models.features")  # beginnings of names: where, not what, is learned
MODELS = {"models.mllm": EMBEDDED_MLLM, "models.clip": EMBEDDED_CLIP}
WEIGHTS = (".safetensors", ".bin", ".pt", ".json")

CANCELLED = (
    "that run divided the difficulty-aware reward by the group's deviation, which made it the plain reward, and is "
    "refused now: sampler.reward plain with sampler.scale true is what it learned from; start it in another folder"
)


def differences(theirs: Mapping, ours: Mapping) -> list[str]:
    """What keeps a run with the recipe ``ours`` from resuming one with ``theirs``, a line for each setting.

    A setting that ``theirs`` is too old to have had its default. Models may have another name where their files are
    the same, byte for byte.
    """
    before, now = flat(Recipe().to_json()) | flat(theirs), flat(ours)
    before, now = ({k: list(v) if isinstance(v, tuple) else v for k, v in one.items()} for one in (before, now))
    other = [
        name
        for name, value in now.items()
        if before.get(name) != value
        and not name.startswith(FREE)
        and not (name in MODELS and _same_files(before[name], value, MODELS[name]))
    ]
    lines = [f"{name} was {before.get(name)!r} and is {now[name]!r}" for name in other]
    if "sampler.scale" in other and difficulty_cancels(before["sampler.reward"], before["sampler.scale"]):
        lines.append(CANCELLED)
    return lines


def _same_files(one: str | None, other: str | None, default: str) -> bool:
    """Whether two names are those of folders with the same weights and settings."""
    folders = [Path(name or embedded(default)).expanduser() for name in (one, other)]
    if not all(folder.is_dir() for folder in folders):
        return False
    names = [sorted(path.name for path in folder.iterdir() if path.suffix in WEIGHTS) for folder in folders]
    return names[0] == names[1] and not any(filecmp.cmpfiles(*folders, names[0], shallow=False)[1:])
