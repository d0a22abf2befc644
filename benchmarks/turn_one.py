"""Seconds a step for turn 1 alone, here and in TRL's GRPOTrainer (pip install trl), side by side in one run.

    python benchmarks/turn_one.py --questions 4 --rollouts 8 --steps 3

Turn 1: previews and question in, queries out, one GRPO update; the same model, prompts, group and limit of tokens.
``benchmarks/rollouts.py`` times whole steps.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from PIL import Image

from msjoe.rl.joint import JointLearner
from msjoe.rl.losses import GrpoConfig, grpo_loss, token_weights
from msjoe.rl.pool import Rated, load_parts, training_records
from msjoe.rl.recipe import Data, Parts, Recipe
from msjoe.rl.rewards import PositiveTransform
from msjoe.rl.rules import new_sampler
from msjoe.rl.turns import REASON, generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=4, help="of a step (default: %(default)s)")
    parser.add_argument("--rollouts", type=int, default=8, help="of a question (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=3, help="timed, after one that warms up (default: %(default)s)")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Data(videos=max(1, args.questions // 4), questions=args.questions, validation=0)  # of all four tracks
        recipe = Recipe(data=data, models=Parts(device=args.device, features=folder))
        recipe = replace(
            recipe, joint=replace(recipe.joint, questions=args.questions, rollouts=args.rollouts, micro_batch=16)
        )
        models = load_parts(recipe.models)
        sampler, accelerator = new_sampler(recipe), Accelerator(cpu=args.device == "cpu")
        learner = JointLearner(recipe, models, sampler, PositiveTransform(5.0, 1), accelerator)
        questions = [Rated(record, 0.5) for record in training_records(data)]
        ours, length = time_turn(learner, questions, args.steps)
        theirs, their_length = time_trl(learner, questions, args.steps, Path(folder))
        print(f"turn 1 alone: {ours:.2f} s a step here ({length:.0f} tokens a reply)", end=", ")
        print(f"{theirs:.2f} s in TRL ({their_length:.0f} tokens): {theirs / ours:.2f} times")


def time_turn(learner: JointLearner, questions: list[Rated], steps: int) -> tuple[float, float]:
    """Turn 1 with one update, by this project's parts: seconds a step, tokens a reply."""
    shown = prompts(learner, questions)
    groups, speaker, model = learner.stage.rollouts, learner.speaker, learner.models.mllm.model
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    lengths = []
    for step in range(steps + 1):
        if step == 1:
            start = time.perf_counter()
        keys = [generator(model.device, "query", step, i) for i in range(len(shown))]
        said = [one for group in speaker.say(REASON, shown, groups, 1.0, keys) for one in group]
        spread = [one for one in shown for _ in range(groups)]
        model.train()
        logp, mask, _ = speaker.logps(REASON, spread, said, 1.0)
        rows = torch.arange(len(said), device=logp.device)
        weights = token_weights(mask.sum(1), rows, "turn")
        advantages = torch.randn(len(said), device=logp.device)
        loss, _ = grpo_loss(logp, logp.detach(), mask, advantages, weights, rows, GrpoConfig())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        lengths.append(mask.sum(1).float().mean().item())
    return (time.perf_counter() - start) / steps, sum(lengths) / len(lengths)


def time_trl(learner: JointLearner, questions: list[Rated], steps: int, folder: Path) -> tuple[float, float]:
    """The same turn by GRPOTrainer: seconds a step, tokens a reply."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    mllm, groups = learner.models.mllm, learner.stage.rollouts
    rows = []
    for one in prompts(learner, questions):
        content = mllm.templates.reason_message(one.question, one.options, one.times, 4)["content"]
        images = [Image.fromarray(frame) for frame in one.frames]
        rows.append({"prompt": [{"role": "user", "content": content}], "images": images})
    config = GRPOConfig(
        output_dir=str(folder / "trl"),
        num_generations=groups,
        per_device_train_batch_size=groups * len(rows),
        max_completion_length=mllm.templates.reason_new_tokens,
        max_steps=steps + 1,
        logging_steps=1,
        report_to=[],
        use_cpu=mllm.device.type == "cpu",
        bf16=False,
        gradient_checkpointing=False,
        beta=0.0,
        save_strategy="no",
        shuffle_dataset=False,
    )
    pay = lambda completions, **_: torch.rand(len(completions)).tolist()  # noqa: E731 - TRL asks for a function
    trainer = GRPOTrainer(mllm.model, pay, config, Dataset.from_list(rows), processing_class=mllm.processor)
    trainer.train()
    logs = [log for log in trainer.state.log_history if "step_time" in log]
    return sum(log["step_time"] for log in logs[1:]) / steps, logs[-1]["completions/mean_length"]


def prompts(learner: JointLearner, questions: list[Rated]) -> list:
    shown, _ = learner._ask([(q, learner.videos.footage(q.record)) for q in questions], 0)
    return shown[:: learner.stage.rollouts]


if __name__ == "__main__":
    main()
