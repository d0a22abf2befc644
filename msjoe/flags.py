"""The flags that name models, the same for the shell and the page. Imports nothing heavy."""

import argparse
import json
from collections.abc import Sequence
from typing import Any

from msjoe.errors import UserError

MAX_MINUTES = 720  # of one video, unless another limit is given


def add_length_argument(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--max-minutes",
        type=float,
        default=MAX_MINUTES,
        metavar="N",
        help="refuse videos that last longer (default: %(default)s)",
    )


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("models", "defaults: the embedded miniatures, which know only Reel's drawn world")
    group.add_argument(
        "--mllm", metavar="NAME", help="path or hub id of a Qwen2.5-VL model, e.g. Qwen/Qwen2.5-VL-7B-Instruct"
    )
    group.add_argument("--load-in-4bit", action="store_true", help="load the MLLM in 4-bit NF4 (bitsandbytes)")
    group.add_argument("--clip", metavar="NAME", help="open_clip MODEL:WEIGHTS, e.g. ViT-L-14:openai, or a folder")
    group.add_argument(
        "--sampler",
        metavar="NAME",
        default="auto",
        help="path or hub id of a trained sampler, tspo:FOLDER, or a rule: standin, uniform, random, topk, aks, bolt, "
        "qframe, ... (default: the embedded sampler with the embedded CLIP, else standin)",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    group.add_argument("--no-cache", action="store_true", help="do not keep frame features on disk")


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
