"""Videos and subtitles beside the annotations, a file of one's own, the words of the prompts."""

from dataclasses import replace
from pathlib import Path

import pytest

from msjoe.data import (
    Record,
    benchmark_prompt,
    cues_at,
    find_video,
    load_benchmark,
    missing_note,
    split_present,
    subtitles_at,
)
from msjoe.errors import AnnotationError, StrictError

FIXTURES = Path(__file__).parents[1] / "fixtures" / "benchmarks"
RECORD = Record("1", "videomme", "Who?", ("a king", "a chef"), "A", "film.mp4", None, "short")


# --- videos


@pytest.mark.parametrize("name", ["film.mp4", "film.MP4", "film.mkv", "film.webm", "film.avi", "film.mov"])
@pytest.mark.parametrize("folder", ["", "data", "video/3_ego"])
def test_a_video_is_found_whatever_its_suffix_and_folder(tmp_path, name, folder):
    path = tmp_path / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert find_video(RECORD, tmp_path) == path


def test_the_named_file_goes_before_others_of_its_name(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/film.mp4", "film.mkv", "film.mp4"):
        (tmp_path / name).touch()
    assert find_video(RECORD, tmp_path) == tmp_path / "film.mp4"


def test_what_is_no_video_or_has_another_name_is_not_found(tmp_path):
    for name in ("film.srt", "film.mp4.part", "film2.mp4", "-film.mp4"):
        (tmp_path / name).touch()
    assert find_video(RECORD, tmp_path) is None
    assert find_video(RECORD, tmp_path / "nowhere") is None


def test_names_that_begin_like_flags_and_hold_dots(tmp_path):
    for name in ("-x.y.mp4", "_z.webm"):
        (tmp_path / name).touch()
    assert find_video(replace(RECORD, video="-x.y.mp4"), tmp_path) == tmp_path / "-x.y.mp4"
    assert find_video(replace(RECORD, video="-x.y"), tmp_path) == tmp_path / "-x.y.mp4"
    assert find_video(replace(RECORD, video="_z.mp4"), tmp_path) == tmp_path / "_z.webm"


def test_missing_videos_are_set_apart_counted_and_named(tmp_path):
    (tmp_path / "film.mp4").touch()
    records = [RECORD, replace(RECORD, id="2", video="gone.mp4"), replace(RECORD, id="3", video="gone.mp4")]
    present, missing = split_present(records, tmp_path)
    assert [r.id for r in present] == ["1"]
    assert [r.id for r in missing] == ["2", "3"]
    assert missing_note(missing) == "1 videos are missing, with 2 questions (gone.mp4)"
    assert missing_note([]) == ""


def test_strict_stops_where_a_video_is_missing(tmp_path):
    with pytest.raises(StrictError, match=r"film\.mp4"):
        split_present([RECORD], tmp_path, strict=True)
    (tmp_path / "film.mp4").touch()
    assert split_present([RECORD], tmp_path, strict=True) == ([RECORD], [])


# --- subtitles


def test_srt_gives_only_the_lines_at_the_frames():
    record = next(r for r in load_benchmark("videomme", FIXTURES / "videomme") if r.id == "601-1")
    at = lambda *times: subtitles_at(record, FIXTURES / "videomme", times)  # noqa: E731
    assert at(2.0) == ["We pack the boat."]
    assert at(5.0, 1.0, 2.0) == ["We pack the boat.", "Then we row."]  # in time order, each once
    assert at(3.5) == ["Then we row."]  # a line ends before its last instant
    assert at(0.5, 6.0, 61.0) == []


def test_longvideobench_lines_are_moved_by_the_cut_and_short_ones_widened():
    record = next(r for r in load_benchmark("longvideobench", FIXTURES / "longvideobench") if r.subtitle_start)
    at = lambda *times: subtitles_at(record, FIXTURES / "longvideobench", times)  # noqa: E731
    assert at(2.0) == ["first"]  # 31 to 34.5 s, less 30
    assert at(1.0, 4.5) == []  # strictly inside
    assert at(9.65) == ["very short"]  # 10 to 10.2 s, widened to 9.6 to 10.6
    assert at(9.55) == []
    assert at(32.0, 3.0) == ["first", "third"]


def test_longvideobench_lines_as_pairs_of_seconds_may_last_to_the_end():
    record = next(r for r in load_benchmark("longvideobench", FIXTURES / "longvideobench") if r.video == "123.mp4")
    (last,) = cues_at(record, FIXTURES / "longvideobench", [11.0])
    assert (last.start, last.end, last.text) == (9.0, 11.25, "until the end")


def test_a_video_may_have_no_subtitles(tmp_path):
    assert subtitles_at(RECORD, tmp_path, [1.0]) == []
    assert subtitles_at(replace(RECORD, subtitles="film.srt"), tmp_path, [1.0]) == []


@pytest.mark.parametrize("text", ["{", "[1]", '[{"start": "soon", "end": "later", "line": "x"}]', '[{"start": 1}]'])
def test_damaged_subtitles_are_an_error(tmp_path, text):
    (tmp_path / "film.json").write_text(text)
    with pytest.raises(AnnotationError, match="not a list of subtitles"):
        subtitles_at(replace(RECORD, subtitles="film.json"), tmp_path, [1.0])


# --- a file of one's own


def test_ones_own_questions():
    first, second = load_benchmark("jsonl", FIXTURES / "own.jsonl")
    assert first == Record("1", "jsonl", "Who waves?", ("a child", "a guide"), "B", "holiday.mp4", 95.0, "trip", (), "")
    assert (second.id, second.options, second.answer) == ("3", (), "")  # the line's number


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": "Who?"}', "no field 'video'"),
        ('{"video": " ", "question": "Who?"}', "video is ' ': give a text that is not empty"),
        ('{"video": "a.mp4"}', "no field 'question'"),
        ('{"video": "a.mp4", "question": " "}', "the question is empty"),
        ('{"video": "a.mp4", "question": "Who?", "options": ["x"]}', "only one option"),
        ('{"video": "a.mp4", "question": "Who?", "options": "x, y"}', "options is 'x, y': give a list"),
        ('{"video": "a.mp4", "question": "Who?", "options": ["x", "y"], "answer": "C"}', "'C' is neither"),
        ('{"video": "a.mp4", "question": "Who?", "duration": "1:00"}', "duration is '1:00': give a number"),
        ('{"video": "a.mp4" "question"', "not readable JSON"),
        ("[1, 2]", "is a list"),
    ],
)
def test_errors_in_it_name_file_and_line(tmp_path, line, said):
    path = tmp_path / "mine.jsonl"
    path.write_text(f'{{"video": "a.mp4", "question": "What?"}}\n\n{line}\n')
    with pytest.raises(AnnotationError, match=rf"mine\.jsonl, line 3.*{said}"):
        load_benchmark("jsonl", path)


