"""One question under several selectors and budgets, side by side on one time axis."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from demo import views
from demo.answer import OUTDATED, asked_mark
from demo.asking import whole
from demo.engine import Engine
from demo.examples import ExampleQuestion, Examples
from demo.limits import Limits
from demo.outputs import Outputs, html
from demo.rules import rule_choices, rule_names
from demo.running import stream
from demo.shelf import Compared, Kept
from demo.work import REFERENCE, Arm, ArmEvent, Asked, compare_events
from msjoe.errors import QuestionError
from msjoe.remarks import NO_FRAME, choice_remark, counted
from msjoe.trace import Trace

BUDGETS = (4, 8, 16, 32)
PARTS = 12  # of the time axis
NEAR = 1.0  # seconds: frames as close as this to one of the reference are marked
HINT = (
    "The same queries for all, so what differs is the choice of frames. Uniform frames are the reference, on the left. "
    "Click a picture to see that second in the video."
)


@dataclass(frozen=True)
class CompareParts:
    selectors: gr.CheckboxGroup
    budgets: gr.CheckboxGroup
    start: gr.Button
    table: gr.HTML


def compare_column(limits: Limits) -> CompareParts:
    """The choices, the button and the place of the table."""
    html(f'<p class="muted">{HINT}</p>')
    others = [(label, name) for label, name in rule_choices() if name != REFERENCE]
    selectors = gr.CheckboxGroup(others, value=["", "topk"], label="Selectors to compare with uniform", elem_id="arms")
    offered = [budget for budget in BUDGETS if budget <= limits.max_budget] or [limits.max_budget]
    usual = min(8, offered[-1])
    budgets = gr.CheckboxGroup(offered, value=[usual], label="Budgets (key-frames)", elem_id="budgets")
    start = gr.Button("Compare", variant="primary", elem_id="compare")
    return CompareParts(selectors, budgets, start, html("", elem_id="table"))


def arms_of(selectors: object, budgets: object, limits: Limits = Limits()) -> list[Arm]:
    """The columns, the reference first at each budget. Raises QuestionError for none or too many of them."""
    wanted = [name for name in _list(selectors) if name == "" or name in rule_names()]
    counts = sorted({whole("a budget", budget, 1, limits.max_budget) for budget in _list(budgets)})
    if not counts:
        raise QuestionError("no budget is chosen to compare: choose one or more")
    names = [REFERENCE, *(name for name in dict.fromkeys(wanted) if name != REFERENCE)]
    arms = [Arm(name, count) for count in counts for name in names]
    if len(arms) < 2:
        raise QuestionError("there is nothing to compare: choose a second selector or a second budget")
    if len(arms) > limits.max_arms:
        raise QuestionError(
            f"{counted(len(names), 'selector')} at {counted(len(counts), 'budget')} make {len(arms)} answers: "
            f"choose {limits.max_arms} or fewer"
        )
    return arms


def _list(value: object) -> list:
    return value if isinstance(value, list) else []


def compare_steps(
    engine: Engine, examples: Examples, asked: Asked, kept: Kept | None, arms: list[Arm], outputs: Outputs, table,
    keep: Callable[[Compared], dict],
) -> Iterator[dict]:  # fmt: skip
    """Yield updates as the arms are answered, one after the other; ``keep`` takes what is finished so far."""
    truth = examples.find(asked.example, asked.question, asked.options)
    found: list[Trace | None] = [None] * len(arms)

    def update(told: ArmEvent) -> dict:
        event = told.event
        column = "" if told.arm is None else f"{_arm_name(arms[told.arm], event.trace)}: "
        line = views.Progress(event.step, event.fraction, column + event.message, event.trace.seconds)
        updates = {outputs.stepper: views.stepper(line)}
        if told.arm is None or event.step != "done":
            return updates
        found[told.arm] = event.trace
        finished = [(arm, trace) for arm, trace in zip(arms, found, strict=True) if trace]
        compared = Compared(*map(tuple, zip(*finished, strict=True)), asked, truth)
        return updates | {table: comparison(arms, found, truth, asked)} | keep(compared)

    yield {table: comparison(arms, found, truth, asked)}
    yield from stream(engine, lambda models: compare_events(models, asked, kept, arms), update, outputs, asked.video)


def comparison(
    arms: Sequence[Arm], found: Sequence[Trace | None], truth: ExampleQuestion | None = None, asked: Asked | None = None
) -> str:
    """The table: a column an arm, rows for its answer and its costs, then the time axis with the frames."""
    rows = (
        _row("Answer", [_answer(trace, found[0], truth) for trace in found]),
        _row("Seconds", ["" if t is None else f"{_seconds(t):.1f}" for t in found]),
        _row("Visual tokens", ["" if t is None else str(t.tokens.get("answer", {}).get("visual", "")) for t in found]),
        _row("Key-frames", [_count(trace) for trace in found]),
    )
    heads = "".join(
        f'<th scope="col"><b>{escape(_arm_name(arm, trace))}</b> <small>budget {arm.budget}</small></th>'
        for arm, trace in zip(arms, found, strict=True)
    )
    return (
        f'<section class="compare"{asked_mark(asked)}>{_question(asked)}'
        '<div class="scroll" tabindex="0" role="group" aria-label="Comparison"><table><thead>'
        f"<tr><td></td>{heads}</tr>{''.join(rows)}</thead><tbody>{_axis(found)}</tbody></table></div>"
        f"{_caption(found)}</section>"
    )


def compared_table(compared: Compared | None) -> str:
    """The table of a comparison that is kept; "" for none."""
    return comparison(compared.arms, compared.traces, compared.truth, compared.asked) if compared else ""


def _question(asked: Asked | None) -> str:
    return f'<p class="question">{escape(asked.question)}</p>{OUTDATED}' if asked else ""


def _count(trace: Trace | None) -> str:
    """How many frames, and why they are others than were asked for."""
    if trace is None:
        return ""
    remark = "" if NO_FRAME in trace.notes else choice_remark(trace)  # that one is beside the answer
    return f"{len(trace.indices)}" + (f'<span class="mark other">{escape(remark)}</span>' if remark else "")


def agrees(trace: Trace, reference: Trace) -> bool:
    """The same letter, or where there are none the same words."""
    return trace.answer == reference.answer and (
        trace.answer is not None or trace.answer_text().casefold() == reference.answer_text().casefold()
    )


def _arm_name(arm: Arm, trace: Trace | None) -> str:
    return trace.models["selector"] if trace else arm.selector or "the app's default"


def _row(title: str, cells: Sequence[str]) -> str:
    return f'<tr><th scope="row">{title}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _answer(trace: Trace | None, reference: Trace | None, truth: ExampleQuestion | None) -> str:
    if trace is None:
        return '<span class="muted">…</span>'
    letter = f"<b>{escape(trace.answer)}</b> " if trace.answer else ""
    said = f'<span class="said">{letter}{escape(trace.answer_text())}</span>'
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
    return said + "".join(marks)


def _seconds(trace: Trace) -> float:
    """What is the arm's own: the choice and the answer."""
    return sum(trace.seconds.get(step, 0.0) for step in ("choice", "answer"))


