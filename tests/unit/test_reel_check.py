"""The parts of ``msjoe reel check`` without a model: gates, two-sample tests, facts, what a stopped run keeps."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from msjoe.cli import main
from msjoe.errors import CheckpointError, UserError
from msjoe.reel.script.write_script import make_script
from msjoe.reel_audit import run_check as run
from msjoe.reel_audit.check_command import gate_numbers
from msjoe.reel_audit.check_sizes import CheckSizes
from msjoe.reel_audit.finished_tasks import FinishedTasks
from msjoe.reel_audit.gates.evidence_layout import distance, layout_gates
from msjoe.reel_audit.gates.gate import Gate, gate_of_json, gate_table, over_chance, share_gate
from msjoe.reel_audit.gates.scene_facts import FACTS, SPREAD, TrackFacts, gather, layouts, scene_rows
from msjoe.reel_audit.gates.video_answers import AuditModels


def test_a_gate_passes_within_its_range_ends_included():
    gate = Gate("1 text", "x", 2.0, -1.0, 5.0, -2, 2)
    assert gate.passed
    assert not replace(gate, value=2.1).passed
    assert not replace(gate, value=-2.1).passed
    assert not replace(gate, value=math.nan).passed


def test_a_gate_may_be_judged_by_an_end_of_its_interval():
    worse = Gate("4 asking", "x", 3.0, -0.5, 6.5, at_least=0)
    assert worse.passed
    assert not replace(worse, judged="low").passed
    fallen = Gate("6 budget", "x", -1.0, -3.0, 1.0, at_least=0)
    assert not fallen.passed
    assert replace(fallen, judged="high").passed
    with pytest.raises(ValueError, match="middle"):
        replace(fallen, judged="middle")


def test_without_a_range_it_is_information():
    gate = Gate("5 range", "x", 99.0, 98.0, 100.0)
    assert gate.passed
    assert gate.wanted == gate.verdict == ""
    assert gate.to_json()["passed"] is None


@pytest.mark.parametrize(
    ("ends", "judged", "wanted"),
    [
        ({"at_least": 5}, "value", ">= 5"),
        ({"at_most": -10}, "value", "<= -10"),
        ({"at_least": 35, "at_most": 50}, "value", "35 to 50"),
        ({"at_least": 0}, "low", "interval's low end >= 0"),
    ],
)
def test_what_a_gate_wants_in_words(ends, judged, wanted):
    assert Gate("3 question", "x", 1, 0, 2, judged=judged, **ends).wanted == wanted


def test_a_share_and_its_interval_by_hand():
    gate = share_gate("1 text", "x", [True] * 25 + [False] * 75, at_most=30)
    half = 196 * math.sqrt(0.25 * 0.75 / 100)  # 8.49
    assert (gate.value, gate.low, gate.high) == pytest.approx((25, 25 - half, 25 + half))
    assert gate.passed


def test_hits_over_chance_by_hand():
    """Gains 0.75, -0.25, -0.25, -0.2, 0.8: mean 0.17, deviation 0.5529 with n - 1."""
    gate = over_chance("1 text", "x", [True, False, False, False, True], [0.25, 0.25, 0.25, 0.2, 0.2])
    half = 196 * 0.552947 / math.sqrt(5)
    assert (gate.value, gate.low, gate.high) == pytest.approx((17, 17 - half, 17 + half), rel=1e-4)
    assert (gate.at_least, gate.at_most) == (-2, 2)


def test_a_gate_survives_json():
    for gate in (Gate("3 question", "x", 1.0, 0.0, 2.0, at_least=5), Gate("5 range", "y", 1.0, 0.0, 2.0, judged="low")):
        assert gate_of_json(json.loads(json.dumps(gate.to_json()))) == gate


def test_the_table_tells_who_failed():
    table = gate_table([Gate("1 text", "good", 1, 0, 2, -2, 2), Gate("1 text", "bad", 3, 2.04, 4, -2, 2)])
    good, bad = table.splitlines()[2:]
    assert [cell.strip() for cell in bad.split("|")[1:-1]] == [
        "1 text: bad",
        "3.0",
        "2.0 to 4.0",
        "-2 to 2",
        "**FAIL**",
    ]
    assert "pass" in good
    assert "FAIL" not in good


def test_the_distance_of_two_samples_by_hand():
    assert distance(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 3, 4])) == 0
    assert distance(np.array([1.0, 2]), np.array([3.0, 4])) == 1
    # Up to 2: three quarters of the one, a third of the other.
    assert distance(np.array([1.0, 2, 2, 5]), np.array([2.0, 3, 4])) == pytest.approx(3 / 4 - 1 / 3)
    # Of a fact that holds or not, the difference of the shares.
    assert distance(np.array([0.0, 1, 1, 1]), np.array([0.0, 0, 0, 1, 1])) == pytest.approx(3 / 4 - 2 / 5)


def test_facts_of_scenes_are_those_of_the_script():
    script = make_script("validation", "needle", 9, minutes=3)
    rows = scene_rows(script)
    assert rows.shape == (len(script.scenes), len(FACTS))
    column = {name: rows[:, i] for i, name in enumerate(FACTS)}
    scenes = script.scenes
    assert column["position"][3] == pytest.approx((scenes[3].start + scenes[3].end) / 2 / script.duration)
    assert column["length before"][3] == scenes[2].end - scenes[2].start
    assert column["length after"][3] == scenes[4].end - scenes[4].start
    for name, who, step in (("person two before", "who", -2), ("place after", "place", 1), ("item before", "item", -1)):
        for i in range(3, len(scenes) - 3):
            same = getattr(scenes[i].moment, who) == getattr(scenes[i + step].moment, who)
            assert column[name][i] == same, (name, i)
    assert np.isnan(column["person three before"][:3]).all()
    assert np.isnan(column["place after"][-1])
    assert not np.isnan(column["place after"][:-1]).any()


def test_facts_are_gathered_track_by_track():
    facts = gather(32)
    assert {track: len(found.questions) for track, found in facts.items()} == dict.fromkeys(facts, 8)
    for track, found in facts.items():
        assert {q.track for q in found.questions} == {track}
        assert len(found.layouts) == 8
        assert found.evidence_NF.shape[1] == found.others_NF.shape[1] == len(FACTS)
    script = make_script("test", "order", 10_000)
    assert facts["order"].layouts[: len(script.questions)] == layouts(script)
    starts = {start for q in script.questions for start, _ in q.evidence}
    more = make_script("test", "order", 10_001)
    starts_more = {start for q in more.questions for start, _ in q.evidence}
    assert len(facts["order"].evidence_NF) == len(starts) + len(starts_more)


def test_the_layout_gates_find_evidence_that_lies_late():
    rng = np.random.default_rng(0)
    even, tilted = rng.random((4000, len(FACTS))), rng.random((4000, len(FACTS)))
    tilted[:, FACTS.index("position")] **= 0.8  # a little towards the end: distance about 0.08
    tilted[::3, FACTS.index("place after")] = np.nan
    facts = {track: TrackFacts([], [], tilted, even) for track in SPREAD}
    failed = [gate.name for gate in layout_gates(facts) if not gate.passed]
    assert failed == [f"KS distance of position, {track}" for track in SPREAD]


def test_finished_tasks_are_not_done_again(tmp_path):
    done = []

    def root(x: float) -> float:
        done.append(x)
        return math.sqrt(x)

    tasks = {"four": 4, "wrong": -1, "nine": 9}
    with ThreadPoolExecutor(1) as pool:
        ledger = FinishedTasks(tmp_path / "ledger.jsonl")
        with pytest.raises(ValueError, match=r"math domain|nonnegative"):
            list(ledger.run(root, tasks, pool))
        assert ledger.results["four"] == 2
        again = FinishedTasks(tmp_path / "ledger.jsonl")
        assert again.results == ledger.results
        done.clear()
        assert set(again.run(root, tasks | {"wrong": 1}, pool)) == {"wrong", "nine"} - set(ledger.results)
    assert 4 not in done
    assert FinishedTasks(tmp_path / "ledger.jsonl").results == {"four": 2, "wrong": 1, "nine": 3}


def test_a_torn_last_line_is_dropped_and_a_foreign_one_is_told(tmp_path):
    path = tmp_path / "ledger.jsonl"
    FinishedTasks(path).add("one", [1, None])
    with path.open("a") as file:
        file.write('{"task": "two", "res')
    ledger = FinishedTasks(path)
    assert ledger.results == {"one": [1, None]}
    ledger.add("two", 2)
    assert FinishedTasks(path).results == {"one": [1, None], "two": 2}
    path.write_text("hello\n")
    with pytest.raises(CheckpointError, match="line 1 of"):
        FinishedTasks(path)


NOTHING = AuditModels("not used", "not used", "features")
SMALL = CheckSizes(text=32)


def gates_of(value: float) -> list[Gate]:
    return [Gate("1 text", "x", value, value - 1, value + 1, -2, 2), Gate("2 layout", "told", 50, 40, 60)]


def test_a_run_writes_json_and_a_table_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    calls = []

    def stopped(check):
        calls.append("stopped")
        raise KeyboardInterrupt

    def first(check):
        calls.append("first")
        return gates_of(1.0)

    out = tmp_path / "check"
    with pytest.raises(KeyboardInterrupt):
        run.run_check(out, NOTHING, SMALL, {"1 text": first, "2 layout": stopped}, 1)
    assert json.loads((out / "check.json").read_text())["gates"][0]["value"] == 1.0
    second = {"1 text": first, "2 layout": lambda check: gates_of(9.0)[:1]}
    gates = run.run_check(out, NOTHING, SMALL, second, 1)
    assert calls == ["first", "stopped"]
    assert [gate.value for gate in gates] == [1.0, 9.0, 50]
    record = json.loads((out / "check.json").read_text())
    assert not record["passed"]
    assert [gate["passed"] for gate in record["gates"]] == [True, False, None]
    told = (out / "check.md").read_text()
    assert "1 FAILED" in told
    assert "1 of 2 rows" in told
    assert "not run: 3, 4, 5, 6, 7, 8" in told
    assert "| 2 layout: told" in told


def test_a_folder_of_another_run_is_refused(tmp_path):
    run.run_check(tmp_path / "check", NOTHING, SMALL, {"1 text": lambda check: gates_of(0.0)}, 1)
    with pytest.raises(CheckpointError, match="sizes"):
        run.run_check(tmp_path / "check", NOTHING, CheckSizes(text=64), {}, 1)


def test_digests_tell_weights_apart(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(name.encode())
    assert run.model_digest(str(tmp_path / "a")) != run.model_digest(str(tmp_path / "b"))
    assert run.model_digest("Qwen/Qwen2.5-VL-7B-Instruct") == "Qwen/Qwen2.5-VL-7B-Instruct"
    assert len(run.world_digest()) == 12


def test_the_shell_returns_1_for_a_failed_gate(tmp_path, monkeypatch, capsys):
    from msjoe.reel_audit import gate_stages as stages

    out = str(tmp_path / "check")
    monkeypatch.setattr(stages, "STAGES", {"1 text": lambda check: gates_of(1.0), "3 survey": lambda check: 1 / 0})
    assert main(["reel", "check", "--fast", "--workers", "1", "--out", out]) == 0
    assert "none failed" in capsys.readouterr().out
    monkeypatch.setattr(stages, "STAGES", {"1 text": lambda check: gates_of(3.0)})
    assert main(["reel", "check", "--fast", "--workers", "1", "--out", out + "-2"]) == 1
    assert "**FAIL**" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--gates", "9"], "1 to 8"),
        (["--gates", "4", "--fast"], "leaves nothing"),
        (["--workers", "0"], "--workers is 0"),
        (["--text", "0"], "--text is 0"),
        (["--videos", "51"], "50 videos a track"),
        (["--mllm", "/no/such/mllm", "--gates", "3", "--workers", "1", "--videos", "1"], "/no/such/mllm"),
    ],
)
def test_senseless_flags(flags, told, tmp_path, capsys):
    assert main(["reel", "check", "--out", str(tmp_path / "check"), *flags]) == 2
    assert told in capsys.readouterr().err


def test_gate_numbers():
    assert gate_numbers("1, 3") == {1, 3}
    assert gate_numbers("") == set(range(1, 9))
    with pytest.raises(UserError):
        gate_numbers("x")
