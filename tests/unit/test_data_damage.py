"""Annotation files that are damaged, of another encoding or of other types: an AnnotationError, or what is there."""

import copy
import json
import logging
import random
import re
from pathlib import Path

import pytest

from msjoe.data import Record, read_benchmark, split_present
from msjoe.errors import AnnotationError
from msjoe.letters import LETTERS

FIXTURES = Path(__file__).parents[1] / "fixtures" / "benchmarks"
SHARED = Path(__file__).parents[3] / "shared" / "benchmarks"
FORMS = {  # name -> benchmark, file below FIXTURES
    "videomme": ("videomme", "videomme/videomme.json"),
    "videomme-nested": ("videomme", "videomme_nested.json"),
    "longvideobench": ("longvideobench", "longvideobench/lvb_val.json"),
    "lvbench": ("lvbench", "lvbench/video_info.meta.jsonl"),
    "lvbench-tsv": ("lvbench", "lvbench/LVBench.tsv"),
    "mlvu": ("mlvu", "mlvu/json/2_needle.json"),
    "mlvu-rows": ("mlvu", "mlvu_rows.json"),
    "mlvu-test": ("mlvu", "mlvu_test.json"),
    "jsonl": ("jsonl", "own.jsonl"),
}
LARGE = {
    "longvideobench": ("longvideobench", "longvideobench/lvb_val.json"),
    "lvbench": ("lvbench", "lvbench/video_info.meta.jsonl"),
    "mlvu": ("mlvu", "mlvu/json/5_order.json"),
}
MUTATIONS = 80  # of each form
VALUES = (
    None, True, 0, 1, -1, 1.7, 10**400, float("nan"), float("inf"), "", " ", "x", "B", "\ud800", "\x00", "y" * 5000,
    [], ["x"], [None, "b"], [["a"], "b"], [True, "b"], [1, 2], list("abcdefghijklmnopqrstuvwxyz0"),
    {}, {"A": "red", "B": "blue"}, {"a": "red", "b": "blue"}, {"A": 1, "B": None},
)  # fmt: skip


# --- many mutations, each an AnnotationError that names the file, or records that can be asked


@pytest.mark.parametrize("form", FORMS)
def test_no_mutation_ends_in_another_error(tmp_path, form):
    benchmark, name = FORMS[form]
    check_mutations(benchmark, FIXTURES / name, tmp_path, random.Random(f"{form} 0"), MUTATIONS)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the benchmarks' files are not here")
