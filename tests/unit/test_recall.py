"""``msjoe recall``: evidence, rates and figures on made-up benchmarks whose answers are known by hand."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from msjoe.cli import main
from msjoe.data import load_benchmark, reel_records
from msjoe.errors import AnnotationError
from msjoe.evaluation import evidence
from msjoe.evaluation.kfs import kfs_figures, kfs_means
from msjoe.evaluation.rates import NTSC, infer_rates, kind_of
from msjoe.evaluation.recall import closed, hits, recall_difference, recall_of, single
from msjoe.evaluation.recall_table import uniform_times

FIXTURES = Path(__file__).parents[1] / "fixtures" / "benchmarks"


def lvb_row(name: str, positions: list, duration: float = 100.0, group: int = 60, video: str | None = None) -> dict:
    return {
        "id": name,
        "video_path": video or f"{name}.mp4",
        "question": f"Which one in {name}?",
        "candidates": ["a", "b"],
        "correct_choice": 0,
        "duration": duration,
        "duration_group": group,
        "position": positions,
    }


@pytest.fixture
def lvb(tmp_path):
    """A function that writes an annotation file of LongVideoBench's form."""

    def write(*rows: dict) -> Path:
        path = tmp_path / "lvb_val.json"
        path.write_text(json.dumps(rows))
        return path

    return write


def test_a_scene_is_hit_inside_its_spans_alone():
    scenes = [[(10.0, 20.0), (30.0, 31.0)], [(50.0, 51.0)]]
    assert hits(scenes, [10.0]) == [True, False]
    assert hits(scenes, [20.0, 30.5, 51.0]) == [True, False]
    assert hits(scenes, [9.99, 20.0]) == [False, False]
    assert hits(scenes, []) == [False, False]


def test_a_tolerance_includes_its_ends():
    scenes = single([closed(10.0, 10.0, 1.0)])
    for time, hit in ((9.0, True), (11.0, True), (8.999, False), (11.001, False)):
        assert hits(scenes, [time]) == [hit], time


def test_recall_is_a_mean_over_questions_of_each_one_s_share():
    rows = [
        {"id": "1", "video": "a", "group": "15", "hits": [True, False, False, False]},
        {"id": "2", "video": "a", "group": "60", "hits": [True]},
        {"id": "3", "video": "b", "group": "60", "hits": [True, True]},
    ]
    found = recall_of(rows)
    assert (found["questions"], found["videos"]) == (3, 2)
    assert found["evidence"][0] == pytest.approx((0.25 + 1 + 1) / 3)
    assert found["all"][0] == pytest.approx(2 / 3)
    assert found["groups"]["60"] == {"questions": 2, "evidence": [1.0, 1.0, 1.0], "all": [1.0, 1.0, 1.0]}
    none = [row | {"hits": [False] * len(row["hits"])} for row in rows]
    assert recall_difference(rows, none)["evidence"][0] == pytest.approx(0.75)
    assert recall_of([])["evidence"] is None
    assert recall_difference([], [])["all"] is None


def test_positions_are_frames_at_24_a_second_whatever_the_source(lvb):
    path = lvb(lvb_row("x", [240, 480]), lvb_row("y", [24, 61388250]))
    records = load_benchmark("longvideobench", path)
    found = evidence.of_longvideobench(path, records, 1.0)
    assert [(a, round(b, 9)) for ((a, b),) in found.scenes["x"]] == [(9.0, 11.0), (19.0, 21.0)]
    assert len(found.scenes["y"]) == 1
    assert any("past the end" in line and "(y)" in line for line in found.notes)
    source = evidence.of_longvideobench(path, records, 1.0, {"x.mp4": 30.0})
    assert source.scenes["x"][0][0][0] == 7.0
    assert "y" not in source.scenes  # of unknown rate
    assert any("unknown rate" in line for line in source.notes)


@pytest.mark.parametrize("positions", ["240", [240.5], [-1], [True], [None], {"a": 1}])
def test_positions_of_another_type_are_named(positions, lvb):
    path = lvb(lvb_row("x", [240]), lvb_row("y", positions))
    with pytest.raises(AnnotationError, match="entry 2"):
        evidence.of_longvideobench(path, load_benchmark("longvideobench", path), 1.0)


def test_spans_of_lvbench_with_what_cannot_be_read():
    path = FIXTURES / "lvbench" / "video_info.meta.jsonl"
    found = evidence.of_lvbench(path, load_benchmark("lvbench", path), 1.0)
    assert {name: (a, round(b, 9)) for name, (((a, b),),) in found.scenes.items()} == {"7": (9.0, 13.0)}
    assert found.rates == {"madeUpKey01.mp4": 25.0, "madeUpKey02.mp4": 24.0}
    assert any("no time reference" in line and "(8)" in line for line in found.notes)
    assert any("past the end" in line and "(9)" in line for line in found.notes)  # 114 minutes of 30


def numbers(stride: int, *places: int) -> list[int]:
    return [stride * place for place in places]


