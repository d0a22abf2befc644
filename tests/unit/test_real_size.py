"""Loading as at real size, without weights: small random models in exactly the files the hub serves.

A hub repository of Qwen2.5-VL holds sharded safetensors with an index, a flat config.json, sampling
settings, the old image-processor file, the slow and the fast tokenizer's files and the chat template.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from msjoe.miniature.mllm.model import CHAT_TEMPLATE, build_tokenizer
from msjoe.mllm import Mllm, Shown
from msjoe.mllm_loading import choose_attention, choose_dtype, loading_options, parameter_count
from msjoe.prompts import DEFAULT_TEMPLATES

WIDTH = 128  # divisible by NF4's blocks of 64


def hub_config(tokenizer) -> dict:
    """config.json as on the hub: the text model's settings at the top level, mrope in rope_scaling."""
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("im_end", "endoftext")}
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "attention_dropout": 0.0,
        "bos_token_id": ids["endoftext"],
        "eos_token_id": ids["im_end"],
        "vision_start_token_id": tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        "vision_end_token_id": tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        "vision_token_id": tokenizer.convert_tokens_to_ids("<|vision_pad|>"),
        "image_token_id": tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        "video_token_id": tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "initializer_range": 0.02,
        "intermediate_size": 2 * WIDTH,
        "max_position_embeddings": 128000,
        "max_window_layers": 2,
        "model_type": "qwen2_5_vl",
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "sliding_window": 32768,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "use_sliding_window": False,
        "vision_config": {
            "depth": 2,
            "hidden_act": "silu",
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_heads": 4,
            "in_chans": 3,
            "out_hidden_size": WIDTH,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "spatial_patch_size": 14,
            "window_size": 112,
            "fullatt_block_indexes": [1],
            "tokens_per_second": 2,
            "temporal_patch_size": 2,
        },
        "rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]},
        "vocab_size": len(tokenizer) + 20,  # padded, as the real one is
    }


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory):
    """A folder as `hf download Qwen/Qwen2.5-VL-...` leaves it, with random weights."""
    folder = tmp_path_factory.mktemp("hub") / "Qwen2.5-VL-tiny-Instruct"
    tokenizer = build_tokenizer()
    record = hub_config(tokenizer)
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**record)).to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="1MB")
    tokenizer.save_pretrained(folder)
    write(folder / "config.json", record)
    write(
        folder / "generation_config.json",
        {
            "bos_token_id": record["bos_token_id"],
            "pad_token_id": record["bos_token_id"],
            "do_sample": True,
            "eos_token_id": [record["eos_token_id"], record["bos_token_id"]],
            "repetition_penalty": 1.05,
            "temperature": 0.000001,
        },
    )
    write(
        folder / "preprocessor_config.json",
        {
            "min_pixels": 3136,
            "max_pixels": 12845056,
            "patch_size": 14,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2_5_VLProcessor",
        },
    )
    bpe = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    write(folder / "vocab.json", bpe["vocab"])
    (folder / "merges.txt").write_text("\n".join(" ".join(pair) for pair in bpe["merges"]), encoding="utf-8")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings |= {"chat_template": CHAT_TEMPLATE, "tokenizer_class": "Qwen2Tokenizer"}
    write(folder / "tokenizer_config.json", settings)
    write(folder / "chat_template.json", {"chat_template": CHAT_TEMPLATE})
    return folder


def write(path, record: dict) -> None:
    path.write_text(json.dumps(record), encoding="utf-8")


def question(count: int = 2) -> Shown:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (72, 128, 3), dtype=np.uint8) for _ in range(count)]
    return Shown("What is in the picture?", ("a cat", "a dog"), frames, [5.0 * i for i in range(count)])


def both_turns(mllm: Mllm) -> None:
    """Run steps 1 and 4 on a batch and check what was counted."""
    mllm.templates = replace(mllm.templates, reason_new_tokens=4, answer_new_tokens=4)  # random words, a few will do
    batch = [question(2), question(1)]
    reasons, answers = mllm.reason(batch), mllm.answer(batch)
    assert [reply.new_tokens > 0 for reply in reasons + answers] == [True] * 4
    assert reasons[0].visual_tokens == 2 * reasons[1].visual_tokens
    assert 0 < reasons[1].visual_tokens <= 32  # 72 x 128 is enlarged by no more than the preview's budget
    assert answers[0].prompt_tokens > answers[1].prompt_tokens


def test_the_folder_is_as_the_hub_serves_it(hub_folder):
    names = {path.name for path in hub_folder.iterdir()}
    assert {"config.json", "generation_config.json", "preprocessor_config.json", "chat_template.json"} <= names
    assert {"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"} <= names
    index = json.loads((hub_folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
    shards = set(index["weight_map"].values())
    assert len(shards) >= 2
    with safe_open(hub_folder / min(shards), framework="pt") as shard:
        assert all(shard.get_tensor(name).dtype == torch.bfloat16 for name in shard.keys())  # noqa: SIM118
    assert {"visual.blocks.0.attn.qkv.weight", "model.layers.0.mlp.up_proj.weight"} <= set(index["weight_map"])


def test_both_turns_run_from_hub_files(hub_folder):
    mllm = Mllm.load(str(hub_folder), device="cpu")
    assert mllm.templates == DEFAULT_TEMPLATES
    assert mllm.model.dtype == torch.float32  # small enough for a CPU
    both_turns(mllm)
    assert mllm.answer([question()]) == mllm.answer([question()])  # greedy, whatever the checkpoint's settings


def test_nf4_loads_on_this_machine_and_both_turns_run(hub_folder):
    mllm = Mllm.load(str(hub_folder), load_in_4bit=True, device="cpu")
    layer = mllm.model.model.language_model.layers[0].mlp.up_proj
    assert type(layer).__name__ == "Linear4bit"
    assert layer.weight.quant_type == "nf4"
    assert layer.weight.quant_state.nested  # double quantisation
    assert layer.compute_dtype == torch.bfloat16
    both_turns(mllm)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("load_in_4bit", [False, True])
def test_both_turns_run_on_a_gpu(hub_folder, load_in_4bit):
    mllm = Mllm.load(str(hub_folder), load_in_4bit=load_in_4bit)
    assert mllm.device.type == "cuda"
    both_turns(mllm)


def test_bf16_on_request_runs_too(hub_folder):
    mllm = Mllm.load(str(hub_folder), device="cpu", dtype="bfloat16")
    assert mllm.model.dtype == torch.bfloat16
    both_turns(mllm)


def test_real_sizes_are_estimated_and_choose_bf16_on_a_cpu():
    seven = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "vocab_size": 152064,
        }
    )
    assert parameter_count(seven) == pytest.approx(7.6e9, rel=0.02)  # Qwen2.5-7B's language model
    assert choose_dtype(seven, False, torch.device("cpu"), "auto") == torch.bfloat16
    assert choose_dtype(seven, True, torch.device("cpu"), "auto") == torch.bfloat16


def test_nf4_options_are_those_of_the_readme(hub_folder):
    config = Qwen2_5_VLConfig.from_pretrained(hub_folder)
    options = loading_options(config, True, torch.device("cpu"), "auto")
    assert options["quantization_config"].bnb_4bit_quant_type == "nf4"
    assert options["quantization_config"].bnb_4bit_use_double_quant
    assert choose_attention(torch.device("cpu"))[0] == "sdpa"
