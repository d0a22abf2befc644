"""Rollouts a second in training, stage 1 and joint, here and at an earlier commit, by turns in one run.

    python benchmarks/rollouts.py
    python benchmarks/rollouts.py --against v0.1 --steps 4

Each run is a process of its own with one thread and the embedded models. Its first pass meets every question for the
first time; in the second they come again with other draws, as in a later epoch. CLIP features are in the cache before.
Prints rollouts a second of either pass, the share of each part, and with --against the ratio and the largest
difference of what both report for the same steps: rewards and losses must agree within rounding.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SAME = ("rewards/acc", "reward", "loss", "sampler/loss", "sampler/grad_norm", "grad_norm", "entropy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", metavar="COMMIT", help="also time this commit, in a worktree of its own")
    parser.add_argument("--stages", nargs="+", default=["sampler", "joint"], choices=["sampler", "joint"])
    parser.add_argument("--questions", type=int, default=16, help="of a step; the joint stage takes half")
    parser.add_argument("--steps", type=int, default=3, help="of each pass (default: %(default)s)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worker", metavar="STAGE", help=argparse.SUPPRESS)
    parser.add_argument("--features", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print(json.dumps(run(args.worker, args.questions, args.steps, args.device, args.features)))
        return
    with tempfile.TemporaryDirectory() as folder:
        trees = {"here": HERE}
        if args.against:
            trees = {args.against: worktree(args.against, Path(folder) / "tree")} | trees
        try:
            for stage in args.stages:
                found = {name: child(tree, stage, args, folder) for name, tree in trees.items()}
                report(stage, found)
        finally:
            if args.against:
                subprocess.run(["git", "worktree", "remove", "--force", trees[args.against]], cwd=HERE, check=True)


def worktree(commit: str, path: Path) -> Path:
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", path, commit], cwd=HERE, check=True)
    return path


def child(tree: Path, stage: str, args: argparse.Namespace, folder: str) -> dict:
    """This script's worker with the code of ``tree``."""
    given = ["--worker", stage, "--questions", args.questions, "--steps", args.steps, "--device", args.device]
    command = [sys.executable, __file__, *map(str, given), "--features", str(Path(folder) / "features")]
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run(stage: str, questions: int, steps: int, device: str, features: str) -> dict:
    """Two passes over the same questions: their seconds, parts and reported values."""
    import torch

    from msjoe.rl.pool import Rated, training_records
    from msjoe.rl.recipe import Data, Parts, Recipe

    torch.set_num_threads(1)
    questions = questions if stage == "sampler" else questions // 2
    data = Data(videos=max(1, questions * steps // 4), questions=questions * steps, validation=0)
    recipe = Recipe(data=data, models=Parts(device=device, features=features))
    recipe = replace(recipe, joint=replace(recipe.joint, questions=questions, micro_batch=16))
    learner = new_learner(stage, recipe, device)
    pool = [Rated(record, 0.5, (record.question,)) for record in training_records(data)]
    for rated in pool:
        learner.videos.footage(rated.record)
    learner.videos._open.clear()
    return {"passes": [one_pass(learner, pool, questions, range(n * steps, (n + 1) * steps)) for n in range(2)]}


def new_learner(stage: str, recipe, device: str):
    from accelerate import Accelerator

    from msjoe.rl.joint import JointLearner
    from msjoe.rl.pool import load_parts
    from msjoe.rl.rewards import PositiveTransform
    from msjoe.rl.rules import ReinforceRule, new_sampler
    from msjoe.rl.sampler_training import DrawLearner

    models, accelerator = load_parts(recipe.models), Accelerator(cpu=device == "cpu")
    if stage == "joint":
        return JointLearner(recipe, models, new_sampler(recipe), PositiveTransform(5.0, 1), accelerator)
    models.mllm.model.requires_grad_(False)
    rule = ReinforceRule(recipe.sampler, new_sampler(recipe))
    return DrawLearner("sampler", recipe.sampler, rule, recipe, models, accelerator)


def one_pass(learner, pool: list, questions: int, steps: range) -> dict:
    start, count, parts, values = time.perf_counter(), 0, Counter(), []
    for place, step in enumerate(steps):
        metrics, rollouts = learner.step(step, pool[place * questions : (place + 1) * questions])
        count += len(rollouts)
        parts.update({name[5:]: value for name, value in metrics.items() if name.startswith("time/")})
        values.append({name: float(metrics[name]) for name in SAME if name in metrics})
    return {"seconds": time.perf_counter() - start, "rollouts": count, "parts": parts, "values": values}


def report(stage: str, found: dict[str, dict]) -> None:
    names = list(found)
    for number, which in enumerate(("first pass", "again")):
        for name in names:
            one = found[name]["passes"][number]
            shares = ", ".join(f"{part} {value / one['seconds']:.0%}" for part, value in one["parts"].items())
            speed = one["rollouts"] / one["seconds"]
            print(f"{stage:<8}{which:<11}{name:<12}{speed:7.2f} rollouts a second: {shares}")
        if len(names) == 2:
            old, new = (found[name]["passes"][number] for name in names)
            print(f"{stage:<8}{which:<11}{'ratio':<12}{old['seconds'] / new['seconds']:7.2f}")
    if len(names) == 2:
        for name, (apart, value) in differences(*(found[name]["passes"] for name in names)).items():
            print(f"{stage:<8}{name}: {apart:.1e} apart at most, of values up to {value:.3g}")


def differences(old: list[dict], new: list[dict]) -> dict[str, tuple[float, float]]:
    """The largest difference and the largest value of each reported number, over the same steps of both."""
    pairs = [pair for a, b in zip(old, new, strict=True) for pair in zip(a["values"], b["values"], strict=True)]
    names = set.intersection(*(set(values) for pair in pairs for values in pair))
    return {
        name: (max(abs(a[name] - b[name]) for a, b in pairs), max(abs(a[name]) for a, _ in pairs))
        for name in sorted(names)
    }


if __name__ == "__main__":
    main()
