"""Recall of published selections on LongVideoBench's own annotations, where they are at hand."""

from pathlib import Path

import pytest

from msjoe.cli import _parser
from msjoe.evaluation.recall_table import recall_table

FILES = Path(__file__).parents[3] / "shared" / "benchmarks"
pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="the benchmarks' files are not here")
NAMES = ("aks_64", "tspo_64", "wfs_sb_8", "wfs_sb_32")


def recall(*flags: str) -> dict:
    frames = [str(FILES / "selected_frames" / f"longvideobench_{name}.json") for name in NAMES]
    annotations = str(FILES / "longvideobench" / "lvb_val.json")
    args = _parser().parse_args(["recall", "longvideobench", "--annotations", annotations, "--frames", *frames, *flags])
    return recall_table(args)


def percents(result: dict, which: str = "recall") -> list[float]:
    return [round(100 * line[which]["evidence"][0], 1) for line in result["selections"]]


def test_at_the_source_s_rate_the_figures_are_those_of_the_issue():
    """AKS and TSPO with 64 frames about 51 to 52, WFS-SB 8 and 32 about 29 and 44, uniform 64 about 43."""
    result = recall("--positions-at", "source")
    assert percents(result) == pytest.approx([51.5, 51.5, 29, 44], abs=0.6)
    assert percents(result, "uniform")[0] == pytest.approx(43, abs=1.1)


def test_at_24_a_second_the_positions_are_found_in_videos_of_every_rate():
    result = recall()
    assert result["questions"] == 1234
    assert percents(result) == pytest.approx([71.1, 69.9, 41.7, 59.3], abs=0.3)
    assert percents(result, "uniform")[0] == pytest.approx(42.3, abs=0.3)
    assert any("29.97 (192), 23.98 (173), 30 (156), 25 (99), 24 (41)" in note for note in result["notes"])
    assert any("1 videos have a rate that cannot be told" in note for note in result["notes"])


def test_tspo_s_own_form_is_read_and_agrees():
    """Its annotation entries with frame_idx hold the lists of the file by id."""
    from msjoe.data import load_benchmark
    from msjoe.evaluation.exchange import read_key_frames

    records = load_benchmark("longvideobench", FILES / "longvideobench" / "lvb_val.json")
    folder = FILES / "selected_frames"
    (mine,) = read_key_frames(folder / "TSPO_LongVideoBench_frameIdx.sample.json", records)
    (whole,) = read_key_frames(folder / "longvideobench_tspo_64.json", records)
    assert (len(mine.lists), mine.unit, mine.strange) == (30, "frames", [])
    assert all(whole.lists[name] == numbers for name, numbers in mine.lists.items())
    mlvu = load_benchmark("mlvu", FILES / "mlvu")
    (other,) = read_key_frames(folder / "TSPO_MLVU_frameIdx.sample.json", mlvu)
    assert (len(other.lists), other.strange) == (36, [])  # by video and words: this form's ids are another file's
