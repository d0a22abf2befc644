"""One joint step with a random-weight model of Qwen2.5-VL-7B's architecture, narrowed: LoRA on bfloat16, and on NF4."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from transformers import GenerationConfig, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from msjoe.miniature.mllm.model import build_processor, build_tokenizer
from msjoe.mllm import Mllm
from msjoe.prompts import DEFAULT_TEMPLATES
from msjoe.rl import joint
from msjoe.rl.joint import JointLearner
from msjoe.rl.pool import Rated, training_records
from msjoe.rl.recipe import Data, Recipe
from msjoe.rl.rewards import PositiveTransform
from msjoe.rl.rules import new_sampler
from msjoe.rl.tuning import save_tuned

CONFIGS = Path(__file__).parents[2] / "configs"


def narrowed() -> Qwen2_5_VLConfig:
    """7 query heads for each key head, windowed attention in the tower, an output layer of its own, as at full size."""
    ids = {name: build_tokenizer().convert_tokens_to_ids(f"<|{name}|>") for name in ("im_end", "endoftext")}
    marks = {name: build_tokenizer().convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad")}
    text = {
        "hidden_size": 448,  # 3,584 / 8, divisible by NF4's blocks of 64
        "intermediate_size": 512,
        "num_hidden_layers": 3,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": len(build_tokenizer()) + 21,  # padded, as the real one is
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]},
        "eos_token_id": ids["im_end"],
        "pad_token_id": ids["endoftext"],
        "bos_token_id": None,
    }
    vision = {"depth": 2, "hidden_size": 64, "intermediate_size": 128, "num_heads": 4, "out_hidden_size": 448}
    vision |= {"fullatt_block_indexes": [1], "window_size": 112}
    starts = {
        f"vision_{w}_token_id": build_tokenizer().convert_tokens_to_ids(f"<|vision_{w}|>") for w in ("start", "end")
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=marks["image_pad"],
        video_token_id=marks["video_pad"],
        tie_word_embeddings=False,
        **starts,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Its files, with the templates of real models."""
    path = tmp_path_factory.mktemp("narrowed")
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(narrowed()).bfloat16()
    text = model.config.text_config
    model.generation_config = GenerationConfig(eos_token_id=[text.eos_token_id], pad_token_id=text.pad_token_id)
    model.save_pretrained(path)
    build_processor().save_pretrained(path)
    return path


@pytest.mark.parametrize("name", ["lora", "qlora"])
def test_a_joint_step_of_the_real_recipe(folder, models, monkeypatch, tmp_path, name):
    if name == "qlora":
        pytest.importorskip("bitsandbytes")
    recipe = Recipe.read(CONFIGS / f"qwen2.5-vl-7b-{name}.yaml", ["joint.warmup=1", "joint.mllm_lr=1.0e-3"])
    recipe = replace(
        recipe,
        data=Data(tracks=("multi",), videos=1, questions=1, validation=0),
        rollout=replace(recipe.rollout, budget=2),
        joint=replace(recipe.joint, rollouts=3),
    )
    mllm = Mllm.load(str(folder), recipe.models.load_in_4bit, "cpu", recipe.models.dtype)
    assert mllm.templates == DEFAULT_TEMPLATES
    mllm.templates = replace(DEFAULT_TEMPLATES, reason_new_tokens=4, answer_new_tokens=3, frame_pixels=12544)
    right = itertools.cycle((1.0, 0.0))  # what a random model says decides nothing
    monkeypatch.setattr(joint, "accuracy", lambda *_: next(right))
    monkeypatch.setattr(joint, "informativeness", lambda *_: 1.0)
    parts = replace(models, mllm=mllm)
    learner = JointLearner(recipe, parts, new_sampler(recipe), PositiveTransform(5.0, 1), Accelerator(cpu=True))
    learning = {n: p for n, p in mllm.model.named_parameters() if p.requires_grad}
    assert all("lora_" in n and "visual" not in n and p.dtype == torch.float32 for n, p in learning.items())
    before = {n: p.detach().clone() for n, p in learning.items()}
    told, rollouts = learner.step(0, [Rated(training_records(recipe.data)[0], 0.5)])
    assert len(rollouts) == 3
    assert told["reward_std"] > 0
    # of fresh adapters only one factor has a gradient: the other is multiplied with zeros
    still = [n for n, p in learning.items() if "lora_B" in n and torch.equal(p, before[n])]
    assert not still
    save_tuned(mllm, tmp_path / "tuned")
    again = Mllm.load(str(tmp_path / "tuned"), recipe.models.load_in_4bit, "cpu", recipe.models.dtype)
    assert (tmp_path / "tuned" / "model.safetensors").exists() == (name == "lora")  # of 4-bit weights, adapters alone
    assert again.templates == mllm.templates
    ids = torch.arange(20, 40)[None]
    with torch.no_grad():
        ours, theirs = (which.model.eval()(input_ids=ids).logits.float() for which in (mllm, again))
    torch.testing.assert_close(ours, theirs, atol=0.05, rtol=0.05)  # bfloat16, merged or beside
