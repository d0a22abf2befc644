"""A run's metrics as one SVG picture: a panel for each, raw points and a smoothed line over the steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

PANEL = (4.8, 2.4)  # width and height in inches
LINE, POINT = "#4f46e5", "#a5b4fc"
PARTS = 12  # of a run: a smoothed value is the mean over one of them around its step


@dataclass(frozen=True)
class Panel:
    """A metric and its title."""

    name: str
    title: str
    share: bool = False  # from 0 to 1, shown in %


PANELS = (
    Panel("reward", "Mean reward of the rollouts"),
    Panel("rewards/acc", "Rollouts with a right answer", share=True),
    Panel("eval/accuracy", "Right on held-out questions (greedy)", share=True),
    Panel("rewards/format", "Rollouts in the asked form", share=True),
    Panel("rewards/info", "Informative queries", share=True),
    Panel("frac_reward_zero_std", "Questions that teach nothing (equal rewards)", share=True),
    Panel("entropy", "Entropy of the MLLM's tokens, nats"),
    Panel("sampler/entropy", "Entropy of the sampler's weights, nats"),
    Panel("completions/mean_length", "New tokens of a rollout, both turns"),
)


def picture(title: str, lines: Sequence[dict]) -> Figure:
    """``lines``: those of metrics.jsonl; a metric that none of them has gets no panel."""
    found = [(panel, [(line["step"], line[panel.name]) for line in lines if panel.name in line]) for panel in PANELS]
    found = [(panel, points) for panel, points in found if points]
    columns = min(2, max(1, len(found)))
    rows = math.ceil(len(found) / columns)
    figure = Figure((columns * PANEL[0], 0.6 + rows * PANEL[1]), layout="constrained")
    figure.suptitle(f"{title}\npoints: a step each; line: mean over a {PARTS}th of the run", fontsize=11)
    last = max((line["step"] for line in lines), default=1)
    for place, (panel, points) in enumerate(found, 1):
        _draw(figure.add_subplot(rows, columns, place), panel, points, max(1, last))
    return figure


def smoothed(points: Sequence[tuple[int, float]], window: int) -> list[tuple[int, float]]:
    """At each step the mean over the points at most ``window`` steps away."""
    found = []
    for step, _ in points:
        near = [value for other, value in points if abs(other - step) <= window]
        found.append((step, sum(near) / len(near)))
    return found


def svg_text(figure: Figure) -> str:
    """The figure as SVG, its words as text; the same bytes for the same figure."""
    out = StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "msjoe", "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _draw(axes: Axes, panel: Panel, points: Sequence[tuple[int, float]], last: int) -> None:
    sparse = len(points) <= PARTS  # such as held-out accuracy: the line goes through the points
    drawn = points if sparse else smoothed(points, max(1, last // (2 * PARTS)))
    axes.plot(*zip(*points, strict=True), ".", color=LINE if sparse else POINT, markersize=9 if sparse else 5)
    axes.plot(*zip(*drawn, strict=True), color=LINE, linewidth=2)
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel("step")
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if panel.share:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
