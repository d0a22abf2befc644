"""The miniature's files and the Mllm class around them. Weights are fresh: words mean nothing here."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from msjoe.errors import CheckpointError, QuestionError
from msjoe.miniature.mllm.model import build_tokenizer, new_mllm, save_mllm
from msjoe.miniature.mllm.vocabulary import reel_words
from msjoe.mllm import Mllm, Shown
from msjoe.prompts import MINIATURE_TEMPLATES
from msjoe.settings import Settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("mllm") / "fresh"
    save_mllm(new_mllm(seed=0), path)
    return path


@pytest.fixture(scope="module")
def mllm(folder):
    return Mllm.load(str(folder), device="cpu")


def pictures(count: int, side: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(count)]


def shown(count: int, side: int = 112, question: str = "What did the king hold?", seed: int = 0) -> Shown:
    return Shown(question, ("key", "bell"), pictures(count, side, seed), [10.0 * i for i in range(count)])


# --- files


def test_auto_classes_load_the_folder_and_find_every_weight(folder):
    model, report = AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True)
    assert type(model).__name__ == "Qwen2_5_VLForConditionalGeneration"
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert model.dtype == torch.float16
    assert sum(p.numel() for p in model.parameters()) <= 5_000_000
    assert type(AutoProcessor.from_pretrained(folder)).__name__ == "Qwen2_5_VLProcessor"
    assert (folder / "model.safetensors").stat().st_size < 8e6
    assert not list(folder.glob("*.bin"))


def test_each_word_of_reel_is_one_token_alone_and_after_a_space():
    tokenizer = build_tokenizer()
    for word in reel_words():
        assert len(tokenizer(word).input_ids) == 1, word
        assert len(tokenizer(f" {word}").input_ids) == 1, word


def test_any_text_survives_the_tokenizer():
    tokenizer = build_tokenizer()
    for text in ("Où est l'église ? 漢字 🎬", "tabs\tand\nlines", "<queries>\nred star\n</queries>"):
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert len(tokenizer("<queries></queries><|im_end|><|image_pad|>").input_ids) == 4


def test_the_chat_template_has_the_layout_of_the_real_one(mllm):
    message = MINIATURE_TEMPLATES.answer_message("Who?", ["a", "b"], [61.0])
    text = mllm.processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|im_start|>user\n#1 1:01<|vision_start|><|image_pad|><|vision_end|>Who?\nA. a\nB. b\nAnswer:<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


# --- turns


@pytest.mark.parametrize(("side", "tokens"), [(56, 4), (112, 16), (224, 16)])
def test_a_key_frame_costs_at_most_16_tokens(mllm, side, tokens):
    assert mllm.answer([shown(3, side)])[0].visual_tokens == 3 * tokens


def test_a_preview_costs_4_tokens_whatever_its_size(mllm):
    for side in (56, 112, 224):
        assert mllm.reason([shown(2, side)])[0].visual_tokens == 2 * 4


def test_previews_are_as_set_else_the_models_own_else_half_the_budget(mllm, monkeypatch):
    monkeypatch.setattr(mllm, "templates", replace(mllm.templates, previews=None))
    assert mllm.preview_count(Settings(budget=9)) == 4
    assert mllm.preview_count(Settings(budget=9, previews=0)) == 0
    monkeypatch.setattr(mllm, "templates", replace(mllm.templates, previews=12))
    assert mllm.preview_count(Settings(budget=9)) == 12
    assert mllm.preview_count(Settings(budget=9, previews=3)) == 3


def test_replies_count_their_tokens(mllm):
    reply = mllm.answer([shown(1, 112)])[0]
    prompt = mllm.processor.apply_chat_template(
        [MINIATURE_TEMPLATES.answer_message("What did the king hold?", ["key", "bell"], [0.0])],
        tokenize=False,
        add_generation_prompt=True,
    )
    assert reply.prompt_tokens == len(mllm.processor.tokenizer(prompt).input_ids) + 15  # one placeholder stands for 16
    assert 1 <= reply.new_tokens <= MINIATURE_TEMPLATES.answer_new_tokens


def test_a_batch_of_unequal_prompts_replies_as_one_by_one(mllm):
    batch = [shown(4), shown(0, question="Where?"), shown(2, 56, "Who held the bell at the pool, and where?", seed=1)]
    alone = [mllm.answer([one])[0] for one in batch]
    together = mllm.answer(batch)
    assert [r.prompt_tokens for r in together] == [r.prompt_tokens for r in alone]
    assert [r.text for r in together] == [r.text for r in alone]


def test_pictures_reach_the_model(mllm):
    one = mllm.inputs(
        [shown(2, seed=1)], lambda s: MINIATURE_TEMPLATES.answer_message(s.question, s.options, s.times), 12544
    )
    two = mllm.inputs(
        [shown(2, seed=2)], lambda s: MINIATURE_TEMPLATES.answer_message(s.question, s.options, s.times), 12544
    )
    with torch.no_grad():
        assert not torch.allclose(mllm.model(**one).logits[0, -1], mllm.model(**two).logits[0, -1], atol=1e-4)


def test_sampling_repeats_by_seed_and_greedy_needs_none(mllm):
    assert mllm.reason([shown(1)]) == mllm.reason([shown(1)])
    first = mllm.reason([shown(1)], temperature=1.0, seed=1)[0].text
    assert first == mllm.reason([shown(1)], temperature=1.0, seed=1)[0].text
    assert first != mllm.reason([shown(1)], temperature=1.0, seed=2)[0].text


def test_open_questions_and_empty_batches(mllm):
    assert mllm.answer([Shown("Where?", (), pictures(1, 112), [0.0])])[0].new_tokens >= 1
    assert mllm.answer([]) == []


def test_a_prompt_longer_than_the_context_is_an_error_with_a_remedy(mllm):
    with pytest.raises(QuestionError, match=r"4,096: lower the budget"):
        mllm.answer([shown(1, question="漢" * 5000)])


def test_a_frame_without_a_time_is_refused():
    with pytest.raises(ValueError, match="one time a frame"):
        Shown("Who?", (), pictures(2, 56), [0.0])


def test_pixel_budgets_come_from_the_folder(mllm):
    assert (mllm.preview_pixels, mllm.frame_pixels) == (56 * 56, 112 * 112)


# --- loading


def test_the_choice_of_attention_is_logged_with_its_reason(folder, caplog):
    with caplog.at_level(logging.INFO, logger="msjoe"):
        Mllm.load(str(folder), device="cpu")
    assert "attention sdpa: torch's own" in caplog.text
    assert "float32" in caplog.text


@pytest.mark.parametrize("name", ["no-such-thing", "/no/such/folder", "./nothing", "a/b/c"])
def test_a_name_that_is_nothing_says_what_to_give(name):
    with pytest.raises(CheckpointError, match=r"no folder .* hub id"):
        Mllm.load(name)


def test_foreign_folders_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        Mllm.load(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match=r"is a bert model.*Qwen2\.5-VL"):
        Mllm.load(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        Mllm.load(str(tmp_path))


def test_damaged_and_incomplete_weights_are_refused(folder, tmp_path):
    broken = copy(folder, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        Mllm.load(str(broken))
    absent = copy(folder, tmp_path / "absent")
    (absent / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        Mllm.load(str(absent))


def test_missing_weights_are_refused(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    part = copy(folder, tmp_path / "part")
    tensors = load_file(part / "model.safetensors")
    tensors.pop(next(name for name in tensors if name.endswith("layers.0.mlp.down_proj.weight")))
    save_file(tensors, part / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="lacks 1 of the model's weights"):
        Mllm.load(str(part))


def test_a_config_of_other_shapes_or_types_is_refused(folder, tmp_path):
    other = copy(folder, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    for value, said in ((300, "lacks .* of the model's weights"), ("wide", "cannot be loaded")):
        config["text_config"]["intermediate_size"] = value
        (other / "config.json").write_text(json.dumps(config))
        with pytest.raises(CheckpointError, match=said):
            Mllm.load(str(other))


def test_a_missing_tokenizer_is_noticed(folder, tmp_path):
    mute = copy(folder, tmp_path / "mute")
    for path in mute.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(CheckpointError, match="tokenizer files are missing"):
        Mllm.load(str(mute))


def test_another_reel_version_is_refused(folder, tmp_path):
    old = copy(folder, tmp_path / "old")
    (old / "reel.json").write_text('{"reel_version": "0.0"}')
    with pytest.raises(CheckpointError, match=r"0\.0"):
        Mllm.load(str(old))


def copy(folder, target):
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target
