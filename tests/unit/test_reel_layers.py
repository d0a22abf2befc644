"""The layers of docs/architecture.md for the Reel world, the miniatures and the audit."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADING = "## msjoe/reel, msjoe/miniature, msjoe/reel_audit"
MOST_FILES = 12


@dataclass(frozen=True)
class Layer:
    name: str
    imports: tuple[str, ...]
    imported_by: tuple[str, ...]


def layers() -> list[Layer]:
    """The rows of the table under HEADING."""
    section = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split(HEADING)[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [
        Layer(dotted(row[0].strip("`")), *(tuple(re.findall(r"`([^`]+)`", cell)) for cell in row[2:])) for row in rows
    ]


def dotted(path: str | Path) -> str:
    return str(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def below(name: str, parents: Iterable[str]) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


def imported(text: str, known: Set[str]) -> set[str]:
    """The modules of ``known`` that a source text imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not followed"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in names}
    return found & known


@cache
def graph() -> dict[str, set[str]]:
    """Module of msjoe -> the modules of msjoe that it imports."""
    files = {dotted(path.relative_to(ROOT).as_posix()): path for path in sorted((ROOT / "msjoe").rglob("*.py"))}
    return {name: imported(path.read_text(encoding="utf-8"), files.keys()) for name, path in files.items()}


def layer_of(module: str, table: list[Layer]) -> Layer | None:
    """The innermost layer that a module belongs to."""
    return max((x for x in table if below(module, [x.name])), key=lambda x: len(x.name), default=None)


def violations(modules: dict[str, set[str]], table: list[Layer]) -> list[str]:
    """Imports that the table does not allow: "importer -> imported"."""
    wrong = []
    for module, targets in modules.items():
        here = layer_of(module, table)
        for target in targets:
            there = layer_of(target, table)
            if there is here:
                continue
            allowed = here is None or below(target, [*here.imports, here.name])
            expected = there is None or below(module, [*there.imported_by, there.name])
            if not (allowed and expected):
                wrong.append(f"{module} -> {target}")
    return wrong


def reached(start: str, modules: dict[str, set[str]]) -> set[str]:
    seen, waiting = set(), [start]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += modules[module]
    return seen


def test_no_import_breaks_the_table_of_layers():
    table = layers()
    assert {"msjoe.reel", "msjoe.miniature", "msjoe.reel_audit"} <= {layer.name for layer in table}
    assert violations(graph(), table) == []


@pytest.mark.parametrize(
    ("importer", "target"),
    [
        ("msjoe.reel.source", "msjoe.miniature.muon"),
        ("msjoe.reel.source", "msjoe.reel_audit.run_check"),
        ("msjoe.reel.drawing.render", "msjoe.reel.script.records"),
        ("msjoe.miniature.clip.train", "msjoe.rl.loop"),
        ("msjoe.rl.loop", "msjoe.miniature.training_state"),
        ("msjoe.mllm_loading", "msjoe.reel.vocabulary"),
    ],
)
def test_an_import_upward_is_found(importer, target):
    assert violations({importer: {target}}, layers()) == [f"{importer} -> {target}"]


def test_an_import_inside_a_function_is_found():
    known = {"msjoe.rl.loop", "msjoe.rl", "msjoe.reel"}
    assert imported("def f():\n    from msjoe.rl.loop import run_loop\n", known) == {"msjoe.rl.loop"}
    assert imported("if TYPE_CHECKING:\n    from msjoe.rl import loop\n", known) == {"msjoe.rl.loop"}


def test_there_is_no_cycle_in_these_folders():
    ours = ("msjoe.reel", "msjoe.miniature", "msjoe.reel_audit")
    part = {m: {t for t in targets if below(t, ours)} for m, targets in graph().items() if below(m, ours)}
    list(TopologicalSorter(part).static_order())
    with pytest.raises(CycleError):
        list(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())


@pytest.mark.parametrize(
    "start", ["msjoe.loading", "msjoe.pipeline", "msjoe.mllm", "msjoe.clip", "msjoe.checkpoint_stamp"]
)
def test_loading_and_answering_do_not_reach_the_world(start):
    assert not [m for m in reached(start, graph()) if below(m, ("msjoe.reel", "msjoe.miniature", "msjoe.reel_audit"))]


@pytest.mark.parametrize("layer", layers(), ids=lambda layer: layer.name)
def test_a_folder_holds_few_files(layer):
    files = list((ROOT / layer.name.replace(".", "/")).glob("*.py"))
    assert 0 < len(files) <= MOST_FILES


def test_a_class_name_of_these_folders_has_one_owner():
    owners = Counter()
    ours = set()
    for path in (ROOT / "msjoe").rglob("*.py"):
        names = {n.name for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ClassDef)}
        owners.update(names)
        if below(dotted(path.relative_to(ROOT).as_posix()), ("msjoe.reel", "msjoe.miniature", "msjoe.reel_audit")):
            ours |= names
    assert [name for name in sorted(ours) if owners[name] > 1] == []
