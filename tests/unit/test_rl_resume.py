"""What may change between the start of a run and its resumption."""

import shutil
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator

from msjoe.errors import UserError
from msjoe.rl.loop import Span, run_loop
from msjoe.rl.pool import Rated
from msjoe.rl.recipe import Keeping, Parts, Recipe


class Learner:
    """Learns nothing."""

    def step(self, step, questions):
        return {"reward": 0.5}, []

    def validate(self):
        return {}

    def tensors(self):
        return {"x": torch.zeros(1)}

    def load(self, tensors):
        pass


def train(out, models: Parts, steps: int, resume: bool = False) -> None:
    recipe = Recipe(models=models, keep=Keeping(validate_every=0, samples_every=0))
    pool = [Rated(None, 0.5)] * 4
    run_loop(Learner(), Span("sampler", steps, 2), pool, recipe, out, resume, Accelerator(cpu=True))


@pytest.fixture
def begun(tmp_path, miniatures):
    """A run of one step with models of its own; folder of the run and its models."""
    for name in ("mllm", "clip"):
        shutil.copytree(miniatures / name, tmp_path / "first" / name)
    models = Parts(mllm=str(tmp_path / "first" / "mllm"), clip=str(tmp_path / "first" / "clip"))
    train(tmp_path / "out", models, 1)
    return tmp_path, models


@pytest.mark.parametrize("part", ["mllm", "clip"])
def test_other_weights_are_refused(begun, part):
    folder, models = begun
    other = shutil.copytree(folder / "first" / part, folder / "other")
    weights = next(other.glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(UserError, match=part):
        train(folder / "out", replace(models, **{part: str(other)}), 2, resume=True)


@pytest.mark.parametrize("change", [{"mllm": None}, {"load_in_4bit": True}, {"dtype": "float16"}])
def test_other_models_are_refused(begun, change):
    folder, models = begun
    with pytest.raises(UserError, match=next(iter(change))):
        train(folder / "out", replace(models, **change), 2, resume=True)


def test_the_same_weights_may_lie_elsewhere_and_run_on_another_device(begun):
    folder, models = begun
    copied = shutil.copytree(folder / "first" / "mllm", folder / "copy")
    (folder / "linked").symlink_to(folder / "first" / "clip")
    moved = replace(models, mllm=str(copied), clip=str(folder / "linked"), device="cpu", features="cache")
    train(folder / "out", moved, 2, resume=True)
    assert sorted(path.name for path in (folder / "out" / "sampler" / "state").glob("step-*"))[-1] == "step-000002"
