"""Every form of the benchmarks' annotation files, on made-up entries of the same shape."""

import json
import logging
from dataclasses import fields
from pathlib import Path

import pytest

from msjoe.data import BENCHMARKS, Record, load_benchmark, read_benchmark
from msjoe.errors import AnnotationError

FIXTURES = Path(__file__).parents[1] / "fixtures" / "benchmarks"


def by_id(name: str, path: str) -> dict[str, Record]:
    return {record.id: record for record in load_benchmark(name, FIXTURES / path)}


def rows(path: str) -> list[dict]:
    return json.loads((FIXTURES / path).read_text(encoding="utf-8"))


def write_parquet(path: Path, entries: list[dict]) -> Path:
    pytest.importorskip("pyarrow", reason="the parquet forms need pyarrow")
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(entries), path)
    return path


def test_a_record_has_no_place_for_evidence():
    names = {field.name for field in fields(Record)}
    assert not names & {"position", "time_reference", "evidence", "ideal_queries", "level"}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("videomme", "videomme"),
        ("longvideobench", "longvideobench"),
        ("lvbench", "lvbench"),
        ("lvbench", "lvbench/LVBench.tsv"),
        ("mlvu", "mlvu"),
        ("mlvu", "mlvu_rows.json"),
        ("jsonl", "own.jsonl"),
    ],
)
def test_evidence_in_the_file_reaches_no_field_of_a_record(name, path):
    told = repr(load_benchmark(name, FIXTURES / path))
    for evidence in ("120", "840", "00:10-00:12", "114:16", "None-None"):
        assert evidence not in told


def test_videomme_flat():
    records = by_id("videomme", "videomme")
    assert records["001-1"] == Record(
        id="001-1",
        benchmark="videomme",
        question="How many kites are flown?",
        options=("One.", "Two.", "Three.", "None."),
        answer="B",
        video="-made_up_01.mp4",
        duration=None,
        group="short",
        labels=("Counting Problem", "Knowledge", "Astronomy"),
        subtitles="-made_up_01.srt",
    )
    assert [r.group for r in records.values()] == ["short", "short", "long"]


def test_videomme_nested_with_its_trailing_commas(caplog):
    (record,) = by_id("videomme", "videomme_nested.json").values()
    assert record.question == "How many kites, ] or ,} signs?"
    assert (record.video, record.group, record.answer) == ("001.mp4", "short", "B")
    assert "commas" in caplog.text


def test_videomme_parquet_is_the_same(tmp_path):
    path = write_parquet(tmp_path / "test-00000-of-00001.parquet", rows("videomme/videomme.json"))
    assert load_benchmark("videomme", path) == load_benchmark("videomme", FIXTURES / "videomme")
    assert load_benchmark("videomme", tmp_path) == load_benchmark("videomme", path)


def test_longvideobench_official():
    records = by_id("longvideobench", "longvideobench")
    first = records["madeup00001_0"]
    assert first.options == ("Apple", "Plum", "Quince ", "Pear", "Fig")
    assert (first.answer, first.group, first.duration, first.subtitle_start) == ("E", "600", 412.5, 30.0)
    assert (first.subtitles, first.labels[0]) == ("madeup00001_en.json", "S2E")
    tiktok = records["@cook-123_0"]
    assert (tiktok.video, tiktok.answer, len(tiktok.options)) == ("123.mp4", "B", 3)


def test_longvideobench_columns_padded_with_na(tmp_path):
    padded = []
    for row in rows("longvideobench/lvb_val.json"):
        options = row.pop("candidates") + ["N/A"] * 5
        for name in ("position", "question_wo_referring_query", "view_count"):
            del row[name]
        padded.append(row | {f"option{i}": options[i] for i in range(5)})
    (tmp_path / "rows.json").write_text(json.dumps(padded))
    official = load_benchmark("longvideobench", FIXTURES / "longvideobench")
    assert load_benchmark("longvideobench", tmp_path / "rows.json") == official
    path = write_parquet(tmp_path / "validation-00000-of-00001.parquet", padded)
    assert load_benchmark("longvideobench", path) == official


def test_longvideobench_test_has_no_answers_and_says_so():
    loaded = read_benchmark("longvideobench", FIXTURES / "longvideobench_test")
    assert [r.answer for r in loaded.records] == [""]
    assert any("no known answer" in note and "madeup00001_0" in note for note in loaded.notes)


def test_lvbench_by_video():
    records = by_id("lvbench", "lvbench")
    assert list(records) == ["7", "8", "9"]  # one of them is a number in the file
    first = records["7"]
    assert (first.question, first.options) == ("Which lane wins? ", ("One", "Two", "Three", "Four"))
    assert (first.answer, first.video, first.duration, first.group) == ("C", "madeUpKey01.mp4", 3690.0, "sport")
    assert first.labels == ("entity recognition", "reasoning")
    assert records["8"].question == "Who (A) or (B) waves at 81:38?"


def test_lvbench_flattened(tmp_path):
    lines = (FIXTURES / "lvbench" / "video_info.meta.jsonl").read_text().splitlines()
    flat = [
        {"key": v["key"], "type": v["type"], "video_path": v["key"] + ".mp4", **q, "uid": str(q["uid"])}
        for v in map(json.loads, lines)
        for q in v["qa"]
    ]
    expected = [
        (r.id, r.question, r.options, r.answer, r.video, r.group, r.labels)
        for r in by_id("lvbench", "lvbench").values()
    ]
    (tmp_path / "flat.json").write_text(json.dumps(flat))
    paths = [tmp_path / "flat.json", write_parquet(tmp_path / "train-00000-of-00001.parquet", flat)]
    for path in paths:
        found = load_benchmark("lvbench", path)
        assert [(r.id, r.question, r.options, r.answer, r.video, r.group, r.labels) for r in found] == expected


