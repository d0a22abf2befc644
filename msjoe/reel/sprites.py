"""Reel's drawings as masks given by formulas on a grid: places, bodies, hats, items, marks.

Sprites are uint8 [H, W, 4] with alpha 0 or 255 on the 224 grid. Coordinates u (right) and v (down)
run from -1 to 1. Only additions, products and comparisons are used, so every machine draws the same.
"""

import numpy as np

from msjoe.reel.world import CHARACTERS, ITEMS, MARKS, PLACES, SHAPES

# Every sprite's sides are multiples of 8, so that its corner stays on the grid when shrunk by 4.
BODY_SIZES = (56, 64, 72, 80)  # height and width of a body, pixels
HAT = (40, 56)  # height, width
ITEM = 40
MARK_CELLS = 9
INK = (25, 25, 30)
Mask = np.ndarray  # bool [H, W]


def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    v, u = np.mgrid[0:height, 0:width].astype(np.float64)
    return (2 * u + 1) / width - 1, (2 * v + 1) / height - 1


def _disc(u: np.ndarray, v: np.ndarray, x: float, y: float, r: float) -> Mask:
    return (u - x) ** 2 + (v - y) ** 2 <= r * r


def _box(u: np.ndarray, v: np.ndarray, left: float, top: float, right: float, bottom: float) -> Mask:
    return (u >= left) & (u <= right) & (v >= top) & (v <= bottom)


def _outlined(mask: Mask, colour: tuple[int, int, int], extra: list[tuple[Mask, tuple[int, int, int]]]) -> np.ndarray:
    """Fill ``mask``, then the extra masks over it, with a 2-pixel dark rim around all."""
    whole = mask.copy()
    for part, _ in extra:
        whole |= part
    rgba = np.zeros((*mask.shape, 4), np.uint8)
    rgba[_grown(whole)] = (*INK, 255)
    rgba[mask] = (*colour, 255)
    for part, paint in extra:
        rgba[part] = (*paint, 255)
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
    u, v = _grid(size, size)
    a, b = np.abs(u), np.abs(v)
    inner = {
        "circle": u * u + v * v <= 0.81,
        "square": (a <= 0.8) & (b <= 0.8),
        "triangle": (v <= 0.85) & (a <= (v + 0.95) * 0.52),
        "star": ((v >= -0.45) & (v <= 0.9) & (a * 1.75 <= 0.9 - v))
        | ((v <= 0.45) & (v >= -0.9) & (a * 1.75 <= v + 0.9)),
        "cross": ((a <= 0.3) & (b <= 0.9)) | ((b <= 0.3) & (a <= 0.9)),
        "diamond": a * 1.25 + b <= 0.92,
    }[SHAPES[shape]]
    return inner, _grown(inner, 3) & ~inner


def hat_sprite(who: int) -> np.ndarray:
    """The hat that tells who someone is; the only thing about a character that never changes."""
    u, v = _grid(*HAT)
    a = np.abs(u)
    brim = _box(u, v, -0.9, 0.55, 0.9, 0.9)
    gold, white, black = (255, 205, 60), (250, 250, 250), (45, 45, 55)
    mask, colour, extra = {
        "wizard": ((a <= (v + 0.95) * 0.4) & (v <= 0.9), (95, 60, 160), [(_disc(u, v, 0, 0.35, 0.2), gold)]),
        "king": (
            _box(u, v, -0.7, 0.2, 0.7, 0.9) | ((v > -0.8) & (v < 0.3) & (np.abs(a - 0.35) <= (v + 0.8) * 0.3)),
            gold,
            [],
        ),
        "chef": (_box(u, v, -0.4, 0.2, 0.4, 0.9) | (a * a * 1.6 + (v + 0.3) ** 2 * 2.4 <= 0.8), white, []),
        "pirate": ((a * a + (v - 0.9) ** 2 * 0.7 <= 0.85) & (v <= 0.9), black, [(_disc(u, v, 0, 0.35, 0.28), white)]),
        "guard": (_box(u, v, -0.42, -0.9, 0.42, 0.9), (205, 45, 45), [(_box(u, v, -0.42, 0.5, 0.42, 0.9), black)]),
        "farmer": (
            brim | (_box(u, v, -0.4, -0.2, 0.4, 0.6)),
            (225, 190, 110),
            [(_box(u, v, -0.4, 0.2, 0.4, 0.5), (60, 130, 70))],
        ),
        "dancer": (
            ((a <= 0.85) & (np.abs(v - 0.3) <= 0.15 + a * 0.55)),
            (240, 110, 180),
            [(_disc(u, v, 0, 0.3, 0.24), white)],
        ),
        "miner": (
            (a * a * 1.9 + (v - 0.9) ** 2 * 0.62 <= 1.0) & (v <= 0.9),
            (60, 110, 190),
            [(_disc(u, v, 0, 0.2, 0.32), (255, 240, 130))],
        ),
    }[CHARACTERS[who]]
    return _outlined(mask, colour, extra)


