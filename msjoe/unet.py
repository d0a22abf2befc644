"""The 1D U-Net of the sampler: channels over time in, one number for each frame out.

Built so that a question gets the same output alone and in a batch beside longer ones: every convolution
sees zeros beyond a video's end, and normalisation is over the channels of one frame and never over time.

Shapes: B questions, C channels, T frames (halved, rounding up, at each deeper level).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UNet1d(nn.Module):
    """Level i has ``width * (i + 1)`` channels and sees every 2^i-th frame. The last layer starts at zero.

    With ``pooled`` there is a second output, one number for the whole video from the mean of the deepest level; its
    layer starts at zero, too.
    """

    def __init__(self, channels: int, width: int, levels: int, kernel: int, pooled: bool = False) -> None:
        super().__init__()
        widths = [width * (i + 1) for i in range(levels + 1)]
        self.stem = nn.Conv1d(channels, widths[0], 1)
        self.down = nn.ModuleList(Block(w, w, kernel) for w in widths[:-1])
        self.widen = nn.ModuleList(nn.Conv1d(a, b, 1) for a, b in pairwise(widths))
        self.bottom = Block(widths[-1], widths[-1], kernel)
        self.up = nn.ModuleList(Block(a + b, a, kernel) for a, b in pairwise(widths))
        self.head = nn.Conv1d(widths[0], 1, 1)
        self.pooled_head = nn.Linear(widths[-1], 1) if pooled else None
        for head in filter(None, (self.head, self.pooled_head)):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, x_BCT: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor | None]:
        """-> [B, T], and [B] if ``pooled``. mask_BT is True where a frame exists; elsewhere the output is noise."""
        m = mask_BT[:, None].to(x_BCT.dtype)
        x = self.stem(x_BCT) * m
        skips = []
        for block, widen in zip(self.down, self.widen, strict=True):
            x = block(x, m)
            skips.append((x, m))
            x, m = halve(x, m)
            x = widen(x) * m
        x = self.bottom(x, m)
        pooled_B = None if self.pooled_head is None else self.pooled_head((x * m).sum(-1) / m.sum(-1))[:, 0]
        for block, (skip, m) in zip(reversed(self.up), reversed(skips), strict=True):
            x = x.repeat_interleave(2, dim=-1)[..., : skip.shape[-1]]
            x = block(torch.cat([skip, x], dim=1) * m, m)
        return self.head(x)[:, 0], pooled_B


class Block(nn.Module):
    """Two convolutions with a residual."""

    def __init__(self, width_in: int, width: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width_in, width, kernel, padding=kernel // 2)
        self.norm1 = nn.LayerNorm(width)
        self.conv2 = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.norm2 = nn.LayerNorm(width)
        self.skip = nn.Identity() if width_in == width else nn.Conv1d(width_in, width, 1)

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        """x [B, C, T], m [B, 1, T] of 0 and 1 -> [B, width, T], zero where m is."""
        y = F.gelu(_per_frame(self.norm1, self.conv1(x))) * m
        y = _per_frame(self.norm2, self.conv2(y))
        return F.gelu(y + self.skip(x)) * m


def _per_frame(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    return norm(x.transpose(1, 2)).transpose(1, 2)


def halve(x: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of each pair of frames that exist; a last frame without a partner stands alone."""
    odd = x.shape[-1] % 2
    x, m = F.pad(x * m, (0, odd)), F.pad(m, (0, odd))
    pairs = m[..., 0::2] + m[..., 1::2]
    return (x[..., 0::2] + x[..., 1::2]) / pairs.clamp_min(1.0), pairs.clamp_max(1.0)
