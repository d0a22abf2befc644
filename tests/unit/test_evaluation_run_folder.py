"""A run's folder loses nothing and repeats nothing, whenever it is stopped."""

import json

import pytest

from msjoe.errors import CheckpointError
from msjoe.evaluation.run_folder import RunFolder, check_config, read_config, read_rows


def row(name: str, arm: str = "uniform/8", **more) -> dict:
    return {"id": name, "arm": arm, **more}


def names(path) -> list[str]:
    return [r["id"] for r in read_rows(path)]


def test_what_is_there_is_not_written_again(tmp_path):
    folder = RunFolder(tmp_path)
    folder.append([row("a"), row("b")])
    folder.append([row("b", reply="another"), row("c")])
    assert names(tmp_path) == ["a", "b", "c"]
    assert "another" not in (tmp_path / "answers.jsonl").read_text()


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_a_torn_last_line_is_dropped(tmp_path, cut):
    RunFolder(tmp_path).append([row("a"), row("b", reply="Frage mit Umlaut ä")])
    file = tmp_path / "answers.jsonl"
    file.write_bytes(file.read_bytes()[:-cut])
    folder = RunFolder(tmp_path)
    assert folder.done == {("a", "uniform/8")}
    folder.append([row("b")])
    assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == ["a", "b"]


def test_a_process_reads_what_the_others_wrote_and_leaves_their_last_line_alone(tmp_path):
    RunFolder(tmp_path, rank=0).append([row("a")])
    with (tmp_path / "answers.jsonl").open("a") as out:
        out.write('{"id": "b", "ar')  # the first process is writing
    second = RunFolder(tmp_path, rank=1)
    assert second.done == {("a", "uniform/8")}
    second.append([row("c")])
    assert (tmp_path / "answers-1.jsonl").read_text().count("\n") == 1
    assert (tmp_path / "answers.jsonl").read_text().endswith('"ar')


def test_a_merge_orders_and_leaves_one_file(tmp_path):
    RunFolder(tmp_path, rank=0).append([row("c"), row("a")])
    RunFolder(tmp_path, rank=1).append([row("b"), row("a", reply="twice")])  # as after a stop during a merge
    order = [(name, "uniform/8") for name in "abcd"]
    merged = RunFolder(tmp_path).merge(order)
    assert [r["id"] for r in merged] == ["a", "b", "c"]
    assert merged[0] == row("a")
    assert [p.name for p in tmp_path.iterdir()] == ["answers.jsonl"]
    assert read_rows(tmp_path) == merged


def test_a_line_that_is_no_answer_is_named(tmp_path):
    (tmp_path / "answers.jsonl").write_text('{"id": "a", "arm": "uniform/8"}\n{"id": 3\n')
    with pytest.raises(CheckpointError, match="line 2 of"):
        RunFolder(tmp_path)


def test_a_folder_of_other_settings_is_refused_by_name(tmp_path):
    check_config(tmp_path / "run", {"seed": 0, "budgets": (8, 16)}, {"command": "x"}, write=True)
    check_config(tmp_path / "run", {"seed": 0, "budgets": (8, 16)}, {"command": "y"}, write=True)
    assert read_config(tmp_path / "run")["command"] == "x"
    RunFolder(tmp_path / "run").append([row("a")])
    with pytest.raises(CheckpointError, match="seed is 0 there, 1 here"):
        check_config(tmp_path / "run", {"seed": 1, "budgets": (8, 16)}, {}, write=True)
    with pytest.raises(CheckpointError, match="limit is None there, 5 here"):
        check_config(tmp_path / "run", {"seed": 0, "budgets": (8, 16), "limit": 5}, {}, write=True)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        check_config(tmp_path, {}, {}, write=True)
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="not the config of a run"):
        read_config(tmp_path)
