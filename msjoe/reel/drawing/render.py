"""Drawing a Reel picture: a patterned place, a body with a hat, an item and a small mark.

Everything is drawn from shapes given by formulas on a 224-pixel grid (the size of the files) and reduced by averaging,
so that a picture drawn at 112 or 56 equals the 224 picture after a decoder and an area filter. Only integer arithmetic
and IEEE basic operations are used, so the pixels are the same on every machine.

Units: positions in pixels of the 224 grid; H = W = size.
"""

from functools import cache

import numpy as np

from msjoe.reel.drawing.pose import BODY_SIZES, Pose
from msjoe.reel.drawing.sprites import hat_sprite, item_sprite, place_picture, plate_sprite, shape_mask
from msjoe.reel.moments import Moment
from msjoe.reel.vocabulary import COLOUR_WORDS, COLOURS

CANVAS = 224
SIZES = (56, 112, 224)
LEGIBLE = 112  # side from which a mark can be read


def draw(moment: Moment, pose: Pose, size: int = CANVAS) -> np.ndarray:
    """One picture, uint8 [size, size, 3], size one of SIZES."""
    step = CANVAS // size
    canvas = _background(moment.place, step)[
        _window(pose.shift[1], step, size), _window(pose.shift[0], step, size)
    ].copy()
    body = BODY_SIZES[pose.scale]
    _paste(canvas, _body(moment.look.colour, moment.look.shape, pose.scale, step), pose.x, pose.y, step)
    _paste(canvas, _hat(moment.who, step), pose.x, pose.y - body // 2 - 12, step)
    _paste(canvas, _item(moment.item, step), pose.x + pose.side * (body // 2 + 20), pose.y + 4, step)
    _paste(
        canvas,
        _plate(None if pose.turned else moment.mark, step),
        pose.x - pose.side * (body // 2 + 16),
        pose.y + 20,
        step,
    )
    lit = (canvas.astype(np.int32) * pose.light) >> 8
    lit += _noise(pose.noise, step)
    return np.clip(lit, 0, 255).astype(np.uint8)


def shrink(picture: np.ndarray, step: int) -> np.ndarray:
    """Average over step x step blocks: [H, W, C] -> float [H/step, W/step, C]."""
    height, width, channels = picture.shape
    blocks = picture.reshape(height // step, step, width // step, step, channels)
    return blocks.astype(np.float32).mean((1, 3))


def _window(offset: int, step: int, size: int) -> slice:
    return slice(offset // step, offset // step + size)


def _paste(canvas: np.ndarray, sprite: tuple[np.ndarray, np.ndarray], x: int, y: int, step: int) -> None:
    """Blend a (colour times alpha, 256 - alpha) sprite centred at (x, y), cut at the edges."""
    ink, keep = sprite
    height, width = ink.shape[:2]
    top, left = y // step - height // 2, x // step - width // 2
    y0, y1 = max(top, 0), min(top + height, canvas.shape[0])
    x0, x1 = max(left, 0), min(left + width, canvas.shape[1])
    part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    under = canvas[y0:y1, x0:x1]
    canvas[y0:y1, x0:x1] = (ink[part] + under * keep[part]) >> 8


def _sprite(rgba: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [H, W, 4] on the 224 grid -> premultiplied int32 colour and 256 - alpha at 1/step."""
    alpha = (rgba[..., 3:4] > 0).astype(np.float32)
    ink = shrink(rgba[..., :3] * alpha, step)
    share = shrink(alpha, step)
    return np.rint(ink * 256).astype(np.int32), np.rint((1 - share) * 256).astype(np.int32)


@cache
def _background(place: int, step: int) -> np.ndarray:
    return np.rint(shrink(place_picture(place, CANVAS + 48), step)).astype(np.int32)


@cache
def _body(colour: int, shape: int, scale: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    mask, rim = shape_mask(shape, BODY_SIZES[scale])
    rgba = np.zeros((*mask.shape, 4), np.uint8)
    rgba[mask] = (*COLOURS[COLOUR_WORDS[colour]], 255)
    rgba[rim] = (25, 25, 30, 255)
    return _sprite(rgba, step)


@cache
def _hat(who: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    return _sprite(hat_sprite(who), step)


@cache
def _item(item: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    return _sprite(item_sprite(item), step)


@cache
def _plate(mark: int | None, step: int) -> tuple[np.ndarray, np.ndarray]:
    return _sprite(plate_sprite(mark), step)


@cache
def _noise(index: int, step: int) -> np.ndarray:
    """Fixed grain on the 112 grid, so that halving 224 to 112 does not change it."""
    rng = np.random.Generator(np.random.PCG64(7_000 + index))
    coarse = rng.integers(-9, 10, size=(112, 112, 1))
    fine = np.repeat(np.repeat(coarse, 2, 0), 2, 1)
    return np.rint(shrink(fine, step)).astype(np.int32)
