"""The training stages as they are run: from the shell, killed and resumed, and in two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from analysis import pilots
from msjoe.cli import main
from msjoe.loading import embedded
from msjoe.mllm import Mllm
from msjoe.mllm_adapters import merge_adapters
from msjoe.rl import joint, sampler_training
from msjoe.rl.joint import JointLearner
from msjoe.rl.losses import GrpoConfig
from msjoe.rl.pool import Rated, training_records
from msjoe.rl.recipe import Data, JointStage, Recipe, Rollouts, SamplerStage
from msjoe.rl.rewards import PositiveTransform, RewardWeights
from msjoe.rl.rules import ReinforceRule, new_sampler
from msjoe.rl.sampler_training import DrawLearner
from msjoe.rl.tuning import save_tuned
from msjoe.sampler import load_sampler
from msjoe.selectors.tspo_agent import load_agent
from msjoe.trace import Trace

ROOT = Path(__file__).parents[2]
TINY = ROOT / "configs" / "tiny.yaml"
RECIPE = Recipe(
    data=Data(tracks=("multi",), videos=2, questions=3, validation=0),
    rollout=Rollouts(budget=3, previews=2),
    sampler=SamplerStage(questions=2, rollouts=4, warmup=1, width=4, levels=2, temperature=1.0),
    joint=JointStage(questions=2, rollouts=4, warmup=1, micro_batch=3),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The tiny recipe through all stages, on the embedded models: folder of the run."""
    out = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSJOE_CACHE", str(out / "features"))
        for stage in ("difficulty", "sampler", "tspo", "joint"):
            assert main(["train", stage, "--config", str(TINY), "--out", str(out)]) == 0
    return out


def metrics(out: Path, stage: str) -> list[dict]:
    """Lines without what depends on the clock."""
    lines = [json.loads(line) for line in (out / stage / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if not k.startswith("time/")} for line in lines]


# --- the tiny recipe


@pytest.mark.slow
def test_every_stage_runs_and_leaves_what_the_next_reads(run):
    for stage in ("sampler", "tspo", "joint"):
        lines = metrics(run, stage)
        assert [line["step"] for line in lines] == [0, 1, 2]
        assert {"reward", "reward_std", "frac_reward_zero_std", "sampler/entropy", "rewards/acc"} <= set(lines[1])
        assert "eval/accuracy" in lines[0]
        assert "eval/accuracy" in lines[2]
    assert {"rewards/format", "rewards/info", "entropy", "turn1_share"} <= set(metrics(run, "joint")[1])
    load_agent(run / "tspo" / "checkpoint")


@pytest.mark.slow
def test_mllm_and_sampler_both_moved(run):
    base = Mllm.load(embedded("reel-mllm"), device="cpu").model.state_dict()
    tuned = Mllm.load(str(run / "joint" / "checkpoint" / "mllm"), device="cpu").model.state_dict()
    moved = {name for name in base if not torch.equal(base[name], tuned[name])}
    assert any("language_model" in name for name in moved)
    assert not any(".visual." in name for name in moved)
    recipe = Recipe.read(TINY)
    start = new_sampler(recipe).state_dict()
    first = load_sampler(run / "sampler" / "checkpoint").state_dict()
    second = load_sampler(run / "joint" / "checkpoint" / "sampler").state_dict()
    for before, after in ((start, first), (first, second)):
        assert not torch.equal(before["unet.head.weight"], after["unet.head.weight"])


@pytest.mark.slow
def test_sample_rollouts_open_as_traces(run):
    table = json.loads((run / "joint" / "samples" / "step-000002" / "table.json").read_text())
    trace = Trace.load(run / "joint" / "samples" / "step-000002" / table[0]["trace"])
    assert trace.queries == table[0]["queries"]
    assert len(trace.keyframes) == len(trace.chosen_times) == 4
    assert trace.weights_T.sum() == pytest.approx(1, abs=1e-4)
    assert "reward" in trace.notes[0]


@pytest.mark.slow
def test_a_run_is_not_started_over_by_accident(run, capsys):
    assert main(["train", "sampler", "--config", str(TINY), "--out", str(run)]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["train", "sampler", "--config", str(TINY), "--out", str(run), "--resume", "--set", "seed=5"]) == 2
    assert "seed was 0 and is 5" in capsys.readouterr().err


