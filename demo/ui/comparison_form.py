"""The tab that compares selectors: what to compare, the button, and the place of the table."""

from dataclasses import dataclass

import gradio as gr

from demo.jobs.request import REFERENCE, ColumnSetup
from demo.jobs.request_checks import whole_number
from demo.jobs.selector_choices import offered_selectors, selector_choices
from demo.limits import Limits
from demo.ui.results import html
from msjoe.errors import QuestionError
from msjoe.remarks import counted

BUDGETS = (4, 8, 16, 32)
HINT = (
    "The same queries for all, so what differs is the choice of frames. Uniform frames are the reference, on the left. "
    "Click a picture to see that second in the video."
)


@dataclass(frozen=True)
class ComparisonForm:
    selectors: gr.CheckboxGroup
    budgets: gr.CheckboxGroup
    start: gr.Button
    table: gr.HTML


def comparison_form(limits: Limits) -> ComparisonForm:
    """Lay out the tab."""
    html(f'<p class="muted">{HINT}</p>')
    others = [(label, name) for label, name in selector_choices() if name != REFERENCE]
    selectors = gr.CheckboxGroup(others, value=["", "topk"], label="Selectors to compare with uniform", elem_id="arms")
    offered = [budget for budget in BUDGETS if budget <= limits.max_budget] or [limits.max_budget]
    usual = min(8, offered[-1])
    budgets = gr.CheckboxGroup(offered, value=[usual], label="Budgets (key-frames)", elem_id="budgets")
    start = gr.Button("Compare", variant="primary", elem_id="compare")
    return ComparisonForm(selectors, budgets, start, html("", elem_id="table"))


def checked_columns(selectors: object, budgets: object, limits: Limits = Limits()) -> list[ColumnSetup]:
    """The columns to answer, at each budget the reference first. Raises QuestionError for too few or too many."""
    chosen = [name for name in _list(selectors) if name == "" or name in offered_selectors()]
    counts = sorted({whole_number("a budget", budget, 1, limits.max_budget) for budget in _list(budgets)})
    if not counts:
        raise QuestionError("no budget is chosen to compare: choose one or more")
    names = [REFERENCE, *(name for name in dict.fromkeys(chosen) if name != REFERENCE)]
    columns = [ColumnSetup(name, count) for count in counts for name in names]
    if len(columns) < 2:
        raise QuestionError("there is nothing to compare: choose a second selector or a second budget")
    if len(columns) > limits.max_arms:
        raise QuestionError(
            f"{counted(len(names), 'selector')} at {counted(len(counts), 'budget')} make {len(columns)} answers: "
            f"choose {limits.max_arms} or fewer"
        )
    return columns


def _list(value: object) -> list:
    return value if isinstance(value, list) else []