def test_lvbench_resplit():
    records = by_id("lvbench", "lvbench/LVBench.tsv")
    assert list(records) == ["7", "9"]
    assert (records["7"].answer, records["7"].group, records["7"].labels) == ("C", "sport", ("entity recognition",))
    assert records["9"].options[2] == "Someone's hat"


def test_mlvu_official_answers_in_words():
    records = by_id("mlvu", "mlvu")
    assert list(records) == ["needle-0", "needle-1", "topic_reasoning-0", "topic_reasoning-1"]
    assert [r.answer for r in records.values()] == ["C", "A", "B", "D"]  # the second shares "the boat" with A only
    assert [r.group for r in records.values()] == ["needle", "needle", "topic_reasoning", "topic_reasoning"]


def test_mlvu_rows_are_the_official_questions():
    row, official = by_id("mlvu", "mlvu_rows.json")["Q0"], by_id("mlvu", "mlvu")["needle-0"]
    same = ("question", "options", "answer", "video", "duration", "group")
    assert [getattr(row, name) for name in same] == [getattr(official, name) for name in same]


def test_mlvu_test_with_and_without_answers():
    records = by_id("mlvu", "mlvu_test.json")
    assert (records["SQ_0"].answer, records["NQ_0"].answer) == ("", "F")
    assert len(records["SQ_0"].options) == 6


@pytest.mark.parametrize(
    ("name", "path", "said"),
    [
        ("videomme", "videomme", "1 questions have the same option twice: asked as they are (001-2)"),
        ("longvideobench", "longvideobench", "1 videos are not named by their video_id: by video_path (123.mp4)"),
        ("lvbench", "lvbench", "1 ids are numbers and not texts: read as texts (8)"),
        ("lvbench", "lvbench", "1 questions have the same option twice: asked as they are (9)"),
        ("lvbench", "lvbench/LVBench.tsv", "one reasoning type"),
        ("mlvu", "mlvu", "1 entries are blank: left out (film_902.mp4)"),
        ("mlvu", "mlvu", "1 entries have no options (generative tasks): left out (film_901.mp4)"),
        ("mlvu", "mlvu", "option that shares most words is taken (needle_902.mp4)"),
        ("mlvu", "mlvu", "1 entries give a length above three hours (needle_901.mp4: 32550 s)"),
        ("mlvu", "mlvu", "1 videos are given two lengths (needle_901.mp4)"),
        ("jsonl", "own.jsonl", "1 fields are not used (author)"),
    ],
)
def test_every_oddity_is_told_and_logged(name, path, said, caplog):
    assert any(said in note for note in read_benchmark(name, FIXTURES / path).notes)
    with caplog.at_level(logging.WARNING):
        load_benchmark(name, FIXTURES / path)
    assert said in caplog.text


def test_an_id_that_is_taken_is_numbered(tmp_path):
    entries = rows("mlvu_rows.json") * 2
    (tmp_path / "twice.json").write_text(json.dumps(entries))
    loaded = read_benchmark("mlvu", tmp_path / "twice.json")
    assert [r.id for r in loaded.records] == ["Q0", "Q0#2"]
    assert "taken" in loaded.notes[0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("videomme", "{", "not readable JSON"),
        ("videomme", "{}", "not a list"),
        ("videomme", "[]", "no entries"),
        ("videomme", "[3]", "entry 1 is a int"),
        ("videomme", '[{"question_id": "1"}]', "entry 1: no field 'options' or 'choices', only question_id"),
        ("longvideobench", '[{"id": "1"}]', "no field 'option0'"),
        ("lvbench", '[{"key": "x", "uid": 1, "question": "No options?"}]', "no options in or beside"),
        ("mlvu", '[{"candidates": ["a", "b"]}]', "no field 'question'"),
        ("mlvu", '[{"question_id": "AR_0", "option": "D"}]', "no question with options"),  # a submission
    ],
)
def test_foreign_files_are_an_error_with_a_place(tmp_path, name, text, said):
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=said.replace("(", r"\(")):
        load_benchmark(name, path)


def test_missing_and_unknown_files_and_names(tmp_path):
    with pytest.raises(AnnotationError, match="no annotation file"):
        load_benchmark("mlvu", tmp_path / "none.json")
    with pytest.raises(AnnotationError, match="looked for"):
        load_benchmark("mlvu", tmp_path)
    (tmp_path / "x.csv").touch()
    with pytest.raises(AnnotationError, match="none of"):
        load_benchmark("mlvu", tmp_path / "x.csv")
    with pytest.raises(AnnotationError, match="choose one of videomme"):
        load_benchmark("youcook", tmp_path)


def test_without_pyarrow_parquet_is_refused_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "a.parquet").touch()
    with pytest.raises(AnnotationError, match="pip install pyarrow"):
        load_benchmark("mlvu", tmp_path / "a.parquet")


def test_a_damaged_parquet_file_is_an_error(tmp_path):
    pytest.importorskip("pyarrow", reason="the parquet forms need pyarrow")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(AnnotationError, match="not a readable parquet"):
        load_benchmark("mlvu", tmp_path / "a.parquet")


def test_the_names():
    assert set(BENCHMARKS) == {"videomme", "longvideobench", "lvbench", "mlvu", "reel", "jsonl"}
