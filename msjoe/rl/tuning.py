"""Which weights of the MLLM learn, what it is compared with, and how the result is saved.

LoRA adapters are put into the model in place, so that it stays the class that everything else knows.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers import AutoModelForImageTextToText

from msjoe.errors import UserError
from msjoe.files import write_atomic
from msjoe.mllm import Mllm
from msjoe.prompts import PROMPTS_JSON
from msjoe.rl.recipe import JointStage


def make_trainable(mllm: Mllm, stage: JointStage, seed: int) -> None:
    """Freeze what does not learn; add adapters. Raises UserError for full weights of a 4-bit model."""
    model = mllm.model
    model.requires_grad_(False)
    if stage.tuning == "lora":
        keep_differentiable(model)
        torch.manual_seed(seed)  # the adapters start the same on every process
        model.add_adapter(lora_config(stage))
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()  # small steps are lost in bfloat16
    elif getattr(model, "is_loaded_in_4bit", False):
        raise UserError("4-bit weights cannot learn: set joint.tuning to lora, or models.load_in_4bit to false")
    else:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(stage.vision or ".visual." not in name)
    if stage.gradient_checkpointing:
        newer = getattr(model, "activation_checkpointing_enable", None)  # the name in later versions of transformers 5
        (newer or model.gradient_checkpointing_enable)({"use_reentrant": False})


def keep_differentiable(model: nn.Module) -> None:
    """Keep 4-bit layers in the form that has a gradient.

    On CPUs with AVX512-BF16, bitsandbytes packs a layer's weights for inference at its first forward pass in eval mode,
    which every rollout is, and packed weights let no gradient through to the layers before them.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def lora_config(stage: JointStage) -> LoraConfig:
    """On the language model's layers; the vision tower has layers of the same names and keeps its weights."""
    names = "|".join(stage.lora.targets)
    return LoraConfig(
        r=stage.lora.rank,
        lora_alpha=stage.lora.alpha,
        lora_dropout=stage.lora.dropout,
        target_modules=rf".*language_model.*\.({names})",
    )


class Reference:
    """The base MLLM, for the KL: the model without its adapters, or a frozen copy of full weights."""

    def __init__(self, model: nn.Module, stage: JointStage) -> None:
        self.adapters = stage.tuning == "lora"
        self.model = model if self.adapters else copy.deepcopy(model).requires_grad_(False)

    @contextmanager
    def __call__(self) -> Iterator[nn.Module]:
        if self.adapters:
            self.model.disable_adapters()
        try:
            with torch.no_grad():
                yield self.model
        finally:
            if self.adapters:
                self.model.enable_adapters()


def save_tuned(mllm: Mllm, folder: Path) -> None:
    """What ``Mllm.load`` reads: the whole model, float32 weights as float16, or a 4-bit model's adapters alone."""
    folder.mkdir(parents=True, exist_ok=True)
    text = mllm.templates.to_json()
    write_atomic(folder / PROMPTS_JSON, lambda path: path.write_text(text, encoding="utf-8"))
    if getattr(mllm.model, "is_loaded_in_4bit", False):
        mllm.model.save_pretrained(folder)
        return
    with torch.device("meta"):
        plain = AutoModelForImageTextToText.from_config(mllm.model.config)
    plain.load_state_dict(merged_weights(mllm.model), assign=True)
    plain.tie_weights()
    plain.generation_config = mllm.model.generation_config
    plain.save_pretrained(folder)
    mllm.processor.save_pretrained(folder)


def merged_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights with the adapters added to those they stand beside, by their names in a model without any.

    On the CPU, float32 as float16. Of a model that is cut over processes: inside ``Shards.gathered``.
    """
    weights = {name: weight.detach() for name, weight in model.named_parameters(remove_duplicate=False)}
    merged = {name.replace(".base_layer.", "."): w for name, w in weights.items() if ".lora_" not in name}
    for name, layer in model.named_modules():
        if isinstance(layer, BaseTunerLayer):
            added = sum(layer.get_delta_weight(adapter).float() for adapter in layer.active_adapters)
            base = merged[f"{name}.weight"]
            merged[f"{name}.weight"] = (base.float() + added.detach()).to(base.dtype)
    return {name: (w.half() if w.dtype == torch.float32 else w).cpu() for name, w in merged.items()}
