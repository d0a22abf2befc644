"""What is drawn: every kind from a stream of its own, no question twice in a step, and where queries came from."""

from collections import Counter
from dataclasses import replace

import pytest
from accelerate import Accelerator

from msjoe.data import Record
from msjoe.mllm import Mllm
from msjoe.rl import joint, sampler_training
from msjoe.rl.joint import JointLearner
from msjoe.rl.pool import Rated, order_at, training_records
from msjoe.rl.recipe import Data, JointStage, Recipe, Rollouts, SamplerStage, TspoStage
from msjoe.rl.rewards import PositiveTransform
from msjoe.rl.rules import ReinforceRule, TspoRule, new_sampler
from msjoe.rl.sampler_training import DrawLearner
from msjoe.selectors.tspo_agent import TspoAgent, TspoConfig

RECIPE = Recipe(
    data=Data(tracks=("multi",), videos=2, questions=3, validation=0),
    rollout=Rollouts(budget=3, previews=2),
    sampler=SamplerStage(questions=2, rollouts=4, warmup=1, width=4, levels=2, temperature=1.0),
    tspo=TspoStage(questions=2, rollouts=4, heads=2, temperature=1.0),
    joint=JointStage(questions=2, rollouts=4, warmup=1, micro_batch=3),
)
READABLE = "<queries>\na red door\n</queries>"


@pytest.fixture
def fresh(models, miniatures):
    mllm = Mllm.load(str(miniatures / "mllm"), device="cpu")
    mllm.templates = replace(mllm.templates, reason_new_tokens=8, answer_new_tokens=5)
    return replace(models, mllm=mllm)


def questions(*queries: str) -> list[Rated]:
    return [Rated(record, 0.5, queries, READABLE) for record in training_records(RECIPE.data)[:2]]


def joint_learner(fresh) -> JointLearner:
    return JointLearner(RECIPE, fresh, new_sampler(RECIPE), PositiveTransform(5.0, 1), Accelerator(cpu=True))


def draw_learner(fresh) -> DrawLearner:
    rule = ReinforceRule(RECIPE.sampler, new_sampler(RECIPE))
    return DrawLearner("sampler", RECIPE.sampler, rule, RECIPE, fresh, Accelerator(cpu=True))


def tspo_learner(fresh) -> DrawLearner:
    agent = TspoAgent(TspoConfig(fresh.clip.encode_texts(["a"]).shape[1], heads=2))
    return DrawLearner("tspo", RECIPE.tspo, TspoRule(RECIPE.tspo, agent), RECIPE, fresh, Accelerator(cpu=True))


# --- streams


@pytest.mark.parametrize(("module", "new"), [(joint, joint_learner), (sampler_training, draw_learner)])
def test_no_two_draws_of_a_step_share_a_stream(fresh, monkeypatch, module, new):
    """Told by the seeds: queries, frames and answers of two questions with four rollouts each, in two steps."""
    seeds = []
    make = module.generator

    def noted(*how):
        one = make(*how)
        seeds.append(one.initial_seed())
        return one

    monkeypatch.setattr(module, "generator", noted)
    learner = new(fresh)
    for step in range(2):
        learner.step(step, questions("red door", "a bell"))
    assert len(seeds) == 2 * 2 * (1 + 4 + 4 if module is joint else 1 + 4)
    assert max(Counter(seeds).values()) == 1


# --- which questions


def pool(count: int) -> list[Rated]:
    return [Rated(Record(f"q{i}", "jsonl", "?", ("a", "b"), "A", f"v{i}", 1.0, "x"), i / count) for i in range(count)]


@pytest.mark.parametrize(("count", "size"), [(10, 4), (7, 5), (6, 6), (5, 4), (16, 3), (3, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_no_question_comes_twice_in_a_step_where_epochs_meet(count, size, seed):
    steps = [order_at(pool(count), step, Recipe(seed=seed), size) for step in range(4 * count)]
    assert all(len(set(step)) == size for step in steps)
    seen = [i for step in steps for i in step]
    for start in range(0, len(seen) - count + 1, count):
        assert sorted(seen[start : start + count]) == list(range(count))
    assert steps[-1] == order_at(pool(count), 4 * count - 1, Recipe(seed=seed), size)


def test_a_pool_smaller_than_a_step_gives_each_question_once():
    for step in range(3):
        assert sorted(order_at(pool(6), step, Recipe(), 16)) == list(range(6))
        assert len(set(order_at(pool(6), step, Recipe(), 16, share=1 / 3))) == 6


# --- where queries came from, in the Traces of rollouts


def sources(learner, asked: list[Rated]) -> set[tuple[str, tuple[str, ...]]]:
    _, rollouts = learner.step(0, asked)
    traces = [rollout.trace(*learner.describe()) for rollout in rollouts]
    return {(trace.queries_from, tuple(trace.queries) == (trace.question,)) for trace in traces}


def test_queries_of_stage_0_come_from_its_reply(fresh):
    assert sources(draw_learner(fresh), questions("red door", "a bell")) == {("reply", False)}
    assert sources(draw_learner(fresh), questions()) == {("question", True)}


def test_tspo_asks_with_the_question_and_claims_no_reply(fresh):
    learner = tspo_learner(fresh)
    assert sources(learner, questions("red door", "a bell")) == {("question", True)}
    _, rollouts = learner.step(0, questions("red door"))
    assert {rollout.trace(*learner.describe()).query_reply for rollout in rollouts} == {""}


def test_a_reply_without_queries_is_told_from_one_with_them(fresh, monkeypatch):
    parse = joint.parse_queries
    for reply, expected in (("", ("question", True)), (READABLE, ("reply", False))):
        monkeypatch.setattr(joint, "parse_queries", lambda _, most, reply=reply: parse(reply, most))
        assert sources(joint_learner(fresh), questions()) == {expected}
