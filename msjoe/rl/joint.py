"""Stage 2: MLLM and sampler learn together, from the same rollouts and the same reward.

    msjoe train joint --config configs/reel-pilot.yaml --out runs/pilot [--resume]
    accelerate launch --config_file configs/accelerate/ddp.yaml -m msjoe train joint --config ... --out ... [--resume]

For each question, G times: the MLLM looks at previews and writes queries (turn 1); the sampler turns their
similarities into weights and K frames are drawn; the MLLM answers from those frames (turn 2). One reward for all
three, 0.8 accuracy + 0.1 format + 0.1 informativeness; GRPO moves the MLLM on both turns, REINFORCE the sampler.

Where this differs from the paper, or fills in what it leaves open:
1. Informativeness: max/min of exp(a x cosine), with one a fitted in stage 0 (``rewards``); the paper gives no
   transform, and raw cosines cannot have a ratio of 10.
2. The ratio is clipped per token by default; ``joint.grpo.ratio: rollout`` is the paper's, over both turns. With
   one update a batch (``updates: 1``) the ratio is 1 and the two have the same direction for equal weighting.
3. Each turn of each rollout has the same weight (``weighting: turn``), or the long query turn would dominate.
4. Upper clip 0.28, lower 0.2; no KL by default (``beta``); the KL's reference is the base MLLM.
5. The sampler's advantage is the reward less the group's mean, over its deviation, like the MLLM's
   (``sampler_baseline: none`` with ``scale: false`` is the raw reward). The division (``scale``, the paper's formula)
   makes every question with any spread count alike: one that 1 of 8 rollouts gets right as much as one that 4 get
   right, and one whose rollouts differ by the 0.1 of the format alone as much as one where they differ by the 0.8 of
   being right. ``scale: false`` leaves the mean off only: a question then counts by its spread, sqrt(p (1 - p)) for a
   share p of right rollouts, so that easy and hard ones count less than even ones, and small differences little.
6. The log-probability of a draw is the exact one without replacement (``logp: independent`` is the paper's sum).
7. Groups of equal rewards teach nothing; they are counted (``frac_reward_zero_std``) and not drawn again.
8. A reply without readable queries is matched with the question itself; its format and informativeness are 0.
9. Format counts as kept when turn 1 is strictly a block of queries, turn 2 names an option, and both ended.
10. The vision tower is frozen (``vision``), as is usual; which weights the paper trains is not known here.
11. Questions come in random order, or the easiest third first (``curriculum: easy_first``), which the paper names
    as future work.

Shapes: B questions, G rollouts of each, N = B x G, T dense frames, K chosen.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from msjoe.checkpoint_stamp import write_reel_json
from msjoe.clip import similarity
from msjoe.data import Record
from msjoe.draw import FramePolicy
from msjoe.errors import UserError
from msjoe.evaluation.footage import Footage
from msjoe.files import writing
from msjoe.mllm import Shown
from msjoe.prompts import parse_queries
from msjoe.rl.advantages import group_advantages
from msjoe.rl.card import write_cards
from msjoe.rl.difficulty import FOLDER, read_pool
from msjoe.rl.loop import Span, new_accelerator, run_loop
from msjoe.rl.mllm_learner import MllmLearner
from msjoe.rl.pool import Rated, Videos, check_pool, curriculum_share, load_parts, training_records, validation_records
from msjoe.rl.recipe import Recipe
from msjoe.rl.rewards import PositiveTransform, RewardParts, accuracy, format_kept, informativeness
from msjoe.rl.rollouts import Queries, Rollout, Stopwatch, answer_draws
from msjoe.rl.rules import new_sampler, reinforce, sampler_policies
from msjoe.rl.sampler_training import CHECKPOINT, save_module
from msjoe.rl.sharding import check_launch
from msjoe.rl.small import SmallLearner
from msjoe.rl.stage_folder import KEPT
from msjoe.rl.tuning import make_trainable, save_tuned
from msjoe.rl.turns import REASON, Said, Speaker, generator
from msjoe.rl.validation import Validation
from msjoe.sampler import UNetSampler, load_sampler
from msjoe.selectors.base import ScoreSet
from msjoe.steps import Models

log = logging.getLogger(__name__)

NAME = "joint"


def run_joint(recipe: Recipe, out: Path, resume: bool = False, stop_after: int | None = None) -> None:
    """Stage 2; leaves OUT/joint/checkpoint/{mllm,sampler}."""
    accelerator = new_accelerator(recipe, out)
    check_launch(accelerator, recipe)
    pool = read_pool(out, training_records(recipe.data))
    check_pool(pool, recipe.joint.questions)
    transform = PositiveTransform.load(out / FOLDER)
    sampler = start_sampler(recipe, out)
    models = load_parts(recipe.models, str(accelerator.device))
    learner = JointLearner(recipe, models, sampler, transform, accelerator, validation_records(recipe.data))
    stage = recipe.joint
    span = Span(NAME, stage.steps, stage.questions, lambda s: curriculum_share(stage.curriculum, s, stage.steps))
    run_loop(learner, span, pool, recipe, out, resume, accelerator, stop_after)
    if stop_after is None:
        learner.save(out / NAME / CHECKPOINT)
        if accelerator.is_main_process:
            write_cards(out, [NAME])


def start_sampler(recipe: Recipe, out: Path) -> UNetSampler:
    """Where the sampler begins. Raises UserError or CheckpointError where that is not there."""
    if recipe.joint.sampler == "new":
        return new_sampler(recipe)
    if recipe.joint.sampler != "stage1":
        return load_sampler(recipe.joint.sampler)
    folder = out / "sampler" / CHECKPOINT
    if not folder.is_dir():
        raise UserError(f'no {folder}: run "msjoe train sampler" with this --out first, or set joint.sampler to new')
    return load_sampler(folder)


class JointLearner:
    """Learns what to ask for, where to look and how to answer."""

    def __init__(
        self,
        recipe: Recipe,
        models: Models,
        sampler: UNetSampler,
        transform: PositiveTransform,
        accelerator: Accelerator,
        validation: Sequence[Record] = (),
    ) -> None:
        stage = recipe.joint
        self.recipe, self.stage, self.models, self.transform = recipe, stage, models, transform
        self.accelerator, self.sampler = accelerator, sampler.to(models.mllm.device).train()
        make_trainable(models.mllm, stage, recipe.seed)
        self.speaker = Speaker(models.mllm, recipe.rollout.max_queries, recipe.rollout.batch)
        self.mllm = MllmLearner(self.speaker, stage, accelerator)
        self.small = SmallLearner("sampler", sampler, stage.sampler_rate, stage.max_grad_norm)
        self.videos = Videos(recipe.data, models, recipe.rollout.dense_fps)
        self.validation = Validation(validation, self.videos, self.speaker, recipe, accelerator, ask_once=False)

    def step(self, step: int, questions: Sequence[Rated]) -> tuple[dict[str, float], list[Rollout]]:
        watch = Stopwatch()
        with self.mllm.shards.gathered():
            rollouts, policies, drawn = self._try(step, questions, watch)
        with watch("update"):
            metrics = self._learn(rollouts, policies, drawn, step)
        return metrics | watch.metrics() | {"videos_failed": float(len(self.videos.failed))}, rollouts

    def _try(
        self, step: int, questions: Sequence[Rated], watch: Stopwatch
    ) -> tuple[list[Rollout], list[FramePolicy], list[Tensor]]:
        """The N rollouts of this process's questions, with the sampler's policies and draws; nothing is learned."""
        with watch("clip"):
            opened = [(q, footage) for q in questions if (footage := self.videos.footage(q.record))]
        spread = [pair for pair in opened for _ in range(self.stage.rollouts)]
        with watch("generation"):
            previews, asked = self._ask(opened, step)
        with watch("clip"):
            queries = [self._queries(one, q) for one, (q, _) in zip(asked, spread, strict=True)]
            scores = [self._scores(footage, found) for (_, footage), found in zip(spread, queries, strict=True)]
        with watch("sampler"):
            policies = sampler_policies(self.sampler, scores)
            drawn = [self._draw(p, q, step, i) for i, (p, (q, _)) in enumerate(zip(policies, spread, strict=True))]
        with watch("generation"):
            answered = answer_draws(self.speaker, spread, drawn, self.stage.temperature, self._keys(spread, step))
        rollouts = [
            self._rollout(*pair, *rest)
            for pair, rest in zip(
                spread, zip(queries, scores, policies, drawn, answered, asked, previews, strict=True), strict=True
            )
        ]
        return rollouts, policies, drawn

    def _ask(self, opened: Sequence[tuple[Rated, Footage]], step: int) -> tuple[list[Shown], list[Said]]:
        """Turn 1: what was shown and said in each of the N rollouts. A group shares one computed prompt."""
        how, groups = self.recipe.rollout, self.stage.rollouts
        shown = []
        for rated, footage in opened:
            times, previews = footage.previews(self.models.mllm.preview_count(how.settings))
            shown.append(Shown(rated.record.question, rated.record.options, previews, times))
        keys = [self._generator("query", step, q) for q, _ in opened]
        said = self.speaker.say(REASON, shown, groups, self.stage.temperature, keys)
        return [one for one in shown for _ in range(groups)], [one for group in said for one in group]

    def _queries(self, asked: Said, rated: Rated) -> Queries:
        texts = parse_queries(asked.text, self.recipe.rollout.max_queries).queries
        return Queries.found(texts, asked.text, rated.record)

    def _scores(self, footage: Footage, queries: Queries) -> ScoreSet:
        return ScoreSet(similarity(footage.text_QD(queries.texts), footage.feats_TD), footage.times_T)

    def _draw(self, policy: FramePolicy, rated: Rated, step: int, number: int) -> Tensor:
        key = self._generator("frames", step, rated, number % self.stage.rollouts, torch.device("cpu"))
        return policy.sample(self.recipe.rollout.budget, 1, key)[0]

    def _keys(self, spread: Sequence[tuple[Rated, Footage]], step: int) -> list[torch.Generator]:
        groups = self.stage.rollouts
        return [self._generator("answer", step, q, i % groups) for i, (q, _) in enumerate(spread)]

    def _generator(
        self, purpose: str, step: int, rated: Rated, rollout: int = 0, device: torch.device | None = None
    ) -> torch.Generator:
        """For one kind of draw of one rollout; ``device``: that of the MLLM."""
        return generator(device or self.models.mllm.device, purpose, self.recipe.seed, step, rated.record.id, rollout)

    def _rollout(
        self,
        rated: Rated,
        footage: Footage,
        queries: Queries,
        scores: ScoreSet,
        policy: FramePolicy,
        drawn_K: Tensor,
        answered: tuple[Shown, Said],
        asked: Said,
        previews: Shown,
    ) -> Rollout:
        record, (shown, said) = rated.record, answered
        limit = self.recipe.rollout.max_queries
        parts = RewardParts(
            accuracy(said.text, record.options, record.answer),
            format_kept(asked.text, said.text, record.options, asked.ended and said.ended, limit),
            informativeness(scores.sim_QT, self.transform) if queries.source == "reply" else 0.0,
        )
        reward = parts.total(self.stage.rewards)
        weights_T, sim_QT = policy.weights_T(), scores.sim_QT
        return Rollout(rated, footage, queries, sim_QT, weights_T, drawn_K, shown, said, parts, reward, asked, previews)

    def _learn(
        self, rollouts: Sequence[Rollout], policies: Sequence[FramePolicy], drawn: Sequence[Tensor], step: int
    ) -> dict[str, float]:
        """The updates. A process without rollouts takes part in the sums, and has no metrics."""
        stage = self.stage
        total = int(self.accelerator.reduce(torch.tensor(len(rollouts), device=self.accelerator.device), "sum"))
        rewards_BG = torch.tensor([r.reward for r in rollouts]).view(-1, stage.rollouts)
        metrics, loss = {}, None
        if rollouts:
            adv_BG, metrics = group_advantages(rewards_BG, stage.baseline, stage.scale)
            sampler_BG, _ = group_advantages(rewards_BG, stage.sampler_baseline, stage.scale)
            rows = [drawn_K[None] for drawn_K in drawn]
            loss, means = reinforce(policies, rows, sampler_BG.flatten(), total, stage)
            metrics |= means | _reward_metrics(rollouts)
        if stage.mllm_lr:
            metrics |= self.mllm.update(rollouts, adv_BG.flatten() if rollouts else rewards_BG.flatten(), step)
        if stage.sampler_lr:
            metrics |= {f"sampler/{k}": v for k, v in self.small.update(loss, step, self.accelerator).items()}
        return metrics if rollouts else {}

    def validate(self) -> dict[str, float]:
        self.sampler.eval()
        with self.mllm.shards.gathered():
            found = self.validation.run(
                lambda q, footage: self._scores(footage, Queries.found(q.queries, q.query_reply, q.record)),
                lambda scores: sampler_policies(self.sampler, scores),
            )
        self.sampler.train()
        return found

    def tensors(self) -> dict[str, Tensor]:
        return self.mllm.tensors() | self.small.tensors()

    def load(self, tensors: dict[str, Tensor]) -> None:
        self.mllm.load(tensors)
        self.small.load(tensors)

    def describe(self) -> tuple[dict[str, str], dict]:
        ids = {"mllm": f"{self.models.mllm.id}, in training", "clip": self.models.clip.id, "selector": "sampler"}
        return ids, {"budget": self.recipe.rollout.budget, "dense_fps": self.recipe.rollout.dense_fps}

    def save(self, folder: Path) -> None:
        """Both models as the page and the shell load them, and the transform of the reward. All processes call it."""
        with self.mllm.shards.gathered():
            if self.accelerator.is_main_process:
                with writing(folder, KEPT):
                    self._save(folder)

    def _save(self, folder: Path) -> None:
        about = {"command": "msjoe train joint", "seed": self.recipe.seed, "recipe": self.recipe.to_json()}
        save_tuned(self.models.mllm, folder / "mllm")
        save_module(self.sampler, folder / "sampler", self.recipe, about)
        self.transform.save(folder)
        if self.recipe.data.benchmark == "reel":
            write_reel_json(folder / "mllm", about)
        log.info("%s", folder)


def _reward_metrics(rollouts: Sequence[Rollout]) -> dict[str, float]:
    count = len(rollouts)
    return {
        "rewards/acc": sum(r.parts.accuracy for r in rollouts) / count,
        "rewards/format": sum(r.parts.format for r in rollouts) / count,
        "rewards/info": sum(r.parts.informativeness for r in rollouts) / count,
        "completions/mean_length": sum(len(r.asked.tokens_L) + len(r.said.tokens_L) for r in rollouts) / count,
        "completions/clipped_ratio": sum(not (r.asked.ended and r.said.ended) for r in rollouts) / count,
    }