@pytest.mark.parametrize("form", LARGE)
def test_no_mutation_of_the_benchmarks_own_files_does(tmp_path, form):
    benchmark, name = LARGE[form]
    few = tmp_path / Path(name).name
    entries = parsed(SHARED / name)[:10]
    few.write_bytes(written(entries, few.suffix))
    check_mutations(benchmark, few, tmp_path, random.Random(f"{form} 1"), MUTATIONS // 2)


@pytest.mark.parametrize(("benchmark", "name"), [FORMS[form] for form in ("videomme", "longvideobench", "mlvu-rows")])
def test_no_damage_to_parquet_does(tmp_path, benchmark, name):
    pytest.importorskip("pyarrow", reason="the parquet forms need pyarrow")
    import pyarrow
    from pyarrow import parquet

    whole = tmp_path / "whole.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(parsed(FIXTURES / name) * 20), whole)
    rng = random.Random(f"{benchmark} 2")
    for _ in range(25):
        check(benchmark, tmp_path / "a.parquet", damaged(whole.read_bytes(), rng))


def check_mutations(benchmark: str, source: Path, folder: Path, rng: random.Random, count: int) -> None:
    """Half of them in the bytes, half in the fields."""
    for i in range(count):
        entries = parsed(source) if source.suffix in (".json", ".jsonl") else None
        if i % 2 and entries is not None:
            data = written(with_other_field(entries, rng), source.suffix)
        else:
            data = damaged(source.read_bytes(), rng)
        check(benchmark, folder / f"mutation{source.suffix}", data)


def check(benchmark: str, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    found = records_or_error(benchmark, path)
    if isinstance(found, str):
        assert path.name in found
        return
    assert len({record.id for record in found}) == len(found)
    for record in found:
        check_record(record)


def records_or_error(benchmark: str, path: Path) -> list[Record] | str:
    try:
        return read_benchmark(benchmark, path).records
    except AnnotationError as error:
        return str(error)


def check_record(record: Record) -> None:
    texts = (record.id, record.question, record.answer, record.video, record.group, record.subtitles)
    for text in (*texts, *record.options, *record.labels):
        assert isinstance(text, str)
        text.encode()  # half a character cannot be written into answers.jsonl
    assert record.question.strip()
    assert record.video.strip()
    assert 2 <= len(record.options) <= 26 or (record.benchmark == "jsonl" and not record.options)
    assert record.answer == "" or record.answer in LETTERS[: len(record.options)]
    assert record.duration is None or 0 <= record.duration < float("inf")
    assert 0 <= record.subtitle_start < float("inf")


def parsed(path: Path) -> list:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return json.loads(re.sub(r",(\s*[\]}])", r"\1", text))  # one of them has commas before closing brackets


def written(entries: list, suffix: str) -> bytes:
    lines = [json.dumps(entry) for entry in entries]
    text = "\n".join(lines) + "\n" if suffix == ".jsonl" else f"[{', '.join(lines)}]"
    return text.encode()


def with_other_field(entries: list, rng: random.Random) -> list:
    """One field of one entry, at any depth, is of another type, gone, or twice there."""
    entries = copy.deepcopy(entries)
    entry = rng.choice(entries)
    places = list(inner_dicts(entry))
    place = rng.choice(places)
    name = rng.choice(sorted(place))
    how = rng.randrange(10)
    if how == 0:
        del place[name]
    elif how == 1:
        entries.append(copy.deepcopy(entry))
    else:
        place[name] = rng.choice(VALUES)
    return entries


def inner_dicts(value: object):
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if item:
            yield from inner_dicts(item)


def damaged(data: bytes, rng: random.Random) -> bytes:
    how = rng.randrange(6)
    place = rng.randrange(len(data))
    if how == 0:
        return data[:place]
    if how == 1:
        return data[:place] + rng.randbytes(8) + data[place + 8 :]
    if how == 2:
        return data[:place] + bytes(200) + data[place + 200 :]
    if how == 3:
        return data.decode("latin-1").encode("utf-16")
    if how == 4:
        return data[:place] + "ä".encode("latin-1") + data[place:]
    return rng.randbytes(len(data))


# --- each kind by itself


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "spoilt",
    [
        lambda data: data.replace(b"i", "ä".encode("latin-1")),
        lambda data: data.decode().encode("utf-16"),
        lambda data: data.decode().encode("utf-16-be"),
        lambda data: bytes(range(256)) * 40,
        lambda data: b"[" * 100_000,
        lambda data: b'[{"a": ' * 100_000,
        lambda data: b"",
    ],
    ids=["latin-1", "utf-16", "utf-16 without a mark", "binary", "deep lists", "deep objects", "empty"],
)
def test_another_encoding_or_kind_of_file_is_named(tmp_path, form, spoilt):
    benchmark, name = FORMS[form]
    path = tmp_path / Path(name).name
    path.write_bytes(spoilt((FIXTURES / name).read_bytes()))
    with pytest.raises(AnnotationError, match=path.name.replace(".", r"\.")):
        read_benchmark(benchmark, path)


@pytest.mark.parametrize("form", FORMS)
def test_a_byte_order_mark_is_passed_over(tmp_path, form):
    benchmark, name = FORMS[form]
    path = tmp_path / Path(name).name
    path.write_bytes(b"\xef\xbb\xbf" + (FIXTURES / name).read_bytes())
    assert read_benchmark(benchmark, path) == read_benchmark(benchmark, FIXTURES / name)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".tsv", ".parquet"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    path.symlink_to("/proc/self/mem")
    with pytest.raises(AnnotationError, match=rf"mine\{suffix}"):
        read_benchmark("jsonl" if suffix == ".jsonl" else "lvbench", path)


OTHER_TYPES = [
    ("videomme", "answer", 1),
    ("videomme", "options", "A. One."),
    ("videomme", "options", 4),
    ("videomme", "options", ["A. One."]),
    ("videomme", "options", {"red": 1, "blue": 2}),
    ("videomme", "question", ["How many?"]),
    ("videomme", "question", "  "),
    ("videomme", "videoID", {"id": "x"}),
    ("videomme", "videoID", ""),
    ("videomme", "task_type", ["Counting"]),
    ("videomme", "question_id", True),
    ("longvideobench", "candidates", 5),
    ("longvideobench", "candidates", "Apple"),
    ("longvideobench", "candidates", [None, "Plum"]),
    ("longvideobench", "correct_choice", "B"),
    ("longvideobench", "correct_choice", True),
    ("longvideobench", "correct_choice", 1.7),
    ("longvideobench", "duration", "x"),
    ("longvideobench", "duration", float("nan")),
    ("longvideobench", "duration", -1),
    ("longvideobench", "duration_group", "long"),
    ("longvideobench", "starting_timestamp_for_subtitles", "0:30"),
    ("longvideobench", "video_id", 5),
    ("longvideobench", "video_path", "\ud800.mp4"),
    ("lvbench", "qa", {"uid": "7"}),
    ("lvbench", "qa", ["7"]),
    ("lvbench", "video_info", "an hour"),
    ("lvbench", "key", 7),
    ("lvbench", "type", ["sport"]),
    ("mlvu", "candidates", "A boat"),
    ("mlvu", "candidates", list("abcdefghijklmnopqrstuvwxyz0")),
    ("mlvu", "duration", "480 s"),
    ("mlvu", "answer", 2),
    ("mlvu", "question", 3),
    ("mlvu", "question_type", 3),
    ("jsonl", "options", "A. a child"),
    ("jsonl", "options", {"first": "a child", "second": "a guide"}),
    ("jsonl", "options", [None, "a guide"]),
    ("jsonl", "duration", True),
    ("jsonl", "labels", [["x"]]),
    ("jsonl", "video", "\ud800"),
]


@pytest.mark.parametrize(("form", "field", "value"), OTHER_TYPES)
def test_a_field_of_another_type_is_refused_by_file_entry_and_field(tmp_path, form, field, value):
    benchmark, name = FORMS[form]
    entries = parsed(FIXTURES / name)
    entries[0][field] = value
    path = tmp_path / f"mine{Path(name).suffix}"
    path.write_bytes(written(entries, path.suffix))
    with pytest.raises(AnnotationError, match=rf"mine\{path.suffix}, (entry|line) 1: ") as told:
        read_benchmark(benchmark, path)
    words = {"question": "question", "options": "option", "candidates": "options|candidates"}
    assert any(word in str(told.value) for word in words.get(field, field).split("|"))


@pytest.mark.parametrize("form", ["videomme", "longvideobench", "mlvu", "jsonl"])
def test_options_as_an_object_are_read_as_what_they_mean(tmp_path, form):
    benchmark, name = FORMS[form]
    entries = parsed(FIXTURES / name)[:1]
    field = "options" if "options" in entries[0] else "candidates"
    entries[0][field] = {"B": "blue", "A": "red", "C": "green"}
    entries[0] |= {"correct_choice": 1} if benchmark == "longvideobench" else {"answer": "B"}
    path = tmp_path / f"mine{Path(name).suffix}"
    path.write_bytes(written(entries, path.suffix))
    (record,) = read_benchmark(benchmark, path).records
    assert record.options == ("red", "blue", "green")
    assert record.answer == "B"


@pytest.mark.parametrize("form", ["mlvu", "jsonl", "videomme", "longvideobench"])
def test_a_row_that_is_there_twice_is_noted(tmp_path, form, caplog):
    benchmark, name = FORMS[form]
    entries = parsed(FIXTURES / name)[:1] * 2
    path = tmp_path / f"mine{Path(name).suffix}"
    path.write_bytes(written(entries, path.suffix))
    loaded = read_benchmark(benchmark, path)
    assert len({record.id for record in loaded.records}) == 2
    assert any("more than once" in line and loaded.records[1].id in line for line in loaded.notes)


def test_ids_stay_different_where_a_file_has_numbered_its_own(tmp_path):
    entry = {"video": "a.mp4", "question": "What?"}
    lines = [entry | {"id": name} for name in ("x", "x", "x#2", "x")]
    (tmp_path / "mine.jsonl").write_bytes(written(lines, ".jsonl"))
    found = [record.id for record in read_benchmark("jsonl", tmp_path / "mine.jsonl").records]
    assert len(set(found)) == 4
    assert {"x", "x#2"} <= set(found)


@pytest.mark.parametrize("name", ["y" * 5000, "a\x00b.mp4"])
def test_a_video_name_that_no_file_can_have_is_a_missing_video(tmp_path, name):
    record = Record("1", "jsonl", "Who?", (), "", name, None, "")
    assert split_present([record], tmp_path) == ([], [record])


def test_trailing_commas_are_still_passed_over_and_other_damage_is_placed_in_the_file(tmp_path, caplog):
    path = tmp_path / "mine.json"
    path.write_text('[\n{"a": 1,},\n{"b" 2}\n]')
    with caplog.at_level(logging.WARNING), pytest.raises(AnnotationError, match=r"mine\.json.*line 2"):
        read_benchmark("mlvu", path)
    assert "commas" not in caplog.text
