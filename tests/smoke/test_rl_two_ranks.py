"""Gradients of two processes: summed in few messages to the same numbers, and skipped by both or by none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.two_ranks import deep, share

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("ranks")
    config = str(ROOT / "configs" / "accelerate" / "cpu2.yaml")
    port = ("--main_process_port", "0")  # a free one
    launch = ("accelerate.commands.launch", "--config_file", config, *port, "-m", "tests.two_ranks", str(folder))
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", *launch], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [load_file(folder / f"rank-{rank}.safetensors") for rank in (0, 1)]


def part(found: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in found.items() if key.startswith(f"{name}.")}


def test_the_sum_is_that_of_each_tensor_by_itself(ranks):
    both = []
    for rank in (0, 1):
        module = deep()
        share(module, rank).backward()
        both.append({n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in module.named_parameters()})
    for found in ranks:
        for name, grad in part(found, "grads").items():
            assert torch.equal(grad, both[0][name] + both[1][name]), name
    assert all(torch.equal(w, ranks[1][f"sum.{name}"]) for name, w in part(ranks[0], "sum").items())


def test_eighty_gradients_are_not_eighty_messages(ranks):
    assert [int(found["messages"]) for found in ranks] == [2, 2]  # the gradients, and whether all are finite


@pytest.mark.parametrize("kind", ["spoilt", "cut"])
def test_a_gradient_that_is_infinite_on_one_process_moves_neither(ranks, kind):
    for found in ranks:
        for name, before in part(found, f"{kind}.before").items():
            assert torch.equal(before, found[f"{kind}.after.{name}"]), name
