"""The folders of demo/ import only what docs/architecture.md allows, and stay small."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo"
ROW = re.compile(r"^\| `demo/([\w/.]+?)/?`[^|]*\|[^|]*\| ([^|]*) \|$", re.M)


def unit_of(path: Path) -> str:
    """The folder of a file, or its own name if it lies directly in demo/: "views", "page.py"."""
    return path.relative_to(DEMO).parts[0]


def imported_modules(source: str) -> Iterator[str]:
    """Dotted names that a file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the folder"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_units(source: str) -> set[str]:
    """Units of demo/ that a file imports from."""
    units = set()
    for name in imported_modules(source):
        parts = name.split(".")
        if parts[0] == "demo" and len(parts) > 1:
            folder, file = DEMO / parts[1], DEMO / f"{parts[1]}.py"
            units |= {folder.name} if folder.is_dir() and not file.is_file() else set()
            units |= {file.name} if file.is_file() else set()
    return units


@pytest.fixture(scope="module")
def allowed() -> dict[str, set[str]]:
    """Unit -> units that it may import, in the order of the table, lowest first."""
    rows = ROW.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    return {unit: set(re.findall(r"`([\w.]+?)/?`", may)) for unit, may in rows}


@pytest.fixture(scope="module")
def files() -> list[Path]:
    return [path for path in sorted(DEMO.rglob("*.py")) if path != DEMO / "__init__.py"]


def test_the_table_names_every_unit_and_no_arrow_runs_up(allowed, files):
    assert set(allowed) == {unit_of(path) for path in files}
    order = list(allowed)
    for unit, may in allowed.items():
        assert may <= set(order[: order.index(unit)]), f"{unit} may import something above it"


def test_every_import_is_in_the_table(allowed, files):
    found = {(unit_of(path), unit) for path in files for unit in imported_units(path.read_text(encoding="utf-8"))}
    assert len(found) > 20
    assert sorted((one, other) for one, other in found if other != one and other not in allowed[one]) == []


def test_imports_are_found_wherever_they_hide():
    source = "import demo.page\nif True:\n  from demo import api\ndef f():\n  from demo.ui.heatmap import heatmap\n"
    assert imported_units(source) == {"page.py", "api.py", "ui"}


def test_no_two_files_import_each_other(files):
    graph = {}
    for path in files:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        graph[name] = set(imported_modules(path.read_text(encoding="utf-8")))
    graph = {name: targets & set(graph) for name, targets in graph.items()}
    while leaves := [name for name, targets in graph.items() if not targets]:
        graph = {name: targets - set(leaves) for name, targets in graph.items() if name not in leaves}
    assert graph == {}, "these files import each other in a circle"


def test_folders_stay_small():
    counts = {folder: len(list(folder.glob("*.py"))) for folder in [DEMO, *DEMO.rglob("*")] if folder.is_dir()}
    assert counts.pop(DEMO) <= 8
    assert max(counts.values()) <= 12


def test_only_views_and_below_do_without_gradio(files):
    gradio = {unit_of(p) for p in files if "gradio" in set(imported_modules(p.read_text(encoding="utf-8")))}
    assert gradio == {"ui", "actions", "browse", "api.py", "page.py"}


def test_no_class_name_has_two_owners(files):
    def classes(paths) -> list[str]:
        trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
        return [node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]

    here = classes(files)
    there = set(classes((ROOT / "msjoe").rglob("*.py")))
    assert len(here) > 20
    assert sorted(name for name in set(here) if here.count(name) > 1 or name in there) == []


def test_a_click_on_the_heatmap_ends_in_a_file_of_that_name():
    scripts = {path.name for path in (DEMO / "ui").glob("*.js")}
    assert {"heatmap_click.js", "video_seek.js"} <= scripts
    assert "window.msjoe.seek(" in (DEMO / "ui" / "heatmap_click.js").read_text(encoding="utf-8")
    assert "currentTime = " in (DEMO / "ui" / "video_seek.js").read_text(encoding="utf-8")
