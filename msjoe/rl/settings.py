"""Settings classes that check themselves: type and range of every field, before anything heavy is loaded.

    @dataclass(frozen=True)
    class Stage(Checked):
        steps: Annotated[int, Within(1)] = 150
        lr: Annotated[float, Within(0, 1, above=True)] = 3e-4
        net: Annotated[str, OneOf("unet", "mlp")] = "unet"

A value is refused with the setting's name, the value and what is allowed. ``build`` makes such a class from the
mappings of a YAML file, and reads what YAML 1.1 takes for text (``3e-4``) as the number it is.
"""

import math
import reprlib
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from msjoe.errors import RecipeError

NUMBERS = {int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Within:
    """A range of numbers. ``above`` and ``below``: the end itself is not allowed."""

    least: float
    most: float = math.inf
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        low = value > self.least if self.above else value >= self.least
        return low and (value < self.most if self.below else value <= self.most)

    def __str__(self) -> str:
        if self.most == math.inf:
            return f"above {self.least}" if self.above else f"of {self.least} or more"
        low = f"above {self.least}" if self.above else f"from {self.least}"
        return f"{low} {'to below' if self.below else 'up to'} {self.most}"


class OneOf:
    """The texts that are allowed."""

    def __init__(self, *known: str) -> None:
        self.known = known

    def holds(self, value: str) -> bool:
        return value in self.known

    def __str__(self) -> str:
        return f"that is one of {', '.join(self.known)}"


class Checked:
    """Base of settings classes. Raises RecipeError for a value of another type or outside its range."""

    def __post_init__(self) -> None:
        for name, kind in _kinds(type(self)).items():
            check(name, getattr(self, name), kind)


def check(name: str, value: object, kind: Any) -> None:
    """Raises RecipeError where ``value`` is not of ``kind``, a type hint with its limits as annotations."""
    bare, limits, optional = _parts(kind)
    if optional and value is None:
        return
    if not (_is_of(value, bare) and all(limit.holds(value) for limit in limits)):
        raise RecipeError(f"{name} is {shown(value)}: give {_words(bare, limits)}{', or null' if optional else ''}")


def build(kind: type, record: object, where: str) -> Any:
    """A settings class from nested mappings. Raises RecipeError, naming the place, for what does not fit."""
    if not isinstance(record, Mapping):
        raise RecipeError(f"{where} holds {shown(record)}: give settings by name")
    kinds = _kinds(kind)
    unknown = sorted(map(str, set(record) - set(kinds)))
    if unknown:
        raise RecipeError(f"{where} has {', '.join(unknown):.80}: its settings are {', '.join(kinds)}")
    values = {name: _read(kinds[name], value, f"{where}: {name}") for name, value in record.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}") from error


def shown(value: object) -> str:
    """A value for a message. YAML can hold lists of lists that would fill the memory when written out in full."""
    try:
        return f"{reprlib.repr(value):.80}"
    except ValueError:  # a whole number of thousands of digits, which Python does not write out
        return "a number of thousands of digits"


def flat(record: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    found = {}
    for name, value in record.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {before + name: value}
    return found


@lru_cache
def _kinds(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def _parts(kind: Any) -> tuple[Any, tuple, bool]:
    """The bare type of a hint, its limits, and whether None is allowed."""
    limits = ()
    if get_origin(kind) is Annotated:
        kind, *limits = get_args(kind)
    optional = get_origin(kind) in (Union, types.UnionType)
    if optional:
        (kind,) = (one for one in get_args(kind) if one is not types.NoneType)
    return kind, tuple(limits), optional


def _is_of(value: object, bare: Any) -> bool:
    if bare is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if bare is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and abs(value) <= sys.float_info.max  # NaN is not, nor a whole number beyond any float
    if get_origin(bare) is tuple:
        return isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    return isinstance(value, bare)


def _words(bare: Any, limits: tuple) -> str:
    """What is allowed, for a message."""
    if get_origin(bare) is tuple:
        return "a list of texts"
    kind = NUMBERS.get(bare) or {bool: "true or false", str: "a text"}.get(bare, f"settings of {bare.__name__}")
    return " ".join([kind, *map(str, limits)])


def _read(kind: Any, value: Any, where: str) -> Any:
    """A value of a YAML file as the settings class wants it; what it cannot be is left as it is, to be refused."""
    bare, _, _ = _parts(kind)
    if is_dataclass(bare):
        return build(bare, value, where)
    if get_origin(bare) is tuple:
        return tuple(value) if isinstance(value, list) else (value,)
    if bare is float and isinstance(value, str):
        return _number(value)
    return float(value) if bare is float and type(value) is int and _is_of(value, float) else value


def _number(text: str) -> float | str:
    """YAML 1.1 wants a dot and a sign in the exponent: ``3e-4`` comes as text."""
    try:
        return float(text)
    except ValueError:
        return text
