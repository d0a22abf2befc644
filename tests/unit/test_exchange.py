"""Key-frames in every form that is handed on, in and out: ``recall``, ``eval --frames`` and ``select --format``."""

import json

import pytest

from msjoe.cli import main
from msjoe.data import Record, load_benchmark
from msjoe.errors import AnnotationError, UserError
from msjoe.evaluation.exchange import read_key_frames, written
from msjoe.evaluation.questions import digest

RECORDS = [
    Record("q0", "longvideobench", "Who waves?", ("a", "b"), "A", "one.mp4", 90.0, "60"),
    Record("q1", "longvideobench", "Who sits?", ("a", "b"), "B", "one.mp4", 90.0, "60"),
    Record("q2", "longvideobench", "Who waves?", ("a", "b"), "A", "two.mp4", 30.0, "15"),
]
ENTRIES = [
    {
        "id": r.id,
        "video_path": r.video,
        "question": r.question,
        "candidates": ["a", "b"],
        "correct_choice": "AB".index(r.answer),
    }
    | {"duration": r.duration, "duration_group": int(r.group)}
    for r in RECORDS
]
LISTS = [[30.0, 60.0], [90.0], [0.0, 30.0, 900.0]]
BY_ID = {record.id: tuple(numbers) for record, numbers in zip(RECORDS, LISTS, strict=True)}


def read(tmp_path, content, name="list.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    (found,) = read_key_frames(path, RECORDS)
    return found


@pytest.mark.parametrize(
    ("content", "name", "unit"),
    [
        (LISTS, "aks.json", "frames"),
        ([e | {"frame_idx": n, "frame_num": 3} for e, n in zip(ENTRIES, LISTS, strict=True)], "tspo.json", "frames"),
        ({"frames": {r: list(n) for r, n in BY_ID.items()}, "source": "x"}, "by_id.json", "frames"),
        ({r: list(n) for r, n in BY_ID.items()}, "bare.json", "frames"),
        ({"unit": "seconds", "frames": {r: list(n) for r, n in BY_ID.items()}}, "own.json", "seconds"),
        ([{"id": r, "frame_timestamps": list(n)} for r, n in BY_ID.items()], "kfs.json", "seconds"),
        ("".join(json.dumps({"doc_id": i, "index": n}) + "\n" for i, n in enumerate(LISTS)), "v.jsonl", "frames"),
        (
            {
                "one.mp4": [
                    {"question_id": "q0", "question": "Who waves?", "frames": LISTS[0]},
                    {"question_id": "q1", "question": "Who sits?", "frames": LISTS[1]},
                ],
                "two": [{"question": "Who waves?\n(A) a\n(B) b", "frames": LISTS[2]}],  # by video and words
            },
            "bolt.json",
            "seconds",
        ),
    ],
)
def test_every_form_is_read(content, name, unit, tmp_path):
    found = read(tmp_path, content, name)
    assert (found.unit, found.lists, found.budget, found.strange) == (unit, BY_ID, 3, [])


@pytest.mark.parametrize("form", ["videoitg", "aks", "bolt", "tspo"])
def test_what_is_written_is_read_again(form, tmp_path):
    text = written(form, LISTS, RECORDS, ENTRIES)
    found = read(tmp_path, text, "list.jsonl" if form == "videoitg" else "list.json")
    assert found.lists == BY_ID
    assert found.unit == ("seconds" if form == "bolt" else "frames")


def test_a_question_without_frames_has_no_line_and_no_place_in_aks_s_form(tmp_path):
    lists = [LISTS[0], None, LISTS[2]]
    for form in ("videoitg", "bolt", "tspo"):
        found = read(tmp_path, written(form, lists, RECORDS, ENTRIES), "x.jsonl" if form == "videoitg" else "x.json")
        assert set(found.lists) == {"q0", "q2"}
        assert any("1 questions have no frames" in line and "q1" in line for line in found.notes(RECORDS))
    with pytest.raises(UserError, match="1 questions"):
        written("aks", lists)


def test_lists_that_fit_no_question_are_counted(tmp_path):
    found = read(tmp_path, {"q0": [1], "q9": [2]})
    assert found.strange == ["q9"]
    assert any("(q9)" in line for line in found.notes(RECORDS))
    found = read(tmp_path, '{"doc_id": 0, "index": [4]}\n{"doc_id": 7, "index": [5]}\n', "v.jsonl")
    assert (found.lists, found.strange) == ({"q0": (4.0,)}, ["doc_id 7"])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("{not json", "list.json"),
        ("[]", "list.json"),
        ("7", "list.json"),
        ([[1], [2]], "list.json"),  # two lists for three questions: by their order alone nobody can say whose
        ({"q9": [1]}, "list.json"),
        ({"q0": [1], "q1": "two"}, "list.json"),
        ({"q0": [-1]}, "list.json"),
        ({"q0": [True]}, "list.json"),
        ('{"q0": [NaN]}', "list.json"),
        ({"q0": [[1]]}, "list.json"),
        ({"unit": "hours", "frames": {"q0": [1]}}, "list.json"),
        ([{"id": "q0"}], "list.json"),
        ([{"id": "q0", "frame_idx": [1]}, [2]], "list.json"),
        ([{"id": "q0", "frame_idx": [1]}, {"id": "q0", "frame_idx": [2]}], "list.json"),
        ('{"doc_id": "0", "index": [1]}', "list.jsonl"),
        ('{"doc_id": 0}', "list.jsonl"),
        ("nonsense", "list.jsonl"),
    ],
)
def test_what_is_in_no_form_is_refused_by_name(content, name, tmp_path):
    with pytest.raises(AnnotationError, match=r"list\.json"):
        read(tmp_path, content, name)


