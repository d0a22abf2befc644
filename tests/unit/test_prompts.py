"""Questions made fit for a prompt, templates, and the readers of both turns' replies."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from msjoe.clock import minutes_clock
from msjoe.errors import CheckpointError, QuestionError
from msjoe.prompts import (
    DEFAULT_TEMPLATES,
    MINIATURE_TEMPLATES,
    Templates,
    clean_question,
    extract_letter,
    parse_queries,
)

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "answer_extraction.json"
FRUIT = ("Apples.", "Candles.", "Berries.", "Equal numbers of all three.")


# --- questions


def test_labels_are_stripped_when_all_options_carry_theirs():
    for options in (["A. red", "B. blue"], ["(A) red", "(B) blue"], ["A) red", "B) blue"], ["A: red", " B:  blue "]):
        assert clean_question(" Which? ", options) == ("Which?", ["red", "blue"])


def test_labels_stay_when_only_some_options_carry_one_or_they_are_out_of_order():
    assert clean_question("Which?", ["A. Milne", "Tolkien"])[1] == ["A. Milne", "Tolkien"]
    assert clean_question("Which?", ["B. Potter", "A. Milne"])[1] == ["B. Potter", "A. Milne"]


def test_no_options_make_an_open_question():
    assert clean_question("What happens?", []) == ("What happens?", [])


@pytest.mark.parametrize(
    ("question", "options", "said"),
    [
        ("", ["a", "b"], "question is empty"),
        (" \n", [], "question is empty"),
        ("x" * 10_000, ["a", "b"], "10,000 characters"),
        ("Which?", ["a"], "only one option"),
        ("Which?", [f"option {i}" for i in range(27)], "27 options"),
        ("Which?", ["a", " ", "c"], "option B is empty"),
        ("Which?", ["red", "blue", "Red"], "options A and C are the same"),
        ("Which?", ["A. red", "B. blue", "C. red"], "options A and C are the same"),
        ("Which?", ["a", "b" * 3000], "option B has 3,000 characters"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(question, options, said):
    with pytest.raises(QuestionError, match=said):
        clean_question(question, options)


def test_limits_themselves_are_allowed():
    clean_question("x" * 8000, [f"option {i}" for i in range(26)])


# --- templates


def test_times_in_prompts_are_minutes_and_seconds():
    assert [minutes_clock(s) for s in (0, 9.99, 75.2, 600, 4505)] == ["0:00", "0:09", "1:15", "10:00", "75:05"]


def texts(message: dict) -> list[str]:
    return [part.get("text", "IMAGE") for part in message["content"]]


def test_every_picture_follows_its_time_and_the_question_comes_last():
    message = MINIATURE_TEMPLATES.answer_message("Who?", ["a king", "a chef"], [3.0, 61.5])
    assert texts(message) == ["#1 0:03", "IMAGE", "#2 1:01", "IMAGE", "Who?\nA. a king\nB. a chef\nAnswer:"]


def test_turn_one_asks_for_the_format_and_the_number_of_queries():
    told = texts(DEFAULT_TEMPLATES.reason_message("Who?", ["x", "y"], [0.0, 5.0], 3))
    assert told[0].startswith("You are preparing")
    assert "2 preview frames" in told[0]
    for said in ("at most 3 search queries", "<queries>", "A. x\nB. y"):
        assert said in told[-1]


def test_open_questions_are_not_asked_for_a_letter():
    assert "letter" in texts(DEFAULT_TEMPLATES.answer_message("Who?", ["x", "y"], [0.0]))[-1]
    assert "letter" not in texts(DEFAULT_TEMPLATES.answer_message("Who?", [], [0.0]))[-1]


def test_braces_and_chat_marks_in_a_question_stay_words():
    last = texts(MINIATURE_TEMPLATES.answer_message("Is {time} <|image_pad|> {asked}?", [], []))[-1]
    assert last == "Is {time} < |image_pad|> {asked}?\nAnswer:"


def test_templates_come_from_the_folder_of_the_model(tmp_path):
    assert Templates.beside(tmp_path) == DEFAULT_TEMPLATES
    (tmp_path / "prompts.json").write_text(MINIATURE_TEMPLATES.to_json())
    assert Templates.beside(tmp_path) == MINIATURE_TEMPLATES
    own = replace(MINIATURE_TEMPLATES, previews=12)
    (tmp_path / "prompts.json").write_text(own.to_json())
    assert Templates.beside(tmp_path) == own


def test_templates_from_before_an_mllm_had_its_own_number_of_previews_are_read(tmp_path):
    words = json.loads(MINIATURE_TEMPLATES.to_json())
    del words["previews"]
    (tmp_path / "prompts.json").write_text(json.dumps(words))
    assert Templates.beside(tmp_path) == replace(MINIATURE_TEMPLATES, previews=None)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"frame": "x"}',
        MINIATURE_TEMPLATES.to_json().replace("12544", '"big"'),
        *(replace(MINIATURE_TEMPLATES, previews=wrong).to_json() for wrong in (-1, 1.5, True, "8", 10**9)),
    ],
)
def test_damaged_templates_are_an_error_with_a_remedy(tmp_path, text):
    (tmp_path / "prompts.json").write_text(text)
    with pytest.raises(CheckpointError, match="restore it"):
        Templates.beside(tmp_path)


# --- queries


def test_the_asked_format_is_strict():
    parsed = parse_queries("<queries>\na red car\na dog in the snow\n</queries>", 4)
    assert parsed.queries == ["a red car", "a dog in the snow"]
    assert parsed.strict
    assert parsed.notes == []


@pytest.mark.parametrize(
    ("reply", "note"),
    [
        ("<queries>\na red car\na dog in the snow", "no </queries>"),
        ("<queries>\n1. a red car\n2) a dog in the snow\n</queries>", None),
        ("<queries>\n- a red car\n* **a dog in the snow**\n</queries>", None),
        ("<queries>\n\u2022 a red car\n\u2013 a dog in the snow\n</queries>", None),
        ('<queries>\n"a red car",\n"a dog in the snow"\n</queries>', None),
        ('<queries>["a red car", "a dog in the snow"]</queries>', "JSON"),
        ('["a red car", "a dog in the snow"]', "JSON"),
        ("['a red car', 'a dog in the snow']", "JSON"),
        ('{"queries": ["a red car", "a dog in the snow"]}', "JSON"),
        ('{"queries": [{"query": "a red car"}, {"query": "a dog in the snow"}]}', "JSON"),
        ('{"1": "a red car", "2": "a dog in the snow"}', "JSON"),
        ('```json\n{"queries": ["a red car", "a dog in the snow"]}\n```', "JSON"),
        ('["a red car", "a dog in the snow", "a', "JSON"),
        ("```\n<queries>\na red car\na dog in the snow\n</queries>\n```", None),
        ("Sure! Here are the queries:\n<queries>\na red car\na dog in the snow\n</queries>\nHope this helps.", None),
        ("Here are some queries:\n1. a red car\n2. a dog in the snow\nLet me know!", "no <queries>"),
        ("a red car\na dog in the snow", "no <queries>"),
        ("a red car\na dog in the snow\n</queries>", "no <queries>"),
        ("<queries>1. a red car 2. a dog in the snow</queries>", None),
        ("<Queries>\nQuery 1: a red car\nQuery 2: a dog in the snow\n</Queries>", None),
        ("<query>a red car</query>\n<query>a dog in the snow</query>", "tags of their own"),
        ("<think>\n1. hmm\n</think>\n<queries>\na red car\na dog in the snow\n</queries>", None),
        ("<queries>\na red car\n\nA Red Car\na dog in the snow\n</queries>", "twice"),
        ("<queries>\na red car\n---\na dog in the snow\n</queries>", None),
    ],
)
def test_what_models_do_to_the_format_is_read_and_is_not_strict(reply, note):
    parsed = parse_queries(reply, 4)
    assert parsed.queries == ["a red car", "a dog in the snow"]
    assert not parsed.strict
    assert note is None or any(note in line for line in parsed.notes)


def test_too_many_queries_keep_the_first_and_say_so():
    parsed = parse_queries("<queries>\n" + "\n".join(f"thing number {i}" for i in range(6)) + "\n</queries>", 4)
    assert parsed.queries == [f"thing number {i}" for i in range(4)]
    assert "held 6 queries" in parsed.notes[0]
    assert not parsed.strict


def test_an_absurdly_long_query_is_cut_between_words():
    parsed = parse_queries(f"<queries>\n{'word ' * 500}\n</queries>", 4)
    assert len(parsed.queries[0]) <= 200
    assert parsed.queries[0].endswith("word")
    assert "cut to 200" in parsed.notes[0]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "  \n ",
        "<queries>\n</queries>",
        "<queries>",
        "[]",
        "{}",
        "I cannot see the video.",
        "Sure, here they are:",
        "...",
    ],
)
def test_nothing_to_read_gives_no_queries(reply):
    parsed = parse_queries(reply, 4)
    assert parsed.queries == []
    assert not parsed.strict


# --- letters


READ_AS_B = """\
B | b | (B) | B. | **B** | [B] | B: | The answer is B | Answer: b | <answer>B</answer> | \\boxed{B}
{"answer": "B"} | B. Candles | (B) Candles. | Candles | B, because candles burn at 1:02 | Option B
It can't be A or D, so it must be B. | A is wrong. C is wrong. Therefore B. | I think it is B.
The correct option is: (B) | It shows candles. | <think>A? C?</think>B | Final answer: **B**
A man lights candles on a cake."""
UNREADABLE = """\
? | A man walks | I see a tree. | A or B | A, B, C | E | Z | None of them | It is not B.
A person holds apples and candles | <think>It is B | The answer is | As an AI I cannot watch this.
I am not sure | Cats and dogs"""


def cases(text: str) -> list[str]:
    return [case.strip() for line in text.splitlines() for case in line.split(" | ")]


@pytest.mark.parametrize("reply", [*cases(READ_AS_B), "B\nThe rest do not appear (A, C)."])
def test_a_letter_is_read(reply):
    assert extract_letter(reply, FRUIT) == "B"


@pytest.mark.parametrize("reply", [*cases(UNREADABLE), ""])
def test_an_unreadable_reply_is_none(reply):
    assert extract_letter(reply, FRUIT) is None


def test_words_of_options_are_read_as_the_miniature_says_them():
    looks = ("the red star", "the blue star", "the red cross", "the red")
    assert [extract_letter(option, looks) for option in looks] == ["A", "B", "C", "D"]
    assert extract_letter("ball, fish", ("ball, ball", "fish, ball", "ball, fish", "fish, fish")) == "C"


def test_letters_beyond_the_options_are_not_answers():
    assert extract_letter("C", ("yes", "no")) is None
    assert extract_letter("F", tuple("uvwxyz")) == "F"


def test_numbers_as_options():
    assert extract_letter("3", ("4", "3", "1", "2")) == "B"


@pytest.mark.skipif(not GOLDEN.is_file(), reason="the shared golden replies are not here")
def test_golden_replies_are_read_as_a_careful_reader_would():
    cases = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
    readable = [c for c in cases if c["human_intended"]]
    right = sum(extract_letter(c["response"], c["options"]) == c["human_intended"] for c in readable)
    invented = [c["response"] for c in cases if not c["human_intended"] and extract_letter(c["response"], c["options"])]
    assert right / len(readable) >= 0.95
    assert len(invented) <= 2, invented
