"""Options and answers in the shapes that benchmarks give them: labelled, embedded, as words or letters."""

import re
from collections.abc import Sequence

from msjoe.letters import LETTERS

_EMBEDDED = re.compile(r"\n\(([A-Z])\) ?")
_LABEL = re.compile(r"\(?([A-Z])[.):] ?")


def split_embedded(question: str) -> tuple[str, tuple[str, ...]]:
    """ "Stem\\n(A) red\\n(B) blue\\n" -> ("Stem", ("red", "blue")).

    Nothing is stripped but the newline that ends the last option. Marks that do not run A, B, C, ... are
    taken for a part of the text.
    """
    stem, *rest = _EMBEDDED.split(question)
    letters, options = rest[::2], rest[1::2]
    if not letters or "".join(letters) != LETTERS[: len(letters)]:
        return question, ()
    return stem, (*options[:-1], options[-1].rstrip("\n"))


def join_embedded(stem: str, options: Sequence[str]) -> str:
    """The other way round, without a newline at the end."""
    return stem + "".join(f"\n({letter}) {text}" for letter, text in zip(LETTERS, options, strict=False))


def without_labels(options: Sequence[str]) -> tuple[str, ...]:
    """["A. red", "B. blue"] -> ("red", "blue"); as they are where the labels do not run A, B, C, ..."""
    found = [_LABEL.match(option) for option in options]
    if "".join(m[1] if m else " " for m in found) != LETTERS[: len(options)]:
        return tuple(options)
    return tuple(option[m.end() :] for option, m in zip(options, found, strict=True) if m)


def letter_of(answer: str, options: Sequence[str]) -> str:
    """The letter of an answer given as an option's text or as a letter; "" for neither.

    An option's text goes first: an option may itself be called "A". The first of two equal options is taken.
    """
    if answer in options:
        return LETTERS[list(options).index(answer)]
    letter = answer.strip().strip("().").upper()
    return letter if len(letter) == 1 and letter in LETTERS[: len(options)] else ""


def closest_letter(answer: str, options: Sequence[str]) -> str:
    """The letter of the one option that shares most words with an answer that is none of them; "" for a tie."""
    words = set(re.findall(r"\w+", answer.casefold()))
    shared = [len(words & set(re.findall(r"\w+", option.casefold()))) for option in options]
    best = max(shared, default=0)
    return LETTERS[shared.index(best)] if best and shared.count(best) == 1 else ""
