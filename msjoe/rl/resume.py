"""Which settings of a run may change when it is resumed, and what to say of those that may not."""

from collections.abc import Mapping

from msjoe.rl.recipe import Recipe
from msjoe.rl.rewards import difficulty_cancels
from msjoe.rl.settings import flat

FREE = ("keep.", "source", "models.")  # beginnings of names: where, not what, is learned

CANCELLED = (
    "that run divided the difficulty-aware reward by the group's deviation, which made it the plain reward, and is "
    "refused now: sampler.reward plain with sampler.scale true is what it learned from; start it in another folder"
)


def differences(theirs: Mapping, ours: Mapping) -> list[str]:
    """What keeps a run with the recipe ``ours`` from resuming one with ``theirs``, a line for each setting.

    A setting that ``theirs`` is too old to have had its default. Models may have another name: their content is
    compared (``identity``).
    """
    before, now = flat(Recipe().to_json()) | flat(theirs), flat(ours)
    before, now = ({k: list(v) if isinstance(v, tuple) else v for k, v in one.items()} for one in (before, now))
    other = [name for name, value in now.items() if before.get(name) != value and not name.startswith(FREE)]
    lines = [f"{name} was {before.get(name)!r} and is {now[name]!r}" for name in other]
    if "sampler.scale" in other and difficulty_cancels(before["sampler.reward"], before["sampler.scale"]):
        lines.append(CANCELLED)
    return lines
