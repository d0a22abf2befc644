"""Flags that the shell and the page share, and their checks. Imports nothing heavy."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msjoe.errors import UserError

LARGEST_SEED = 2**63 - 1  # of torch's generators
REAL_MLLM = "Qwen/Qwen2.5-VL-7B-Instruct"  # an example of one for real videos
MOST_FRAMES = 100_000  # for one answer: a slip of the hand must not fill the memory before anything refuses it
MAX_MINUTES = 720  # of one video, unless another limit is given


def add_length_argument(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--max-minutes",
        type=float,
        default=MAX_MINUTES,
        metavar="N",
        help="refuse videos that last longer (default: %(default)s)",
    )


def add_commands(parser: argparse.ArgumentParser, title: str, **how: Any) -> argparse._SubParsersAction:
    """Commands below ``parser``; without one of them its help is printed to standard error and the exit code is 2."""

    def show_help(_: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    parser.set_defaults(run=show_help)
    return parser.add_subparsers(title=title, **how)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("models", "defaults: the embedded miniatures, which know only Reel's drawn world")
    group.add_argument(
        "--mllm", metavar="NAME", help=f"path or hub id of a Qwen2.5-VL model, e.g. {REAL_MLLM}; name --clip too"
    )
    group.add_argument("--load-in-4bit", action="store_true", help="load the MLLM in 4-bit NF4 (bitsandbytes)")
    group.add_argument(
        "--clip", metavar="NAME", help="open_clip MODEL:WEIGHTS, e.g. ViT-L-14:openai, or a folder; name --mllm too"
    )
    group.add_argument(
        "--sampler",
        metavar="NAME",
        default="auto",
        help="path or hub id of a trained sampler, tspo:FOLDER, or a rule: standin, uniform, random, topk, aks, bolt, "
        "qframe, ... (default: the embedded sampler with the embedded CLIP, else standin)",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    group.add_argument("--no-cache", action="store_true", help="do not keep frame features on disk")


def check_model_arguments(args: argparse.Namespace, needs_clip: bool = True) -> None:
    """Check what can be checked about the models before they are imported and loaded. Raises UserError.

    ``needs_clip``: False where a run uses none.
    """
    check_device(args.device)
    if needs_clip:
        check_pair(args.mllm, args.clip)
    for flag in ("mllm", "clip", "sampler"):
        name = getattr(args, flag)
        if name and name.startswith(("/", "./", "../", "~/")) and not _is_there(name.partition("?")[0]):
            raise UserError(f"--{flag} {name} does not exist: check the path")


def check_device(device: str) -> None:
    """Raise UserError unless ``device`` is "auto" or a device that torch can use on this machine.

    Torch takes seconds to import, so it is asked only about devices other than the CPU.
    """
    if device in ("auto", "cpu", "cpu:0"):  # the last is what a process of several on the CPU is given
        return
    available = available_devices()
    if device not in available:
        raise UserError(f"the device is {device!r}: choose auto or one of {', '.join(available)}")


def available_devices() -> list[str]:
    """What torch can compute on here: "cpu", and with an accelerator also e.g. "cuda", "cuda:0", "cuda:1"."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return ["cpu"]
    kind = accelerator.type
    return ["cpu", kind, *(f"{kind}:{index}" for index in range(torch.accelerator.device_count()))]


def check_seed(seed: int) -> None:
    """Raise UserError for a seed that random generators refuse."""
    if not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"the seed is {seed}: give a whole number from 0 to {LARGEST_SEED}")


def check_pair(mllm: str | None, clip: str | None) -> None:
    """Raise UserError where one of a pair is named that needs the other to be named too.

    The default of each is an embedded miniature. With a model for real videos it would run without a fault, and
    search or answer at random.
    """
    from msjoe.checkpoint_stamp import is_reel_checkpoint

    if bool(mllm) == bool(clip) or is_reel_checkpoint(mllm or clip):
        return
    flag, named, other, example = (
        ("--mllm", mllm, "--clip", "ViT-L-14:openai") if mllm else ("--clip", clip, "--mllm", REAL_MLLM)
    )
    raise UserError(
        f"{flag} {named} is given without {other}, whose default is an embedded miniature that knows only Reel's "
        f"drawn world: name one for real videos, e.g. {other} {example}, or the miniature itself, "
        f"{other} checkpoints/reel-{other[2:]}"
    )


def parse_settings(source: str, pairs: Sequence[str]) -> dict[str, Any]:
    """["t1=0.2", "rows=mean"] -> {"t1": 0.2, "rows": "mean"}; a value that is not JSON is a word.

    ``source`` is named in the UserError for what is no KEY=VALUE.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not key or not sign:
            raise UserError(f"{source} got {pair!r}: give KEY=VALUE, such as t1=0.2")
        try:
            settings[key] = json.loads(value)
        except json.JSONDecodeError:
            settings[key] = value
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, nested too deep
            raise UserError(f"{source} got {pair[:80]!r} ...: {key[:40]} is beyond what can be read") from error
    return settings


def _is_there(name: str) -> bool:
    try:
        return Path(name).expanduser().exists()
    except (OSError, RuntimeError):  # a name that is too long, a home that is not known
        return False
