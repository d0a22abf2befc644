"""Answers read from replies: our own cases always, the shared golden ones where they are at hand."""

import json
from pathlib import Path

import pytest

from msjoe.evaluation import extract_answer

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "answer_extraction.json"
TOOLS = ("Hammer.", "A small saw", "Pliers", "The hammer and the saw together")
READ_AS_A = """\
A because B is wrong | A is the answer. | the option is a | hammer | A (not C) | Grade A | (A) I see a hammer"""
READ_AS_B = """\
b) | option b | the letter is: b | (B) A small saw | B A small saw | a small saw. | The answer is B, not C.
B rather than A | Not A, B | Answer B is right, not answer A | I would not choose A. B is better. | B, B | B B
Neither A nor C, so B | A is plausible, but B is the best choice. | Between C and B, B is better.
A is not correct, B is correct | (B) A man saws."""
READ_AS_C = """\
Pliers, not the hammer | choice: c | C is right | It is C. A and B are distractors. | It shows pliers.
The answer is A. No, the answer is C."""
READ_AS_D = """\
The hammer and the saw together | D) is right, A) is wrong | (D). | the hammer and the saw together!"""
NOT_READ = """\
A or B | Both A and B | B (or C) | The answer is A or B | The answers are A and C. | Not A | Not C. | AB | E
Neither A nor B | I don't think A is correct | Neither A nor B is correct | Team A beats team B | 9 A.M. | D.C. | A.M.
A saw | Nails
A. Hammer. B. A small saw C. Pliers D. The hammer and the saw together | A man with pliers and a hammer."""


def cases(text: str) -> list[str]:
    return [case for line in text.splitlines() for case in line.split(" | ")]


def read_as(letter: str, text: str) -> list[tuple[str, str]]:
    return [(letter, case) for case in cases(text)]


@pytest.mark.parametrize(
    ("letter", "reply"),
    [*read_as("A", READ_AS_A), *read_as("B", READ_AS_B), *read_as("C", READ_AS_C), *read_as("D", READ_AS_D)],
)
def test_read(letter, reply):
    assert extract_answer(reply, TOOLS) == letter


@pytest.mark.parametrize("reply", [*cases(NOT_READ), "", "A\nB"])
def test_not_read(reply):
    assert extract_answer(reply, TOOLS) is None


def test_yes_and_no_with_more_words():
    assert extract_answer("No, he does not.", ("Yes", "No")) == "B"
    assert extract_answer("Yes, on the left", ("Yes", "No")) == "A"
    assert extract_answer("I have no idea", ("Yes", "No")) is None


def test_arrows_of_both_kinds():
    orders = ("1->2->3", "2->1->3", "3→2→1")
    assert extract_answer("2→1→3", orders) == "B"
    assert extract_answer("3->2->1", orders) == "C"


def test_two_equal_options_cannot_be_told_apart_by_their_text():
    assert extract_answer("Rain", ("Snow", "Rain", "Rain", "Ash")) is None
    assert extract_answer("C", ("Snow", "Rain", "Rain", "Ash")) == "C"


def test_an_open_question_has_no_letter():
    assert extract_answer("B", ()) is None


@pytest.mark.skipif(not GOLDEN.is_file(), reason="the shared golden replies are not here")
def test_the_two_numbers_of_the_golden_replies():
    cases = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
    readable = [c for c in cases if c["human_intended"]]
    wrong = [c["response"] for c in readable if extract_answer(c["response"], c["options"]) != c["human_intended"]]
    others = [c for c in cases if not c["human_intended"]]
    invented = [c["response"] for c in others if extract_answer(c["response"], c["options"]) is not None]
    assert len(wrong) <= 0.05 * len(readable), wrong
    assert len(invented) <= 2, invented