EVERY = (0, 3, 8, 11, 20, 33, 47, 58, 71, 89)


@pytest.mark.parametrize(
    ("fps", "how"),
    [(30 * NTSC, "standard"), (24 * NTSC, "standard"), (25.0, "standard"), (30.0, "standard"), (24.0, "standard")],
)
def test_a_rate_follows_from_both_kinds_of_strides(fps, how):
    lists = {
        "aks": {"v": numbers(int(fps), *EVERY), "w": numbers(29, *EVERY)},  # w: so that its kind can be told
        "tspo": {"v": numbers(round(fps), *EVERY), "w": numbers(30, *EVERY)},
    }
    found = infer_rates(lists, {"v": 100.0, "w": 100.0}, {}, 1.0)
    assert found.strides == {"aks": "int", "tspo": "round"}
    assert found.found["v"].fps == pytest.approx(fps)
    assert found.found["v"].how == how


def test_a_stride_that_leaves_two_rates_says_so_and_a_given_one_goes_first():
    lists = {"tspo": {"v": numbers(30, *EVERY)}}
    assert infer_rates(lists, {"v": 100.0}, {}, 1.0).found["v"].how == "one of two"
    exact = infer_rates({"tspo": {"v": numbers(30, 0, *range(990, 1000))}}, {"v": 999.1}, {}, 1.0)
    assert (exact.found["v"].fps, exact.found["v"].how) == (30.0, "standard")  # 29970 is past 999.1 s of 29.97
    assert infer_rates(lists, {"v": 100.0}, {"v": 12.5}, 1.0).found["v"].fps == 12.5


@pytest.mark.parametrize(
    ("chosen", "duration", "why"),
    [
        ([1, 2, 3, 5, 8, 13, 21, 34], 30.0, "no common divisor"),
        (numbers(30, 1, 2, 3), 30.0, "no common divisor"),  # too few to be sure
        (numbers(20, *range(90)), 50.0, "no common divisor"),  # 1780 frames in 50 s are no 20 a second
        (numbers(58, *range(50)), 100.0, "more than a second apart"),  # every second one of 29 each would look the same
        (numbers(22, *EVERY), 4000.0, "between 21.50 and 22.50"),  # nothing standard, and a long video
    ],
)
def test_rates_that_cannot_be_told(chosen, duration, why):
    found = infer_rates({"x": {"v": chosen}}, {"v": duration}, {}, 1.0)
    assert found.found == {}
    assert why in found.unknown["v"]
    assert any("1 videos have a rate that cannot be told" in line for line in found.notes())


def test_what_is_not_standard_is_measured_where_that_is_close_enough():
    found = infer_rates({"x": {"v": numbers(27, *range(16))}}, {"v": 15.0}, {}, 1.0)
    rate = found.found["v"]
    assert rate.how == "measured"
    assert rate.low <= rate.fps <= rate.high
    assert kind_of([29, 23, 30]) == "int"
    assert kind_of([30, 24, 25]) == "round"


