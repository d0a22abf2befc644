"""The miniature MLLM: the real one's classes and file formats with a small config and vocabulary.

Everything that ``from_pretrained`` needs lies in one folder: config, weights (fp16), tokenizer,
chat template, image processor and the prompt templates (``prompts.json``).
"""

import copy
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig

from msjoe.errors import CheckpointError
from msjoe.files import write_atomic
from msjoe.miniature.mllm.vocabulary import NUMBERS, read_vocabulary
from msjoe.prompts import MINIATURE_TEMPLATES, PROMPTS_JSON, QUERIES_END, QUERIES_START

TEXT_WIDTH = 192
WORDS = "model.language_model.embed_tokens.weight"  # tied to lm_head
CONTEXT = 4096  # tokens; 64 key-frames of 112 px cost about 1,500
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# Turns of "user" and "assistant" between <|im_start|> and <|im_end|>, a picture as a placeholder
# between <|vision_start|> and <|vision_end|>: the real model's layout, without a system turn.
CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string -%}
{{ message.content }}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == 'image' -%}
{{ '<|vision_start|><|image_pad|><|vision_end|>' }}
{%- elif part.type == 'video' -%}
{{ '<|vision_start|><|video_pad|><|vision_end|>' }}
{%- else -%}
{{ part.text }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{ '<|im_end|>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant\\n' }}
{%- endif -%}"""


def vision_config() -> Qwen2_5_VLVisionConfig:
    """Four blocks that all attend the whole image."""
    return Qwen2_5_VLVisionConfig(
        depth=4,
        hidden_size=128,
        intermediate_size=256,
        num_heads=4,
        out_hidden_size=TEXT_WIDTH,
        fullatt_block_indexes=[0, 1, 2, 3],
    )


def mllm_config(tokenizer: Qwen2Tokenizer) -> Qwen2_5_VLConfig:
    """About 3 million parameters."""
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("im_end", "endoftext")}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 256,
        "num_hidden_layers": 6,  # a lookup in two steps and the match with an option take depth
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-6,
        # As in the real model. With 10,000 only 5 of a head's 16 rotations are nearly constant over a few hundred
        # tokens, and heads that match words at any distance have little to match with.
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0, "mrope_section": [6, 5, 5]},
        "bos_token_id": None,
        "eos_token_id": ids["im_end"],
        "pad_token_id": ids["endoftext"],
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision_config().to_dict(),
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )


def new_mllm(seed: int) -> Qwen2_5_VLForConditionalGeneration:
    """The miniature with random weights, float32."""
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    model = Qwen2_5_VLForConditionalGeneration(mllm_config(tokenizer)).float()
    set_numbers(model.lm_head.weight, tokenizer)
    return model


@torch.no_grad()
def set_numbers(words_VD: Tensor, tokenizer: Qwen2Tokenizer) -> None:
    """Initialise the embeddings of picture numbers so that a rotation leads from one number to the next.

    They are sines and cosines of 12 wavelengths from 2 to 128, in random directions, with the norm of other words'
    embeddings. From random embeddings, 600 steps taught which frame a question starts from, but not which comes next.
    """
    rows = tokenizer.convert_tokens_to_ids(list(NUMBERS))
    turns_NF = torch.outer(torch.arange(1.0, len(NUMBERS) + 1), 2 * torch.pi / torch.logspace(1, 7, 12, base=2))
    waves_NW = torch.cat([turns_NF.sin(), turns_NF.cos()], 1)
    directions_DW = torch.linalg.qr(torch.randn(words_VD.shape[1], waves_NW.shape[1])).Q
    numbers_ND = waves_NW @ directions_DW.T
    words_VD[rows] = numbers_ND * words_VD.norm(dim=1).mean() / numbers_ND.norm(dim=1).mean()


@lru_cache(maxsize=1)
def build_tokenizer() -> Qwen2Tokenizer:
    """A Qwen2 tokenizer (byte-level BPE): Reel's words are one token each, and any other text encodes as well."""
    model = read_vocabulary()
    built = Qwen2Tokenizer(
        vocab=model["vocab"],
        merges=[tuple(pair) for pair in model["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=list(SPECIAL),
        model_max_length=CONTEXT,
        padding_side="left",
    )
    built.add_tokens([QUERIES_START, QUERIES_END, *NUMBERS])  # plain tokens: decoding keeps them
    return built


def continued_mllm(folder: Path, seed: int) -> Qwen2_5_VLForConditionalGeneration:
    """The weights of an earlier miniature, of any version of Reel, float32.

    Words are matched by their text; those that the earlier vocabulary lacked get random embeddings.

    Raises CheckpointError for another architecture.
    """
    model = new_mllm(seed)
    vocabulary = build_tokenizer().get_vocab()
    try:
        before = Qwen2Tokenizer.from_pretrained(folder).get_vocab()
        weights = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).state_dict()
        words_VD = model.lm_head.weight.detach().clone()
        shared = [word for word in vocabulary if word in before]
        words_VD[[vocabulary[word] for word in shared]] = weights[WORDS][[before[word] for word in shared]]
        if NUMBERS[0] not in before:
            set_numbers(words_VD, build_tokenizer())
        weights[WORDS] = weights["lm_head.weight"] = words_VD
        model.load_state_dict(weights)
    except (OSError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{folder} does not hold a miniature MLLM of this architecture: {error}") from error
    return model


def build_processor() -> Qwen2_5_VLProcessor:
    """A picture of 56 x 56 costs 4 visual tokens, of 112 x 112 and above 16."""
    pixels = {"min_pixels": MINIATURE_TEMPLATES.preview_pixels, "max_pixels": MINIATURE_TEMPLATES.frame_pixels}
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**pixels),
        tokenizer=build_tokenizer(),
        video_processor=Qwen2VLVideoProcessor(**pixels),
        chat_template=CHAT_TEMPLATE,
    )


def save_mllm(model: Qwen2_5_VLForConditionalGeneration, folder: Path) -> None:
    """Write model (fp16), tokenizer, processor and prompts so that Auto classes load them."""
    saved = copy.deepcopy(model).half()
    config = saved.config.text_config
    saved.generation_config = GenerationConfig(eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id)
    saved.save_pretrained(folder)
    build_processor().save_pretrained(folder)
    text = MINIATURE_TEMPLATES.to_json()
    write_atomic(folder / PROMPTS_JSON, lambda path: path.write_text(text, encoding="utf-8"))
