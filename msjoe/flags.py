"""The flags that name models, the same for the shell and the page. Imports nothing heavy."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from msjoe.errors import UserError

REAL_MLLM = "Qwen/Qwen2.5-VL-7B-Instruct"  # an example of one for real videos


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


def check_pair(mllm: str | None, clip: str | None) -> None:
    """Raise UserError where one of a pair is named that needs the other to be named too.

    The default of each is an embedded miniature. With a model for real videos it would run without a fault, and
    search or answer at random.
    """
    from msjoe.reel.version import is_reel_checkpoint

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
    return settings
