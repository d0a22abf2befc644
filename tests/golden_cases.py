"""Cases made by running the authors' code: a few in this repository, all of them where ../shared is there."""

import json
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "golden"
SHARED = Path(__file__).parents[2] / "shared" / "golden"
SOURCES = ("few", "all")


@cache
def golden(name: str, source: str) -> list[dict]:
    """The cases of a file, by "few" or "all"; skips the test where ../shared is needed and absent."""
    path = (HERE if source == "few" else SHARED) / f"{name}.json"
    if source == "all" and not path.is_file():
        pytest.skip("the golden files are not beside this checkout")
    return json.loads(path.read_text(encoding="utf-8"))["cases"]
