"""What is known about a saved Trace, as HTML."""

from html import escape

from demo.browse.archive import SavedTrace
from demo.jobs.answer_store import StoredAnswer
from msjoe.letters import LETTERS

NO_VIDEO = "The video of this Trace is not here, so the times cannot be watched."


def facts_html(entry: SavedTrace, answer: StoredAnswer | None, video: str | None) -> str:
    """The question, its options with the given and the true answer marked, and what is known about the run."""
    pairs = [("Benchmark", entry.benchmark), ("Track", entry.track), ("Selector", entry.selector)]
    pairs += [("Result", entry.result)] + ([("Reward", f"{entry.reward:.3g}")] if entry.reward is not None else [])
    known = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    options = ""
    if answer:
        pairs = zip(LETTERS, answer.trace.options, strict=False)
        options = "".join(
            f"<li><b>{letter}</b> {escape(text)}{_marks(letter, entry, answer)}</li>" for letter, text in pairs
        )
    missing = "" if video else f'<p class="muted">{NO_VIDEO}</p>'
    return (
        f'<section class="facts"><h2>{escape(entry.question)}</h2><ol class="said-options">{options}</ol>'
        f"<dl>{known}</dl>{missing}</section>"
    )


def _marks(letter: str, entry: SavedTrace, answer: StoredAnswer) -> str:
    marks = [text for text, whose in (("answered", answer.trace.answer), ("true", entry.gold)) if whose == letter]
    return f" <small>({', '.join(marks)})</small>" if marks else ""
