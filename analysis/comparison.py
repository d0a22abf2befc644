"""A run of ``msjoe eval`` as a picture and a short table.

    python analysis/comparison.py runs/reel-test --out analysis/reel-test

copies the run's summary.md and summary.json to the folder, draws accuracy.svg (a dot and its 95 % interval for
every selector, on the MLLM's own queries and on the question as the query; bounds in grey) and prints a table
with a line a selector.
"""

import argparse
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from msjoe.errors import UserError
from msjoe.files import write_atomic

KEPT = ("summary.md", "summary.json")
COLOURS = {"own": "#6366f1", "question": "#d97706", "none": "#0f766e", "bound": "#8a93a3"}
TOLD = {"own": "own queries", "question": "the question as query", "none": "no queries", "bound": "bound"}
LEFT, RIGHT, ROW, TOP, BOTTOM, WIDTH = 360, 30, 24, 46, 40, 890  # pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run, with its summary.json")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--budget", type=int, default=8)
    args = parser.parse_args()
    if not (args.run / KEPT[1]).is_file():
        raise SystemExit(f"no {KEPT[1]} in {args.run}: give the folder of a finished msjoe eval")
    for name in KEPT:
        text = (args.run / name).read_text(encoding="utf-8")
        write_atomic(args.out / name, lambda path, text=text: path.write_text(text, encoding="utf-8"))
    arms = arms_of(json.loads((args.run / KEPT[1]).read_text(encoding="utf-8")), args.budget)
    write_atomic(args.out / "accuracy.svg", lambda path: path.write_text(picture(arms), encoding="utf-8"))
    print(table(arms))


def arms_of(summary: dict, budget: int) -> list[dict]:
    """Those of a budget, best first, bounds last. Raises UserError where there are none."""
    arms = [arm for arm in summary["arms"] if arm["budget"] == budget]
    if not arms:
        known = sorted({arm["budget"] for arm in summary["arms"]})
        raise UserError(f"the run has no arm with {budget} frames: choose one of {known}")
    return sorted(arms, key=lambda arm: (arm["bound"], -arm["headline"][0]))


def kind(arm: dict) -> str:
    return "bound" if arm["bound"] else arm["queries"]


def label(arm: dict) -> str:
    """The selector, and for a bound the queries it was given."""
    name = arm["selector"].replace("?", " (").replace("&", ", ") + (")" if "?" in arm["selector"] else "")
    return f"{name}, ideal queries" if arm["queries"] == "ideal" else name


def picture(arms: Sequence[dict]) -> str:
    """The SVG text."""
    high = min(1.0, max(arm["headline"][2] for arm in arms) + 0.05)
    height = TOP + ROW * len(arms) + BOTTOM

    def x(share: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * share / high

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" '
        f'font-size="13"><rect width="{WIDTH}" height="{height}" fill="white"/>'
    ]
    parts += _legend({kind(arm) for arm in arms})
    for tenth in range(int(high * 10) + 1):
        at = x(tenth / 10)
        parts.append(f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{height - BOTTOM}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{at:.1f}" y="{height - 16}" text-anchor="middle" fill="#4b5563">{tenth * 10} %</text>')
    for row, arm in enumerate(arms):
        parts += _row(arm, TOP + ROW * (row + 0.5), x)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(kinds: set[str]) -> list[str]:
    parts, at = [], LEFT
    for name, told in TOLD.items():
        if name in kinds:
            parts.append(f'<circle cx="{at}" cy="20" r="5" fill="{COLOURS[name]}"/>')
            parts.append(f'<text x="{at + 10}" y="25" fill="#1f2937">{told}</text>')
            at += 30 + 7 * len(told)
    return parts


def _row(arm: dict, y: float, x) -> list[str]:
    value, low, high = arm["headline"]
    colour = COLOURS[kind(arm)]
    return [
        f'<text x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end" fill="#1f2937">{escape(label(arm))}</text>',
        f'<line x1="{x(low):.1f}" y1="{y:.1f}" x2="{x(high):.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="2"/>',
        f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="5" fill="{colour}"><title>{100 * value:.1f} %</title></circle>',
    ]


def table(arms: Sequence[dict]) -> str:
    """Markdown: a line for every selector, its accuracy on own queries and on the question."""
    found: dict[str, dict[str, str]] = {}
    for arm in arms:
        value, low, high = (100 * share for share in arm["headline"])
        cell = f"{value:.1f} ({low:.1f} to {high:.1f})"
        column = "question" if arm["queries"] == "question" else "own"
        found.setdefault(label(arm) + (" *(bound)*" if arm["bound"] else ""), {})[column] = cell
    lines = ["| selector | own queries, or none | the question as query |", "|---|---:|---:|"]
    lines += [f"| {name} | {row.get('own', '')} | {row.get('question', '')} |" for name, row in found.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
