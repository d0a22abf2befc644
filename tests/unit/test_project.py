"""Promises of the project's own files."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = sorted((ROOT / "msjoe").rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Top-level packages that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_the_library_never_imports_the_page_or_the_analysis():
    above = {"gradio", "plotly", "demo", "analysis", "benchmarks", "scripts"}
    assert {str(path): found for path in LIBRARY if (found := imports(path) & above)} == {}


def test_only_the_plugin_needs_lmms_eval():
    plugin = ROOT / "msjoe" / "lmms"
    others = [path for path in LIBRARY if plugin not in path.parents]
    assert not [path for path in others if "lmms_eval" in imports(path)]
    assert not [path for path in others if "msjoe.lmms" in path.read_text(encoding="utf-8")]


def test_weights_are_never_pickles():
    pickles = re.compile(r"torch\.(load|save)\(|import pickle|pickle\.load")
    assert [str(path) for path in LIBRARY if pickles.search(path.read_text(encoding="utf-8"))] == []


def requirements(text: str) -> dict[str, str]:
    """Package -> what is asked of it, comments and the order aside."""
    found = {}
    for line in text.splitlines():
        line = line.split("  #")[0].strip()
        if line and not line.startswith(("#", "-")):
            name = re.match(r"[\w.-]+", line).group()
            found[name] = line.replace('"', "'").replace(" ", "")
    return found


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_requirements_and_pyproject_ask_for_the_same():
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    app = requirements((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert {k: v for k, v in app.items() if k not in ("gradio", "plotly")} == requirements("\n".join(declared))
    assert {"gradio", "plotly"} <= set(app)


def test_the_readme_holds_the_commands_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "pip install -r requirements.txt && python app.py" in readme
    assert "pip install -r requirements-dev.txt && pytest" in readme


def test_embedded_weights_stay_small():
    weights = sum(p.stat().st_size for p in (ROOT / "checkpoints").rglob("*.safetensors"))
    assert 0 < weights < 40e6
    assert sum(p.stat().st_size for p in (ROOT / "demo" / "examples").glob("*.mp4")) < 12e6
