"""``msjoe select``: choose frames again from published score files, and hand key-frames on.

A score file is a JSON list of score lists, one list for each question; what comes out is a JSON list
of index lists in the same order. Each list of scores is the rule's whole pool of frames, taken to be one
second apart. With ``--format`` the lists are written in a form that other projects read (``select_format``), also those
of a run of ``msjoe eval``.
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from msjoe.errors import UserError
from msjoe.files import check_writable_file, read_text, write_atomic
from msjoe.flags import MOST_FRAMES, check_seed, parse_settings
from msjoe.selectors.base import LARGEST_SCORE

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        help="a rule: topk, aks, bolt, qframe, ... (a wrong name lists them); with --format also the folder of a run",
    )
    parser.add_argument("--scores", type=Path, metavar="FILE", help="JSON: a list of score lists")
    parser.add_argument("--budget", type=int, metavar="K", help="frames for each list")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the index lists here (default: print them)")
    parser.add_argument("--seed", type=int, default=0, help="for rules that draw (default: %(default)s)")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the rule: t1=0.2 depth=3",
    )
    _add_format(parser.add_argument_group("forms of other projects"))


def _add_format(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", choices=("videoitg", "aks", "bolt", "tspo"), help="write key-frames in this form")
    group.add_argument("--arm", metavar="NAME", help="of the run, e.g. topk/own/8")
    group.add_argument("--benchmark", metavar="NAME", help="whose questions the score lists belong to, in their order")
    group.add_argument("--annotations", type=Path, metavar="PATH", help="the benchmark's file or folder")
    group.add_argument("--pool", type=Path, metavar="FILE", help="JSON: for every score list its frames' numbers")
    group.add_argument("--videos", type=Path, metavar="DIR", help="the videos, to tell frame numbers from seconds")
    group.add_argument("--rates", type=Path, metavar="JSON", help="{video: frames a second}, in place of the videos")


def run_args(args: argparse.Namespace) -> None:
    if args.out:
        check_writable_file(args.out)
    text = _formatted(args) if args.format else json.dumps(_chosen(args)) + "\n"
    if args.out is None:
        sys.stdout.write(text)
        return
    write_atomic(args.out, lambda path: path.write_text(text, encoding="utf-8"))


def _formatted(args: argparse.Namespace) -> str:
    from msjoe.select_format import check_flags, of_rule, of_run

    check_flags(args)
    if not Path(args.name).is_dir():
        return of_rule(args, _chosen(args))
    if args.scores or args.budget or args.pool:
        raise UserError(f"{args.name} is a folder: --scores, --budget and --pool are for rules, leave them out")
    return of_run(args)


def _chosen(args: argparse.Namespace) -> list[list[int]]:
    if args.scores is None or args.budget is None:
        raise UserError(f"the rule {args.name} needs --scores and --budget: say what it chooses from, and how many")
    return select_all(args.name, parse_settings("--set", args.set), read_scores(args.scores), args.budget, args.seed)


def read_scores(path: Path) -> list[list[float]]:
    """A checked score file. Raises UserError, which names the list and place of the first thing that is wrong."""
    wanted = "give a JSON list of score lists, such as [[0.1, 0.7], [0.3]]"
    try:
        entries = json.loads(read_text(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): {wanted}") from error
    except (ValueError, RecursionError) as error:  # of JSON, of UTF-8, and of numbers of thousands of digits
        raise UserError(f"{path} is not readable JSON ({error}): {wanted}") from error
    if not isinstance(entries, list):
        raise UserError(f"{path} holds {_kind(entries)}: {wanted}")
    for index, entry in enumerate(entries):
        _check_entry(entry, f"list {index} of {path} (the first is 0)", wanted)
    return entries


def select_all(
    name: str, settings: dict[str, Any], entries: list[list[float]], budget: int, seed: int
) -> list[list[int]]:
    """Index lists of a rule, one for each list of scores; the n-th draws from a seed of its own.

    Raises UserError for a rule that does not exist, that scores are not enough for, or that refuses a setting.
    """
    import numpy as np

    from msjoe.selectors import build_selector, needs_model, selector_names

    if name in selector_names() and needs_model(name):
        raise UserError(f"the rule {name} needs trained weights and more than scores: use msjoe answer or msjoe eval")
    if not 1 <= budget <= MOST_FRAMES:
        raise UserError(f"--budget is {budget}: give at least 1 and at most {MOST_FRAMES:,}")
    check_seed(seed)
    selector = build_selector(name, **settings)
    picked = [selector.select(np.asarray(e), budget, np.random.default_rng([seed, i])) for i, e in enumerate(entries)]
    chosen = [p.indices.tolist() for p in picked]
    notes = [f"list {i}: {p.note}" for i, p in enumerate(picked) if p.note]
    if notes:
        log.warning("%d of %d lists bear a note; %s", len(notes), len(chosen), notes[0])
    return chosen


def _check_entry(entry: object, where: str, wanted: str) -> None:
    if not isinstance(entry, list):
        raise UserError(f"{where} is {_kind(entry)}: {wanted}")
    if not entry:
        raise UserError(f"{where} is empty: give at least one score, or leave the list out")
    for place, score in enumerate(entry):
        if isinstance(score, bool) or not isinstance(score, (int, float)):
            raise UserError(f"{where} holds {_kind(score)} at place {place}: {wanted}")
        if not -LARGEST_SCORE <= score <= LARGEST_SCORE:  # NaN too; a whole number of any length can be compared
            raise UserError(
                f"{where} holds {_shortened(score)} at place {place}: give finite numbers from {-LARGEST_SCORE:g} to "
                f"{LARGEST_SCORE:g}"
            )


def _shortened(score: int | float) -> str:
    try:
        return f"{float(score):g}"
    except OverflowError:
        return "a whole number beyond the range of a float"


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