def _axis(found: Sequence[Trace | None]) -> str:
    """The video in equal parts, a row each, with every arm's frames in them."""
    done = [trace for trace in found if trace is not None]
    if not done:
        return ""
    part = max(done[0].duration, 0.001) / PARTS
    reference = found[0].chosen_times if found[0] else []
    rows = []
    for number in range(PARTS):
        cells = [_frames(trace, number, part, reference if i else []) for i, trace in enumerate(found)]
        rows.append(f'<tr><th scope="row">{views.clock(number * part)}</th>{"".join(cells)}</tr>')
    return "".join(rows)


def _frames(trace: Trace | None, number: int, part: float, reference: Sequence[float]) -> str:
    if trace is None:
        return "<td></td>"
    shown = zip(trace.chosen_times, trace.keyframes, strict=False)
    buttons = "".join(
        f'<button type="button" data-seek="{t:.2f}" title="{views.clock(t)}" aria-label="Go to {views.clock(t)}"'
        f' class="{"shared" if any(abs(t - other) <= NEAR for other in reference) else ""}">'
        f'<img src="{views.data_uri(picture, 80)}" alt=""><span>{views.clock(t)}</span></button>'
        for t, picture in shown
        if min(int(t / part), PARTS - 1) == number
    )
    return f'<td><div class="thumbs">{buttons}</div></td>'


def _caption(found: Sequence[Trace | None]) -> str:
    done = [trace for trace in found if trace is not None]
    if found[0] is None or len(done) < 2:
        return ""
    others = [trace for trace in done[1:] if NO_FRAME not in trace.notes]
    same = sum(agrees(trace, found[0]) for trace in others)
    queries = "; ".join(found[0].queries)
    return (
        f'<p class="muted">{same} of {len(others)} agree with uniform. Looked for: {escape(queries)}. '
        "Seconds are those of choosing and answering, the steps that differ; a framed time is one that uniform has "
        "within a second.</p>"
    )