# --- learners, on untrained models


def untrained(miniatures) -> Mllm:
    """An MLLM of one's own, which a test may change; it never ends a reply, so that the limits are low."""
    mllm = Mllm.load(str(miniatures / "mllm"), device="cpu")
    mllm.templates = replace(mllm.templates, reason_new_tokens=8, answer_new_tokens=5)
    return mllm


@pytest.fixture
def fresh(models, miniatures):
    return replace(models, mllm=untrained(miniatures))


def questions(rate: float = 0.5) -> list[Rated]:
    return [Rated(record, rate, ("red door", "a bell")) for record in training_records(RECIPE.data)[:2]]


def odd(reply: str, *_) -> float:
    """An untrained model names no option: the length of its reply decides."""
    return float(len(reply) % 2)


def joint_learner(fresh, stage: JointStage = RECIPE.joint) -> JointLearner:
    recipe = replace(RECIPE, joint=stage)
    return JointLearner(recipe, fresh, new_sampler(recipe), PositiveTransform(5.0, 1), Accelerator(cpu=True))


def state(*modules: torch.nn.Module) -> list[dict]:
    return [{k: v.clone() for k, v in module.state_dict().items()} for module in modules]


def same(a: list[dict], b: list[dict]) -> list[bool]:
    return [all(torch.equal(x[k], y[k]) for k in x) for x, y in zip(a, b, strict=True)]


def test_equal_rewards_move_nothing(fresh):
    learner = joint_learner(fresh, replace(RECIPE.joint, rewards=RewardWeights(0, 0, 0)))
    before = state(fresh.mllm.model, learner.sampler)
    told, rollouts = learner.step(0, questions())
    assert told["frac_reward_zero_std"] == 1
    assert told["grad_norm"] == told["sampler/grad_norm"] == 0
    assert len(rollouts) == 8
    assert same(before, state(fresh.mllm.model, learner.sampler)) == [True, True]


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_joint_step_moves_mllm_and_sampler(fresh, monkeypatch, tuning):
    monkeypatch.setattr(joint, "accuracy", odd)
    learner = joint_learner(fresh, replace(RECIPE.joint, tuning=tuning, mllm_lr=1e-3))
    before = state(fresh.mllm.model, learner.sampler)
    told, _ = learner.step(0, questions())
    after = state(fresh.mllm.model, learner.sampler)
    assert same(before, after) == [False, False]
    moved = [name for name in before[0] if not torch.equal(before[0][name], after[0][name])]
    assert all("lora_" in name for name in moved) == (tuning == "lora")
    assert not any("visual" in name for name in moved)
    assert told["turn1_share"] == pytest.approx(0.5)


def test_a_stage_may_hold_one_of_the_two(fresh, monkeypatch):
    monkeypatch.setattr(joint, "accuracy", odd)
    learner = joint_learner(fresh, replace(RECIPE.joint, mllm_lr=0.0))
    before = state(fresh.mllm.model, learner.sampler)
    learner.step(0, questions())
    assert same(before, state(fresh.mllm.model, learner.sampler)) == [True, False]


def test_micro_batches_make_the_step_of_the_whole_batch(models, miniatures, monkeypatch):
    monkeypatch.setattr(joint, "accuracy", odd)
    grads = []
    for size in (8, 3):
        mine = replace(models, mllm=untrained(miniatures))
        learner = joint_learner(mine, replace(RECIPE.joint, micro_batch=size, gradient_checkpointing=size == 3))
        learner.step(0, questions())
        grads.append({name: p.grad for name, p in mine.mllm.model.named_parameters() if p.requires_grad})
    for name, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][name], atol=1e-5, rtol=1e-3, msg=name)


def test_a_second_update_leaves_ratio_one_and_kl_is_to_the_base(fresh, monkeypatch):
    monkeypatch.setattr(joint, "accuracy", odd)
    stage = replace(RECIPE.joint, tuning="lora", mllm_lr=1e-2, updates=3, grpo=GrpoConfig(beta=0.1))
    told, _ = joint_learner(fresh, stage).step(0, questions())
    assert told["clip_ratio/region_mean"] > 0
    assert told["kl"] > 1e-4


