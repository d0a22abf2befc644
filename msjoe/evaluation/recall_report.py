"""What ``msjoe recall`` prints, as Markdown."""

from msjoe.evaluation.kfs import FIGURES
from msjoe.evaluation.tables import percent, signed, table

TITLES = {"longvideobench": "LongVideoBench", "lvbench": "LVBench", "kfsbench": "KFS-Bench", "reel": "Reel"}
NOTES = """\
evidence: share of a question's evidence that a frame hits, mean over questions; all: share of questions with every
scene hit; in %, with 95 % bootstrap intervals over videos. uniform: as many frames as the longest list, evenly spread
among the frames of every second, on the same questions; differences are paired."""
ORDER = ("15", "60", "600", "3600")


def recall_report(result: dict, command: str) -> str:
    lines = [f"# Evidence recall on {TITLES[result['benchmark']]}", "", f"- command: `{command}`"]
    lines.append(f"- {result['questions']} questions with evidence; {_reading(result)}")
    lines += [f"- {line}" for line in result["notes"]]
    parts = ["\n".join(lines), _all(result), "## Evidence by group", _groups(result)]
    if any("kfs" in line for line in result["selections"]):
        parts += ["## KFS-Bench's figures", _kfs(result)]
    return "\n\n".join([*parts, NOTES]) + "\n"


def _reading(result: dict) -> str:
    within = f"within {result['tolerance']:g} s"
    if result["benchmark"] == "longvideobench":
        rate = "24 a second" if result["positions_at"] == "24" else "the source's rate"
        return f"`position`, read as frame numbers at {rate}, {within}"
    if result["benchmark"] == "lvbench":
        return f"`time_reference`, a span, {within}"
    return f"scenes, {within}" if result["tolerance"] else "scenes"


def _all(result: dict) -> str:
    head = ["selection", "K", "frames", "questions", "evidence", "uniform", "minus uniform"]
    head += ["all", "all, uniform", "all, minus uniform"]
    rows = []
    for line in result["selections"]:
        mine, even, minus = line["recall"], line["uniform"], line["minus_uniform"]
        row = [line["name"], str(line["budget"]), f"{line['frames']:.1f}", str(mine["questions"])]
        for name in ("evidence", "all"):
            row += [percent(mine[name]), percent(even[name]), signed(minus[name])]
        rows.append(row)
    return table(head, rows)


def _groups(result: dict) -> str:
    """A line for each selection, and for uniform at each budget, on the questions of the first selection of it."""
    names = dict.fromkeys(name for line in result["selections"] for name in line["recall"]["groups"])
    names = sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    rows, even = [], {}
    for line in result["selections"]:
        rows.append([line["name"], *_cells(line["recall"], names)])
        even.setdefault(line["budget"], ["uniform", *_cells(line["uniform"], names)])
    rows += [[f"uniform, {budget} frames", *cells[1:]] for budget, cells in sorted(even.items())]
    return table(["selection", *(name or "(none)" for name in names)], rows)


def _cells(recall: dict, names: list[str]) -> list[str]:
    return [percent(recall["groups"].get(name, {}).get("evidence")) for name in names]


def _kfs(result: dict) -> str:
    rows = []
    for line in result["selections"]:
        for suffix, key in (("", "kfs"), (", uniform", "kfs_uniform")):
            if key in line:
                rows.append([line["name"] + suffix, *(f"{line[key][name]:.4f}" for name in FIGURES)])
    return table(["selection", *(name.upper() for name in FIGURES)], rows)
