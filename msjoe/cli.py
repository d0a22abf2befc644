"""The shell: ``msjoe answer``, ``select``, ``eval``, ``compare``, ``reel ...``.

Bad input exits with 2 and a plain message.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from msjoe import __version__, select_command
from msjoe.errors import UserError
from msjoe.evaluation import command as eval_command
from msjoe.flags import add_model_arguments
from msjoe.reel.check import command as check_command


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (0, 2 for bad input, 130 when interrupted)."""
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and not hasattr(args, "trainer"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        return args.run(args) or 0
    except UserError as error:
        print(f"msjoe: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("msjoe: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="msjoe",
        description="Answer questions about long videos from a few key-frames that the model asks for itself.",
    )
    parser.add_argument("--version", action="version", version=f"msjoe {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is chosen and why")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_answer(commands)
    _add_select(commands)
    _add_eval(commands)
    _add_train(commands)
    _add_reel(commands)
    return parser


def _add_answer(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "answer",
        help="answer a question about a video",
        description="Answer a question about a video file and show what was looked for and where.",
        epilog='example: msjoe answer film.mp4 "Who opens the door?" --options "the boy" "the girl" --budget 8',
    )
    parser.add_argument("video", help="a video file")
    parser.add_argument("question", help="the question, without options")
    parser.add_argument("--options", nargs="+", default=[], metavar="TEXT", help="2 to 26 options; none: open question")
    parser.add_argument("--budget", type=int, default=8, help="key-frames shown to the MLLM (default: %(default)s)")
    parser.add_argument("--previews", type=int, help="preview frames for the queries (default: half the budget)")
    parser.add_argument("--dense-fps", type=float, default=1.0, help="frames a second for CLIP (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for rules that draw (default: %(default)s)")
    parser.add_argument("--backend", default="auto", help="video decoder: pyav or decord (default: pyav)")
    parser.add_argument("--save", type=Path, metavar="DIR", help="save the whole Trace in this new folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    add_model_arguments(parser)
    parser.set_defaults(run=run_answer)


def run_answer(args: argparse.Namespace) -> None:
    from msjoe.loading import models_from_args
    from msjoe.pipeline import Settings, run
    from msjoe.prompts import clean_question
    from msjoe.shell import Progress, print_trace
    from msjoe.trace import check_free
    from msjoe.video import open_video

    settings = Settings(args.budget, args.previews, dense_fps=args.dense_fps, seed=args.seed)
    clean_question(args.question, args.options)  # bad input is told before minutes of loading
    if args.save:
        check_free(args.save)
    source = open_video(args.video, args.backend)
    print("loading models ...", file=sys.stderr)
    models = models_from_args(args)
    with Progress(sys.stderr) as progress:
        for event in run(source, args.question, args.options, models, settings, Path(args.video).name):
            progress.show(event)
    if args.save:
        event.trace.save(args.save)
    if args.json:
        print(json.dumps(event.trace.summary(), ensure_ascii=False))
    else:
        print_trace(event.trace, args.save)


def _add_select(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "select",
        help="choose frames again from published score files",
        description="Choose frames again from a JSON list of score lists; prints a JSON list of index lists.",
        epilog="example: msjoe select aks --scores scores.json --budget 64 --set t1=0.2 depth=3 --out chosen.json",
    )
    select_command.add_arguments(parser)
    parser.set_defaults(run=select_command.run_args)


def _add_eval(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "eval",
        help="compare selectors on a benchmark",
        description="Answer a benchmark's questions with several selectors, and say who is better by how much.",
    )
    eval_command.add_arguments(parser)
    parser.set_defaults(run=eval_command.run_args)
    parser = commands.add_parser("compare", help="compare two runs of eval, arm by arm, on the same questions")
    eval_command.add_compare_arguments(parser)
    parser.set_defaults(run=eval_command.run_compare)


def _add_train(commands: argparse._SubParsersAction) -> None:
    from msjoe.rl.command import add_arguments

    help = "train sampler and MLLM by reinforcement learning"
    add_arguments(commands.add_parser("train", help=help, description=help))


def _add_reel(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("reel", help="the procedural video world: make videos, train the miniatures")
    reel = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    make = reel.add_parser("make", help="write a video file and its questions as JSON")
    make.add_argument("--split", choices=("train", "validation", "test"), default="test")
    make.add_argument("--track", choices=("needle", "order", "multi", "global"), default="needle")
    make.add_argument("--seed", type=int, default=0)
    make.add_argument("--minutes", type=float, help="length of the video (default: drawn, 3 to 30, needle to 60)")
    make.add_argument("--out", type=Path, required=True, metavar="DIR")
    make.set_defaults(run=run_reel_make)

    for part in ("clip", "mllm"):
        train = reel.add_parser(f"train-{part}", help=f"train the miniature {part.upper()}; resumes", add_help=False)
        train.set_defaults(run=run_reel_train, trainer=f"msjoe.reel.{part}_training", prog=train.prog)

    check = reel.add_parser("check", help="whether this world is hard and fair: its gates, each with its interval")
    check_command.add_arguments(check)
    check.set_defaults(run=check_command.run_args)

    examples = reel.add_parser("examples", help="write the page's bundled videos and questions again")
    examples.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR")
    examples.set_defaults(run=run_reel_examples)


def run_reel_make(args: argparse.Namespace) -> None:
    from msjoe.reel.make import make_video
    from msjoe.reel.script import make_script

    if args.minutes is not None and not 0.5 <= args.minutes <= 120:
        raise UserError(f"--minutes is {args.minutes}: give 0.5 to 120")
    for path in make_video(make_script(args.split, args.track, args.seed, args.minutes), args.out):
        print(path)


def run_reel_train(args: argparse.Namespace) -> None:
    """A trainer's own module reads its flags, so that they have one home, and torch is imported for it alone."""
    logging.getLogger().setLevel(logging.INFO)
    trainer = import_module(args.trainer)
    parser = argparse.ArgumentParser(args.prog, description=trainer.__doc__.splitlines()[0])
    trainer.add_arguments(parser)
    trainer.run_args(parser.parse_args(args.rest))


def run_reel_examples(args: argparse.Namespace) -> None:
    from msjoe.reel.examples import write_examples

    print(write_examples(args.out))