def test_adapters_are_merged_into_what_is_saved(fresh, monkeypatch, tmp_path):
    monkeypatch.setattr(joint, "accuracy", odd)
    learner = joint_learner(fresh, replace(RECIPE.joint, tuning="lora", mllm_lr=1e-2))
    _, rollouts = learner.step(0, questions())
    save_tuned(fresh.mllm, tmp_path / "tuned")
    again = Mllm.load(str(tmp_path / "tuned"), device="cpu")
    assert not any("lora" in name for name, _ in again.model.named_parameters())
    shown = [rollouts[0].previews]
    assert again.reason(shown)[0].text == fresh.mllm.reason(shown)[0].text
    merge_adapters(fresh.mllm.model)
    ours, theirs = fresh.mllm.model.state_dict(), again.model.state_dict()
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-3, rtol=1e-3)


def draw_learner(models) -> DrawLearner:
    rule = ReinforceRule(RECIPE.sampler, new_sampler(RECIPE))
    return DrawLearner("sampler", RECIPE.sampler, rule, RECIPE, models, Accelerator(cpu=True))


def test_a_stage_1_step_moves_the_sampler_alone(fresh, monkeypatch):
    monkeypatch.setattr(sampler_training, "accuracy", odd)
    learner = draw_learner(fresh)
    before = state(fresh.mllm.model, learner.rule.module)
    told, rollouts = learner.step(0, questions(0.25))
    assert same(before, state(fresh.mllm.model, learner.rule.module)) == [True, False]
    assert {round(rollout.reward, 4) for rollout in rollouts} <= {4.0, -1.3333}
    again, _ = draw_learner(fresh).step(0, questions(0.25))
    untimed = [{k: v for k, v in m.items() if not k.startswith("time/")} for m in (told, again)]
    assert untimed[0] == untimed[1]  # a step depends on recipe, number and weights alone


# --- killed, and in several processes


