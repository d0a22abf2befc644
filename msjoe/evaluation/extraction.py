"""The letter of an answer, as it is written to a result file beside the raw reply."""

from collections.abc import Sequence

from msjoe.letters import extract_letter


def extract_answer(reply: str, options: Sequence[str]) -> str | None:
    """The bare capital letter of the option that ``reply`` chooses, by format or by an option's text.

    None when it cannot be told (counted wrong, and reported as a rate), and for an open question.
    """
    return extract_letter(reply, options) if options else None