def item_sprite(item: int) -> np.ndarray:
    u, v = _grid(ITEM, ITEM)
    a, b = np.abs(u), np.abs(v)
    brown, gold, red, steel = (140, 90, 50), (250, 200, 60), (215, 55, 55), (170, 180, 190)
    white, green, blue, pink = (245, 245, 245), (80, 175, 90), (70, 120, 220), (235, 130, 170)
    mask, colour, extra = {
        "key": (
            (_disc(u, v, -0.45, 0, 0.42) & ~_disc(u, v, -0.45, 0, 0.18))
            | _box(u, v, -0.1, -0.12, 0.9, 0.12)
            | _box(u, v, 0.5, 0, 0.65, 0.4)
            | _box(u, v, 0.75, 0, 0.9, 0.4),
            gold,
            [],
        ),
        "cup": (
            _box(u, v, -0.7, -0.6, 0.35, 0.75) | (_disc(u, v, 0.4, 0.05, 0.45) & ~_disc(u, v, 0.4, 0.05, 0.22)),
            white,
            [],
        ),
        "book": (
            _box(u, v, -0.8, -0.65, 0.8, 0.65),
            brown,
            [(_box(u, v, -0.62, -0.5, -0.08, 0.5) | _box(u, v, 0.08, -0.5, 0.62, 0.5), white)],
        ),
        "ball": (_disc(u, v, 0, 0, 0.85), red, [(_disc(u, v, 0, 0, 0.85) & (b <= 0.22), white)]),
        "flag": (
            _box(u, v, -0.8, -0.9, -0.6, 0.9),
            brown,
            [((u >= -0.6) & (u <= 0.9) & (v >= -0.9) & (v <= 0.15), green)],
        ),
        "lamp": (
            (a <= 0.25 + (v + 0.9) * 0.35) & (v >= -0.9) & (v <= 0.1),
            gold,
            [(_box(u, v, -0.12, 0.1, 0.12, 0.7) | _box(u, v, -0.5, 0.65, 0.5, 0.9), steel)],
        ),
        "fish": (
            (u * u * 1.6 + v * v * 4.2 <= 0.95) | ((u >= 0.5) & (b <= (u - 0.4) * 1.1) & (u <= 0.92)),
            blue,
            [(_disc(u, v, -0.42, -0.1, 0.12), white)],
        ),
        "bell": (
            (a <= 0.3 + (v + 0.85) * (v + 0.85) * 0.24) & (v >= -0.85) & (v <= 0.55),
            steel,
            [(_disc(u, v, 0, 0.72, 0.2), red)],
        ),
        "drum": (
            _box(u, v, -0.75, -0.55, 0.75, 0.65),
            pink,
            [(_box(u, v, -0.75, -0.55, 0.75, -0.25), white), (_box(u, v, -0.75, 0.45, 0.75, 0.65), white)],
        ),
        "boat": (
            (v >= 0.25) & (v <= 0.8) & (a <= 1.1 - v * 0.6),
            brown,
            [((u >= -0.05) & (v >= -0.9) & (v <= 0.2) & (u <= (v + 0.95) * 0.65), white)],
        ),
    }[ITEMS[item]]
    return _outlined(mask, colour, extra)


def mark_sprite(mark: int) -> np.ndarray:
    """A white plate with a glyph of 9 x 9 cells of 2 pixels: one pixel a cell at 112, half a pixel at 56."""
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
    }[MARKS[mark]]
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
