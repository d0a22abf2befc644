"""The forward pass of training: the modules of transformers, without a Python loop over images.

transformers' vision tower takes one flat list of patches and attends image by image. Here all images of a call have
one size, so the blocks run on [B, N, D] at once. A test compares both.

Shapes: B images or sequences, N patches of an image, M merged tokens of an image (N / 4),
D width, H heads, L tokens.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.qwen2_vl.image_processing_qwen2_vl import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from transformers.vision_utils import get_vision_position_ids

from msjoe.miniature.mllm.attention_loss import LAYERS, OPTION_LAYER, attention_to_frames, attention_to_options
from msjoe.miniature.mllm.samples.packing import PackedBatch, attention_mask

PATCH, MERGE = 14, 2
SUMMARY_LAYERS = 2  # after these, the token that ends a frame should hold the words for it


def image_patches(images_BHWC: Tensor) -> Tensor:
    """uint8 [B, H, W, 3] -> float32 [B, N, 3 * 14 * 14], normalised and ordered as the processor does.

    A still image fills both slices of a temporal patch with the same pixels; one slice is returned.
    """
    B, height, width, _ = images_BHWC.shape
    mean, std = (torch.tensor(row, device=images_BHWC.device) for row in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    scale, shift = 1.0 / (255.0 * std), mean / std
    pixels = images_BHWC.float().mul_(scale).sub_(shift)
    rows, cols = height // (PATCH * MERGE), width // (PATCH * MERGE)
    blocks = pixels.view(B, rows, MERGE, PATCH, cols, MERGE, PATCH, 3)
    return blocks.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(B, rows * cols * MERGE**2, -1)


def image_tokens(visual: nn.Module, images_BHWC: Tensor) -> Tensor:
    """Visual tokens [B, M, D] of same-sized uint8 images [B, H, W, 3]."""
    B, height, width, _ = images_BHWC.shape
    weight = visual.patch_embed.proj.weight.sum(2).flatten(1)  # both temporal slices see the same pixels
    x_BND = F.linear(image_patches(images_BHWC), weight)
    cos_NC, sin_NC = _rotary_tables(visual, height // PATCH, width // PATCH)
    for block in visual.blocks:
        x_BND = x_BND + _attention(block.attn, block.norm1(x_BND), cos_NC, sin_NC)
        x_BND = x_BND + block.mlp(block.norm2(x_BND))
    return visual.merger(x_BND.flatten(0, 1)).view(B, -1, visual.config.out_hidden_size)


def _attention(attn: nn.Module, x_BND: Tensor, cos_NC: Tensor, sin_NC: Tensor) -> Tensor:
    B, N, D = x_BND.shape
    qkv = attn.qkv(x_BND).view(B, N, 3, attn.num_heads, attn.head_dim).permute(2, 0, 3, 1, 4)
    q, k, v = qkv.unbind(0)
    out = F.scaled_dot_product_attention(_rotate(q, cos_NC, sin_NC), _rotate(k, cos_NC, sin_NC), v)
    return attn.proj(out.transpose(1, 2).reshape(B, N, D))


def _rotate(x: Tensor, cos_NC: Tensor, sin_NC: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return x * cos_NC + torch.cat((-x[..., half:], x[..., :half]), -1) * sin_NC


def _rotary_tables(visual: nn.Module, rows: int, cols: int) -> tuple[Tensor, Tensor]:
    positions = _patch_positions(rows, cols).to(visual.patch_embed.proj.weight.device)
    return visual.rotary_pos_emb(positions, positions)


@lru_cache(maxsize=8)
def _patch_positions(rows: int, cols: int) -> Tensor:
    return get_vision_position_ids(torch.tensor([[1, rows, cols]]), MERGE)


@dataclass(frozen=True)
class TrainingOutputs:
    """What the losses need. F: frames of the whole batch."""

    logits_RV: Tensor  # where a reply token follows
    targets_R: Tensor  # those tokens
    ends_FD: Tensor | None  # the token that ends each frame, after SUMMARY_LAYERS layers and the final norm
    logs_HPK: tuple[Tensor, ...]  # log attention of the supervised tokens to frames, of the first and the second look
    logs_HC1: Tensor | None  # log attention to the next token of the right option


def forward(model: nn.Module, batch: PackedBatch) -> TrainingOutputs:
    """The whole model on a batch of packed samples; the vision tower gets no gradient."""
    language = model.model.language_model
    x_BLD, ends_FD, logs_HPK, logs_HC1 = language.embed_tokens(batch.ids_BL), None, [], None
    if batch.pictures is not None:
        with torch.no_grad():
            seen_FMD = image_tokens(model.model.visual, torch.from_numpy(batch.pictures).to(x_BLD.device))
        holes_BL = batch.ids_BL == model.config.image_token_id
        x_BLD = x_BLD.masked_scatter(holes_BL.unsqueeze(-1), seen_FMD.flatten(0, 1))
    mask_B1LL = attention_mask(batch.segments_BL)
    turns = language.rotary_emb(x_BLD, batch.positions_3BL)
    for depth, layer in enumerate(language.layers):
        if depth in LAYERS and len(batch.points.rows_P):
            logs_HPK.append(attention_to_frames(layer, x_BLD, turns, mask_B1LL[:, 0], batch.points))
        if depth == OPTION_LAYER and batch.points.copies_3C.shape[1]:
            logs_HC1 = attention_to_options(layer, x_BLD, turns, mask_B1LL[:, 0], batch.points)
        x_BLD = layer(x_BLD, attention_mask=mask_B1LL, position_embeddings=turns)
        if depth + 1 == SUMMARY_LAYERS and batch.pictures is not None:
            ends_FD = language.norm(x_BLD[batch.ids_BL == model.config.vision_end_token_id])
    asked_BL = batch.targets_BL != -100
    logits_RV = model.lm_head(language.norm(x_BLD[asked_BL]))
    return TrainingOutputs(logits_RV, batch.targets_BL[asked_BL], ends_FD, tuple(logs_HPK), logs_HC1)
