"""The model cards of a run's checkpoints, with its curves: written at the end of a stage, and by ``msjoe train card``.

Everything in a card is read from the run's folder, so that it can be written again, for one after the evaluation of
``analysis/pilots.py`` has put its table there.
"""

import json
import logging
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from msjoe.checkpoint_stamp import REEL_JSON
from msjoe.errors import CheckpointError, UserError
from msjoe.files import write_atomic, writing
from msjoe.jsonl import read_lines
from msjoe.rl.curves import picture, svg_text
from msjoe.rl.difficulty import FOLDER, RATINGS
from msjoe.rl.rewards import difficulty_cancels
from msjoe.sampler import SamplerConfig
from msjoe.weights import read_config

log = logging.getLogger(__name__)

CARD, CURVES = "README.md", "curves.svg"
TABLE = Path("validation") / "table.md"  # of analysis/pilots.py, in the run's folder
TITLES = {
    "sampler": "Stage 1: the sampler alone",
    "tspo": "The TSPO baseline",
    "joint": "Stage 2: MLLM and sampler together",
}
PLACES = {"sampler": ("checkpoint",), "tspo": ("checkpoint",), "joint": ("checkpoint/mllm", "checkpoint/sampler")}
WHAT = {
    "sampler/checkpoint": "A sampler (1D U-Net over similarities): which frames of a video to show. Trained by "
    "REINFORCE with {reward}, while the MLLM stayed as it was. `--sampler FOLDER`.",
    "tspo/checkpoint": "A temporal agent of the TSPO baseline, trained by its own rule on the same questions. "
    "`--sampler tspo:FOLDER`. A rival to compare with; it reads the question's text alone.",
    "joint/checkpoint/mllm": "An MLLM that writes queries and answers, trained by GRPO on both turns from the same "
    "rollouts as its sampler. `--mllm FOLDER`. It is meant for the sampler it grew up with.",
    "joint/checkpoint/sampler": "A sampler (1D U-Net over similarities), trained by REINFORCE from the same rollouts "
    "as its MLLM, for whose queries it is meant. `--sampler FOLDER`.",
}
CANCELLED = (
    "In effect the reward was the plain one (right or wrong): this run divided advantages by the group's deviation "
    "(`scale: true`), which takes the difficulty-aware factor out. That is so until the run is made again."
)
LIMITS = (
    "These weights are what one run with one seed gave. Rewards are means over the training rollouts of a step, "
    "whose replies and frames are drawn: they are not accuracies of the finished model."
)
REEL_LIMITS = "They know Reel {version} only, the procedural videos of MSJoE: on anything else they mean nothing."


def write_cards(out: Path, stages: Sequence[str] = tuple(TITLES)) -> list[Path]:
    """README.md and curves.svg in every checkpoint of the run; returns the cards."""
    written = []
    for stage in stages:
        for place in PLACES[stage]:
            folder = out / stage / place
            if os.path.isdir(folder):  # as Path.is_dir, but False for a name that is too long
                lines = read_lines(out / stage / "metrics.jsonl")
                text, curves = card(out, stage, place, lines), svg_text(picture(TITLES[stage], lines))
                with writing(folder, 'the weights are kept; make room, then run "msjoe train card" with this --out'):
                    write_atomic(folder / CURVES, lambda path, curves=curves: path.write_text(curves, encoding="utf-8"))
                    write_atomic(folder / CARD, lambda path, text=text: path.write_text(text, encoding="utf-8"))
                log.info("%s", folder / CARD)
                written.append(folder / CARD)
    return written


def run_card(out: Path) -> None:
    """``msjoe train card``. Raises UserError where there is no finished stage."""
    if not write_cards(out):
        raise UserError(f"no checkpoint of a finished stage in {out}: give the --out of msjoe train")


