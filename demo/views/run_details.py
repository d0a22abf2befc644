"""What a run cost, its prompts and its replies word for word, as HTML."""

from html import escape

from demo.views.messages import notes_list, short_name
from demo.views.progress import STEP_TITLES
from msjoe.trace import Trace


def details_html(trace: Trace | None) -> str:
    """Seconds and tokens of each step, prompts and replies, notes and models."""
    if trace is None or not trace.seconds:
        return (
            '<p class="muted">Press Run to see the seconds and tokens of each step, and the replies word for word.</p>'
        )
    return _costs(trace) + _prompts_and_replies(trace) + _facts(trace)


def _costs(trace: Trace) -> str:
    rows = []
    for name, title in STEP_TITLES.items():
        if name not in trace.seconds:
            continue
        used = trace.tokens.get(name, {})
        tokens = "".join(f"<td>{used.get(kind, '')}</td>" for kind in ("visual", "prompt", "new"))
        rows.append(f"<tr><th scope='row'>{title}</th><td>{trace.seconds[name]:.2f}</td>{tokens}</tr>")
    totals = [sum(used.get(kind, 0) for used in trace.tokens.values()) for kind in ("visual", "prompt", "new")]
    total = "".join(f"<td>{n}</td>" for n in totals)
    return (
        "<table class='costs'><thead><tr><th>Step</th><th>Seconds</th><th>Visual tokens</th><th>Prompt tokens</th>"
        f"<th>New tokens</th></tr></thead><tbody>{''.join(rows)}</tbody><tfoot><tr><th scope='row'>Sum</th>"
        f"<td>{sum(trace.seconds.values()):.2f}</td>{total}</tr></tfoot></table>"
    )


def _prompts_and_replies(trace: Trace) -> str:
    """For both turns."""
    texts = (
        ("Prompt for the queries", trace.prompts.get("queries", "")),
        ("Reply with the queries", trace.query_reply),
        ("Prompt for the answer", trace.prompts.get("answer", "")),
        ("Reply with the answer", trace.answer_reply),
    )
    return "".join(f"<h3>{title}</h3><pre tabindex='0'>{escape(text)}</pre>" for title, text in texts if text)


def _facts(trace: Trace) -> str:
    notes = [*trace.notes, *([trace.selection_note] if trace.selection_note else [])]
    models = " · ".join(
        f"{escape(part)}: <code>{escape(short_name(name))}</code>" for part, name in trace.models.items()
    )
    return (f"<h3>Notes</h3>{notes_list(notes)}" if notes else "") + f"<h3>Models</h3><p>{models}</p>"
