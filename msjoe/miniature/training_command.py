"""What the two training commands share: their flags, and how a finished run becomes a checkpoint folder."""

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path

import torch

from msjoe.checkpoint_stamp import write_reel_json
from msjoe.errors import UserError
from msjoe.files import writing
from msjoe.miniature.training_loop import Paused, RunOptions
from msjoe.miniature.training_state import ADVICE

log = logging.getLogger(__name__)


def add_training_flags(parser: argparse.ArgumentParser, steps: int, lr: float, of: str = "of the run") -> None:
    """``of`` names what ``steps`` and ``lr`` belong to, in the help text."""
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--run-dir", type=Path, help="where states and metrics go (default: OUT-run)")
    parser.add_argument("--steps", type=int, default=steps, help=f"{of}, default %(default)s")
    parser.add_argument("--lr", type=float, default=lr, help=f"peak learning rate {of}, default %(default)s")
    parser.add_argument(
        "--start-from", default="", metavar="FOLDER", help=f"an earlier miniature that gives the first weights {of}"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="default %(default)s")
    parser.add_argument("--workers", type=int, default=0, help="processes that prefetch batches, default %(default)s")
    parser.add_argument("--minutes", type=float, help="stop after so long; the same command resumes (default: never)")


def run_options(args: argparse.Namespace) -> RunOptions:
    """Raises UserError for values out of range, or a missing GPU."""
    if args.workers < 0 or (args.minutes is not None and not args.minutes > 0):
        raise UserError(f"--workers {args.workers} --minutes {args.minutes}: give 0 or more, and more than 0")
    if args.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda, but torch sees no GPU here: leave the flag out")
    return RunOptions(args.device, args.workers, args.minutes)


def write_checkpoint(
    out: Path,
    save: Callable[[Path], None],
    about: dict,
    validate: Callable[[Path], dict],
    write_card: Callable[[Path], None],
) -> dict:
    """Save the model, measure the saved files, and write reel.json and README.md; returns what reel.json holds.

    Raises PathError when something cannot be written.
    """
    with writing(out, ADVICE):
        save(out)
    record = about | {"validation": validate(out)}
    with writing(out, ADVICE):
        write_reel_json(out, record)
        write_card(out)
    return record


def train_or_pause(out: Path, train: Callable[[], dict]) -> None:
    """Log what ``train`` measured, or that its minutes are over."""
    try:
        record = train()
    except Paused as paused:
        log.info("%s", paused)
    else:
        log.info("wrote %s: %s", out, json.dumps(record["validation"]))
