"""Supervision of a few attention heads of the miniature: where to look while answering.

Finding the frame that a question means takes a chain of heads, which gradient descent learns late: each is useless
until the others work. The generator knows the frame. So in training three heads of one layer learn to attend to the end
of the frame that the question describes, where the layers below have summed the frame up in words, and three heads of
the next layer to the frame that shows the answer (for "after the king was at the pool, what did the chef hold next?",
first the king, then the chef). Three, because one head of width 32 carries too little: a single head looked right for
70 % of the questions, of which 35 % were answered right.

Where the reply is one of the options, heads of the last layer learn to attend to that option, so that the model does
not reply with what is not offered. Questions about what was never held are supervised from the options instead: an
option's own token learns to attend to the frame that rules it out.

At inference nothing of this is left: the heads attend as they have learned to.

Shapes: P supervised reply tokens (C for options), B samples, L tokens, K frames, H supervised heads, W head width.
"""

import torch
from torch import Tensor, nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

from msjoe.miniature.mllm.samples.packing import AttentionTargets

LAYERS = (3, 4)  # from 0: of the first and of the second look; the layers below sum frames up
OPTION_LAYER = 5
HEADS = 3  # the first ones of each layer


def attention_to_frames(
    layer: nn.Module, x_BLD: Tensor, turns: tuple, mask_BLL: Tensor, points: AttentionTargets
) -> Tensor:
    """Log attention of the first HEADS heads from the supervised tokens to the end of each frame, [H, P, K]."""
    logs_PHL = log_attention(layer, x_BLD, turns, mask_BLL, points.rows_P, points.places_P)
    ends_PHK = points.ends_BK[points.rows_P].unsqueeze(1).expand(-1, HEADS, -1)
    return logs_PHL.gather(2, ends_PHK).transpose(0, 1)


def attention_to_options(
    layer: nn.Module, x_BLD: Tensor, turns: tuple, mask_BLL: Tensor, points: AttentionTargets
) -> Tensor:
    """Log attention of the first HEADS heads to the next token of the right option, [H, C, 1]."""
    rows_C, places_C, meant_C = points.copies_3C
    logs_CHL = log_attention(layer, x_BLD, turns, mask_BLL, rows_C, places_C)
    return logs_CHL.gather(2, meant_C.view(-1, 1, 1).expand(-1, HEADS, 1)).transpose(0, 1)


def log_attention(
    layer: nn.Module, x_BLD: Tensor, turns: tuple, mask_BLL: Tensor, rows_P: Tensor, places_P: Tensor
) -> Tensor:
    """Log attention of a layer's first HEADS heads from P tokens to all tokens of their sample, [P, H, L]."""
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
    """Cross-entropy of the attention with its target, and the share of attention on target frames."""
    loss = -(wanted_PK * logs_HPK).sum(2).mean()
    found = (logs_HPK.detach().exp() * (wanted_PK > 0)).sum(2).mean().item()
    return loss, found
