"""Tells two attention heads of the miniature where to look while it answers.

Finding the frame that a question means takes a chain of heads that gradient descent meets late: each
is useless until the others work. The generator knows the frame, so in training one head of one layer
is told to look at what the question describes, and one of the next layer at what shows the answer
(for "after the king was at the pool, what did the chef hold next?" first the king, then the chef).
At run time there is nothing of this: the heads look where they have learned to.

Shapes: P reply tokens that are told, B samples, L tokens, K frames, M tokens of a frame, C width of a
head.
"""

import torch
from torch import Tensor, nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import apply_rotary_pos_emb

from msjoe.reel.mllm_batches import Points

LAYERS = (3, 4)  # from 0: of the first and of the second look; below, frames are being summed up
HEAD = 0


def attention_over_frames(layer: nn.Module, x_BLD: Tensor, turns: tuple, mask_BLL: Tensor, points: Points) -> Tensor:
    """Log of the attention that head HEAD pays to each frame from the told tokens, [P, K]."""
    attn, x_BLD = layer.self_attn, layer.input_layernorm(x_BLD)
    C = attn.head_dim
    part = slice(HEAD * C, (HEAD + 1) * C)
    q_BLC = nn.functional.linear(x_BLD, attn.q_proj.weight[part], attn.q_proj.bias[part])
    k_BLC = nn.functional.linear(x_BLD, attn.k_proj.weight[part], attn.k_proj.bias[part])
    q_BLC, k_BLC = (t[:, 0] for t in apply_rotary_pos_emb(q_BLC[:, None], k_BLC[:, None], *turns))
    q_PC, k_PLC = q_BLC[points.rows_P, points.places_P], k_BLC[points.rows_P]
    scores_PL = torch.einsum("pc,plc->pl", q_PC, k_PLC) * C**-0.5
    hidden_PL = ~mask_BLL[points.rows_P, points.places_P]
    logs_PL = scores_PL.masked_fill(hidden_PL, float("-inf")).log_softmax(1)
    pictured_PKM = points.pictured_BKM[points.rows_P]
    return logs_PL.gather(1, pictured_PKM.flatten(1)).view(pictured_PKM.shape).logsumexp(2)


def pointing_loss(logs_PK: Tensor, wanted_PK: Tensor) -> tuple[Tensor, float]:
    """Cross-entropy between the wanted shares and the attention, and the attention paid to wanted frames."""
    loss = -(wanted_PK * logs_PK).sum(1).mean()
    found = (logs_PK.detach().exp() * (wanted_PK > 0)).sum(1).mean().item()
    return loss, found
