"""``msjoe recall``: share of evidence that published selections and runs show, beside uniform. Needs no model."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from msjoe.errors import UserError
from msjoe.files import check_writable_file, write_atomic

EXAMPLES = """examples:
  msjoe recall longvideobench --annotations lvb_val.json --frames longvideobench_wfs_sb_8.json tspo_64.json
  msjoe recall lvbench --annotations video_info.meta.jsonl --frames runs/lvbench
  msjoe recall kfsbench --scenes lvb_anno.csv --annotations lvb_val.json --frames aks_64.json
  msjoe recall reel --frames runs/reel"""
BENCHMARKS = ("longvideobench", "lvbench", "kfsbench", "reel")
TOLERANCE = {"longvideobench": 1.0, "lvbench": 1.0, "kfsbench": 0.0, "reel": 0.0}  # seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--annotations", type=Path, metavar="PATH", help="the benchmark's file or folder; not for Reel")
    parser.add_argument(
        "--frames",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        metavar="PATH",
        help="selections: lists of AKS, BOLT, TSPO, VideoITG or KFS-Bench, or the folder of a run of msjoe eval",
    )
    parser.add_argument("--scenes", type=Path, metavar="CSV", help="KFS-Bench's file of scenes; only for kfsbench")
    parser.add_argument(
        "--questions",
        choices=("longvideobench", "videomme"),
        default="longvideobench",
        help="whose questions KFS-Bench's scenes are about (default: %(default)s)",
    )
    parser.add_argument("--split", default="test", choices=("train", "validation", "test"), help="of Reel")
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="S",
        help="seconds around a moment or span in which a frame counts (default: 1 on longvideobench and lvbench, or 0)",
    )
    parser.add_argument(
        "--positions-at",
        choices=("24", "source"),
        default="24",
        help="LongVideoBench's positions as frame numbers at 24 a second, which fits the data, or at the source's rate "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--rates", type=Path, metavar="JSON", help="{video: frames a second}, where known (else told from the numbers)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the table here, as Markdown")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def run_args(args: argparse.Namespace) -> None:
    _check(args)
    from msjoe.evaluation.recall_report import recall_report
    from msjoe.evaluation.recall_table import recall_table

    result = recall_table(args)
    text = recall_report(result, f"msjoe {shlex.join(_named(sys.argv[1:]))}")
    if args.out:
        write_atomic(args.out, lambda path: path.write_text(text, encoding="utf-8"))
    sys.stdout.write(json.dumps(result) + "\n" if args.json else text)


def _check(args: argparse.Namespace) -> None:
    """What argparse cannot see."""
    if args.benchmark == "reel" and args.annotations:
        raise UserError("reel needs no --annotations: its questions are drawn; leave them out")
    if args.benchmark != "reel" and not args.annotations:
        raise UserError(f"{args.benchmark} needs --annotations: say where the benchmark's file is")
    if (args.benchmark == "kfsbench") != bool(args.scenes):
        raise UserError("--scenes is KFS-Bench's file: give it with kfsbench, and only there")
    for path in (args.annotations, args.scenes, args.rates, *args.frames):
        if path and not path.exists():
            raise UserError(f"there is no {path}: check the path")
    if args.tolerance is not None and not 0 <= args.tolerance <= 3600:
        raise UserError(f"--tolerance is {args.tolerance}: give seconds, 0 to 3600")
    if args.out:
        check_writable_file(args.out)


def _named(words: Sequence[str]) -> list[str]:
    """The command with names of files for their paths: what a table is headed with says nothing of a machine."""
    return [Path(word).name if "/" in word else word for word in words]
