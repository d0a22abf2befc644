"""Checks of what a browser or a program sends. The page and the API both build their requests here.

Either may send anything. Every value is checked against ``Limits`` before a video is opened.
"""

from demo.jobs.request import QuestionRequest
from demo.limits import Limits
from msjoe.errors import QuestionError

MAX_SELECTOR_CHARS = 100


def checked_request(
    limits: Limits,
    dense_fps: float,
    *,
    video: str | None,
    question: object,
    options: list[str],
    budget: object,
    previews: object | None,
    selector: object,
    seed: object,
    example: int | None = None,
) -> QuestionRequest:
    """``previews``: None for the MLLM's default. Raises QuestionError for a wrong type or a value out of bounds."""
    if len(options) > limits.max_options:
        raise QuestionError(f"{len(options)} options were given: give {limits.max_options} or fewer")
    return QuestionRequest(
        video=video,
        question=checked_text("the question", question),
        options=checked_texts("option", options),
        budget=whole_number("the budget", budget, 1, limits.max_budget),
        dense_fps=dense_fps,
        example=example,
        previews=None if previews is None else whole_number("the number of previews", previews, 0, limits.max_previews),
        selector=checked_text("the selector", selector, MAX_SELECTOR_CHARS),
        seed=whole_number("the seed", seed, 0, limits.max_seed),
        max_minutes=limits.max_minutes,
        max_queries=limits.max_queries,
    )


def checked_queries(limits: Limits, queries: list[str]) -> list[str]:
    """Queries for a new search. Raises QuestionError for none, too many, or one that is too long."""
    if not 1 <= len(queries) <= limits.max_queries:
        raise QuestionError(f"{len(queries)} queries: give 1 to {limits.max_queries}")
    return [checked_text(f"query {i}", query, limits.max_query_chars) for i, query in enumerate(queries, 1)]


def whole_number(name: str, value: object, least: int, most: int) -> int:
    """``value`` as an int. Raises QuestionError unless it is a whole number within the bounds; NaN is not."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= most or value != int(value):
        given = repr(value)[:40] if isinstance(value, (int, float, str)) else type(value).__name__
        raise QuestionError(f"{name} is {given}: give a whole number from {least} to {most}")
    return int(value)


def checked_text(name: str, value: object, most: int | None = None) -> str:
    """A string, "" for None. Raises QuestionError for any other type, a lone surrogate, or more than ``most``."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise QuestionError(f"{name} is not a text but {type(value).__name__}: give a text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise QuestionError(f"{name} holds {value[error.start]!a}, which is not a character: leave it out") from error
    if most is not None and len(value) > most:
        raise QuestionError(f"{name} has {len(value):,} characters: shorten it to {most:,}")
    return value


def checked_texts(name: str, value: object) -> list[str]:
    """A list of strings, [] for None. Raises QuestionError for anything else; no item is dropped."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise QuestionError(f"{name}s are not a list but {type(value).__name__}: give a list of texts")
    for number, item in enumerate(value, 1):
        if not isinstance(item, str):
            raise QuestionError(f"{name} {number} is not a text but {type(item).__name__}: give a list of texts")
    return [checked_text(f"{name} {number}", item) for number, item in enumerate(value, 1)]
