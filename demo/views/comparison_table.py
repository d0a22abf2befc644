"""A comparison, as HTML: one question under several selectors and budgets, side by side on one time axis."""

from collections.abc import Sequence
from html import escape

from demo.examples import ExampleQuestion
from demo.jobs.answer_store import StoredComparison
from demo.jobs.request import ColumnSetup, QuestionRequest
from demo.views.answer_card import OUTDATED, request_attribute
from demo.views.frames import data_uri
from msjoe.clock import clock
from msjoe.remarks import NO_FRAME, choice_remark
from msjoe.trace import Trace

TIME_ROWS = 12  # equal parts of the time axis, one row each
NEAR = 1.0  # seconds; frames this close to a frame of the reference are marked


def comparison_table(
    columns: Sequence[ColumnSetup],
    traces: Sequence[Trace | None],
    truth: ExampleQuestion | None = None,
    request: QuestionRequest | None = None,
) -> str:
    """The table: for each column its answer, its costs, and its frames along the time axis.

    ``traces``: None for a column that is not answered yet. The first column is the reference.
    """
    rows = (
        _row("Answer", [_answer(trace, traces[0], truth) for trace in traces]),
        _row("Seconds", ["" if t is None else f"{_seconds(t):.1f}" for t in traces]),
        _row("Visual tokens", ["" if t is None else str(t.tokens.get("answer", {}).get("visual", "")) for t in traces]),
        _row("Key-frames", [_frame_count(trace) for trace in traces]),
    )
    heads = "".join(
        f'<th scope="col"><b>{escape(column_name(column, trace))}</b> <small>budget {column.budget}</small></th>'
        for column, trace in zip(columns, traces, strict=True)
    )
    return (
        f'<section class="compare"{request_attribute(request)}>{_question(request)}'
        '<div class="scroll" tabindex="0" role="group" aria-label="Comparison"><table><thead>'
        f"<tr><td></td>{heads}</tr>{''.join(rows)}</thead><tbody>{_time_axis(traces)}</tbody></table></div>"
        f"{_caption(traces)}</section>"
    )


def stored_comparison_table(comparison: StoredComparison | None) -> str:
    """The table of a stored comparison; "" for none."""
    if comparison is None:
        return ""
    return comparison_table(comparison.columns, comparison.traces, comparison.truth, comparison.request)


def column_name(column: ColumnSetup, trace: Trace | None) -> str:
    """The selector's name, as the Trace gives it once there is one."""
    return trace.models["selector"] if trace else column.selector or "the app's default"


def _question(request: QuestionRequest | None) -> str:
    return f'<p class="question">{escape(request.question)}</p>{OUTDATED}' if request else ""


def _frame_count(trace: Trace | None) -> str:
    """The number of frames, and why the choice differs from what was requested, if it does."""
    if trace is None:
        return ""
    remark = "" if NO_FRAME in trace.notes else choice_remark(trace)  # NO_FRAME is shown beside the answer
    return f"{len(trace.indices)}" + (f'<span class="mark other">{escape(remark)}</span>' if remark else "")


def agrees(trace: Trace, reference: Trace) -> bool:
    """Whether both give the same letter or, for an open question, the same words."""
    return trace.answer == reference.answer and (
        trace.answer is not None or trace.answer_text().casefold() == reference.answer_text().casefold()
    )


def _row(title: str, cells: Sequence[str]) -> str:
    return f'<tr><th scope="row">{title}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _answer(trace: Trace | None, reference: Trace | None, truth: ExampleQuestion | None) -> str:
    if trace is None:
        return '<span class="muted">…</span>'
    letter = f"<b>{escape(trace.answer)}</b> " if trace.answer else ""
    reply = f'<span class="said">{letter}{escape(trace.answer_text())}</span>'
    marks = ['<span class="mark">not one of the options</span>'] if trace.options and not trace.answer else []
    if trace is reference:
        marks.append('<span class="mark">the reference</span>')
    elif NO_FRAME in trace.notes:
        marks.append('<span class="mark other">uniform frames: the rule chose none</span>')
    elif reference is not None:
        same = agrees(trace, reference)
        marks.append(
            f'<span class="mark {"same" if same else "other"}">{"= as" if same else "≠ unlike"} uniform</span>'
        )
    if truth is not None:
        right = trace.answer == truth.answer
        marks.append(f'<span class="mark {"right" if right else "wrong"}">{"✓ right" if right else "✗ wrong"}</span>')
    return reply + "".join(marks)


def _seconds(trace: Trace) -> float:
    """Seconds for the choice and the answer; columns share the other steps."""
    return sum(trace.seconds.get(step, 0.0) for step in ("choice", "answer"))


def _time_axis(traces: Sequence[Trace | None]) -> str:
    """One row for each part of the video, with the frames of each column in it."""
    done = [trace for trace in traces if trace is not None]
    if not done:
        return ""
    part = max(done[0].duration, 0.001) / TIME_ROWS
    reference = traces[0].chosen_times if traces[0] else []
    rows = []
    for number in range(TIME_ROWS):
        cells = [_frames(trace, number, part, reference if i else []) for i, trace in enumerate(traces)]
        rows.append(f'<tr><th scope="row">{clock(number * part)}</th>{"".join(cells)}</tr>')
    return "".join(rows)


def _frames(trace: Trace | None, number: int, part: float, reference: Sequence[float]) -> str:
    if trace is None:
        return "<td></td>"
    pairs = zip(trace.chosen_times, trace.keyframes, strict=False)
    buttons = "".join(
        f'<button type="button" data-seek="{t:.2f}" title="{clock(t)}" aria-label="Go to {clock(t)}"'
        f' class="{"shared" if any(abs(t - other) <= NEAR for other in reference) else ""}">'
        f'<img src="{data_uri(picture, 80)}" alt=""><span>{clock(t)}</span></button>'
        for t, picture in pairs
        if min(int(t / part), TIME_ROWS - 1) == number
    )
    return f'<td><div class="thumbs">{buttons}</div></td>'


def _caption(traces: Sequence[Trace | None]) -> str:
    done = [trace for trace in traces if trace is not None]
    if traces[0] is None or len(done) < 2:
        return ""
    others = [trace for trace in done[1:] if NO_FRAME not in trace.notes]
    same = sum(agrees(trace, traces[0]) for trace in others)
    queries = "; ".join(traces[0].queries)
    return (
        f'<p class="muted">{same} of {len(others)} agree with uniform. Looked for: {escape(queries)}. '
        "Seconds count choosing and answering, the steps that differ; a framed time lies within a second of one of "
        "uniform's.</p>"
    )
