"""How a training run uses the machine: flags that do not change its result."""

import argparse
from dataclasses import dataclass

import torch

from msjoe.errors import UserError


@dataclass(frozen=True)
class RunOptions:
    """How a run is worked on, which leaves its data and settings as they are."""

    device: str = "cpu"  # on cuda the forward pass is in bfloat16
    workers: int = 0  # processes that draw batches ahead of the model
    minutes: float | None = None  # of one call: then it stops, and the same command goes on


def add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="default %(default)s")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that draw pictures ahead of the model, default %(default)s"
    )
    parser.add_argument("--minutes", type=float, help="stop after so long; the same command goes on (default: never)")


def run_options(args: argparse.Namespace) -> RunOptions:
    """Raises UserError for flags that cannot be followed."""
    if args.workers < 0 or (args.minutes is not None and not args.minutes > 0):
        raise UserError(f"--workers {args.workers} --minutes {args.minutes}: give 0 or more, and more than 0")
    if args.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda, but torch sees no GPU here: leave the flag out")
    return RunOptions(args.device, args.workers, args.minutes)
