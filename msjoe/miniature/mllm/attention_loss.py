"""Tells a few attention heads of the miniature where to look while it answers.

Finding the frame that a question means takes a chain of heads that gradient descent meets late: each
is useless until the others work. The generator knows the frame, so in training three heads of one layer
are told to look at the end of what the question describes, where the layers below have summed the frame
up in words, and three of the next layer at what shows the answer (for "after the king was at the pool, what
did the chef hold next?" first the king, then the chef). Three, because one of width 32 carries too little:
told alone, it looked right for 70 % of questions of which 35 % were answered right. Where the reply is one of
the options, heads of the last layer are told to look at that option, so that what is not offered is not said.
What was never held is asked the other way round: an option's own token is told to look at the frame that rules it out.
At run time there is nothing of this: the heads look where they have learned to.

Shapes: P reply tokens that are told (C where options are meant), B samples, L tokens, K frames, H heads that
are told, W width of one.
"""

import torch
from torch import Tensor, nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

from msjoe.miniature.mllm.samples.packing import AttentionTargets

LAYERS = (3, 4)  # from 0: of the first and of the second look; below, frames are being summed up
OPTION_LAYER = 5
HEADS = 3  # the first of each


def attention_to_frames(
    layer: nn.Module, x_BLD: Tensor, turns: tuple, mask_BLL: Tensor, points: AttentionTargets
) -> Tensor:
    """Log of the attention that the first HEADS heads pay to each frame's end from the told tokens, [H, P, K]."""
    logs_PHL = log_attention(layer, x_BLD, turns, mask_BLL, points.rows_P, points.places_P)
    ends_PHK = points.ends_BK[points.rows_P].unsqueeze(1).expand(-1, HEADS, -1)
    return logs_PHL.gather(2, ends_PHK).transpose(0, 1)


def attention_to_options(
    layer: nn.Module, x_BLD: Tensor, turns: tuple, mask_BLL: Tensor, points: AttentionTargets
) -> Tensor:
    """Log of the attention that the first HEADS heads pay to the option's token that comes next, [H, C, 1]."""
    rows_C, places_C, meant_C = points.copies_3C
    logs_CHL = log_attention(layer, x_BLD, turns, mask_BLL, rows_C, places_C)
    return logs_CHL.gather(2, meant_C.view(-1, 1, 1).expand(-1, HEADS, 1)).transpose(0, 1)


def log_attention(
    layer: nn.Module, x_BLD: Tensor, turns: tuple, mask_BLL: Tensor, rows_P: Tensor, places_P: Tensor
) -> Tensor:
    """Log of the attention of a layer's first HEADS heads from some tokens to all of their sample, [P, H, L]."""
    attn, x_BLD = layer.self_attn, layer.input_layernorm(x_BLD)
    width = HEADS * attn.head_dim
    q_BHLW, k_BHLW = (
        nn.functional.linear(x_BLD, linear.weight[:width], linear.bias[:width])
        .unflatten(2, (HEADS, attn.head_dim))
        .transpose(1, 2)
        for linear in (attn.q_proj, attn.k_proj)
    )
    q_BHLW, k_BHLW = apply_rotary_pos_emb(q_BHLW, k_BHLW, *turns)
    scores_PHL = torch.einsum("phw,phlw->phl", q_BHLW[rows_P, :, places_P], k_BHLW[rows_P]) * attn.scaling
    hidden_P1L = ~mask_BLL[rows_P, places_P].unsqueeze(1)
    return scores_PHL.masked_fill(hidden_P1L, float("-inf")).log_softmax(2)


def pointing_loss(logs_HPK: Tensor, wanted_PK: Tensor) -> tuple[Tensor, float]:
    """Cross-entropy between the wanted shares and the attention, and the attention paid to wanted frames."""
    loss = -(wanted_PK * logs_HPK).sum(2).mean()
    found = (logs_HPK.detach().exp() * (wanted_PK > 0)).sum(2).mean().item()
    return loss, found
