"""Stage 1: the sampler alone, and the TSPO baseline on the same rollouts.

    msjoe train sampler --config configs/reel-pilot.yaml --out runs/pilot [--resume]
    msjoe train tspo    --config configs/reel-pilot.yaml --out runs/pilot [--resume]
    accelerate launch --config_file configs/accelerate/ddp.yaml -m msjoe train sampler --config ... --out ...

The MLLM is frozen and its queries are those of stage 0. For each question G sets of K frames are drawn without
replacement, the MLLM answers from each, and REINFORCE moves the sampler.

Where stage 1 differs from the paper, or fills in what it leaves open:
1. The reward is the paper's difficulty-aware one (10, 1/c, -1/(1-c)); a baseline is taken off it (group mean by
   default). ``baseline: none`` is the formula as written. Division by the group's deviation (``scale: true``) would
   take the factor 1/(c (1-c)) out again (``rewards``), so it is refused with this reward; it can be had with
   ``reward: plain``, where it makes every question with a right and a wrong draw count alike. Advantages are 4 to 11
   times a plain reward's; AdamW does not see a constant factor, ``max_grad_norm`` does: configs/README.md.
2. The log-probability is the exact one of a draw without replacement; ``logp: independent`` is the paper's sum.
3. The net starts at the stand-in rule (its last layer is zero), so that early draws are not blind.
4. The frozen MLLM answers greedily.
5. ``net: mlp`` is the ablation's: the same channels, each frame by itself (kernel 1, no levels), about as wide.

TSPO follows ``msjoe.rl.tspo``: question text as its only query, reward right or wrong, temperature annealed.

Shapes: B questions, G draws of each, T dense frames, K chosen.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from msjoe.checkpoint_stamp import write_reel_json
from msjoe.data import Record
from msjoe.draw import FramePolicy
from msjoe.evaluation.footage import Footage
from msjoe.files import writing
from msjoe.rl.card import write_cards
from msjoe.rl.difficulty import read_pool
from msjoe.rl.loop import Span, new_accelerator, run_loop
from msjoe.rl.pool import Rated, Videos, check_pool, load_parts, training_records, validation_records
from msjoe.rl.recipe import Recipe, SamplerStage, TspoStage
from msjoe.rl.rewards import RewardParts, accuracy
from msjoe.rl.rollouts import Rollout, Stopwatch, answer_draws
from msjoe.rl.rules import ReinforceRule, Rule, TspoRule, new_sampler
from msjoe.rl.small import SmallLearner
from msjoe.rl.stage_folder import KEPT
from msjoe.rl.turns import Speaker, generator
from msjoe.rl.validation import Validation
from msjoe.selectors.base import ScoreSet
from msjoe.selectors.tspo_agent import TspoAgent, TspoConfig
from msjoe.steps import Models
from msjoe.weights import SavedModule

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint"


def run_sampler(recipe: Recipe, out: Path, resume: bool = False, stop_after: int | None = None) -> None:
    """Stage 1; leaves the sampler in OUT/sampler/checkpoint."""
    accelerator, pool, models = _begin(recipe, recipe.sampler, out)
    rule = ReinforceRule(recipe.sampler, new_sampler(recipe))
    _run("sampler", recipe.sampler, rule, recipe, pool, models, out, resume, accelerator, stop_after)


def run_tspo(recipe: Recipe, out: Path, resume: bool = False, stop_after: int | None = None) -> None:
    """The TSPO baseline; leaves its agent in OUT/tspo/checkpoint."""
    accelerator, pool, models = _begin(recipe, recipe.tspo, out)
    width = models.clip.encode_texts(["a"]).shape[1]
    torch.manual_seed(recipe.seed)
    agent = TspoAgent(TspoConfig(width, recipe.tspo.heads, recipe.tspo.window, recipe.tspo.last_temperature))
    rule = TspoRule(recipe.tspo, agent)
    _run("tspo", recipe.tspo, rule, recipe, pool, models, out, resume, accelerator, stop_after)


class DrawLearner:
    """Learns where to look from a frozen MLLM's answers."""

    def __init__(
        self,
        name: str,
        stage: SamplerStage | TspoStage,
        rule: Rule,
        recipe: Recipe,
        models: Models,
        accelerator: Accelerator,
        validation: Sequence[Record] = (),
    ) -> None:
        self.name, self.stage, self.rule, self.recipe, self.models = name, stage, rule, recipe, models
        self.accelerator = accelerator
        rule.module.to(models.mllm.device).train()
        self.small = SmallLearner(name, rule.module, stage.rate, stage.max_grad_norm)
        self.videos = Videos(recipe.data, models, recipe.rollout.dense_fps)
        self.speaker = Speaker(models.mllm, recipe.rollout.max_queries, recipe.rollout.batch)
        self.validation = Validation(validation, self.videos, self.speaker, recipe, accelerator, ask_once=True)

    def step(self, step: int, questions: Sequence[Rated]) -> tuple[dict[str, float], list[Rollout]]:
        watch, stage = Stopwatch(), self.stage
        with watch("clip"):
            asked = [(q, footage) for q in questions if (footage := self.videos.footage(q.record))]
            scores = [self.rule.scores(*pair) for pair in asked]
        with watch("sampler"):
            policies = self.rule.policies(scores, step) if asked else []
            drawn = [self._draw(policy, q, step) for (q, _), policy in zip(asked, policies, strict=True)]
        with watch("generation"):
            rollouts = self._answer(asked, scores, policies, drawn, step)
        total = int(self.accelerator.reduce(torch.tensor(len(asked), device=self.accelerator.device), "sum"))
        metrics, loss = {}, None
        with watch("update"):
            if asked:
                rewards_BG = torch.tensor([r.reward for r in rollouts]).view(len(asked), stage.rollouts)
                loss, metrics = self.rule.loss(policies, drawn, rewards_BG, total)
                metrics["rewards/acc"] = sum(r.parts.accuracy for r in rollouts) / len(rollouts)
            metrics |= {f"sampler/{k}": v for k, v in self.small.update(loss, step, self.accelerator).items()}
        metrics |= {"sampler/lr": stage.rate(step), "videos_failed": float(len(self.videos.failed))}
        return metrics | watch.metrics(), rollouts

    def _draw(self, policy: FramePolicy, rated: Rated, step: int) -> Tensor:
        key = generator(torch.device("cpu"), "frames", self.recipe.seed, step, rated.record.id)
        return policy.sample(self.recipe.rollout.budget, self.stage.rollouts, key)

    def _answer(
        self,
        asked: Sequence[tuple[Rated, Footage]],
        scores: Sequence[ScoreSet],
        policies: Sequence[FramePolicy],
        drawn: Sequence[Tensor],
        step: int,
    ) -> list[Rollout]:
        """The rollouts of all questions, a question's side by side."""
        groups, device = self.stage.rollouts, self.models.mllm.device
        spread = [pair for pair in asked for _ in range(groups)]
        numbers = [g for _ in asked for g in range(groups)]
        keys = [
            generator(device, "answer", self.recipe.seed, step, q.record.id, g)
            for (q, _), g in zip(spread, numbers, strict=True)
        ]
        flat = [drawn_K for drawn_GK in drawn for drawn_K in drawn_GK]
        answered = answer_draws(self.speaker, spread, flat, self.stage.temperature, keys)
        rollouts = []
        for i, ((rated, footage), (shown, said)) in enumerate(zip(spread, answered, strict=True)):
            right = accuracy(said.text, rated.record.options, rated.record.answer)
            reward = float(self.rule.rewards(rated, torch.tensor([right > 0]))[0])
            weights_T = policies[i // groups].weights_T()
            sim_QT, parts = scores[i // groups].sim_QT, RewardParts(right, 0.0, 0.0)
            queries = self.rule.queries(rated)
            rollouts.append(Rollout(rated, footage, queries, sim_QT, weights_T, flat[i], shown, said, parts, reward))
        return rollouts

    def validate(self) -> dict[str, float]:
        self.rule.module.eval()
        found = self.validation.run(self.rule.scores, lambda scores: self.rule.policies(scores, None))
        self.rule.module.train()
        return found

    def tensors(self) -> dict[str, Tensor]:
        return self.small.tensors()

    def load(self, tensors: dict[str, Tensor]) -> None:
        self.small.load(tensors)

    def describe(self) -> tuple[dict[str, str], dict]:
        ids = {"mllm": self.models.mllm.id, "clip": self.models.clip.id, "selector": f"{self.name}, in training"}
        return ids, {"budget": self.recipe.rollout.budget, "dense_fps": self.recipe.rollout.dense_fps}


def save_module(module: SavedModule, folder: Path, recipe: Recipe, about: dict) -> None:
    """A sampler or agent in the form that ``load_sampler`` and ``load_agent`` read."""
    module.save_pretrained(folder)
    if recipe.data.benchmark == "reel":
        write_reel_json(folder, about)


def _begin(recipe: Recipe, stage: SamplerStage | TspoStage, out: Path) -> tuple[Accelerator, list[Rated], Models]:
    """Models last: they take the longest, and what is wrong with the questions is said before."""
    accelerator = new_accelerator(recipe, out)
    pool = read_pool(out, training_records(recipe.data))
    check_pool(pool, stage.questions)
    models = load_parts(recipe.models, str(accelerator.device))
    models.mllm.model.requires_grad_(False)
    return accelerator, pool, models


def _run(
    name: str,
    stage: SamplerStage | TspoStage,
    rule: Rule,
    recipe: Recipe,
    pool: Sequence[Rated],
    models: Models,
    out: Path,
    resume: bool,
    accelerator: Accelerator,
    stop_after: int | None,
) -> None:
    learner = DrawLearner(name, stage, rule, recipe, models, accelerator, validation_records(recipe.data))
    span = Span(name, stage.steps, stage.questions)
    run_loop(learner, span, pool, recipe, out, resume, accelerator, stop_after)
    if accelerator.is_main_process and stop_after is None:
        about = {"command": f"msjoe train {name}", "seed": recipe.seed, "recipe": recipe.to_json()}
        with writing(out / name / CHECKPOINT, KEPT):
            save_module(rule.module, out / name / CHECKPOINT, recipe, about)
        log.info("%s", out / name / CHECKPOINT)
        write_cards(out, [name])
