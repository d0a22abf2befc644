"""Odd values, and what can be done to JSON and to bytes."""

import copy
import json
from random import Random

from tests import fuzz

DEEP, DIGITS, LONG = "@deep@", "@digits@", "@long@"  # what only text can hold; see ``text_of``
NUMBERS = (
    -1, 0, 1, 2, 7, 8, 0.5, 1.5, -0.0, 1e-320, 1e308, -1e308, 2**31, 2**32, 2**63, -(2**63), 2**64, 10**400,
    float("nan"), float("inf"), -float("inf"),
)  # fmt: skip
TEXTS = (
    "", " ", "\n", "\0", "x", "A", "B. b", "0", "-1", "1e999", "nan", "NaN", "null", "true", "None", "[]", "{}", "..",
    "../x", "/etc/passwd", "a/b", "\ud800", "x\udfffy", "\u0663", "\u202e", "\U0001f600", "é" * 300, "y" * 5000,
    "<script>alert(1)</script>", "A. one\nB. two", "%s%n{0}", "a=b", "a=b=c",
    "--x", "-x", "~", "~nobody/x", "C:\\x", "\x1b[31m",
)  # fmt: skip
PLAIN = (None, True, False, *NUMBERS, *TEXTS)


def odd(rng: Random, depth: int = 2) -> object:
    """Any JSON value, few of them usual."""
    kind = rng.random()
    if depth == 0 or kind < 0.7:
        return rng.choice(PLAIN)
    if kind < 0.85:
        return [odd(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 3, 30)))]
    return {rng.choice(("a", "path", "value", "kind", "A", "", "meta")): odd(rng, depth - 1) for _ in range(2)}


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def mutated(value: object, rng: Random) -> object:
    """A copy of a JSON value with one to three changes, at any depth."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return odd(rng)
        holder, key = rng.choice(places)
        _change(holder, key, rng)
    return value


def _places(value: object):
    """(container, key or index) of everything inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield value, key
        yield from _places(item)


def _change(holder: dict | list, key: object, rng: Random) -> None:
    how = rng.randrange(12)
    item = holder[key]
    if how == 0:
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[rng.choice(TEXTS)] = holder.pop(key)
    elif how == 1:
        holder.insert(key, copy.deepcopy(item))
    elif how == 2 and isinstance(item, list):
        item.extend(copy.deepcopy(item) * rng.choice((1, 3, 300)) if len(item) < 50 else [])
    elif how == 3 and isinstance(item, (int, float)):
        holder[key] = str(item)
    elif how == 3 and isinstance(item, str):
        holder[key] = rng.choice((list(item), {item: item}, item * 50, item[: len(item) // 2]))
    elif how == 4 and isinstance(item, list):
        rng.shuffle(item)
    elif how == 5:
        holder[key] = [item]
    elif how == 6:
        holder[key] = rng.choice((DEEP, DIGITS, LONG))
    else:
        holder[key] = odd(rng)


def text_of(value: object, rng: Random) -> str:
    """JSON, with what cannot be made as a value: nesting beyond any parser's, numbers and texts without end."""
    text = json.dumps(value, ensure_ascii=rng.random() < 0.8)
    depth = rng.choice((50, 500, 100_000))
    deep = rng.choice(("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth))
    return (
        text.replace(f'"{DEEP}"', deep)
        .replace(f'"{DIGITS}"', "9" * rng.choice((400, 5000)))
        .replace(LONG, "long " * 40_000)
    )


def encoded(text: str, rng: Random) -> bytes:
    """Mostly UTF-8; the rest is what other programs write, or a damaged file."""
    how = rng.randrange(24)
    data = text.encode("utf-8", "surrogatepass" if how % 2 else "replace")
    if how == 0:
        return text.encode("utf-16", "replace")
    if how == 1:
        return text.encode("latin-1", "replace").replace(b"i", b"\xe4")
    if how == 2:
        return b"\xef\xbb\xbf" + data
    if how in (3, 4, 5):
        return damaged(data, rng)
    return data


def damaged(data: bytes, rng: Random) -> bytes:
    """Cut, flipped, holed, shuffled or grown, as the damaged videos are."""
    return fuzz.damaged(data, rng.randrange(2**31)) if data else data
