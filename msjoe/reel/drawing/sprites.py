"""Reel's drawings as masks given by formulas on a grid: places, bodies, hats, items, marks.

Sprites are uint8 [H, W, 4] with alpha 0 or 255 on the 224 grid. Only additions, products and
comparisons are used, so every machine draws the same.
"""

import numpy as np

from msjoe.reel.drawing.icons import Icon, Layers, Mask, hat_layers, item_layers
from msjoe.reel.vocabulary import CHARACTERS, ITEMS, MARKS, PLACES, SHAPES

HAT = (40, 56)  # height, width
ITEM = 40
MARK_CELLS = 9
INK = (25, 25, 30)


def _outlined(layers: Layers) -> np.ndarray:
    """Paint the layers in order, with a 2-pixel dark rim around them all."""
    masks = [mask for _, mask in layers]
    rgba = np.zeros((*masks[0].shape, 4), np.uint8)
    rgba[_grown(np.logical_or.reduce(masks))] = (*INK, 255)
    for colour, mask in layers:
        rgba[mask] = (*colour, 255)
    return rgba


def _grown(mask: Mask, by: int = 2) -> Mask:
    padded = np.pad(mask, by)
    grown = np.zeros_like(mask)
    for dy in range(2 * by + 1):
        for dx in range(2 * by + 1):
            grown |= padded[dy : dy + mask.shape[0], dx : dx + mask.shape[1]]
    return grown


def shape_mask(shape: int, size: int) -> tuple[Mask, Mask]:
    """A body's filled mask and its dark rim, bool [size, size]."""
    icon = Icon(size, size)
    u, v, a, b = icon.u, icon.v, icon.a, icon.b
    up = (v >= -0.45) & (v <= 0.9) & (a * 1.75 <= 0.9 - v)
    down = (v <= 0.45) & (v >= -0.9) & (a * 1.75 <= v + 0.9)
    inner = {
        "circle": u * u + v * v <= 0.81,
        "square": (a <= 0.8) & (b <= 0.8),
        "triangle": (v <= 0.85) & (a <= (v + 0.95) * 0.52),
        "star": up | down,
        "cross": ((a <= 0.3) & (b <= 0.9)) | ((b <= 0.3) & (a <= 0.9)),
        "diamond": a * 1.25 + b <= 0.92,
    }[SHAPES[shape]]
    return inner, _grown(inner, 3) & ~inner


def hat_sprite(who: int) -> np.ndarray:
    """The hat, by which a character is recognised: nothing else about a character stays the same."""
    return _outlined(hat_layers(CHARACTERS[who], Icon(*HAT)))


def item_sprite(item: int) -> np.ndarray:
    return _outlined(item_layers(ITEMS[item], Icon(ITEM, ITEM)))


def plate_sprite(mark: int | None) -> np.ndarray:
    """A white plate with a glyph of 9 x 9 cells of 2 pixels: one pixel a cell at 112, half a pixel at 56.

    None is its blank back.
    """
    n = MARK_CELLS
    y, x = np.mgrid[0:n, 0:n]
    edge = (x == 0) | (y == 0) | (x == n - 1) | (y == n - 1)
    glyph = {
        "dot": (np.abs(x - 4) <= 1) & (np.abs(y - 4) <= 1),
        "bar": np.abs(y - 4) <= 0,
        "ring": edge,
        "slash": x + y == n - 1,
        "corner": (x == 1) | (y == n - 2),
        "grid": (x % 2 == 0) & (y % 2 == 0),
        None: np.zeros((n, n), bool),
    }[None if mark is None else MARKS[mark]]
    plate = np.pad(glyph, 1)
    cells = np.repeat(np.repeat(plate, 2, 0), 2, 1)
    rgba = np.full((*cells.shape, 4), 255, np.uint8)
    rgba[cells] = (15, 15, 20, 255)
    framed = np.pad(rgba, ((2, 2), (2, 2), (0, 0)), constant_values=0)
    framed[[0, 1, -1, -2], :, 3] = framed[:, [0, 1, -1, -2], 3] = 255
    return np.pad(framed, ((3, 3), (3, 3), (0, 0)))


def place_picture(place: int, size: int) -> np.ndarray:
    """A place's pattern, uint8 [size, size, 3], periodic enough to be shifted by up to 48 pixels."""
    spec = PLACES[place]
    y, x = np.mgrid[0:size, 0:size]
    zig = np.abs(x % 32 - 16)
    ink = {
        "waves": (y + _wave(x)) % 32 < 14,
        "dots": (x % 28 - 14) ** 2 + (y % 28 - 14) ** 2 <= 64,
        "bricks": (y % 20 < 4) | ((x + (y // 20 % 2) * 20) % 40 < 4),
        "stripes": x % 24 < 11,
        "zigzags": (y + zig) % 26 < 11,
        "checks": (x // 18 + y // 18) % 2 == 0,
    }[spec.pattern]
    picture = np.empty((size, size, 3), np.uint8)
    picture[:] = spec.ground
    picture[ink] = spec.ink
    return picture


def _wave(x: np.ndarray) -> np.ndarray:
    """A smooth wave of period 64 and height 12 from two parabolas."""
    phase = x % 64
    half = phase % 32
    bump = half * (32 - half) * 12 // 512
    return np.where(phase < 32, bump, -bump)
