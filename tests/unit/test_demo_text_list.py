"""Pasted lists, and what a browser sends for a list."""

import pytest

from demo.limits import Limits
from demo.ui.question_form import read_request
from demo.ui.text_list import items_of, pasted_lines, split_pasted
from msjoe.errors import QuestionError


@pytest.mark.parametrize(
    ("text", "question", "options"),
    [
        ("Who sings? A. one bird B. two birds C. nobody", "Who sings?", ["one bird", "two birds", "nobody"]),
        ("Who sings?\n(A) one bird\n(B) two birds", "Who sings?", ["one bird", "two birds"]),
        ("A) red\nB) blue\nC) green", "", ["red", "blue", "green"]),
        ("A: 1 B: 2", "", ["1", "2"]),
        ("red\n\n blue  sky \ngreen\n", "", ["red", "blue sky", "green"]),
        ("A. U.S.A. B. Vitamin B. C. neither", "", ["U.S.A.", "Vitamin B.", "neither"]),
        ("one option", "", ["one option"]),
        ("", "", []),
        ("A. first C. third", "", ["first C. third"]),
    ],
)
def test_a_pasted_list_is_split(text, question, options):
    assert split_pasted(text) == (question, options)


def test_marks_in_order_are_options_even_without_lines():
    question, options = split_pasted("B. comes first, A. this B. that")
    assert question == "B. comes first,"
    assert options == ["this", "that"]


def test_pasted_lines_are_queries():
    assert pasted_lines("red star\n\n  blue waves \r\na\nb\nc", 4) == ["red star", "blue waves", "a", "b"]
    assert pasted_lines(" \n", 4) == []


def test_whatever_a_browser_sends_becomes_texts():
    assert items_of([" a  b ", "", "c"], 4) == ["a b", "c"]
    assert items_of(["a", 3, None, ["b"]], 4) == ["a"]
    assert items_of(["a"] * 100, 4) == ["a"] * 5  # one too many, so that it is told
    assert items_of("text", 4) == []
    assert items_of(None, 4) == []


def test_what_the_form_holds_becomes_what_is_asked():
    values = ("film.mp4", "Who?", ["a", " ", "b"], 8.0, " 3 ", "topk", None, 1, None)
    asked = read_request(values, dense_fps=0.5, limits=Limits(max_minutes=9))
    assert (asked.video, asked.options, asked.budget, asked.previews) == ("film.mp4", ["a", "b"], 8, 3)
    assert (asked.selector, asked.seed, asked.example, asked.dense_fps) == ("topk", 0, 1, 0.5)
    own = (*values[:4], "", *values[5:8], "own.avi")
    assert read_request(own, 1.0, Limits()).previews is None
    assert read_request(own, 1.0, Limits()).video == "own.avi"
    for typed in ("-1", "three", "33", "1.5"):
        with pytest.raises(QuestionError, match="previews"):
            read_request((*values[:4], typed, *values[5:]), 1.0, Limits())
