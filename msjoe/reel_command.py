"""``msjoe reel make | train-clip | train-mllm | check | examples``. Imports nothing heavy."""

import argparse
import logging
import sys
from importlib import import_module
from pathlib import Path

from msjoe.errors import UserError
from msjoe.files import check_writable
from msjoe.flags import add_commands, check_seed
from msjoe.reel_audit import check_command

DESCRIPTION = """Reel is a procedural world: scripts with facts, drawn as videos of any length, and their questions.
The embedded models are trained on it, and "msjoe eval reel" measures on it."""
EXAMPLES = """examples:
  msjoe reel make --track needle --minutes 10 --out films
  msjoe reel check --fast"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    reel = add_commands(parser, "commands", metavar="COMMAND")
    _add_make(reel)
    for part in ("clip", "mllm"):
        train = reel.add_parser(f"train-{part}", help=f"train the miniature {part.upper()}; resumes", add_help=False)
        train.set_defaults(run=run_train, trainer=f"msjoe.miniature.{part}.train", prog=train.prog)

    check = reel.add_parser("check", help="check that the world is hard and fair: its gates, each with its interval")
    check_command.add_arguments(check)
    check.set_defaults(run=check_command.run_args)

    examples = reel.add_parser("examples", help="write the page's bundled videos and questions again")
    examples.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="(default: %(default)s)")
    examples.set_defaults(run=run_examples)


def _add_make(reel: argparse._SubParsersAction) -> None:
    make = reel.add_parser("make", help="write a video file and its questions as JSON")
    make.add_argument("--split", choices=("train", "validation", "test"), default="test", help="(default: %(default)s)")
    tracks = ("needle", "order", "multi", "global")
    make.add_argument("--track", choices=tracks, default="needle", help="(default: %(default)s)")
    make.add_argument("--seed", type=int, default=0, help="each makes another video (default: %(default)s)")
    make.add_argument("--minutes", type=float, help="length of the video (default: drawn, 3 to 30, needle to 60)")
    make.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for both files")
    make.set_defaults(run=run_make)


def run_make(args: argparse.Namespace) -> None:
    check_seed(args.seed)
    if args.minutes is not None and not 0.5 <= args.minutes <= 120:
        raise UserError(f"--minutes is {args.minutes}: give 0.5 to 120")
    check_writable(args.out)
    from msjoe.reel.make import make_video
    from msjoe.reel.script.write_script import make_script

    for path in make_video(make_script(args.split, args.track, args.seed, args.minutes), args.out):
        sys.stdout.write(f"{path}\n")


def run_train(args: argparse.Namespace) -> None:
    """The trainer's module defines its flags, so torch is imported only for a training command."""
    logging.getLogger().setLevel(logging.INFO)
    trainer = import_module(args.trainer)
    parser = argparse.ArgumentParser(args.prog, description=trainer.__doc__.splitlines()[0])
    trainer.add_arguments(parser)
    given = parser.parse_args(args.rest)
    check_seed(given.seed)
    check_writable(given.out)
    if given.run_dir:
        check_writable(given.run_dir, "--run-dir")
    trainer.run_args(given)


def run_examples(args: argparse.Namespace) -> None:
    check_writable(args.out)
    from msjoe.reel.bundled_videos import write_examples

    sys.stdout.write(f"{write_examples(args.out)}\n")
