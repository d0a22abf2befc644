"""A run of ``msjoe eval`` as a picture and a short table.

    python analysis/comparison.py runs/reel-test --out analysis/reel-test

copies the run's summary.md and summary.json to the folder, draws accuracy.svg (a dot and its 95 % interval for
every selector, on the MLLM's own queries and on the question as the query; bounds in grey) and prints the README's
table, with all budgets. The picture needs ``pip install -e .[train]``.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from msjoe.errors import UserError
from msjoe.files import write_atomic
from msjoe.rl.curves import svg_text

KEPT = ("summary.md", "summary.json")
COLOURS = {"own": "#6366f1", "question": "#d97706", "none": "#0f766e", "bound": "#8a93a3"}
OWN, QUESTION = "own queries, or none", "the question as query"  # columns of the table
TOLD = {"own": "own queries", "question": "the question as query", "none": "no queries", "bound": "bound"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run, with its summary.json")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--budget", type=int, default=8, help="of the picture (default: %(default)s)")
    args = parser.parse_args()
    if not (args.run / KEPT[1]).is_file():
        raise SystemExit(f"no {KEPT[1]} in {args.run}: give the folder of a finished msjoe eval")
    for name in KEPT:
        text = (args.run / name).read_text(encoding="utf-8")
        write_atomic(args.out / name, lambda path, text=text: path.write_text(text, encoding="utf-8"))
    summary = json.loads((args.run / KEPT[1]).read_text(encoding="utf-8"))
    arms = arms_of(summary, args.budget)
    write_atomic(args.out / "accuracy.svg", lambda path: path.write_text(svg_text(picture(arms)), encoding="utf-8"))
    print(table(summary["arms"]))


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


def picture(arms: Sequence[dict]) -> Figure:
    """A dot and its interval for every arm, the first on top."""
    figure = Figure((9.3, 0.9 + 0.25 * len(arms)), layout="constrained")
    axes = figure.add_subplot()
    for name, told in TOLD.items():
        rows = [(row, *arm["headline"]) for row, arm in enumerate(arms) if kind(arm) == name]
        if rows:
            places, values, lows, highs = np.array(rows).T
            spread = (values - lows, highs - values)
            axes.errorbar(values, places, xerr=spread, fmt="o", color=COLOURS[name], elinewidth=2, label=told)
    axes.set_yticks(range(len(arms)), [label(arm) for arm in arms])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(TOLD), frameon=False)
    return figure


def table(arms: Sequence[dict]) -> str:
    """Markdown: a line for every selector, bounds last, the best mean on own queries first; a column for every budget
    with own queries, or none, and one with the question as the query."""
    budgets = sorted({arm["budget"] for arm in arms})
    columns = [(budget, asked) for budget in budgets for asked in (OWN, QUESTION)]
    rows: dict[tuple[bool, str], dict[tuple[int, str], Sequence[float]]] = {}
    for arm in arms:
        column = (arm["budget"], QUESTION if arm["queries"] == "question" else OWN)
        rows.setdefault((arm["bound"], label(arm)), {})[column] = arm["headline"]

    def rank(row: tuple[bool, str]) -> tuple[bool, float]:
        own = [rows[row][column][0] for column in columns[::2] if column in rows[row]]
        return row[0], -sum(own) / max(1, len(own))

    lines = ["| selector | " + " | ".join(f"{budget} frames, {asked}" for budget, asked in columns) + " |"]
    lines.append("|---|" + "---:|" * len(columns))
    for bound, name in sorted(rows, key=rank):
        cells = (_cell(rows[bound, name].get(column)) for column in columns)
        lines.append(f"| {name}{' *(bound)*' if bound else ''} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(headline: Sequence[float] | None) -> str:
    return "{:.1f} ({:.1f} to {:.1f})".format(*(100 * share for share in headline)) if headline else ""


if __name__ == "__main__":
    main()
