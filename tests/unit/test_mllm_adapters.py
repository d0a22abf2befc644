"""LoRA adapters in a folder of their own, as a QLoRA run leaves them."""

import json
import shutil

import numpy as np
import pytest
import torch
from peft import LoraConfig

from msjoe.checkpoint_stamp import write_reel_json
from msjoe.errors import CheckpointError
from msjoe.mllm import Mllm, Shown

SHOWN = [Shown("Who?", ("a", "b"), [np.full((56, 56, 3), 90, np.uint8)], [1.0])]


@pytest.fixture
def adapted(miniatures, tmp_path):
    """(folder of adapters, the model with them in it)."""
    mllm = Mllm.load(str(miniatures / "mllm"), device="cpu")
    torch.manual_seed(0)
    mllm.model.add_adapter(LoraConfig(r=2, lora_alpha=8, target_modules=r".*language_model.*\.(q_proj|up_proj)"))
    for name, parameter in mllm.model.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(std=0.2)
    mllm.model.save_pretrained(tmp_path / "adapters")
    return tmp_path / "adapters", mllm


def logits(mllm: Mllm) -> torch.Tensor:
    with torch.no_grad():
        return mllm.model(input_ids=torch.arange(10, 30)[None]).logits


def test_a_folder_of_adapters_is_its_base_with_them_merged(adapted, miniatures):
    folder, mllm = adapted
    assert not (folder / "config.json").exists()
    again = Mllm.load(str(folder), device="cpu")
    assert again.id == "adapters"
    assert not any("lora" in name for name, _ in again.model.named_parameters())
    base = Mllm.load(str(miniatures / "mllm"), device="cpu")
    torch.testing.assert_close(logits(again), logits(mllm), atol=1e-4, rtol=1e-4)
    assert (logits(again) - logits(base)).abs().max() > 0.01
    assert again.templates == base.templates
    assert again.answer(SHOWN)[0].text == mllm.answer(SHOWN)[0].text


def test_templates_beside_the_adapters_go_before_those_of_the_base(adapted, miniatures):
    folder, mllm = adapted
    record = json.loads(mllm.templates.to_json()) | {"answer_new_tokens": 3}
    (folder / "prompts.json").write_text(json.dumps(record))
    assert Mllm.load(str(folder), device="cpu").templates.answer_new_tokens == 3


def test_adapters_of_another_reel_are_refused(adapted):
    folder, _ = adapted
    write_reel_json(folder, {})
    Mllm.load(str(folder), device="cpu")
    (folder / "reel.json").write_text('{"reel_version": "0.0"}')
    with pytest.raises(CheckpointError, match=r"Reel 0\.0"):
        Mllm.load(str(folder), device="cpu")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"base_model_name_or_path": None}, "names no base model"),
        ({"base_model_name_or_path": "./nowhere"}, "nowhere"),
        (None, "damaged"),
    ],
)
def test_adapters_without_their_base_say_so(adapted, change, told):
    path = adapted[0] / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change) if change else "{")
    with pytest.raises(CheckpointError, match=told):
        Mllm.load(str(adapted[0]), device="cpu")


def test_adapters_that_do_not_fit_are_refused(adapted, miniatures, tmp_path):
    folder, _ = adapted
    other = tmp_path / "other"
    shutil.copytree(miniatures / "mllm", other)
    config = json.loads((folder / "adapter_config.json").read_text()) | {"r": 4, "base_model_name_or_path": str(other)}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="do not fit"):
        Mllm.load(str(folder), device="cpu")