def test_the_table_beside_uniform(lvb, tmp_path, capsys):
    rows = [lvb_row(f"q{i}", [24 * 40, 24 * 80], 100.0, 15 if i else 600, f"v{i // 2}.mp4") for i in range(4)]
    path = lvb(*rows)
    chosen = {f"q{i}": numbers(25, *range(38, 46)) for i in range(3)}  # seconds 38 to 45: one of two positions
    (tmp_path / "mine.json").write_text(json.dumps({"frames": chosen}))
    out = tmp_path / "table.md"
    flags = ["recall", "longvideobench", "--annotations", str(path), "--frames", str(tmp_path / "mine.json")]
    assert main([*flags, "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    (line,) = result["selections"]
    assert (line["name"], line["budget"], line["frames"]) == ("mine", 8, 8.0)
    assert line["recall"]["questions"] == 3
    assert line["recall"]["evidence"] == [0.5, 0.5, 0.5]
    assert line["recall"]["all"][0] == 0.0
    even = hits(single([closed(40, 40, 1), closed(80, 80, 1)]), uniform_times(100.0, 8))
    assert line["uniform"]["evidence"][0] == sum(even) / 2
    assert line["minus_uniform"]["evidence"][0] == pytest.approx(0.5 - sum(even) / 2)
    assert set(line["recall"]["groups"]) == {"15", "600"}
    assert any("1 questions have no frames in mine" in note and "q3" in note for note in result["notes"])
    text = out.read_text()
    assert "| mine" in text
    assert str(tmp_path) not in text  # the command, without paths of this machine
    assert "uniform, 8 frames" in text


def test_uniform_is_that_of_eval():
    assert uniform_times(10.0, 4) == [0, 3, 6, 9]
    assert uniform_times(3.2, 8) == [0, 0, 0, 0, 1, 1, 1, 2]


SCENES_CSV = """id,segment_id,scene_id,start,end
x,0,a,0:00:10,0:00:19
x,1,a,0:00:40,0:00:49
x,2,b,0:01:00,0:01:09
nobody,0,a,0:00:10,0:00:19
"""


def test_figures_of_kfsbench_by_hand(tmp_path):
    """Scene a lasts 20 s, b 10 s: with 4 frames in scenes a is due min(2/3, 1/2) x 4 = 2, b 1/3 x 4 = 1."""
    (tmp_path / "scenes.csv").write_text(SCENES_CSV)
    record = load_benchmark("jsonl", FIXTURES / "own.jsonl")[0].__class__("x", "", "", (), "", "x.mp4", 100.0, "")
    found = evidence.of_kfsbench(tmp_path / "scenes.csv", [record], 0.0)
    assert any("(nobody)" in line for line in found.notes)
    scenes = found.scenes["x"]
    times = [12.0, 20.0, 45.0, 69.99, 80.0]  # 20.0 is the end of the last second, which counts as the authors' does
    figures = kfs_figures(scenes, times)
    assert figures["kfr"] == 4 / 5
    assert figures["shr"] == 1.0
    assert figures["bsr"] == 1.0  # 3 of 2 due, 1 of 1 due
    best = max((3 * 20**p + 10**p) / (math.hypot(3, 1) * math.hypot(20**p, 10**p)) for p in [i / 10 for i in range(11)])
    assert figures["bds"] == pytest.approx(best)
    assert figures["ukss"] == pytest.approx((4 / 5 * best) ** (1 / 3))
    missed = kfs_figures(scenes, [0.0, 5.0])
    assert missed == {"kfr": 0.0, "shr": 0.0, "bsr": 0.0, "bds": 0.0, "ukss": 0.01}
    means = kfs_means([figures, missed])
    assert means["kfr"] == 2 / 5
    assert means["ukss"] == pytest.approx(math.sqrt(figures["ukss"] * 0.01))


def test_kfsbench_from_the_shell(lvb, tmp_path, capsys):
    (tmp_path / "scenes.csv").write_text(SCENES_CSV)
    (tmp_path / "frames.json").write_text(json.dumps([{"id": "x", "frame_timestamps": [12.0, 65.0]}]))
    flags = ["--annotations", str(lvb(lvb_row("x", []))), "--frames", str(tmp_path / "frames.json")]
    assert main(["recall", "kfsbench", "--scenes", str(tmp_path / "scenes.csv"), *flags]) == 0
    shown = capsys.readouterr().out
    assert "| frames" in shown
    assert "UKSS" in shown
    assert main(["recall", "kfsbench", *flags]) == 2  # without --scenes
    for content in ("id,start\nx,1\n", SCENES_CSV.replace("0:00:19", "soon"), SCENES_CSV + "x,3\n"):
        (tmp_path / "scenes.csv").write_text(content)
        assert main(["recall", "kfsbench", "--scenes", str(tmp_path / "scenes.csv"), *flags]) == 2
        assert "scenes.csv" in capsys.readouterr().err


def test_no_model_and_no_torch_is_imported(lvb, tmp_path):
    path = lvb(lvb_row("x", [240]))
    (tmp_path / "mine.json").write_text(json.dumps({"unit": "seconds", "frames": {"x": [10.0]}}))
    code = (
        "import sys; from msjoe.cli import main\n"
        f"code = main(['recall', 'longvideobench', '--annotations', {str(path)!r}, '--frames', "
        f"{str(tmp_path / 'mine.json')!r}])\n"
        "assert not {'torch', 'open_clip', 'transformers'} & set(sys.modules), 'imported'\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "100.0 (100.0 to 100.0)" in done.stdout


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["longvideobench"], "--annotations"),
        (["reel", "--annotations", "."], "leave them out"),
        (["longvideobench", "--annotations", ".", "--tolerance", "-1"], "--tolerance is -1"),
        (["longvideobench", "--annotations", ".", "--scenes", "."], "only there"),
        (["longvideobench", "--annotations", "/nowhere/lvb.json"], "/nowhere/lvb.json"),
        (["longvideobench", "--annotations", ".", "--out", "/nowhere/x.md"], "/nowhere"),
    ],
)
def test_senseless_flags(flags, said, tmp_path, capsys):
    (tmp_path / "f.json").write_text("[]")
    assert main(["recall", *flags, "--frames", str(tmp_path / "f.json")]) == 2
    assert said in capsys.readouterr().err


def test_reel_s_evidence_is_that_of_its_truth():
    (record, *_) = reel_records("validation", ("multi",), 1)
    from msjoe.data import reel_truth

    assert evidence.of_reel([record]).scenes[record.id] == single(reel_truth(record).evidence)


def test_nothing_that_answers_reads_the_evidence():
    """Evidence is for ``msjoe recall`` alone: no module that chooses or answers imports it."""
    package = Path(evidence.__file__).parents[1]
    imported = re.compile(r"evaluation\.evidence\b|import evidence\b")
    readers = [path.name for path in package.rglob("*.py") if imported.search(path.read_text(encoding="utf-8"))]
    assert set(readers) == {"recall_table.py"}
