"""How a moment is drawn: where, how large, how bright; and how that changes during a shot."""

from dataclasses import dataclass, replace

import numpy as np

TICKS = 4  # pictures a second: of a shot's movement, and the frame rate of the files
FACING = 10  # ticks in 4 s during which a plate shows its mark; every shot is long enough for some
NOISE_TILES = 16
# Every sprite's sides are multiples of 8, so that its corner stays on the grid when shrunk by 4.
BODY_SIZES = (56, 64, 72, 80)  # height and width of a body, pixels
POSE_TICKS = 240  # a pose in a shot is one of its first minute


@dataclass(frozen=True)
class Pose:
    """How a moment is drawn: where, how large, how bright, with which noise."""

    x: int  # centre of the body, a multiple of 4 so that it falls on the grid of 56
    y: int
    scale: int  # index into BODY_SIZES
    shift: tuple[int, int]  # of the background pattern
    light: int  # brightness in 1/256: 256 is neutral
    noise: int  # index of the noise tile
    side: int  # +1: the item is held on the right, -1: on the left
    turned: bool = False  # the plate shows its blank back


def random_pose(rng: np.random.Generator) -> Pose:
    """The pose that a shot starts from."""
    return Pose(
        x=4 * int(rng.integers(19, 38)),
        y=4 * int(rng.integers(27, 36)),
        scale=int(rng.integers(len(BODY_SIZES))),
        shift=(4 * int(rng.integers(12)), 4 * int(rng.integers(12))),
        light=int(rng.integers(205, 300)),
        noise=int(rng.integers(NOISE_TILES)),
        side=1 if rng.integers(2) else -1,
    )


def drift(pose: Pose, ticks: int) -> Pose:
    """The pose ``ticks`` after a shot began.

    The body sways, nears or recedes, and the light changes. For 1.5 s in every 4 the plate is turned away, so not every
    second of the right shot shows the detail.
    """
    sway = _triangle(ticks + pose.noise * 3, 24)
    return replace(
        pose,
        x=pose.x + 4 * (sway - 3),
        y=pose.y + 4 * (_triangle(ticks + pose.noise, 40) // 3 - 1),
        scale=min(max(pose.scale + _triangle(ticks + 5 * pose.noise, 64) // 5 - 1, 0), len(BODY_SIZES) - 1),
        light=pose.light + 6 * (_triangle(ticks // 4 + pose.noise, 16) - 2),
        turned=(ticks + 5 * pose.noise) % (4 * TICKS) >= FACING,
    )


def _triangle(t: int, period: int) -> int:
    """A triangle wave of whole steps: from 0 up to 6 and back over ``period``."""
    phase = t % period
    return min(phase, period - phase) * 12 // period


def pose_in_shot(rng: np.random.Generator) -> Pose:
    """The pose at a random time of a random shot."""
    return drift(random_pose(rng), int(rng.integers(POSE_TICKS)))
