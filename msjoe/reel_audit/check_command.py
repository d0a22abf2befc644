"""The flags of ``msjoe reel check``. Imports nothing heavy."""

import argparse
import os
import sys
from dataclasses import fields
from pathlib import Path

from msjoe.errors import UserError
from msjoe.files import check_writable
from msjoe.reel_audit.check_sizes import CheckSizes

GATES = """gates:
  1 text        words alone do not answer: guessers on words, the MLLM with black frames
  2 layout      evidence scenes are like any other scene; a U-Net finds nothing in empty matrices
  3 question    the question is a fair query, but weaker than a good one
  4 asking      good queries need previews
  5 range       neither hopeless nor easy
  6 budget      more frames do not hurt
  7 score       scores alone are not enough, and enough to learn from
  8 files       files give the same answers as rendering

The same command resumes a stopped run. Exit code 1: a gate failed."""
HELP = {
    "text": "questions for the guessers on words and the layout",
    "black": "questions asked with black frames",
    "steps": "of each U-Net's training",
    "matrices": "videos of a track whose shuffled matrices a U-Net learns from",
    "videos": "validation videos of a track",
    "files": "test videos of a track that are written to files",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, GATES
    parser.add_argument(
        "--out", type=Path, default=Path("runs/reel-check"), metavar="DIR", help="(default: %(default)s)"
    )
    parser.add_argument("--gates", default="", metavar="N,...", help="only these (default: all)")
    parser.add_argument(
        "--fast", action="store_true", help="only what needs scripts alone, in minutes: gate 1, 2 in part"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (default: all cores)"
    )
    parser.add_argument("--mllm", metavar="NAME", help="path or hub id (default: the embedded one)")
    parser.add_argument(
        "--clip", metavar="NAME", help="open_clip MODEL:WEIGHTS or a folder (default: the embedded one)"
    )
    sizes = parser.add_argument_group("sizes")
    for field in fields(CheckSizes):
        text = f"{HELP[field.name]} (default: %(default)s)"
        sizes.add_argument(f"--{field.name}", type=int, default=field.default, metavar="N", help=text)


def run_args(args: argparse.Namespace) -> int:
    """Run the check and print its table; returns 1 where a gate failed."""
    if args.workers < 1:
        raise UserError(f"--workers is {args.workers}: give 1 or more")
    sizes = CheckSizes(**{field.name: getattr(args, field.name) for field in fields(CheckSizes)})
    check_writable(args.out)
    from msjoe.loading import EMBEDDED_CLIP, EMBEDDED_MLLM, embedded
    from msjoe.reel_audit.gate_stages import FAST, STAGES, check_sizes
    from msjoe.reel_audit.gates.video_answers import AuditModels, models_of
    from msjoe.reel_audit.run_check import run_check

    check_sizes(sizes)
    numbers = gate_numbers(args.gates)
    stages = {
        name: stage for name, stage in STAGES.items() if int(name[0]) in numbers and (not args.fast or name in FAST)
    }
    if not stages:
        raise UserError(f"--fast leaves nothing of gates {args.gates}: it runs parts of 1 and 2")
    if set(stages) <= set(FAST):
        setup = AuditModels("not used", "not used", args.out / "features")
    else:
        setup = AuditModels(
            args.mllm or embedded(EMBEDDED_MLLM), args.clip or embedded(EMBEDDED_CLIP), args.out / "features"
        )
        models_of(setup)  # a model that cannot be loaded is reported before any work is done
    gates = run_check(args.out, setup, sizes, stages, args.workers)
    sys.stdout.write((args.out / "check.md").read_text(encoding="utf-8"))
    return 0 if all(gate.passed for gate in gates) else 1


def gate_numbers(text: str) -> set[int]:
    """ "1,3" -> {1, 3}; "" all. Raises UserError for a gate that does not exist."""
    numbers = {part.strip() for part in text.split(",") if part.strip()} or set("12345678")
    wrong = sorted(number for number in numbers if number not in set("12345678"))
    if wrong:
        raise UserError(f"--gates has {', '.join(wrong)}: give numbers from 1 to 8, as in 1,3")
    return {int(number) for number in numbers}
