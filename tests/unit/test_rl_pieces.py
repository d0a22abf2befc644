"""Recipes, the order of questions, states on disk, rules of learning, and Stage 0's table."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import nn

from msjoe.data import Record
from msjoe.errors import CheckpointError, RecipeError, UserError, VideoError
from msjoe.rl import difficulty, pool
from msjoe.rl.checkpoints import Checkpoints
from msjoe.rl.pool import Rated, Videos, curriculum_share, order_at, thinned, training_records, validation_records
from msjoe.rl.recipe import Data, JointStage, Recipe, SamplerStage, TspoStage
from msjoe.rl.rules import ReinforceRule, TspoRule, new_sampler, sampler_policies
from msjoe.rl.schedule import rate_at
from msjoe.rl.small import SmallLearner
from msjoe.rl.turns import generator
from msjoe.selectors.base import ScoreSet
from msjoe.selectors.tspo_agent import TspoAgent, TspoConfig


def rated(count: int) -> list[Rated]:
    return [Rated(Record(f"q{i}", "jsonl", "?", ("a", "b"), "A", f"v{i}", 1.0, "x"), i / count) for i in range(count)]


# --- recipes


def write(tmp_path, text: str):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return path


def test_a_recipe_is_read_with_defaults_and_overrides(tmp_path):
    path = write(
        tmp_path, "seed: 3\nsampler: {steps: 7, lr: 1}\njoint: {grpo: {ratio: rollout}, lora: {targets: [a]}}\n"
    )
    recipe = Recipe.read(path, ["sampler.steps=9", "data.questions=12", "joint.grpo.beta=0.1"])
    assert (recipe.seed, recipe.sampler.steps, recipe.sampler.lr, recipe.data.questions) == (3, 9, 1.0, 12)
    assert (recipe.joint.grpo.ratio, recipe.joint.grpo.beta, recipe.joint.lora.targets) == ("rollout", 0.1, ("a",))
    assert recipe.tspo.lr == 5e-4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sampler: {stepz: 3}", "stepz"),
        ("sampler: {steps: 0}", "steps is 0"),
        ("sampler: {baseline: median}", "median"),
        ("sampler: {lr: fast}", "lr is 'fast'"),
        ("joint: {grpo: {ratio: word}}", "word"),
        ("data: {benchmark: mlvu}", "annotations"),
        ("difficulty: {tries: 3}", "even"),
        ("- 1", "by name"),
        ("a: [", "cannot read"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(tmp_path, text, told):
    with pytest.raises(RecipeError, match=told):
        Recipe.read(write(tmp_path, text))


def test_an_override_must_name_a_setting(tmp_path):
    with pytest.raises(RecipeError, match=r"section\.setting=value"):
        Recipe.read(write(tmp_path, ""), ["sampler.steps"])


# --- which questions, when


def test_every_question_comes_once_before_any_comes_again():
    questions = rated(10)
    seen = [i for step in range(5) for i in order_at(questions, step, Recipe(), 4)]
    assert sorted(seen[:10]) == list(range(10))
    assert sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
    assert order_at(questions, 3, Recipe(), 4) == order_at(questions, 3, Recipe(), 4)
    assert order_at(questions, 0, Recipe(seed=1), 4) != order_at(questions, 0, Recipe(), 4)


def test_a_curriculum_opens_the_easy_questions_first():
    questions = rated(30)
    assert min(i for step in range(20) for i in order_at(questions, step, Recipe(), 4, share=1 / 3)) == 20
    assert [round(curriculum_share("easy_first", s, 100), 3) for s in (0, 25, 50, 99)] == [0.333, 0.667, 1.0, 1.0]
    assert curriculum_share("none", 0, 100) == 1.0


def test_training_and_validation_share_no_video():
    data = Data(videos=3, questions=11, validation=8)
    train, held = training_records(data), validation_records(data)
    assert (len(train), len(held)) == (11, 8)
    assert {r.id.split("-")[0] for r in train} == {"train"}
    assert {r.id.split("-")[0] for r in held} == {"validation"}
    assert len({r.group for r in train}) == 4


def test_other_data_hold_out_whole_videos(tmp_path, monkeypatch):
    records = [Record(f"q{i}", "jsonl", "?", ("a", "b"), "A", f"v{i // 3}", 1.0, "x") for i in range(30)]
    monkeypatch.setattr(pool, "load_benchmark", lambda *_: records)
    monkeypatch.setattr(pool, "split_present", lambda found, _: (found, []))
    data = Data(benchmark="jsonl", annotations="x", folder=str(tmp_path), validation=6)
    train, held = training_records(data), validation_records(data)
    assert len(held) == 6
    assert not {r.video for r in train} & {r.video for r in held}
    assert len(train) + len(held) == 30


def test_thinning_is_even():
    assert thinned(list(range(10)), 4) == [0, 2, 5, 7]
    assert thinned([1, 2], None) == [1, 2]


def test_unreadable_videos_are_left_out_until_they_are_too_many(models, monkeypatch, tmp_path):
    videos = Videos(Data(benchmark="jsonl", annotations="x", folder=str(tmp_path), failures=0.5), models, 1.0)

    def broken(_, record):
        raise VideoError(f"{record.video} is damaged: get it again")

    monkeypatch.setattr(Videos, "_read", broken)
    records = [one.record for one in rated(3)]
    assert videos.footage(records[0]) is None
    assert videos.footage(records[0]) is None
    assert videos.failed == {"v0"}
    with pytest.raises(UserError, match="2 of 2 videos"):
        videos.footage(records[1])


def test_videos_of_two_splits_are_not_mixed_up(models):
    data = Data(tracks=("multi",), videos=1, validation=1)
    train, held = training_records(data)[0], validation_records(data)[0]
    assert train.video == held.video
    videos = Videos(data, models, 1.0)
    assert videos.footage(train).source.id != videos.footage(held).source.id
    assert videos.footage(train) is videos.footage(train)


# --- states


def tensors_at(step: int) -> dict:
    return {"a": torch.full((3,), float(step))}


def test_the_last_states_are_kept_and_the_newest_is_found(tmp_path):
    states = Checkpoints(tmp_path, {"seed": 0, "keep": {"x": 1}}, keep=2)
    for step in (5, 10, 15):
        states.save(step, 1.5 * step, tensors_at(step))
    assert [path.name for path in states.found()] == ["step-000010", "step-000015"]
    (tmp_path / "step-000020").mkdir()  # a folder that a kill left empty
    loaded = {}
    assert Checkpoints(tmp_path, {"seed": 0, "keep": {"x": 2}}, 2).restore(loaded.update) == (15, 22.5)
    assert loaded["a"].tolist() == [15.0] * 3
    with pytest.raises(CheckpointError, match="seed was 0 and is 1"):
        Checkpoints(tmp_path, {"seed": 1}, 2).restore(loaded.update)


def test_a_run_without_states_starts_at_zero(tmp_path):
    assert Checkpoints(tmp_path, {}, 2).restore(lambda _: None) == (0, 0.0)


def linear() -> SmallLearner:
    torch.manual_seed(0)
    return SmallLearner("net", nn.Linear(3, 1), partial(rate_at, lr=0.1, warmup=2), max_grad_norm=1.0)


def one_step(learner: SmallLearner, step: int) -> dict[str, float]:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
    return learner.update(learner.module(x).pow(2).mean(), step, Accelerator(cpu=True))


def test_a_small_learner_goes_on_exactly_from_its_tensors():
    straight, stopped = linear(), linear()
    for step in range(4):
        one_step(straight, step)
    for step in range(2):
        one_step(stopped, step)
    kept = {name: tensor.clone() for name, tensor in stopped.tensors().items()}
    resumed = linear()
    resumed.load(kept)
    for step in (2, 3):
        one_step(resumed, step)
    assert torch.equal(straight.module.weight, resumed.module.weight)


def test_no_gradient_moves_nothing_not_even_by_momentum():
    learner = linear()
    one_step(learner, 0)
    before = learner.module.weight.clone()
    still = {"grad_norm": 0.0, "skipped_steps": 0.0}
    assert learner.update(learner.module(torch.ones(1, 3)).sum() * 0, 1, Accelerator(cpu=True)) == still
    assert learner.update(None, 2, Accelerator(cpu=True)) == still
    assert torch.equal(learner.module.weight, before)


def test_warm_up_rises_and_stays():
    assert [rate_at(step, 1.0, 4) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert rate_at(0, 1.0, 0) == 1.0
    assert [rate_at(step, 1.0, 2, 4) for step in range(5)] == [0.5, 0.75, 0.5, 0.25, 0.0]
    assert SamplerStage(steps=4, lr=1.0, warmup=0, decay=True).rate(2) == 0.5
    assert SamplerStage(steps=4, lr=1.0, warmup=0).rate(2) == 1.0
    joint = JointStage(steps=4, mllm_lr=0.5, sampler_lr=0.25, warmup=0, decay=True)
    assert (joint.mllm_rate(2), joint.sampler_rate(2)) == (0.25, 0.125)


# --- rules


def matrix(rng: np.random.Generator, frames: int = 96) -> tuple[ScoreSet, int]:
    """Scenes of 8 frames; one matches all three rows, others half of them; the wanted one FOLLOWS the match."""
    scenes = frames // 8
    where = int(rng.integers(scenes - 1))
    sim = rng.normal(0, 0.3, (3, frames))
    for scene in range(scenes):
        rows = [0, 1, 2] if scene == where else list(rng.choice(3, int(rng.integers(0, 3)), replace=False))
        sim[rows, scene * 8 : scene * 8 + 8] += 1
    return ScoreSet(sim.astype(np.float32), np.arange(frames, dtype=np.float32)), where + 1


@pytest.mark.slow
def test_reinforce_teaches_what_no_rule_on_the_scores_can_do():
    """To show the scene AFTER the one that matches, from right and wrong alone."""
    stage = SamplerStage(reward="plain", lr=2e-3, width=12, levels=4)
    recipe = Recipe(sampler=stage)
    rule = ReinforceRule(stage, new_sampler(recipe))
    small = SmallLearner("sampler", rule.module, stage.rate, stage.max_grad_norm)
    rng = np.random.default_rng(0)
    hits = []
    for step in range(90):
        scores, wanted = zip(*[matrix(rng) for _ in range(12)], strict=True)
        policies = rule.policies(scores, step)
        keys = [generator(torch.device("cpu"), "frames", step, i) for i in range(len(policies))]
        drawn = [policy.sample(3, 8, key) for policy, key in zip(policies, keys, strict=True)]
        rewards = torch.stack([(d // 8 == w).any(1).float() for d, w in zip(drawn, wanted, strict=True)])
        loss, metrics = rule.loss(policies, drawn, rewards, 12)
        small.update(loss, step, Accelerator(cpu=True))
        hits.append(metrics["reward"])
    assert np.mean(hits[:5]) < 0.45
    assert np.mean(hits[-10:]) > 0.7


def test_the_mlp_sees_each_frame_alone():
    mlp = ReinforceRule(SamplerStage(), new_sampler(Recipe(sampler=SamplerStage(net="mlp")))).module
    assert all(m.kernel_size == (1,) for m in mlp.modules() if isinstance(m, nn.Conv1d))
    nn.init.normal_(mlp.unet.head.weight)
    x = torch.randn(1, mlp.config.channels, 20)
    changed = x.clone()
    changed[..., 7] += 1
    mask = torch.ones(1, 20).bool()
    moved = (mlp.unet(x, mask)[0] - mlp.unet(changed, mask)[0]).abs()[0] > 1e-6
    assert moved.nonzero().flatten().tolist() == [7]


def test_tspos_temperature_falls_over_the_run():
    torch.manual_seed(0)
    agent = TspoAgent(TspoConfig(width=8, heads=2, temperature=0.01))
    rule = TspoRule(TspoStage(steps=3), agent)
    rng = np.random.default_rng(0)
    feats, text = rng.normal(size=(6, 8)).astype(np.float32), rng.normal(size=(1, 8)).astype(np.float32)
    scores = [ScoreSet(text @ feats.T, np.arange(6), feats, text)]
    plain = agent(torch.from_numpy(feats), torch.from_numpy(text)) * 0.01
    for step, temperature in ((0, 0.025), (1, 0.0175), (2, 0.01), (None, 0.01)):
        torch.testing.assert_close(rule.policies(scores, step)[0].logits_T * temperature, plain)


# --- stage 0


RECIPE = Recipe(data=Data(tracks=("multi",), videos=2, questions=3))


@pytest.fixture
def untrained(models, monkeypatch):
    monkeypatch.setattr(difficulty, "load_parts", lambda *_: models)


def test_difficulty_writes_a_table_that_the_next_stages_read(tmp_path, untrained, monkeypatch):
    # an untrained model names no option: the number of words decides who is right
    monkeypatch.setattr(difficulty, "accuracy", lambda reply, options, answer: float(len(reply) % 2))
    monkeypatch.setattr(difficulty, "fit_transform", lambda spans: difficulty.PositiveTransform(1.0, len(spans)))
    table = difficulty.run_difficulty(RECIPE, tmp_path)
    records = training_records(RECIPE.data)
    assert [row["id"] for row in table] == [record.id for record in records]
    assert all(row["tries"] == 8 for row in table)
    assert all(row["right"] == row["right_standin"] + row["right_uniform"] for row in table)
    questions = difficulty.read_pool(tmp_path, records)
    assert {one.record.id: one.pass_rate for one in questions} == {
        row["id"]: row["right"] / 8 for row in table if row["right"] < 8
    }
    with pytest.raises(UserError, match="--resume"):
        difficulty.run_difficulty(RECIPE, tmp_path)


def test_a_stopped_rating_goes_on_with_what_is_missing(tmp_path, untrained, monkeypatch):
    monkeypatch.setattr(difficulty, "fit_transform", lambda spans: difficulty.PositiveTransform(1.0, len(spans)))
    straight = difficulty.run_difficulty(RECIPE, tmp_path / "straight")
    path = tmp_path / "stopped" / "difficulty" / "ratings-0.jsonl"
    path.parent.mkdir(parents=True)
    lines = (tmp_path / "straight" / "difficulty" / "ratings-0.jsonl").read_text().splitlines()
    first = [line for line in lines if json.loads(line)["video"] == json.loads(lines[0])["video"]]
    path.write_text("\n".join(first) + "\n" + lines[-1][:20])  # killed in the middle of a line
    assert difficulty.run_difficulty(RECIPE, tmp_path / "stopped", resume=True) == straight


def test_always_right_questions_are_dropped(tmp_path):
    folder = tmp_path / "difficulty"
    folder.mkdir()
    rows = [{"id": f"q{i}", "right": r, "tries": 4, "queries": ["x"], "reply": "x"} for i, r in enumerate((0, 4, 1))]
    (folder / "ratings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    records = [one.record for one in rated(4)]
    assert [(one.record.id, one.pass_rate) for one in difficulty.read_pool(tmp_path, records)] == [
        ("q0", 0),
        ("q2", 0.25),
    ]
    with pytest.raises(UserError, match="left to train on"):
        difficulty.read_pool(tmp_path, records[1:2])
    with pytest.raises(UserError, match="train difficulty"):
        difficulty.read_pool(tmp_path / "elsewhere", records)


def test_videos_of_other_lengths_in_a_step_do_not_change_the_logits():
    rng = np.random.default_rng(0)
    sampler = new_sampler(Recipe(sampler=SamplerStage(width=4, levels=2)))
    torch.nn.init.normal_(sampler.unet.head.weight)
    scores = [ScoreSet(rng.random((2, n)), np.arange(n, dtype=np.float32)) for n in (40, 40, 7, 90, 40)]
    together = [policy.logits_T for policy in sampler_policies(sampler, scores)]
    logits_BT, mask_BT, _ = sampler([sampler.inputs(s.sim_QT, s.times_T) for s in scores])
    assert [len(one) for one in together] == [40, 40, 7, 90, 40]
    for one, row, mask in zip(together, logits_BT, mask_BT, strict=True):
        torch.testing.assert_close(one, row[mask])
    assert sampler_policies(sampler, []) == []
