"""What a browser or a program sent, made into what is asked: the one door of the page and the API.

Either may send anything. All is held against ``Limits`` here, before a video is opened.
"""

from demo.limits import Limits
from demo.work import Asked
from msjoe.errors import QuestionError

MOST_NAME = 100  # characters of a selector's name


def asked_of(
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
) -> Asked:
    """``previews``: None for the MLLM's default. Raises QuestionError for what is not of its kind or beyond a limit."""
    if len(options) > limits.max_options:
        raise QuestionError(f"{len(options)} options were given: give {limits.max_options} or fewer")
    return Asked(
        video=video,
        question=text_of("the question", question),
        options=texts_of("option", options),
        budget=whole("the budget", budget, 1, limits.max_budget),
        dense_fps=dense_fps,
        example=example,
        previews=None if previews is None else whole("the number of previews", previews, 0, limits.max_previews),
        selector=text_of("the selector", selector, MOST_NAME),
        seed=whole("the seed", seed, 0, limits.max_seed),
        max_minutes=limits.max_minutes,
        max_queries=limits.max_queries,
    )


def queries_of(limits: Limits, queries: list[str]) -> list[str]:
    """Queries to search again for. Raises QuestionError for none, too many, or one that is too long."""
    if not 1 <= len(queries) <= limits.max_queries:
        raise QuestionError(f"{len(queries)} queries: give 1 to {limits.max_queries}")
    return [text_of(f"query {i}", query, limits.max_query_chars) for i, query in enumerate(queries, 1)]


def whole(name: str, value: object, least: int, most: int) -> int:
    """A number as it came. Raises QuestionError for what is not whole, or not within the bounds; NaN is neither."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not least <= value <= most or value != int(value):
        given = repr(value)[:40] if isinstance(value, (int, float, str)) else type(value).__name__
        raise QuestionError(f"{name} is {given}: give a whole number from {least} to {most}")
    return int(value)


def text_of(name: str, value: object, most: int | None = None) -> str:
    """A text as it came, "" for none. Raises QuestionError for anything else, and for half a surrogate pair."""
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


def texts_of(name: str, value: object) -> list[str]:
    """A list of texts as it came, [] for none. Raises QuestionError for anything else: nothing is left out."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise QuestionError(f"{name}s are not a list but {type(value).__name__}: give a list of texts")
    for number, item in enumerate(value, 1):
        if not isinstance(item, str):
            raise QuestionError(f"{name} {number} is not a text but {type(item).__name__}: give a list of texts")
    return [text_of(f"{name} {number}", item) for number, item in enumerate(value, 1)]
