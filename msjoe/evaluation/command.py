"""The flags of ``msjoe eval`` and ``msjoe compare``. Imports nothing heavy: ``session`` does the work."""

import argparse
import json
import sys
from pathlib import Path

from msjoe.errors import UserError
from msjoe.files import check_writable
from msjoe.flags import add_length_argument, add_model_arguments, check_model_arguments, check_seed

EXAMPLES = """examples:
  msjoe eval reel --limit 20 --out runs/look
  msjoe eval reel --split test --selectors uniform,topk,aks,bolt,qframe,msjoe --queries own,question \\
      --budget 8,16 --bounds --out runs/reel
  msjoe eval videomme --annotations videomme.parquet --videos videos --tracks long --budget 32 \\
      --mllm Qwen/Qwen2.5-VL-7B-Instruct --clip ViT-L-14:openai --out runs/videomme
  msjoe eval longvideobench --annotations lvb_val.json --videos videos --frames aks_64.json --out runs/aks
  accelerate launch --multi_gpu --num_processes 2 -m msjoe eval reel --out runs/reel     (on CPUs too)

The same command goes on with a run that was stopped."""
BENCHMARKS = ("reel", "videomme", "longvideobench", "lvbench", "mlvu", "jsonl")
SELECTORS = "uniform,topk,aks,bolt,qframe,msjoe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, EXAMPLES
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--selectors",
        default=None,
        metavar="NAMES",
        help="rules, RULE:WEIGHTS for one with weights, RULE?KEY=VALUE&KEY=VALUE for other settings; msjoe is what "
        "--sampler names (default: uniform with --frames, else " + SELECTORS + ")",
    )
    parser.add_argument(
        "--queries",
        default="own,question",
        metavar="NAMES",
        help="what the rules search with: own (the MLLM's queries), question (default: %(default)s)",
    )
    parser.add_argument("--budget", metavar="K,...", help="key-frames (default: the longest lists of --frames, else 8)")
    parser.add_argument(
        "--frames",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="PATH",
        help="published selections as further selectors: a list of AKS, BOLT, TSPO or VideoITG, or a run's folder",
    )
    parser.add_argument(
        "--bounds", action="store_true", help="also black frames and, on Reel, ideal queries and an oracle's choice"
    )
    parser.add_argument(
        "--rows",
        choices=("mean", "max_z", "round_robin"),
        help="how rules with a single score read several queries (default: each rule's own)",
    )
    _add_files(parser.add_argument_group("reproduction as files"))
    _add_questions(parser.add_argument_group("questions"))
    _add_how(parser.add_argument_group("how"))
    add_model_arguments(parser)


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--publish",
        type=Path,
        metavar="DIR",
        help="also write scores, key-frames, seeds, versions, command there",
    )
    group.add_argument(
        "--from",
        type=Path,
        dest="published",
        metavar="DIR",
        help="answer again from such a folder: with its settings and key-frames, without CLIP",
    )


def _add_questions(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--split", default="test", choices=("train", "validation", "test"), help="of Reel")
    group.add_argument("--annotations", type=Path, metavar="PATH", help="the benchmark's file or folder; not for Reel")
    group.add_argument("--videos", type=Path, metavar="DIR", help="its videos; not for Reel, whose videos are drawn")
    group.add_argument("--subtitles", type=Path, metavar="DIR", help="put the shown frames' subtitles into the prompt")
    group.add_argument(
        "--wording",
        choices=("own", "benchmark"),
        help="of the answer's prompt: the MLLM's templates, or the benchmark's own words, in which frames "
        "bear no times (default: own for reel and jsonl)",
    )
    group.add_argument("--strict", action="store_true", help="stop where a video is missing, instead of counting it")
    add_length_argument(group)
    group.add_argument(
        "--max-failed",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="videos that fail are named, counted and left out; stop once more than this share of them failed, of 10 "
        "or more that were tried (default: %(default)s)",
    )
    group.add_argument("--tracks", default="", metavar="NAMES", help="only these tracks, duration classes or tasks")
    group.add_argument("--limit", type=int, metavar="N", help="the first N questions of each track, for a quick look")


def _add_how(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, default=0, help="for rules that draw (default: %(default)s)")
    group.add_argument(
        "--draws",
        type=int,
        default=3,
        metavar="N",
        help="choices of a rule that draws, each with another seed; tables have their mean (default: %(default)s)",
    )
    group.add_argument(
        "--previews",
        type=int,
        metavar="N",
        help="previews for the queries (default: the MLLM's own number, else half the budget)",
    )
    group.add_argument("--dense-fps", type=float, default=1.0, help="frames a second for CLIP (default: %(default)s)")
    group.add_argument("--batch", type=int, default=8, help="prompts given to the MLLM at once (default: %(default)s)")
    group.add_argument(
        "--save-traces", default="0", metavar="N", help="keep the Traces of the first N questions, or all"
    )
    group.add_argument("--threads", type=int, metavar="N", help="CPU threads of each process (default: torch's)")


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_a", type=Path, metavar="RUN_A", help="folder of a run")
    parser.add_argument("run_b", type=Path, metavar="RUN_B", help="of another over the same questions")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run_args(args: argparse.Namespace) -> None:
    """Answer, merge, summarise."""
    _check(args)
    from msjoe.evaluation.session import run_session

    run_session(args)


def run_compare(args: argparse.Namespace) -> None:
    from msjoe.evaluation.compare import compare, comparison_table

    result = compare(args.run_a, args.run_b)
    text = json.dumps(result) if args.json else f"A: {args.run_a}\nB: {args.run_b}\n\n{comparison_table(result)}"
    sys.stdout.write(text + "\n")


def usual_flags() -> dict[str, object]:
    """Every flag's default."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return vars(parser.parse_args(["reel", "--out", "."]))


def split_names(text: str) -> tuple[str, ...]:
    """ "a, b" -> ("a", "b")."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def split_numbers(flag: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in split_names(text))
    except ValueError as error:
        raise UserError(f"{flag} is {text!r}: give whole numbers, as in 8,16") from error


def _check(args: argparse.Namespace) -> None:
    """What argparse cannot see."""
    check_seed(args.seed)
    check_model_arguments(args, needs_clip=args.published is None)
    if args.benchmark == "reel":
        given = [flag for flag in ("annotations", "videos", "subtitles") if getattr(args, flag)]
        if given:
            raise UserError(f"reel needs no --{' and no --'.join(given)}: its videos are drawn; leave them out")
    elif not (args.annotations and args.videos):
        raise UserError(f"{args.benchmark} needs --annotations and --videos: say where they are")
    if args.publish:
        check_writable(args.publish, "--publish")
    if args.published and not args.published.is_dir():
        raise UserError(f"there is no folder --from {args.published}: check the path")
    for path in args.frames:
        if not path.exists():
            raise UserError(f"there is no --frames {path}: check the path")
    for name in ("annotations", "videos", "subtitles"):
        path = getattr(args, name)
        if path and not path.exists():
            raise UserError(f"there is no --{name} {path}: check the path")
    if args.save_traces != "all" and not args.save_traces.isdecimal():
        raise UserError(f"--save-traces is {args.save_traces!r}: give a number of questions, or all")
    if args.threads is not None and args.threads < 1:
        raise UserError(f"--threads is {args.threads}: give 1 or more")
    if not 0 <= args.max_failed <= 1:
        raise UserError(f"--max-failed is {args.max_failed}: give a share from 0 to 1")
    check_writable(args.out)
