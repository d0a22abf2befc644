"""First stage of the miniature MLLM's training: the vision tower alone.

Linear heads on the mean of a picture's visual tokens classify its attributes, which is faster than learning the same
through the language model. The heads are discarded.

Shapes: B pictures, A attributes, M visual tokens of a picture, D width.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionTransformerPretrainedModel

from msjoe.miniature.mllm.model import vision_config
from msjoe.miniature.mllm.samples.frame_sets import HIDDEN, KEYFRAME, PREVIEW, shown_by
from msjoe.reel.drawing.pose import pose_in_shot
from msjoe.reel.drawing.render import LEGIBLE, draw
from msjoe.reel.moments import Moment, random_moment
from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES
from msjoe.vision_tower import image_tokens

SIZES = {
    "place": len(PLACES),
    "colour": len(COLOUR_WORDS),
    "shape": len(SHAPES),
    "who": len(CHARACTERS),
    "item": len(ITEMS),
    "mark": len(MARKS),  # last: it cannot be read at preview resolution
}
PER_STEP = 32  # pictures of each size


def new_learner(seed: int) -> nn.ModuleDict:
    """A vision tower with random weights, and its heads."""
    torch.manual_seed(seed)
    config = vision_config()
    visual = Qwen2_5_VisionTransformerPretrainedModel._from_config(config)
    return nn.ModuleDict({"visual": visual, "heads": nn.Linear(config.out_hidden_size, sum(SIZES.values()))})


Pictures = tuple[list[Moment], np.ndarray]  # what B pictures show, and the pictures, uint8 [B, size, size, 3]


def draw_pictures(seed: int, per_size: int, step: int) -> tuple[Pictures, Pictures]:
    """The batch of one step: ``per_size`` pictures of each size."""
    rng = np.random.default_rng([seed, 1, step])
    drawn = []
    for size in (KEYFRAME, PREVIEW):
        posed = [(random_moment(rng), pose_in_shot(rng)) for _ in range(per_size)]
        pictures = np.stack([draw(moment, pose, size) for moment, pose in posed])
        drawn.append(([shown_by(moment, pose) for moment, pose in posed], soften(pictures, rng)))
    return tuple(drawn)


def vision_loss(learner: nn.ModuleDict, drawn: Sequence[Pictures]) -> tuple[Tensor, dict[str, float]]:
    """Loss and accuracies of one step."""
    device = learner["heads"].weight.device
    loss, metrics = torch.zeros((), device=device), {}
    for moments, pictures_BHWC in drawn:
        seen_BMD = image_tokens(learner["visual"], torch.from_numpy(pictures_BHWC).to(device))
        part, found = head_loss(learner["heads"], seen_BMD, moments, pictures_BHWC.shape[1])
        loss, metrics = loss + part, metrics | found
    return loss, metrics


def head_loss(
    heads: nn.Linear, seen_BMD: Tensor, moments: Sequence[Moment], side: int
) -> tuple[Tensor, dict[str, float]]:
    """Sum over attributes of the mean cross-entropy of pictures of ``side`` pixels, and accuracies."""
    names = [name for name in SIZES if name != "mark" or side >= LEGIBLE]
    logits_BC = heads(seen_BMD.mean(1))
    truth_BA = torch.tensor([attribute_values(m) for m in moments], device=seen_BMD.device)
    loss, accuracies = torch.zeros((), device=seen_BMD.device), {}
    for a, (name, part) in enumerate(zip(names, logits_BC.split(list(SIZES.values()), 1), strict=False)):
        shown_B = truth_BA[:, a] != HIDDEN
        if shown_B.any():  # a mark is hidden while the plate is turned
            loss = loss + F.cross_entropy(part[shown_B], truth_BA[shown_B, a])
            right_B = part.argmax(1) == truth_BA[:, a]
            accuracies[f"{name}/{side}"] = right_B[shown_B].float().mean().item()
    return loss, accuracies


def attribute_values(moment: Moment) -> tuple[int, ...]:
    """Attribute indices in the order of SIZES."""
    return (moment.place, moment.look.colour, moment.look.shape, moment.who, moment.item, moment.mark)


def soften(pictures_BHWC: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add grain of up to 4 levels, as a video codec leaves it: same shape, uint8."""
    strength = rng.random((len(pictures_BHWC), 1, 1, 1), dtype=np.float32) * 4
    grain = rng.standard_normal(pictures_BHWC.shape[:3], dtype=np.float32)[..., None] * strength
    return np.clip(np.rint(pictures_BHWC + grain), 0, 255).astype(np.uint8)
