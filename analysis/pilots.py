"""What a run of ``msjoe train`` gained, on Reel's validation split, with 8 frames: one command after the four stages.

    python analysis/pilots.py runs/pilot --processes 2 [--limit 100]

Two runs of ``msjoe eval`` (each goes on where it was stopped): the base MLLM with uniform frames, the stand-in rule,
the sampler of stage 1 and the rivals; the joint MLLM with its own sampler, uniform frames, and the rivals on its
queries. Writes into RUN/validation:

    base/, joint/   the runs, with their own summaries, losses by step and intervals
    table.md        accuracy of each line, and paired differences, with 95 % intervals over videos
    table.json      the same numbers

and then the model cards again (``msjoe train card``), which quote the table.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msjoe.evaluation.plan import Arm
from msjoe.evaluation.run_folder import read_rows
from msjoe.evaluation.summary import difference, headline
from msjoe.evaluation.tables import percent, signed, table
from msjoe.files import write_atomic
from msjoe.rl.card import TABLE, write_cards

# with the settings that benchmarks/tune_selectors.py found on validation videos (analysis/reel-test/settings.txt)
RIVALS = (
    "aks_repaired?rows=round_robin",
    "bolt_repaired?rows=round_robin&power=15",
    "qframe_repaired?rows=round_robin&tau=0.03",
    "topk_apart?rows=round_robin&seconds=10",
)
BENCHMARK = "reel"


@dataclass(frozen=True)
class Line:
    """A row of the table: who asks and answers, and who chooses the frames."""

    mllm: str  # "base" or "joint", the name of its run
    chooser: str
    selector: str  # as --selectors names it


def lines_of(run: Path) -> list[Line]:
    """Those of the table, with the weights that the run's stages left."""
    first, tspo, joint = (run / place for place in ("sampler/checkpoint", "tspo/checkpoint", "joint/checkpoint"))
    return [
        Line("base", "uniform", "uniform"),
        Line("base", "stand-in rule", "standin"),
        Line("base", "sampler of stage 1", f"sampler:{first}"),
        *(Line("base", rule, rule) for rule in RIVALS),
        Line("joint", "sampler of stage 2", f"sampler:{joint / 'sampler'}"),
        Line("joint", "uniform", "uniform"),
        *(Line("joint", rule, rule) for rule in RIVALS),
        Line("joint", "tspo", f"tspo:{tspo}"),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the --out of msjoe train")
    parser.add_argument("--budget", type=int, default=8, help="frames (default: %(default)s)")
    parser.add_argument("--limit", type=int, help="the first so many questions of each track (default: all)")
    parser.add_argument("--tracks", help="only these, with commas between (default: all)")
    parser.add_argument("--processes", type=int, default=1, help="of msjoe eval (default: %(default)s)")
    parser.add_argument("--mllm", help="the base MLLM (default: the embedded one)")
    parser.add_argument("--clip", help="(default: the embedded one)")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    missing = [stage for stage in ("sampler", "tspo", "joint") if not (args.run / stage / "checkpoint").is_dir()]
    if missing:
        raise SystemExit(f"{args.run} has no checkpoint of {', '.join(missing)}: run msjoe train with this --out first")
    lines, folder = lines_of(args.run), (args.run / TABLE).parent
    for mllm in ("base", "joint"):
        evaluate(args, mllm, [line.selector for line in lines if line.mllm == mllm], folder / mllm)
    found = rows_of(folder, lines, args.budget)
    numbers = measure(found)
    write_atomic(folder / TABLE.name, lambda path: path.write_text(markdown(numbers, args.budget), encoding="utf-8"))
    write_atomic(folder / "table.json", lambda path: path.write_text(json.dumps(numbers, indent=1) + "\n"))
    write_cards(args.run)
    print(markdown(numbers, args.budget))


def evaluate(args: argparse.Namespace, mllm: str, selectors: Sequence[str], out: Path) -> None:
    """``msjoe eval`` in processes of its own."""
    weights = str(args.run / "joint" / "checkpoint" / "mllm") if mllm == "joint" else args.mllm
    command = ["-m", "msjoe", "eval", BENCHMARK, "--split", "validation", "--out", str(out), "--device", args.device]
    command += ["--selectors", ",".join(selectors), "--queries", "own", "--budget", str(args.budget)]
    given = {"--limit": args.limit, "--tracks": args.tracks, "--mllm": weights, "--clip": args.clip}
    command += [str(word) for flag, value in given.items() if value is not None for word in (flag, value)]
    if args.processes > 1:
        how = ["--multi_gpu", "--num_processes", str(args.processes)]  # on CPUs too: a launcher's name for several
        command = ["-m", "accelerate.commands.launch", *how, *command]
    subprocess.run([sys.executable, *command], check=True)


def rows_of(folder: Path, lines: Sequence[Line], budget: int) -> list[tuple[Line, list[dict]]]:
    """The answers behind each line."""
    runs = {mllm: read_rows(folder / mllm) for mllm in ("base", "joint")}
    found = []
    for line in lines:
        arm = Arm(line.selector, "none" if line.selector == "uniform" else "own", budget).name
        found.append((line, [row for row in runs[line.mllm] if row["arm"] == arm]))
    return found


def measure(found: Sequence[tuple[Line, list[dict]]]) -> list[dict]:
    """Of each line its accuracy, and what it is above three others on the same questions; [value, low, high]."""
    by_name = {(line.mllm, line.chooser): rows for line, rows in found}
    others = {
        "minus_uniform": by_name["base", "uniform"],
        "minus_standin": by_name["base", "stand-in rule"],
        "minus_joint": by_name["joint", "sampler of stage 2"],
    }
    numbers = []
    for line, rows in found:
        number = {"mllm": line.mllm, "frames": line.chooser, "questions": len(rows)}
        number["accuracy"] = headline(BENCHMARK, rows)
        number |= {
            name: None if rows is rows_b else difference(BENCHMARK, rows, rows_b) for name, rows_b in others.items()
        }
        groups = dict.fromkeys(row["group"] for row in rows)
        number["groups"] = {g: headline(BENCHMARK, [row for row in rows if row["group"] == g]) for g in groups}
        numbers.append(number)
    return numbers


def markdown(numbers: Sequence[dict], budget: int) -> str:
    """The table for people."""
    groups = list(numbers[0]["groups"])
    differences = {
        "minus base, uniform": "minus_uniform",
        "minus base, stand-in": "minus_standin",
        "minus joint, its sampler": "minus_joint",
    }
    rows = [
        [f"{n['mllm']}, {n['frames']}", percent(n["accuracy"]), *(signed(n[key]) for key in differences.values())]
        for n in numbers
    ]
    tracks = [[f"{n['mllm']}, {n['frames']}", *(f"{100 * n['groups'][g][0]:.1f}" for g in groups)] for n in numbers]
    return (
        "\n\n".join(
            [
                f"Reel's validation split, {numbers[0]['questions']} questions, {budget} frames: accuracy in %, with "
                f"95 % intervals (bootstrap over videos; differences are paired, on the same questions).",
                table(["MLLM, frames", "accuracy", *differences], rows),
                "By track:",
                table(["MLLM, frames", *groups], tracks),
            ]
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
