"""A run's metrics as one SVG picture: a panel for each, raw points and a smoothed line over the steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 230  # of a panel, pixels
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 40, 40  # margins in a panel
HEAD = 52  # above the panels
LINE, POINT, GRID, TEXT = "#4f46e5", "#a5b4fc", "#e5e7eb", "#374151"
PARTS = 12  # of a run: a smoothed value is the mean over one of them around its step
MOST = 400  # raw points drawn


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


def picture(title: str, lines: Sequence[dict]) -> str:
    """The SVG text. ``lines``: those of metrics.jsonl; a metric that none of them has gets no panel."""
    found = [(panel, [(line["step"], line[panel.name]) for line in lines if panel.name in line]) for panel in PANELS]
    found = [(panel, points) for panel, points in found if points]
    columns = min(2, max(1, len(found)))
    width, height = columns * WIDTH, HEAD + math.ceil(len(found) / columns) * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="12"><rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="17" font-weight="600" fill="#111827">{escape(title)}</text>',
        f'<text x="{LEFT}" y="42" fill="{TEXT}">points: a step each; line: mean over a {PARTS}th of the run</text>',
    ]
    last = max((line["step"] for line in lines), default=1)
    for number, (panel, points) in enumerate(found):
        row, column = divmod(number, columns)
        parts.append(f'<g transform="translate({column * WIDTH} {HEAD + row * HEIGHT})">')
        parts += _panel(panel, points, max(1, last))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def smoothed(points: Sequence[tuple[int, float]], window: int) -> list[tuple[int, float]]:
    """At each step the mean over the points at most ``window`` steps away."""
    found = []
    for step, _ in points:
        near = [value for other, value in points if abs(other - step) <= window]
        found.append((step, sum(near) / len(near)))
    return found


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round values between the two, about ``count``."""
    rough = (high - low) / count
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _panel(panel: Panel, points: Sequence[tuple[int, float]], last: int) -> list[str]:
    low, high = _range([value for _, value in points], panel.share)

    def at(step: float, value: float) -> tuple[float, float]:
        across, up = step / last, (value - low) / (high - low)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [f'<text x="{LEFT}" y="{TOP - 14}" font-weight="600" fill="{TEXT}">{escape(panel.title)}</text>']
    for value in ticks(low, high):
        (x0, y), (x1, _) = at(0, value), at(last, value)
        told = f"{100 * value:g} %" if panel.share else f"{value:g}"
        parts.append(f'<line x1="{x0}" y1="{y:.1f}" x2="{x1}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(f'<text x="{x0 - 7}" y="{y + 4:.1f}" text-anchor="end" fill="{TEXT}">{told}</text>')
    for step in (value for value in ticks(0, last, 5) if value == int(value)):
        x, y = at(step, low)
        parts.append(f'<text x="{x:.1f}" y="{y + 17:.1f}" text-anchor="middle" fill="{TEXT}">{step:g}</text>')
    (x0, y), (x1, _) = at(0, low), at(last, low)
    parts.append(f'<line x1="{x0}" y1="{y}" x2="{x1}" y2="{y}" stroke="{TEXT}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle" fill="{TEXT}">step</text>')
    sparse = len(points) <= PARTS  # such as held-out accuracy: the line goes through the points
    size, colour = (4, LINE) if sparse else (2.2, POINT)
    for step, value in points[:: math.ceil(len(points) / MOST)]:
        x, y = at(step, value)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{colour}"/>')
    drawn = points if sparse else smoothed(points, max(1, last // (2 * PARTS)))
    path = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in drawn)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2" stroke-linejoin="round"/>')
    return parts


def _range(values: Sequence[float], share: bool) -> tuple[float, float]:
    """What the axis shows: a little more than the values, and not beyond 0 and 1 for shares."""
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
    return (max(0.0, low - room), min(1.0, high + room)) if share and high - low < 1 else (low - room, high + room)
