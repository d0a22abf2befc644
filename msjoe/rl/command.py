"""``msjoe train difficulty | sampler | tspo | joint``: the training stages, each restartable; ``card``: their cards."""

import argparse
import logging
from importlib.util import find_spec
from pathlib import Path

from msjoe.errors import UserError
from msjoe.files import check_writable
from msjoe.flags import add_commands, check_device

NEEDED = {"yaml": "pyyaml", "peft": "peft", "matplotlib": "matplotlib"}  # of the extra "train"

STAGES = {
    "difficulty": "stage 0: how often the base MLLM answers each training question right",
    "sampler": "stage 1: the sampler alone, REINFORCE with the difficulty-aware or a plain reward",
    "tspo": "the TSPO baseline, by its own rule, on the same data",
    "joint": "stage 2: GRPO on the MLLM and REINFORCE on the sampler",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    stages = add_commands(parser, "stages", metavar="STAGE", dest="stage")
    for name, text in STAGES.items():
        stage = stages.add_parser(name, help=text, description=text)
        stage.add_argument(
            "--config", type=Path, required=True, metavar="FILE", help="a recipe, e.g. configs/tiny.yaml"
        )
        stage.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run, for all stages")
        stage.add_argument("--resume", action="store_true", help="go on where a stopped run was")
        stage.add_argument(
            "--set",
            nargs="+",
            action="extend",
            default=[],
            metavar="NAME=VALUE",
            help="settings over the recipe's: sampler.steps=10; several at once, or --set again",
        )
        stage.set_defaults(run=run_args)
    text = "write the model cards and curves of a run's checkpoints again"
    card = stages.add_parser("card", help=text, description=text)
    card.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    card.set_defaults(run=run_card)


def run_card(args: argparse.Namespace) -> None:
    check_installed()
    from msjoe.rl import card

    logging.getLogger("msjoe").setLevel(logging.INFO)
    card.run_card(args.out)


def run_args(args: argparse.Namespace) -> None:
    check_installed()
    from msjoe.rl.recipe import Recipe

    logging.getLogger("msjoe").setLevel(logging.INFO)
    recipe = Recipe.read(args.config, args.set)
    check_device(recipe.models.device)
    _check_folder(args.out / args.stage, args.stage, args.resume)
    _runner(args.stage)(recipe, args.out, args.resume)


def _check_folder(folder: Path, stage: str, resume: bool) -> None:
    """Find out before models are loaded what the run would find out after it.

    Raises PathError for a folder that cannot be written, UserError for one that has begun, BusyError for one in use.
    """
    from msjoe.evaluation.shards import Shard
    from msjoe.rl import difficulty, stage_folder
    from msjoe.run_lock import run_lock

    check_writable(folder)
    check = difficulty.check_new if stage == "difficulty" else stage_folder.check_new
    check(folder, resume)
    if resume and folder.is_dir() and Shard.of_environment().rank == 0:
        with run_lock(folder):
            pass  # the run takes it itself


def check_installed() -> None:
    """Raises UserError where the extra is missing."""
    missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UserError(f"training needs {' and '.join(missing)}: pip install {' '.join(missing)}")


def _runner(stage: str):
    """Imported when needed: torch and transformers take seconds."""
    if stage == "difficulty":
        from msjoe.rl.difficulty import run_difficulty

        return run_difficulty
    if stage == "joint":
        from msjoe.rl.joint import run_joint

        return run_joint
    from msjoe.rl.sampler_training import run_sampler, run_tspo

    return run_sampler if stage == "sampler" else run_tspo
