"""Tells a few attention heads of the miniature where to look while it answers.

Finding the frame that a question means takes a chain of heads that gradient descent meets late: each
is useless until the others work. The generator knows the frame, so in training two heads of one layer
are told to look at the end of what the question describes, where the layers below have summed the frame
up in words, and two of the next layer at what shows the answer (for "after the king was at the pool, what
did the chef hold next?" first the king, then the chef). Two, because one of width 32 carries too little:
told alone, it looked right for 70 % of questions of which 35 % were answered right.
At run time there is nothing of this: the heads look where they have learned to.

Shapes: P reply tokens that are told, B samples, L tokens, K frames, H heads that are told, C width of one.
"""

import torch
from torch import Tensor, nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

from msjoe.reel.mllm_batches import Points

LAYERS = (3, 4)  # from 0: of the first and of the second look; below, frames are being summed up
HEADS = 2  # the first of each


def attention_to_frames(layer: nn.Module, x_BLD: Tensor, turns: tuple, mask_BLL: Tensor, points: Points) -> Tensor:
    """Log of the attention that the first HEADS heads pay to each frame's end from the told tokens, [H, P, K]."""
    attn, x_BLD = layer.self_attn, layer.input_layernorm(x_BLD)
    width = HEADS * attn.head_dim
    q_BHLC, k_BHLC = (
        nn.functional.linear(x_BLD, linear.weight[:width], linear.bias[:width])
        .unflatten(2, (HEADS, attn.head_dim))
        .transpose(1, 2)
        for linear in (attn.q_proj, attn.k_proj)
    )
    q_BHLC, k_BHLC = apply_rotary_pos_emb(q_BHLC, k_BHLC, *turns)
    rows_P, places_P = points.rows_P, points.places_P
    scores_PHL = torch.einsum("phc,phlc->phl", q_BHLC[rows_P, :, places_P], k_BHLC[rows_P]) * attn.scaling
    hidden_P1L = ~mask_BLL[rows_P, places_P].unsqueeze(1)
    logs_PHL = scores_PHL.masked_fill(hidden_P1L, float("-inf")).log_softmax(2)
    ends_PHK = points.ends_BK[rows_P].unsqueeze(1).expand(-1, HEADS, -1)
    return logs_PHL.gather(2, ends_PHK).transpose(0, 1)


def pointing_loss(logs_HPK: Tensor, wanted_PK: Tensor) -> tuple[Tensor, float]:
    """Cross-entropy between the wanted shares and the attention, and the attention paid to wanted frames."""
    loss = -(wanted_PK * logs_HPK).sum(2).mean()
    found = (logs_HPK.detach().exp() * (wanted_PK > 0)).sum(2).mean().item()
    return loss, found
