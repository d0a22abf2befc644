"""Estimates before a long job."""

import numpy as np
import pytest
import torch
from transformers import Qwen2_5_VLConfig

from msjoe import estimate
from msjoe.clip import Clip
from msjoe.errors import CheckpointError
from tests.clip_models import save_narrow


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return Clip.load(str(save_narrow(tmp_path_factory.mktemp("estimate") / "narrow")), device="cpu")


def test_operations_of_a_frame_by_hand(clip):
    flops, _ = estimate._count_frame(clip)
    width, tokens = 64, 5  # 2 x 2 patches and the class token
    patches = 2 * 4 * (16 * 16 * 3) * width
    linear = 2 * 2 * tokens * 12 * width * width  # two layers: qkv 3, out 1, MLP 8 of width^2
    attention = 2 * 2 * 2 * tokens * tokens * width  # q k and p v
    assert flops == patches + linear + attention + 2 * width * 32


def test_more_frames_take_longer_and_no_less_memory(clip):
    few, many = estimate.estimate_clip(clip, 10), estimate.estimate_clip(clip, 1000)
    assert many.seconds == pytest.approx(100 * few.seconds)
    assert many.memory_bytes > few.memory_bytes
    assert estimate.estimate_clip(clip, 2000).memory_bytes == many.memory_bytes  # one batch at a time
    assert not few.measured


def test_a_long_job_is_timed(clip, monkeypatch):
    monkeypatch.setitem(estimate.GUESSED_RATE, "cpu", 1.0)
    monkeypatch.setattr(estimate, "_time_frame", lambda _: 0.25)
    assert estimate.estimate_clip(clip, 400) == estimate.Estimate(
        100.0, estimate.estimate_clip(clip, 400).memory_bytes, True
    )


def test_timing_runs_the_model(clip, monkeypatch):
    shapes = []
    monkeypatch.setattr(clip, "_encode_frames", lambda batch: shapes.append(batch.shape) or np.zeros((2, 32)))
    assert estimate._time_frame(clip) > 0
    assert shapes == [(2, 32, 32, 3)] * 2


def test_warning_names_the_way_out(clip, monkeypatch):
    assert estimate.clip_warning(clip, 60, 60.0) is None
    monkeypatch.setitem(estimate.GUESSED_RATE, "cpu", 1.0)
    monkeypatch.setattr(estimate, "_time_frame", lambda _: 2.5)
    text = estimate.clip_warning(clip, 3720, 3720.0)
    assert text.startswith(f"1 h 02 min of video is 3720 frames through {clip.id} on the CPU: about 2.6 h.")
    assert "--dense-fps" in text
    assert "--clip" not in text  # it is smaller than the small one
    monkeypatch.setattr(estimate, "SMALL_CLIP_FLOPS", 1e3)
    assert "--clip ViT-B-32:laion2b_s34b_b79k" in estimate.clip_warning(clip, 3720, 3720.0)


@pytest.mark.parametrize(
    ("seconds", "length", "rough"),
    [
        (8, "8 s", "about 8 s"),
        (720, "12 min", "about 12 min"),
        (3600, "1 h 00 min", "about 60 min"),
        (9000, "2 h 30 min", "about 2.5 h"),
    ],
)
def test_lengths_in_words(seconds, length, rough):
    assert estimate.length_text(seconds) == length
    assert estimate.rough_text(seconds) == rough


@pytest.fixture(scope="module")
def qwen_7b(tmp_path_factory):
    """The config of Qwen2.5-VL-7B-Instruct, without its weights."""
    folder = tmp_path_factory.mktemp("qwen")
    text = {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28}
    text |= {"num_key_value_heads": 4, "vocab_size": 152064, "tie_word_embeddings": False}
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": 3584}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False)
    config.architectures = ["Qwen2_5_VLForConditionalGeneration"]
    config.save_pretrained(folder)
    return str(folder)


def test_bytes_of_qwen_7b(qwen_7b):
    assert estimate.mllm_bytes(qwen_7b) == pytest.approx(16.58e9, rel=0.01)  # the hub's shards together
    assert estimate.mllm_bytes(qwen_7b, load_in_4bit=True) == pytest.approx(6.0e9, rel=0.05)


def test_warning_only_when_it_does_not_fit(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(estimate, "mllm_bytes", lambda name, load_in_4bit, dtype: 6e9 if load_in_4bit else 16.6e9)
    monkeypatch.setattr(estimate, "free_bytes", lambda _: 8 * 10**9)
    assert estimate.mllm_warning("Qwen/x", load_in_4bit=True, device=cpu) is None
    text = estimate.mllm_warning("Qwen/x", load_in_4bit=False, device=cpu)
    assert "19.1 GB" in text
    assert "8.0 GB free" in text
    assert "--load-in-4bit" in text


def test_free_memory_is_that_of_the_machine():
    assert 0 < estimate.free_bytes(torch.device("cpu")) < 10**14


def test_no_config_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="no MLLM config"):
        estimate.mllm_bytes(str(tmp_path))


def test_a_config_that_fails_without_a_word_is_named(monkeypatch):
    def silent(_name):
        raise OSError

    monkeypatch.setattr(estimate.AutoConfig, "from_pretrained", silent)
    with pytest.raises(CheckpointError, match=r"some/model \(OSError\)"):
        estimate.mllm_bytes("some/model")
