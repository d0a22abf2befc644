"""Files that settings, documents and comments name are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(
    r"(?<![\w/.-])(?:tests|configs|analysis|benchmarks|demo|msjoe|docs|scripts)/[\w/-]+\.(?:py|yaml|md|json)\b"
)
PLACES = [
    "README.md",
    "docs/*.md",
    "configs/**/*",
    "msjoe/**/*.py",
    "demo/**/*.py",
    "analysis/*.py",
    "benchmarks/*.py",
    "scripts/*.py",
]


def texts() -> list[Path]:
    return sorted(path for place in PLACES for path in ROOT.glob(place) if path.suffix in {".md", ".yaml", ".py"})


def test_every_file_that_is_named_exists():
    named = {(path, name) for path in texts() for name in NAMED.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 50
    assert [f"{path.relative_to(ROOT)}: {name}" for path, name in named if not (ROOT / name).is_file()] == []
