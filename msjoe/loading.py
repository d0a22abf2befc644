"""From names on a command line to the parts of a run. Nothing else knows which size it got.

The embedded miniatures are the defaults; any other path or hub id goes through the same code.
"""

import argparse
import logging
import os
from pathlib import Path

from msjoe.checkpoint_stamp import check_reel_version, is_reel_checkpoint
from msjoe.clip import Clip, FeatureCache
from msjoe.errors import CheckpointError, UserError
from msjoe.flags import check_pair, parse_settings
from msjoe.mllm import Mllm
from msjoe.pipeline import Models
from msjoe.sampler import load_sampler
from msjoe.selectors import Selector, build_selector, needs_model, selector_names
from msjoe.selectors.tspo_agent import load_agent

log = logging.getLogger(__name__)

CHECKPOINTS = Path(os.environ.get("MSJOE_CHECKPOINTS", Path(__file__).parents[1] / "checkpoints"))
EMBEDDED_MLLM = "reel-mllm"  # the base model: with its sampler level with the joint pair on validation
EMBEDDED_CLIP = "reel-clip"
EMBEDDED_SAMPLER = "reel-sampler"
LOADERS = {"sampler": load_sampler, "tspo": load_agent, "tspo_repaired": load_agent}  # rules with trained weights


def embedded(name: str) -> str:
    """The folder of an embedded checkpoint; CheckpointError when this installation has none."""
    folder = CHECKPOINTS / name
    if not folder.is_dir():
        raise CheckpointError(
            f"no embedded checkpoint {folder}: run from a clone of the repository, set MSJOE_CHECKPOINTS "
            f"to its checkpoints folder, or name models with --mllm and --clip"
        )
    return str(folder)


def load_models(
    mllm: str | None = None,
    clip: str | None = None,
    sampler: str = "auto",
    load_in_4bit: bool = False,
    device: str = "auto",
    cache: bool = True,
) -> Models:
    """Load MLLM, CLIP and selector. None means the embedded miniature.

    Raises CheckpointError for what is missing, foreign or of another Reel version, UserError where a model that
    is not of Reel's world is named alone: the default for the other one knows nothing else.
    """
    check_pair(mllm, clip)
    mllm = mllm or embedded(EMBEDDED_MLLM)
    return Models(
        mllm=Mllm.load(mllm, load_in_4bit=load_in_4bit, device=device),
        clip=Clip.load(clip or embedded(EMBEDDED_CLIP), device=device),
        selector=load_selector(default_sampler(clip) if sampler == "auto" else sampler),
        cache=FeatureCache() if cache else None,
        reel_only=is_reel_checkpoint(mllm),
    )


def default_sampler(clip: str | None) -> str:
    """The embedded sampler with the embedded CLIP, whose similarities it was trained on; else the stand-in rule."""
    folder = CHECKPOINTS / EMBEDDED_SAMPLER
    if not folder.is_dir():
        log.info("sampler: standin (none is trained yet, training-free rule)")
        return "standin"
    if clip is None or Path(clip).resolve() == (CHECKPOINTS / EMBEDDED_CLIP).resolve():
        log.info("sampler: %s (embedded)", folder)
        return str(folder)
    log.info(
        "sampler: standin, training-free: none was trained with %s (transferred, untested: --sampler %s)", clip, folder
    )
    return "standin"


def load_selector(name: str) -> Selector:
    """A rule by its name; a rule with weights as RULE:WEIGHTS; a trained sampler by its path or hub id alone.

    Settings follow a question mark: "aks?t1=0.2&depth=3".
    Raises CheckpointError for weights that cannot be used, UserError for a rule that lacks them.
    """
    name, _, told = name.partition("?")
    settings = parse_settings(f"the rule {name}", told.split("&")) if told else {}
    if name in selector_names() and not needs_model(name):
        return build_selector(name, **settings)
    rule, _, weights = name.partition(":")
    if rule not in LOADERS:
        rule, weights = "sampler", name
    if not weights:
        raise UserError(f"the rule {rule} needs trained weights: name their folder or hub id as {rule}:FOLDER")
    check_reel_version(Path(weights))  # a folder that says nothing of Reel passes
    return build_selector(rule, model=LOADERS[rule](weights), **settings)


def models_from_args(args: argparse.Namespace) -> Models:
    return load_models(args.mllm, args.clip, args.sampler, args.load_in_4bit, args.device, not args.no_cache)
