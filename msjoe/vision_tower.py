"""Visual tokens of pictures of one size, in one pass over the modules of Qwen2.5-VL's vision tower.

transformers' tower takes one flat list of patches: it attends picture by picture in a Python loop and embeds both
slices of a temporal patch by a 3D convolution. Pictures of one size that fit into one attention window need neither:
the blocks run on [B, N, D] at once, and the two slices of a still picture, which are equal, are embedded by one matrix
product. A test holds both to the same numbers; ``benchmarks/rollouts.py`` measures the difference.

Shapes: B pictures, N patches of a picture, M merged tokens of a picture (N / 4), D width, C rotary channels.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.qwen2_vl.image_processing_qwen2_vl import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD
from transformers.vision_utils import get_vision_position_ids

PATCH, MERGE = 14, 2


def fits_one_window(visual: nn.Module, height: int, width: int) -> bool:
    """Whether ``image_tokens`` gives what the tower gives for a picture of this size."""
    side = PATCH * MERGE
    return height % side == 0 and width % side == 0 and max(height, width) <= visual.config.window_size


def image_patches(images_BHWC: Tensor) -> Tensor:
    """uint8 [B, H, W, 3] -> float32 [B, N, 3 * 14 * 14], normalised and ordered as the processor does.

    A still picture fills both slices of a temporal patch with the same pixels; one slice is returned.
    """
    B, height, width, _ = images_BHWC.shape
    mean, std = (torch.tensor(row, device=images_BHWC.device) for row in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    scale, shift = 1.0 / (255.0 * std), mean / std
    pixels = images_BHWC.float().mul_(scale).sub_(shift)
    rows, cols = height // (PATCH * MERGE), width // (PATCH * MERGE)
    blocks = pixels.view(B, rows, MERGE, PATCH, cols, MERGE, PATCH, 3)
    return blocks.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(B, rows * cols * MERGE**2, -1)


def image_tokens(visual: nn.Module, images_BHWC: Tensor) -> Tensor:
    """Visual tokens [B, M, D] of same-sized uint8 pictures [B, H, W, 3] for which ``fits_one_window`` holds."""
    B, height, width, _ = images_BHWC.shape
    weight = visual.patch_embed.proj.weight.sum(2).flatten(1)  # both temporal slices see the same pixels
    x_BND = F.linear(image_patches(images_BHWC).to(weight.dtype), weight)
    cos_NC, sin_NC = _rotary_tables(visual, height // PATCH, width // PATCH)
    for block in visual.blocks:
        x_BND = x_BND + _attention(block.attn, block.norm1(x_BND), cos_NC, sin_NC)
        x_BND = x_BND + block.mlp(block.norm2(x_BND))
    return visual.merger(x_BND.flatten(0, 1)).view(B, -1, visual.config.out_hidden_size)


def _attention(attn: nn.Module, x_BND: Tensor, cos_NC: Tensor, sin_NC: Tensor) -> Tensor:
    B, N, D = x_BND.shape
    qkv = attn.qkv(x_BND).view(B, N, 3, attn.num_heads, attn.head_dim).permute(2, 0, 3, 1, 4)
    q, k, v = qkv.unbind(0)
    q, k = (_rotate(x, cos_NC, sin_NC).to(v.dtype) for x in (q, k))
    out = F.scaled_dot_product_attention(q, k, v)
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
