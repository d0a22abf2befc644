"""Gate 1's guessers: at chance on words that tell nothing, far above it on a leak."""

import numpy as np
import pytest
import torch

from msjoe.letters import LETTERS
from msjoe.mllm import Mllm
from msjoe.prompts import extract_letter
from msjoe.reel.vocabulary import CHARACTERS, ITEMS
from msjoe.reel_audit.gates.black_frames import (
    BlindAnswer,
    answer_blind,
    black_gates,
    blind_prompts,
    score_and_generate,
)
from msjoe.reel_audit.gates.text_guessers import FOLDS, WordedQuestion, text_gates
from msjoe.rl import turns

QUESTIONS = 3000


def worded(leak: bool, seed: int = 0) -> list[WordedQuestion]:
    """Questions of four items, any of them right; with a ``leak``, half of the kings' questions are about a cup."""
    rng = np.random.default_rng(seed)
    questions = []
    for _ in range(QUESTIONS):
        who = str(rng.choice(CHARACTERS))
        options = [str(item) for item in rng.choice(ITEMS, 4, replace=False)]
        right = int(rng.integers(4))
        if leak and who in CHARACTERS[:4] and "cup" in options:
            right = options.index("cup")
        text = f"What did the {who} hold at the pool?"
        questions.append(WordedQuestion("needle", "event item", text, tuple(options), LETTERS[right]))
    return questions


def test_both_guessers_are_at_chance_where_words_tell_nothing():
    gates = text_gates(worded(leak=False))
    assert [gate.name.split(" over")[0] for gate in gates] == ["counting guesser", "trained text-only network"]
    for gate in gates:
        assert abs(gate.value) < 4 * 100 * (0.25 * 0.75 / QUESTIONS) ** 0.5, gate
        assert gate.low < gate.value < gate.high


def test_both_guessers_find_a_leak_in_a_fifth_of_the_questions():
    """Half of the people, of whose questions 40 % offer a cup: a reader wins 0.2 x 0.75 = 15 points."""
    for gate in text_gates(worded(leak=True)):
        assert gate.value > 8, gate
        assert not gate.passed


def test_every_question_is_guessed_once():
    asked = []

    def mapped(function, tasks):
        for name, fold, questions in tasks:
            asked.append((name, fold))
            yield [0] * len(questions[fold::FOLDS])

    questions = worded(leak=False)[:103]
    counting, network = text_gates(questions, mapped)
    assert len(asked) == 2 * FOLDS
    share = np.mean([q.right == 0 for q in questions])
    assert counting.value == network.value == pytest.approx(100 * (share - 0.25))


@pytest.fixture(scope="module")
def mllm(miniatures) -> Mllm:
    return Mllm.load(str(miniatures / "mllm"), device="cpu")


ASKED = [
    WordedQuestion("needle", "event item", "What did the king hold at the pool?", ("key", "cup", "drum", "boat"), "B"),
    WordedQuestion(
        "needle", "event who", "Who held the cup at the pool?", ("the king", "the blue star", "the chef"), "A"
    ),
    WordedQuestion(
        "multi", "count", "How many different things did the king hold at the pool?", ("1", "2", "3", "4"), "D"
    ),
]


def test_replies_from_shared_prompts_are_those_computed_one_by_one(mllm):
    prompts = blind_prompts(mllm, ASKED)
    tokenizer, end = mllm.processor.tokenizer, mllm.model.generation_config.eos_token_id
    end = end[0] if isinstance(end, list) else end
    replies = [[*tokenizer(t, add_special_tokens=False).input_ids, end] for q in ASKED for t in q.options]
    owners = [n for n, q in enumerate(ASKED) for _ in q.options]
    sums_N, written_BL = score_and_generate(mllm, prompts, owners, replies)

    said = [turns.Said("", torch.tensor(r), torch.zeros(len(r)), True) for r in replies]
    speaker = turns.Speaker(mllm, 4)
    shown = [_shown(mllm, q) for q in ASKED]
    with torch.no_grad():
        logp_NL, _, _ = speaker.logps(turns.ANSWER, [shown[n] for n in owners], said, 1.0)
    torch.testing.assert_close(sums_N, logp_NL.sum(1), atol=2e-3, rtol=1e-3)
    texts = tokenizer.batch_decode(written_BL, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert texts == [reply.text for reply in mllm.answer(shown)]

    likeliest = [int(part.argmax()) for part in logp_NL.sum(1).split([len(q.options) for q in ASKED])]
    letters = [extract_letter(text, q.options) for text, q in zip(texts, ASKED, strict=True)]
    assert answer_blind(mllm, ASKED) == [BlindAnswer(*pair) for pair in zip(likeliest, letters, strict=True)]


def _shown(mllm: Mllm, question: WordedQuestion):
    from msjoe.mllm import Shown
    from msjoe.steps import preview_times

    side = int(mllm.frame_pixels**0.5)
    frames = [np.zeros((side, side, 3), np.uint8)] * 8
    return Shown(question.text, question.options, frames, preview_times(720.0, 8))


def test_unreadable_replies_are_told_and_do_not_count_as_wrong():
    """Of 8 questions with 4 options: 5 times the likeliest is right; of the 4 replies that can be read, 1 is."""
    questions = [WordedQuestion("needle", "", "", ("a", "b", "c", "d"), "A")] * 8
    said = [
        BlindAnswer(0, "A"),
        BlindAnswer(0, "B"),
        BlindAnswer(0, "C"),
        BlindAnswer(0, "D"),
        BlindAnswer(0, None),
        *[BlindAnswer(1, None)] * 3,
    ]
    likeliest, read, silent = black_gates(questions, said)
    assert likeliest.value == pytest.approx(100 * (5 / 8 - 1 / 4))
    assert not likeliest.passed
    assert (read.value, read.passed) == (pytest.approx(0), True)
    assert (silent.value, silent.informational) == (pytest.approx(50), True)
