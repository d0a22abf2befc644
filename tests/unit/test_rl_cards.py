"""Curves and model cards of a run, and the table of the pilot's evaluation."""

import json
import xml.etree.ElementTree as ET
from dataclasses import asdict

import pytest

from analysis.pilots import Line, lines_of, main, markdown, measure
from msjoe.cli import main as msjoe
from msjoe.rl.card import command, write_cards
from msjoe.rl.curves import picture, smoothed, svg_text
from msjoe.rl.recipe import Recipe
from msjoe.sampler import SamplerConfig

SVG = "{http://www.w3.org/2000/svg}"


# --- curves


def test_smoothing_takes_the_mean_of_near_steps():
    points = [(1, 0.0), (2, 3.0), (3, 6.0), (10, 1.0)]
    assert smoothed(points, 1) == [(1, 1.5), (2, 3.0), (3, 4.5), (10, 1.0)]


def test_every_metric_that_was_noted_gets_a_panel_with_its_points():
    lines = [{"step": 0, "eval/accuracy": 0.5}]
    lines += [{"step": s, "reward": s / 100, "rewards/acc": 0.25, "time/step": 3.0} for s in range(1, 101)]
    panels = {axes.get_title(): axes for axes in picture("A run", lines).axes}
    assert list(panels) == [
        "Mean reward of the rollouts",
        "Rollouts with a right answer",
        "Right on held-out questions (greedy)",
    ]
    points, line = panels["Mean reward of the rollouts"].lines
    assert points.get_xydata().tolist() == [[s, s / 100] for s in range(1, 101)]
    assert line.get_ydata()[49] == pytest.approx(0.5)
    assert panels["Right on held-out questions (greedy)"].lines[0].get_xydata().tolist() == [[0, 0.5]]


def test_a_picture_is_the_same_svg_each_time_with_its_title_as_text():
    lines = [{"step": 1, "reward": 0.5}]
    text = svg_text(picture("A <run>", lines))
    assert text == svg_text(picture("A <run>", lines))
    assert any("A <run>" in (part.text or "") for part in ET.fromstring(text).iter(f"{SVG}text"))


def test_a_run_without_metrics_has_a_picture_too():
    ET.fromstring(svg_text(picture("empty", [])))


# --- cards