def card(out: Path, stage: str, place: str, lines: Sequence[dict]) -> str:
    """The model card as Markdown. Raises CheckpointError where the run's recipe.json is missing or damaged."""
    about = _read_recipe(out / stage / "recipe.json")
    recipe, version = about["recipe"], _reel_version(out / stage / place)
    parts = [
        _head(place),
        f"# {TITLES[stage]}",
        _what(stage, place, recipe),
        LIMITS + (" " + REEL_LIMITS.format(version=version) if version else ""),
        f"![reward and accuracy over the steps]({CURVES})",
        f"## Training\n```bash\n{command(stage, recipe['source'])}\n```",
        "\n".join(_facts(out, stage, recipe, about, version) + _inputs_and_draw(out / stage, place, recipe)),
        _validation(out, lines),
        f"## Settings\n```json\n{json.dumps(recipe[stage], indent=1)}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def command(stage: str, source: Sequence[str]) -> str:
    """What was run, for a folder of one's own."""
    config, *settings = source or ["RECIPE.yaml"]
    told = f"msjoe train {stage} --config {shlex.quote(config)} --out RUN"
    return told + (f" --set {shlex.join(settings)}" if settings else "")


def _head(place: str) -> str:
    if place.endswith("mllm"):
        return "---\nlibrary_name: transformers\nlicense: apache-2.0\npipeline_tag: image-text-to-text\n---"
    return "---\nlicense: apache-2.0\n---"


def _what(stage: str, place: str, recipe: dict) -> str:
    """What a checkpoint is, and of stage 1 which reward it learned from, in runs too that are refused by now."""
    how = recipe["sampler"]
    reward = "the difficulty-aware reward" if how["reward"] == "difficulty" else "a reward for right answers"
    text = WHAT[f"{stage}/{place}"].format(reward=reward)
    return f"{text}\n\n{CANCELLED}" if stage == "sampler" and difficulty_cancels(how["reward"], how["scale"]) else text


def _facts(out: Path, stage: str, recipe: dict, about: dict, version: str | None) -> list[str]:
    """Lines of a list: seed, time, data, sizes, versions."""
    how, data = recipe[stage], recipe["data"]
    rated = read_lines(out / FOLDER / RATINGS)
    kept = sum(row["right"] < row["tries"] for row in rated)
    source = f"Reel {version}, split {data['split']}" if version else data["benchmark"]
    parts = recipe["models"]
    names = f"MLLM {parts['mllm'] or 'reel-mllm'}, CLIP {parts['clip'] or 'reel-clip'}"
    return [
        f"- seed {recipe['seed']}; {how['steps']} steps of {how['questions']} questions with {how['rollouts']} "
        f"rollouts each, {recipe['rollout']['budget']} frames",
        f"- {_seconds(out / stage) / 60:.1f} minutes, validation during the run included, {about['processes']} "
        f"process(es) on {about['device']}",
        f"- data: {source}, {len(rated)} questions, of which {kept} were not always answered right by the base "
        f"MLLM and are trained on",
        f"- began from: {names}" + (f", sampler {how['sampler']}" if stage == "joint" else ""),
        f"- versions: {', '.join(f'{name} {number}' for name, number in about['versions'].items())}",
    ]


def _inputs_and_draw(folder: Path, place: str, recipe: dict) -> list[str]:
    """What a sampler sees, how its frames are drawn, and the budget it was trained for; nothing of other models."""
    if f"{folder.name}/{place}" not in ("sampler/checkpoint", "joint/checkpoint/sampler"):
        return []
    config = read_config(SamplerConfig, folder / place, str(folder / place), "run the stage with --resume")
    sees = "each row's scores" + (" and each frame's distance from its best match" if config.input_version > 1 else "")
    order = "by their best match" if config.slots == "sorted" else "as the MLLM wrote them"
    gamma = f"learned for each question, up to {2 * config.spread:g}" if config.learned_spread else f"{config.spread:g}"
    draw = f"with spread, gamma {gamma}" if config.spread else "without spread (gamma 0, the paper's draw)"
    return [
        f"- inputs version {config.input_version}: {sees}; query rows {order}",
        f"- frames are drawn {draw}; trained for {recipe['rollout']['budget']} frames, other budgets are untrained",
    ]


def _read_recipe(path: Path) -> dict:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        _ = about["recipe"], about["versions"], about["processes"], about["device"]
        return about
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}): run the stage with --resume, which writes it again"
        ) from error


def _seconds(folder: Path) -> float:
    """Spent on the stage, by its newest readable checkpoint."""
    for path in sorted(folder.glob("state/step-*/state.json"), reverse=True):
        try:
            return float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be read (%s)", path, error)
    return 0.0


def _validation(out: Path, lines: Sequence[dict]) -> str:
    """What was measured on questions that are never trained on, or that nothing was."""
    parts = ["## Measured on held-out questions"]
    looks = [(line["step"], line["eval/accuracy"]) for line in lines if "eval/accuracy" in line]
    if looks:
        told = ", ".join(f"{100 * value:.1f} % after {step}" for step, value in (looks[0], looks[-1]))
        parts.append(f"Quick looks during the run (greedy, most probable frames; steps): {told}.")
    if (out / TABLE).is_file():
        parts.append((out / TABLE).read_text(encoding="utf-8").strip())
    if len(parts) == 1:
        parts.append("Nothing was measured.")
    return "\n\n".join(parts)


def _reel_version(folder: Path) -> str | None:
    path = folder / REEL_JSON
    return json.loads(path.read_text(encoding="utf-8"))["reel_version"] if path.is_file() else None