def test_it_must_be_lines_of_json(tmp_path):
    with pytest.raises(AnnotationError, match=r"\.jsonl"):
        load_benchmark("jsonl", tmp_path / "mine.json")


# --- prompts


def test_videomme_without_and_with_subtitles():
    """After the task's own template; the golden prompts hold none of this benchmark."""
    asked = (
        "Select the best answer to the following multiple-choice question based on the video and the subtitles. "
        "Respond with only the letter (A, B, C, or D) of the correct option.\nWho?\nA. a king\nB. a chef\n"
    )
    directly = "Answer with the option's letter from the given choices directly."
    assert benchmark_prompt(RECORD) == f"{asked}\n{directly}"
    told = "This video's subtitles are listed below: \n"
    assert benchmark_prompt(RECORD, ["Hello.", "Bye."]) == f"{told}Hello.\nBye.\n{asked}The best answer is:"
    assert benchmark_prompt(RECORD, []) == f"{told}No subtitles available\n{asked}The best answer is:"


def test_mlvu_test_is_put_without_a_suffix():
    six = replace(RECORD, benchmark="mlvu", options=tuple("uvwxyz"))
    assert benchmark_prompt(six) == "Who?\n(A) u\n(B) v\n(C) w\n(D) x\n(E) y\n(F) z\n"


def test_longvideobench_subtitles_go_before_the_question():
    record = replace(RECORD, benchmark="longvideobench")
    assert benchmark_prompt(record, ["Hello."]) == "Hello.\n" + benchmark_prompt(record)
    assert benchmark_prompt(record).startswith("Who?\nA. a king\n")


def test_an_open_question_is_put_as_it_stands():
    assert benchmark_prompt(replace(RECORD, options=())) == "Who?"
