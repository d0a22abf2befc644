"""Recipes of ``msjoe train`` and what ``--set`` puts over them."""

from dataclasses import asdict
from pathlib import Path
from random import Random

import yaml

from msjoe.rl.command import STAGES
from msjoe.rl.recipe import Recipe
from msjoe.rl.settings import flat
from tests.fuzzing.commands import msjoe, stopped_at
from tests.fuzzing.entry import Attempt, Entry
from tests.fuzzing.mutations import TEXTS, encoded, mutated, odd

LAUGHS = ["&a [x]", *(f"&{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))]
CONFIGS = Path(__file__).parents[3] / "configs"
YAML = (
    f"[{', '.join(LAUGHS)}]", "0x" + "f" * 5000, "[",
    "{a: b", "a: *b", "&a [*a]", "!!python/object/apply:os.system [ls]", "2001-01-01", "!!binary aGk=", "0x1F",
    "1_000", "? a", "a: 1\na: 2", "- 1", "1:30", ".nan", "-.inf", "1e3", "3e-4", "~", "yes", "[" * 3000, "? [a]\n: b",
    "{[1]: 2}",
    "!!set {a}", "!!omap [a: 1]", "!!timestamp x", "!!int x", "!!float x", "!!bool x", "2001-99-99", "\t",
    "%YAML 9.9", "0b", "9" * 5000,
)  # fmt: skip


def prepare(folder: Path) -> Attempt:
    recipes = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CONFIGS.glob("*.yaml"))]
    names = sorted(flat(asdict(Recipe())))

    def attempt(rng: Random, case: Path) -> str:
        (case / "recipe.yaml").write_bytes(_recipe(recipes, rng))
        argv = ["train", rng.choice(list(STAGES)), "--config", "recipe.yaml", "--out", "run"]
        for _ in range(rng.choice((0, 0, 1, 3))):
            argv += ["--set", f"{_name(names, rng)}={_value(rng)}"]
        with stopped_at("msjoe.rl.command._runner"):
            return msjoe(argv)

    return attempt


def _recipe(recipes: list, rng: Random) -> bytes:
    if rng.random() < 0.1:
        return encoded(rng.choice(YAML), rng)
    recipe = rng.choice(recipes)
    if rng.random() < 0.6:
        recipe = mutated(recipe, rng)
    text = yaml.safe_dump(recipe, allow_unicode=rng.random() < 0.5)
    if rng.random() < 0.3:
        lines = text.splitlines()
        place = rng.randrange(len(lines))
        lines[place] = f"{lines[place].partition(':')[0]}: {rng.choice(YAML)}"
        text = "\n".join(lines)
    return encoded(text, rng)


def _name(names: list[str], rng: Random) -> str:
    name = rng.choice(names)
    return name if rng.random() < 0.8 else rng.choice((f"{name}.x", name.partition(".")[0], rng.choice(TEXTS)))


def _value(rng: Random) -> str:
    how = rng.random()
    return rng.choice(YAML) if how < 0.4 else rng.choice(TEXTS) if how < 0.7 else str(odd(rng))


ENTRY = Entry(prepare)