def shell(*arguments: str, cache: Path) -> subprocess.Popen:
    env = os.environ | {"MSJOE_CACHE": str(cache), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", *arguments], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)


def copied_ratings(run: Path, out: Path) -> Path:
    folder = out / "difficulty"
    folder.mkdir(parents=True)
    for path in (run / "difficulty").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return out


def kill_once(begun: Callable[[], object], run: Path, stage: str, out: Path, how: list[str]) -> None:
    """Start a stage and kill it, without a chance to tidy up, when ``begun`` says so."""
    process = shell("msjoe", "train", stage, "--out", str(out), *how, cache=run / "features")
    deadline = time.monotonic() + 240
    while not begun():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


@pytest.fixture
def one_thread():
    """As in the process that is killed: the number of threads changes the last bits of a sum."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_a_killed_rating_goes_on_as_if_it_had_not_been(run, tmp_path):
    rows = tmp_path / "difficulty" / "ratings-0.jsonl"
    how = ["--config", str(TINY)]
    kill_once(lambda: rows.is_file() and rows.read_text(), run, "difficulty", tmp_path, how)
    assert not (tmp_path / "difficulty" / "ratings.jsonl").exists()
    with rows.open("a") as file:
        file.write('{"id": "torn')  # as a kill in the middle of a line leaves it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSJOE_CACHE", str(run / "features"))
        assert main(["train", "difficulty", "--out", str(tmp_path), *how, "--resume"]) == 0
    for name in ("ratings.jsonl", "informativeness.json"):
        assert (tmp_path / "difficulty" / name).read_text() == (run / "difficulty" / name).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["sampler", "tspo", "joint"])
def test_a_killed_run_goes_on_as_if_it_had_not_been(run, tmp_path, stage, one_thread):
    how = ["--config", str(TINY), "--set", f"{stage}.steps=3", "keep.checkpoint_seconds=0", "keep.validate_every=0"]
    how += ["joint.sampler=new", "joint.tuning=lora", "joint.updates=2", "joint.gradient_checkpointing=false"]
    straight, killed = (copied_ratings(run, tmp_path / name) for name in ("straight", "killed"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSJOE_CACHE", str(run / "features"))
        assert main(["train", stage, "--out", str(straight), *how]) == 0
    kill_once(lambda: list(killed.glob(f"{stage}/state/step-*/state.json")), run, stage, killed, how)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSJOE_CACHE", str(run / "features"))
        assert main(["train", stage, "--out", str(killed), *how, "--resume"]) == 0
    # Two joint runs of one process differ in the last bits of gradients; AdamW makes steps of those that are near 0.
    near = {"joint": (1e-4, 1e-7)}.get(stage, (0.0, 0.0))
    assert len(metrics(killed, stage)) == len(metrics(straight, stage))
    for again, once in zip(metrics(killed, stage), metrics(straight, stage), strict=True):
        assert again == pytest.approx(once, rel=near[0], abs=near[0])
    weights = [sorted((out / stage / "checkpoint").rglob("model.safetensors")) for out in (killed, straight)]
    assert len(weights[0]) == len(weights[1]) == (2 if stage == "joint" else 1)
    for mine, theirs in zip(*map(lambda paths: map(load_file, paths), weights), strict=True):
        for name, tensor in theirs.items():
            apart = (tensor.float() - mine[name].float()).abs()
            assert apart.mean() <= near[1], name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "module", "settings"),
    [
        ("sampler", "msjoe", []),
        ("joint", "msjoe", []),
        ("joint", "tests.fsdp2_cpu", ["joint.questions=3"]),  # one process has two of them and the other one
        (
            "joint",
            "tests.fsdp2_cpu",
            ["joint.tuning=lora", "joint.grpo.beta=0.1", "joint.gradient_checkpointing=false"],
        ),
    ],
    ids=["sampler", "joint", "fsdp2", "fsdp2-lora-kl"],
)
def test_two_processes_make_the_step_of_one(run, tmp_path, stage, module, settings):
    """Compared by the first moment that AdamW holds after one step: a tenth of the clipped gradient."""
    how = ["--config", str(TINY), "--set", f"{stage}.steps=1", "joint.sampler=new", "keep.validate_every=0", *settings]
    alone, two = (copied_ratings(run, tmp_path / name) for name in ("alone", "two"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSJOE_CACHE", str(run / "features"))
        assert main(["train", stage, "--out", str(alone), *how]) == 0
    config = str(ROOT / "configs" / "accelerate" / "cpu2.yaml")
    launch = ("accelerate.commands.launch", "--config_file", config, "-m", module, "train", stage, "--out", str(two))
    process = shell(*launch, *how, cache=run / "features")
    _, told = process.communicate(timeout=280)
    assert process.returncode == 0, told[-3000:]
    assert [json.loads((out / stage / "recipe.json").read_text())["processes"] for out in (alone, two)] == [1, 2]
    mine, theirs = (load_file(out / stage / "state" / "step-000001" / "state.safetensors") for out in (alone, two))
    assert mine.keys() == theirs.keys()
    moments = [name for name in mine if name.endswith("exp_avg")]
    assert any(mine[name].abs().max() > 0 for name in moments)
    for name in moments:
        torch.testing.assert_close(mine[name], theirs[name], atol=1e-6, rtol=1e-3, msg=name)
    for one, other in zip(metrics(alone, stage), metrics(two, stage), strict=True):
        assert one["reward"] == pytest.approx(other["reward"], abs=1e-5)
        assert one["rewards/acc"] == pytest.approx(other["rewards/acc"], abs=1e-5)


@pytest.mark.slow
def test_the_pilot_s_evaluation_runs_to_its_table_and_cards(run, capsys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        pilots.main([str(run), "--limit", "2", "--tracks", "multi", "--budget", "4", "--device", "cpu"])
    table = (run / "validation" / "table.md").read_text()
    assert table in capsys.readouterr().out
    numbers = json.loads((run / "validation" / "table.json").read_text())
    assert [(n["mllm"], n["questions"]) for n in numbers] == [("base", 2)] * 7 + [("joint", 2)] * 7
    assert all(0 <= n["accuracy"][1] <= n["accuracy"][2] <= 1 for n in numbers)
    assert table.strip() in (run / "joint" / "checkpoint" / "mllm" / "README.md").read_text()
    answers = run / "validation" / "joint" / "answers.jsonl"
    assert len(answers.read_text().splitlines()) == 2 * (7 + 2)  # Q-Frame draws three times
