"""The forward pass of training: the modules of transformers, on packed samples.

All pictures of a call have one size, so the vision tower runs on all of them at once (``msjoe.vision_tower``).
A test compares both.

Shapes: B sequences, M merged tokens of a picture, D width, H heads, L tokens.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from msjoe.miniature.mllm.attention_loss import LAYERS, OPTION_LAYER, attention_to_frames, attention_to_options
from msjoe.miniature.mllm.samples.packing import PackedBatch, attention_mask
from msjoe.vision_tower import image_tokens

SUMMARY_LAYERS = 2  # after these, the token that ends a frame should hold the words for it


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