@pytest.fixture
def run(tmp_path):
    """What a joint stage of two steps leaves, without weights."""
    out, folder = tmp_path / "run", tmp_path / "run" / "joint"
    for place in ("checkpoint/mllm", "checkpoint/sampler", "state/step-000002"):
        (folder / place).mkdir(parents=True)
        (folder / place / "reel.json").write_text('{"reel_version": "7.7"}')
    (folder / "checkpoint" / "sampler" / "config.json").write_text(json.dumps(asdict(SamplerConfig(spread=0.5))))
    (folder / "state" / "step-000002" / "state.json").write_text('{"step": 2, "seconds": 600.0}')
    recipe = Recipe(seed=5, source=("configs/tiny.yaml", "joint.steps=2"))
    about = {"recipe": recipe.to_json(), "versions": {"msjoe": "9"}, "processes": 2, "device": "cpu"}
    (folder / "recipe.json").write_text(json.dumps(about))
    lines = [{"step": 0, "eval/accuracy": 0.25}, {"step": 1, "reward": 0.5}, {"step": 2, "eval/accuracy": 0.375}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (out / "difficulty").mkdir()
    rows = [{"right": 1, "tries": 2}, {"right": 2, "tries": 2}]
    (out / "difficulty" / "ratings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return out


def test_a_card_tells_command_seed_time_data_and_what_was_measured(run):
    assert write_cards(run) == [run / "joint" / "checkpoint" / part / "README.md" for part in ("mllm", "sampler")]
    text = (run / "joint" / "checkpoint" / "mllm" / "README.md").read_text()
    assert "msjoe train joint --config configs/tiny.yaml --out RUN --set joint.steps=2" in text
    assert "seed 5; 200 steps of 8 questions with 8 rollouts each, 8 frames" in text
    assert "10.0 minutes, validation during the run included, 2 process(es) on cpu" in text
    assert "2 questions, of which 1 were not always answered right" in text
    assert "Reel 7.7" in text
    assert "25.0 % after 0, 37.5 % after 2" in text
    assert "](curves.svg)" in text
    assert str(run) not in text
    ET.parse(run / "joint" / "checkpoint" / "sampler" / "curves.svg")


def test_a_sampler_s_card_says_what_it_sees_and_how_it_draws(run):
    write_cards(run)
    mllm, sampler = ((run / "joint" / "checkpoint" / part / "README.md").read_text() for part in ("mllm", "sampler"))
    assert "inputs version 2" in sampler
    assert "gamma 0.5" in sampler
    assert "trained for 8 frames" in sampler
    assert "gamma" not in mllm.split("## Settings")[0]
    old = {"width": 16, "levels": 5, "kernel": 3, "max_queries": 4, "input_version": 1}
    (run / "joint" / "checkpoint" / "sampler" / "config.json").write_text(json.dumps(old))
    write_cards(run)
    text = (run / "joint" / "checkpoint" / "sampler" / "README.md").read_text()
    assert "inputs version 1" in text
    assert "gamma 0," in text


def test_the_command_writes_the_cards_again_with_the_table(run, capsys):
    assert msjoe(["train", "card", "--out", str(run)]) == 0
    card = run / "joint" / "checkpoint" / "sampler" / "README.md"
    assert "| a table |" not in card.read_text()
    (run / "validation").mkdir()
    (run / "validation" / "table.md").write_text("| a table |\n")
    assert msjoe(["train", "card", "--out", str(run)]) == 0
    assert "| a table |" in card.read_text()
    assert msjoe(["train", "card", "--out", str(run / "joint")]) == 2
    assert "no checkpoint" in capsys.readouterr().err


def test_a_setting_with_a_space_is_quoted():
    assert command("tspo", ["a b.yaml", "data.folder=x y"]).endswith(
        "--config 'a b.yaml' --out RUN --set 'data.folder=x y'"
    )


# --- the pilot's table


def rows(*right: bool) -> list[dict]:
    """A question a video, two tracks."""
    return [
        {"id": f"q{i}", "video": f"v{i}", "group": ("needle", "multi")[i % 2], "right": r} for i, r in enumerate(right)
    ]


FOUND = [
    (Line("base", "uniform", "uniform"), rows(False, False, True, False)),
    (Line("base", "stand-in rule", "standin"), rows(True, False, True, False)),
    (Line("joint", "sampler of stage 2", "sampler:x"), rows(True, True, True, False)),
]


def test_the_pilot_s_numbers_are_paired():
    base, standin, joint = measure(FOUND)
    assert [n["accuracy"][0] for n in (base, standin, joint)] == [0.25, 0.5, 0.75]
    assert base["minus_uniform"] is None
    assert (standin["minus_uniform"][0], joint["minus_uniform"][0], joint["minus_standin"][0]) == (0.25, 0.5, 0.25)
    assert base["minus_joint"][0] == -0.5
    assert {g: value[0] for g, value in joint["groups"].items()} == {"needle": 1.0, "multi": 0.5}
    low, high = joint["minus_standin"][1:]
    assert 0 <= low < 0.25 < high <= 1  # the joint run is never the worse one on these four


def test_the_pilot_s_table_is_readable():
    lines = [line for line in markdown(measure(FOUND), 8).splitlines() if "joint, sampler" in line]
    assert lines[0].startswith("| joint, sampler of stage 2 | 75.0 (")
    assert lines[1].split("|")[2:4] == ["  100.0 ", "  50.0 "]


def test_the_pilot_s_lines_are_those_that_were_asked_for(tmp_path):
    names = [(line.mllm, line.chooser) for line in lines_of(tmp_path)]
    assert names[:3] == [("base", "uniform"), ("base", "stand-in rule"), ("base", "sampler of stage 1")]
    rivals = {"uniform", "aks_repaired", "bolt_repaired", "qframe_repaired", "topk_apart"}
    joint, base = ({name.split("?")[0] for mllm, name in names if mllm == one} for one in ("joint", "base"))
    assert joint == rivals | {"sampler of stage 2", "tspo"}
    assert base == rivals | {"stand-in rule", "sampler of stage 1"}
    with pytest.raises(SystemExit, match="no checkpoint of sampler, tspo, joint"):
        main([str(tmp_path)])
