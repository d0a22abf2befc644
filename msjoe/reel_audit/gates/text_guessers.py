"""Gate 1: the words of questions and options do not give the answer away.

A counting guesser (naive Bayes over letters, templates, options, words and their pairs) and a small trained network
that reads question and options; each answers questions that it was not trained on. Both find a planted leak
(``tests/unit/test_reel_check_text.py``).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from msjoe.letters import LETTERS
from msjoe.reel.vocabulary import CHARACTERS
from msjoe.reel_audit.gates.gate import Gate, over_chance

MOST_OPTIONS = 5
FOLDS = 5
Mapped = Callable[[Callable, Iterable], Iterator]  # as the builtin map


@dataclass(frozen=True)
class WordedQuestion:
    """What a text-only reader sees of a question, and the answer."""

    track: str
    template: str
    text: str
    options: tuple[str, ...]
    answer: str

    @property
    def right(self) -> int:
        return LETTERS.index(self.answer)


def text_gates(questions: Sequence[WordedQuestion], mapped: Mapped = map) -> list[Gate]:
    """Both guessers on every track, by cross-validation in FOLDS parts."""
    tasks = [(name, fold, questions) for name in GUESSERS for fold in range(FOLDS)]
    hits, chances = defaultdict(list), defaultdict(list)
    for (name, fold, _), guesses in zip(tasks, mapped(guess_fold, tasks), strict=True):
        for question, guess in zip(questions[fold::FOLDS], guesses, strict=True):
            hits[name, question.track].append(guess == question.right)
            chances[name, question.track].append(1 / len(question.options))
    return [
        over_chance("1 text", f"{name} over chance, {track}", hits[name, track], chances[name, track])
        for name, track in hits
    ]


def guess_fold(task: tuple[str, int, Sequence[WordedQuestion]]) -> list[int]:
    """A guesser's choices for every FOLDS-th question, trained on the others."""
    name, fold, questions = task
    learn = [question for i, question in enumerate(questions) if i % FOLDS != fold]
    return GUESSERS[name](learn, questions[fold::FOLDS])


def count_and_guess(learn: Sequence[WordedQuestion], check: Sequence[WordedQuestion]) -> list[int]:
    """Naive Bayes: count how often each feature of an option belonged to the right one."""
    right, seen = Counter(), Counter()
    for question in learn:
        for i in range(len(question.options)):
            seen.update(features(question, i))
        right.update(features(question, question.right))
    return [_most_likely(right, seen, question) for question in check]


def _most_likely(right: Counter, seen: Counter, question: WordedQuestion) -> int:
    odds = [
        sum(math.log((right[f] + 1) / (seen[f] + 4.5)) for f in features(question, i))
        for i in range(len(question.options))
    ]
    return int(np.argmax(odds))


def features(question: WordedQuestion, i: int) -> list[tuple]:
    """Features that could give option ``i`` away."""
    letter, option, count = LETTERS[i], question.options[i], len(question.options)
    words = question.text.rstrip("?").lower().split()
    people = tuple(word for word in words if word in CHARACTERS)
    return [
        ("letter", letter, count),
        ("template", question.template, letter, count),
        ("option", option),
        ("option in template", question.template, option),
        ("characters", people, option),
        ("characters and letter", people, letter),
        ("length", question.template, len(option) - len(min(question.options, key=len))),
        *[("word", word, option) for word in words],
    ]


class Reader(nn.Module):
    """Scores each option from its own words, the question's, the other options' and its letter.

    Shapes: N questions, O options (padded to 5), W words (padded), D width.
    """

    def __init__(self, words: int, width: int = 48) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width, padding_idx=0)
        self.letters = nn.Embedding(MOST_OPTIONS, width)
        self.score = nn.Sequential(nn.Linear(6 * width, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 1))

    def forward(self, text_NW: Tensor, options_NOW: Tensor) -> Tensor:
        text_ND, options_NOD = self.words(text_NW).sum(1), self.words(options_NOW).sum(2)
        there_NO1 = (options_NOW > 0).any(2, keepdim=True).float()
        others_NOD = options_NOD.sum(1, keepdim=True) - options_NOD
        asked_NOD = text_ND[:, None].expand_as(options_NOD)
        letters_NOD = self.letters.weight.expand_as(options_NOD)
        pairs = (asked_NOD * options_NOD, others_NOD * options_NOD)
        scores_NO = self.score(torch.cat((asked_NOD, options_NOD, others_NOD, letters_NOD, *pairs), 2)).squeeze(2)
        return scores_NO.masked_fill(there_NO1.squeeze(2) == 0, float("-inf"))


def train_and_guess(
    learn: Sequence[WordedQuestion], check: Sequence[WordedQuestion], epochs: int = 3, seed: int = 0
) -> list[int]:
    """Train a Reader on ``learn`` and let it answer ``check``."""
    numbers: dict[str, int] = {}
    text_NW, options_NOW = _encode(learn, numbers)
    right_N = torch.tensor([question.right for question in learn])
    asked, offered = _encode(check, numbers)
    torch.manual_seed(seed)
    reader = Reader(len(numbers) + 1)
    optimizer = torch.optim.AdamW(reader.parameters(), 2e-3, weight_decay=0.01)
    for _ in range(epochs):
        for part in torch.randperm(len(learn)).split(128):
            loss = F.cross_entropy(reader(text_NW[part], options_NOW[part]), right_N[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return reader.eval()(asked, offered).argmax(1).tolist()


def _encode(questions: Sequence[WordedQuestion], numbers: dict[str, int]) -> tuple[Tensor, Tensor]:
    """Word numbers [N, W] of questions and [N, 5, W] of options; 0 is padding. New words are numbered."""
    text_NW = torch.zeros(len(questions), 24, dtype=torch.long)
    options_NOW = torch.zeros(len(questions), MOST_OPTIONS, 6, dtype=torch.long)
    for n, question in enumerate(questions):
        rows = [(text_NW[n], question.text), *zip(options_NOW[n], question.options, strict=False)]
        for row, words in rows:
            for w, word in enumerate(words.lower().replace("?", "").replace(",", " ,").split()):
                row[w] = numbers.setdefault(word, len(numbers) + 1)
    return text_NW, options_NOW


GUESSERS = {"counting guesser": count_and_guess, "trained text-only network": train_and_guess}
