"""This world passes the gates that need no model: ``msjoe reel check --fast``."""

import json

import pytest

from msjoe.cli import main


@pytest.mark.slow
def test_the_fast_gates_pass(tmp_path):
    out = tmp_path / "check"
    code = main(["reel", "check", "--fast", "--workers", "2", "--out", str(out)])
    gates = json.loads((out / "check.json").read_text())["gates"]
    assert [gate for gate in gates if not gate["passed"]] == []
    assert code == 0
    assert {gate["group"] for gate in gates} == {"1 text", "2 layout"}
