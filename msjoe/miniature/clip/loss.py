"""The contrastive loss with many positives."""

import torch
import torch.nn.functional as F


def multi_positive_loss(
    picture_ND: torch.Tensor, text_MD: torch.Tensor, true_MN: torch.Tensor, scale: torch.Tensor
) -> tuple[torch.Tensor, dict[str, float]]:
    """Contrastive loss in which every true (text, picture) pair is a positive.

    Mean of two cross-entropies over logits = scale * cosine: each text's softmax over the N pictures against a target
    uniform over the pictures it is true of, and each picture's softmax over the M texts likewise (the multi-positive
    form of SupCon, arXiv 2004.11362, and UniCL, arXiv 2204.03610). Rows without a positive are left out. With one
    positive a row it is CLIP's loss.

    Returns (loss, metrics); "accuracy" is the share of texts whose best picture is a true one.
    """
    logits_MN = scale * F.normalize(text_MD, dim=-1) @ F.normalize(picture_ND, dim=-1).T
    loss = (_soft_cross_entropy(logits_MN, true_MN) + _soft_cross_entropy(logits_MN.T, true_MN.T)) / 2
    with torch.no_grad():
        asked = true_MN.any(1)
        hit = true_MN[asked].gather(1, logits_MN[asked].argmax(1, keepdim=True))
    return loss, {"accuracy": hit.float().mean().item(), "scale": scale.item()}


def _soft_cross_entropy(logits_RC: torch.Tensor, true_RC: torch.Tensor) -> torch.Tensor:
    """Mean, over the rows R with a positive, of the mean negative log softmax of their positives among columns C."""
    counts_R = true_RC.sum(1)
    rows = counts_R > 0
    log_p_RC = F.log_softmax(logits_RC[rows], dim=1)
    return -((log_p_RC * true_RC[rows]).sum(1) / counts_R[rows]).mean()
