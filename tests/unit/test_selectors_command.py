"""``msjoe select``: score lists in, index lists out, and what bad input gets."""

import json

import numpy as np
import pytest

from msjoe.cli import main
from msjoe.errors import UserError
from msjoe.loading import load_selector
from msjoe.selectors import build_selector
from tests.golden_cases import golden

READ_FRAMES = ("mdp3", "qca", "gift", "dig_style")  # rules that scores alone are not enough for


@pytest.fixture
def scores(tmp_path):
    """A function that writes a score file and returns its path."""

    def write(content) -> str:
        path = tmp_path / "scores.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def selected(capsys, *argv: str) -> list:
    assert main(["select", *argv]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *argv: str) -> str:
    assert main(["select", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_index_lists_come_out_in_the_order_of_the_score_lists(scores, capsys):
    path = scores([[0.25, 0.5, 0.1, 0.5], [1, 2, 3], [-0.5]])
    assert selected(capsys, "topk", "--scores", path, "--budget", "2") == [[1, 3], [1, 2], [0]]
    assert selected(capsys, "topk", "--scores", scores([]), "--budget", "2") == []


@pytest.mark.parametrize("how", [{"t1": 0.8, "depth": 5}, {"t1": 0.2, "depth": 3}])
def test_published_settings_give_the_published_lists(how, scores, capsys):
    kind = {"t1": how["t1"], "t2": -100, "all_depth": how["depth"], "ratio": 1}
    cases = [case for case in golden("aks", "few") if case["params"] == kind]
    assert len(cases) > 2
    for case in cases:
        flags = ["--set", *(f"{key}={value}" for key, value in how.items())]
        path = scores([case["scores"]])
        assert selected(capsys, "aks", "--scores", path, "--budget", str(case["K"]), *flags) == [case["expected"]]


def test_scores_keep_all_their_digits(scores, capsys):
    """Two scores that are one number in float32: the higher one is later, and is found."""
    assert selected(capsys, "topk", "--scores", scores([[0.1, 0.9, 0.9000000001]]), "--budget", "1") == [[2]]


def test_out_writes_the_file_and_replaces_an_old_one(scores, tmp_path, capsys):
    out = tmp_path / "new" / "chosen.json"
    out.parent.mkdir()
    for budget in ("1", "2"):
        flags = ["--scores", scores([[0.1, 0.9, 0.5]]), "--budget", budget, "--out", str(out)]
        assert main(["select", "topk", *flags]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(out.read_text()) == [[1, 2]]
    assert [p.name for p in out.parent.iterdir()] == ["chosen.json"]


def test_settings_are_numbers_lists_or_words(scores, capsys):
    path = scores([np.linspace(0, 1, 90).tolist()])
    flags = ["--set", "mode=tiers", "tiers=[2, 0, 0]", "--set", "uniform=0.5"]
    assert selected(capsys, "qframe", "--scores", path, "--budget", "2", *flags) == [[88, 89]]


def test_draws_follow_the_seed_and_differ_between_lists(scores, capsys):
    flags = ["random", "--scores", scores([[0.0] * 60] * 2), "--budget", "8"]
    one, two = selected(capsys, *flags)
    assert one != two
    assert selected(capsys, *flags) == [one, two]
    assert selected(capsys, *flags, "--seed", "1") != [one, two]


def test_lists_that_lose_frames_are_told(scores, capsys, caplog):
    path = scores([[0.1, 0.2], np.arange(100).tolist()])
    assert selected(capsys, "aks", "--scores", path, "--budget", "8") == [[0, 1], []]
    assert "2 of 2 lists bear a note" in caplog.text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{not json", "not readable JSON"),
        ("[[0.1, 0.2]", "not readable JSON"),
        ('{"a": [0.1]}', "holds an object: give a JSON list of score lists"),
        ("[0.1, 0.2]", r"list 0 of .* is a number: give a JSON list of score lists"),
        ("[[0.1], null]", "list 1 of .* is null"),
        ("[[0.1], []]", "list 1 of .* is empty"),
        ("[[0.1], [0.2, NaN]]", "list 1 of .* holds nan at place 1: give finite numbers"),
        ("[[0.1, -Infinity]]", "list 0 of .* holds -inf at place 1"),
        ("[[1e999]]", "holds inf"),
        ('[[0.1, "0.2"]]', "list 0 of .* holds a text at place 1"),
        ("[[true]]", "holds a truth value"),
        ("[[[0.1]]]", "list 0 of .* holds a list at place 0"),
        ("[[1" + "0" * 400 + "]]", "give finite numbers"),
        ("[" * 100000, "not readable JSON"),
    ],
)
def test_bad_score_files(content, told, scores, capsys):
    import re

    message = refused(capsys, "topk", "--scores", scores(content), "--budget", "2")
    assert re.search(told, message)
    assert len(message) < 1000


def test_missing_files_and_places_that_cannot_be_written(scores, tmp_path, capsys):
    assert "No such file" in refused(capsys, "topk", "--scores", str(tmp_path / "none.json"), "--budget", "2")
    assert "directory" in refused(capsys, "topk", "--scores", str(tmp_path), "--budget", "2")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert "not readable JSON" in refused(capsys, "topk", "--scores", str(tmp_path / "binary.json"), "--budget", "2")
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file" / "chosen.json", tmp_path / "nowhere" / "chosen.json", tmp_path):
        assert str(out) in refused(capsys, "topk", "--scores", scores([[0.1]]), "--budget", "1", "--out", str(out))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["best"], "choose one of uniform, random"),
        (["tspo"], "tspo needs trained weights and more than scores"),
        (["sampler"], "sampler needs trained weights"),
        (["aks", "--set", "t3=1"], "its settings are t1, t2, depth, ratio, rows"),
        (["aks", "--set", "t1"], "give KEY=VALUE"),
        (["aks", "--set", "depth=deep"], "depth is 'deep': give a whole number"),
        (["qframe", "--set", "tiers=[8, 16, 64]"], "cost 16 frames"),
        (["topk", "--budget", "0"], "--budget is 0"),
        (["topk", "--seed", "-1"], "seed is -1"),
    ],
)
def test_senseless_flags(argv, told, scores, capsys):
    name, *extra = argv
    assert told in refused(capsys, name, "--scores", scores([[0.1, 0.2, 0.3]]), "--budget", "2", *extra)


def test_every_rule_that_scores_are_enough_for_is_offered(scores, capsys):
    from msjoe.selectors import needs_model, selector_names

    path = scores([np.linspace(0, 1, 64).tolist()])
    for name in selector_names():
        if name.removesuffix("_repaired") in READ_FRAMES:
            assert f"{name} reads the frames' embeddings" in refused(capsys, name, "--scores", path, "--budget", "8")
        elif not needs_model(name):
            (chosen,) = selected(capsys, name, "--scores", path, "--budget", "8")
            rng = np.random.default_rng([0, 0])
            assert chosen == build_selector(name).select(np.linspace(0, 1, 64), 8, rng).indices.tolist()


def test_a_rule_is_named_with_its_settings():
    rule = load_selector("aks?t1=0.2&depth=3&rows=max_z")
    assert (rule.t1, rule.depth, rule.rows) == (0.2, 3, "max_z")
    with pytest.raises(UserError, match="no setting t9"):
        load_selector("aks?t9=1")
    with pytest.raises(UserError, match="KEY=VALUE"):
        load_selector("aks?t1")