def run_folder(tmp_path, **more):
    """The folder of a run with two arms, one of black frames, and a question that has changed since."""
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"settings": {"benchmark": "longvideobench"}}))
    rows = [
        {"id": r.id, "arm": arm, "selector": arm.split("/")[0], "content": digest(r), "times": [1.0, 2.5]}
        for r in RECORDS
        for arm in ("topk/own/2", "black/2")
    ]
    rows[-2]["content"] = "another"
    (run / "answers.jsonl").write_text("".join(json.dumps(row | more) + "\n" for row in rows))
    return run


def test_a_run_is_read_arm_by_arm(tmp_path):
    (found,) = read_key_frames(run_folder(tmp_path), RECORDS)
    assert (found.name, found.unit) == ("run: topk/own/2", "seconds")
    assert found.lists == {"q0": (1.0, 2.5), "q1": (1.0, 2.5)}
    assert found.strange == ["q2"]  # asked something else


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / "lvb_val.json"
    path.write_text(json.dumps(ENTRIES))
    return path


def test_select_writes_a_run_s_key_frames(annotations, tmp_path, capsys):
    run = run_folder(tmp_path)
    (tmp_path / "rates.json").write_text('{"one.mp4": 30, "two.mp4": 25}')
    flags = ["select", str(run), "--annotations", str(annotations), "--rates", str(tmp_path / "rates.json")]
    assert main([*flags, "--format", "videoitg"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [{"doc_id": 0, "index": [30, 75]}, {"doc_id": 1, "index": [30, 75]}]
    assert main([*flags, "--format", "tspo", "--out", str(tmp_path / "tspo.json")]) == 0
    rows = json.loads((tmp_path / "tspo.json").read_text())
    assert [(row["id"], row["frame_idx"]) for row in rows] == [("q0", [30.0, 75.0]), ("q1", [30.0, 75.0])]
    assert len(load_benchmark("longvideobench", tmp_path / "tspo.json")) == 2  # still an annotation file
    assert main([*flags[:-2], "--format", "bolt"]) == 0  # seconds: no rate is needed
    assert json.loads(capsys.readouterr().out)["one.mp4"][0]["frames"] == [1.0, 2.5]
    assert main([*flags, "--format", "aks"]) == 2
    assert "1 questions have no frames" in capsys.readouterr().err
    assert main([*flags, "--format", "videoitg", "--arm", "aks/own/8"]) == 2
    assert "choose one of topk/own/2" in capsys.readouterr().err


def test_select_looks_frame_numbers_up_in_the_videos(film, tmp_path, capsys):
    from msjoe.video import open_video

    (tmp_path / "own.jsonl").write_text(json.dumps({"video": str(film[1]), "question": "Where?"}) + "\n")
    (tmp_path / "scores.json").write_text(json.dumps([[0.1, 0.9, 0.2, 0.8]]))
    flags = ["--benchmark", "jsonl", "--annotations", str(tmp_path / "own.jsonl"), "--videos", str(tmp_path)]
    rule = ["select", "topk", "--scores", str(tmp_path / "scores.json"), "--budget", "2", "--format", "aks"]
    assert main([*rule, *flags]) == 0
    source = open_video(film[1])
    assert json.loads(capsys.readouterr().out) == [source.frame_numbers([1.0, 3.0])]
    assert 0 < source.frame_numbers([1.0])[0] < source.frame_numbers([3.0])[0]


def test_select_writes_a_rule_s_choice_from_a_pool_of_frame_numbers(annotations, tmp_path, capsys):
    (tmp_path / "scores.json").write_text(json.dumps([[0.1, 0.9], [0.9, 0.1], [0.5, 0.6]]))
    (tmp_path / "pool.json").write_text(json.dumps([[0, 29], [0, 29], [0, 25]]))
    rule = ["select", "topk", "--scores", str(tmp_path / "scores.json"), "--budget", "1"]
    pool = ["--pool", str(tmp_path / "pool.json")]
    assert main([*rule, *pool, "--format", "aks"]) == 0
    assert json.loads(capsys.readouterr().out) == [[29], [0], [25]]
    assert main([*rule, *pool, "--format", "videoitg"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[2]) == {"doc_id": 2, "index": [25]}
    names = ["--benchmark", "longvideobench", "--annotations", str(annotations)]
    assert main([*rule, *pool, *names, "--format", "tspo"]) == 0
    assert [row["frame_idx"] for row in json.loads(capsys.readouterr().out)] == [[29.0], [0.0], [25.0]]
    assert main([*rule, *names, "--format", "bolt"]) == 0
    assert json.loads(capsys.readouterr().out)["two.mp4"][0]["frames"] == [1.0]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--format", "aks"], "--pool"),
        (["--format", "bolt"], "--annotations"),
        (["--format", "tspo", "--pool", "{pool}"], "--annotations"),
        (["--format", "aks", "--pool", "{short}"], "fewer than there are scores"),
        (["--format", "aks", "--pool", "{scores}", "--benchmark", "nonsense"], "nonsense"),
        (["--format", "aks", "--rates", "{pool}"], "--annotations"),
        (["--format", "aks", "--pool", "/nowhere.json"], "/nowhere.json"),
        (["--format", "aks", "--pool", "{one}"], "3 lists"),
        (["--format", "bolt", "--annotations", "{scores}"], "--benchmark"),
    ],
)
def test_what_a_form_needs_is_said(flags, said, tmp_path, capsys):
    made = {"pool": [[0, 29]] * 3, "short": [[0]] * 3, "one": [[0, 29]], "scores": [[0.1, 0.9]] * 3}
    for name, content in made.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    paths = {name: tmp_path / f"{name}.json" for name in made}
    rule = ["select", "topk", "--scores", str(paths["scores"]), "--budget", "1"]
    assert main([*rule, *(flag.format(**paths) for flag in flags)]) == 2
    assert said in capsys.readouterr().err


def test_a_rule_needs_its_scores(capsys):
    assert main(["select", "topk"]) == 2
    assert "--scores and --budget" in capsys.readouterr().err
