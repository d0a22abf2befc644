"""The shell: ``msjoe answer``, ``select``, ``eval``, ``compare``, ``train ...``, ``reel ...``.

Bad input exits with 2 and a plain message, before anything heavy is imported where that is possible.
"""

import argparse
import errno
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msjoe import __version__, select_command
from msjoe import reel_command as reel_command
from msjoe.errors import PathError, UserError
from msjoe.evaluation import command as eval_command
from msjoe.evaluation import recall_command
from msjoe.files import check_writable, reason
from msjoe.flags import add_commands, add_length_argument, add_model_arguments, check_model_arguments
from msjoe.output import allow_any_text, drop_output, print_json, readable, reader_is_gone
from msjoe.rl import command as train_command

if TYPE_CHECKING:  # they take seconds to import
    from msjoe.settings import Settings
    from msjoe.trace import Trace
    from msjoe.video import FrameSource

log = logging.getLogger(__name__)

ADVICE = {
    errno.ENOSPC: "make room, then run the same command again",
    errno.EDQUOT: "make room, then run the same command again",
    errno.EROFS: "choose another place",
    errno.EACCES: "check the permissions, or choose another place",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EPERM: "check the permissions, or choose another place",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 done; 1 the system failed (disk full, no permission) or a gate of ``reel check`` did; 2 bad input; 130
    interrupted; 141 nobody reads the output any more (``| head``).
    """
    allow_any_text(sys.stdout)
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()  # so that a closed pipe is noticed here
    except OSError as error:
        if isinstance(error, BrokenPipeError) and reader_is_gone():
            drop_output()
            return 141
        log.debug("traceback", exc_info=True)
        print(f"msjoe: {_failure(error)}", file=sys.stderr)
        return 2 if error.errno == errno.ENAMETOOLONG else 1  # only what was given can be too long


def _run(argv: Sequence[str] | None) -> int:
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and not hasattr(args, "trainer"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    log.setLevel(logging.DEBUG if args.verbose else logging.NOTSET)  # the trainers raise the others' level themselves
    try:
        return args.run(args) or 0
    except UserError as error:
        print(f"msjoe: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("msjoe: interrupted", file=sys.stderr)
        return 130


def _failure(error: OSError) -> str:
    advice = ADVICE.get(error.errno)
    return f"{reason(error)}; {advice}" if advice else reason(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="msjoe",
        description="Answer questions about long videos from a few key-frames that the model asks for itself.",
    )
    parser.add_argument("--version", action="version", version=f"msjoe {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is chosen and why")
    commands = add_commands(parser, "commands", metavar="COMMAND")
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
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""example:
  msjoe answer film.mp4 "Who opens the door?" --options "the boy" "the girl"

A name that begins with a dash is given as ./-film.mp4. Options come after the question.""",
    )
    parser.add_argument("video", help="a video file")
    parser.add_argument("question", help="the question, without options")
    parser.add_argument("--options", nargs="+", default=[], metavar="TEXT", help="2 to 26 options; none: open question")
    parser.add_argument("--budget", type=int, default=8, help="key-frames shown to the MLLM (default: %(default)s)")
    parser.add_argument(
        "--previews",
        type=int,
        help="preview frames for the queries (default: the MLLM's own number, else half the budget)",
    )
    parser.add_argument("--dense-fps", type=float, default=1.0, help="frames a second for CLIP (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for rules that draw (default: %(default)s)")
    parser.add_argument("--backend", default="auto", help="video decoder: pyav or decord (default: pyav)")
    add_length_argument(parser)
    parser.add_argument("--save", type=Path, metavar="DIR", help="save the whole Trace in this new folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    add_model_arguments(parser)
    parser.set_defaults(run=run_answer)


def run_answer(args: argparse.Namespace) -> None:
    """Check everything that was given, then import and load models; print the answer, then save the Trace."""
    settings, source = _checked(args)
    from msjoe.loading import models_from_args
    from msjoe.pipeline import run
    from msjoe.shell import Progress, print_trace

    print("loading models ...", file=sys.stderr)
    models = models_from_args(args)
    name = readable(Path(args.video).name)
    with Progress(sys.stderr) as progress:
        for event in run(source, args.question, args.options, models, settings, name):
            progress.show(event)
    try:
        if args.json:
            print_json(event.trace.summary())
        else:
            print_trace(event.trace)
        sys.stdout.flush()  # a full disk costs the Trace and not the answer
    finally:
        if args.save:
            _save(event.trace, args.save)


def _checked(args: argparse.Namespace) -> tuple["Settings", "FrameSource"]:
    """The settings and the opened video. Raises UserError for anything that cannot be worked with."""
    from msjoe.prompts import clean_question
    from msjoe.settings import Settings
    from msjoe.trace import check_free
    from msjoe.video import open_video

    settings = Settings(args.budget, args.previews, dense_fps=args.dense_fps, seed=args.seed)
    clean_question(args.question, args.options)
    if args.save:
        check_writable(args.save, "--save")
        check_free(args.save)
    source = open_video(args.video, args.backend, max_minutes=args.max_minutes)
    check_model_arguments(args)  # last, because torch is asked about an unusual device
    return settings, source


def _save(trace: "Trace", folder: Path) -> None:
    try:
        trace.save(folder)
    except OSError as error:
        raise PathError(
            f"the answer is printed, but its Trace cannot be saved in {folder}: {_failure(error)}"
        ) from error
    print(f"trace saved in {folder}", file=sys.stderr)


def _add_select(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "select",
        help="choose frames again from published score files",
        description="Choose frames again from a JSON list of score lists; prints a JSON list of index lists.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""example:
  msjoe select aks --scores scores.json --budget 64 --set t1=0.2 depth=3""",
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
    parser = commands.add_parser(
        "recall",
        help="share of evidence that published selections and runs show",
        description="Share of evidence that published selections and runs show, beside uniform. Needs no model.",
    )
    recall_command.add_arguments(parser)
    parser.set_defaults(run=recall_command.run_args)


def _add_train(commands: argparse._SubParsersAction) -> None:
    help = "train sampler and MLLM by reinforcement learning"
    train_command.add_arguments(commands.add_parser("train", help=help, description=help))


def _add_reel(commands: argparse._SubParsersAction) -> None:
    help = "the procedural video world: make videos, train the miniatures"
    reel_command.add_arguments(commands.add_parser("reel", help=help))
