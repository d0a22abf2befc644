"""The drawings of Reel's hats and items, as coloured layers of simple masks.

Coordinates u (right) and v (down) run from -1 to 1 over the icon; a = |u|, b = |v|.
"""

import numpy as np

Mask = np.ndarray  # bool [H, W]
Layers = list[tuple[tuple[int, int, int], Mask]]  # painted in order

BLACK, WHITE, STEEL = (45, 45, 55), (250, 250, 250), (170, 180, 190)
GOLD, RED, GREEN = (255, 205, 60), (215, 55, 55), (80, 175, 90)
BROWN, BLUE, PINK = (140, 90, 50), (70, 120, 220), (235, 130, 170)


class Icon:
    """The grid of one icon, with the masks that its drawing is made of."""

    def __init__(self, height: int, width: int) -> None:
        v, u = np.mgrid[0:height, 0:width].astype(np.float64)
        self.u, self.v = (2 * u + 1) / width - 1, (2 * v + 1) / height - 1
        self.a, self.b = np.abs(self.u), np.abs(self.v)

    def disc(self, x: float, y: float, radius: float) -> Mask:
        return (self.u - x) ** 2 + (self.v - y) ** 2 <= radius * radius

    def ring(self, x: float, y: float, radius: float, hole: float) -> Mask:
        return self.disc(x, y, radius) & ~self.disc(x, y, hole)

    def box(self, left: float, top: float, right: float, bottom: float) -> Mask:
        return self.rows(top, bottom) & (self.u >= left) & (self.u <= right)

    def rows(self, top: float, bottom: float) -> Mask:
        return (self.v >= top) & (self.v <= bottom)


def hat_layers(name: str, i: Icon) -> Layers:
    return _HATS[name](i)


def item_layers(name: str, i: Icon) -> Layers:
    return _ITEMS[name](i)


def _wizard(i: Icon) -> Layers:
    return [((95, 60, 160), (i.a <= (i.v + 0.95) * 0.4) & (i.v <= 0.9)), (GOLD, i.disc(0, 0.35, 0.2))]


def _king(i: Icon) -> Layers:
    points = (i.v > -0.8) & (i.v < 0.3) & (np.abs(i.a - 0.35) <= (i.v + 0.8) * 0.3)
    return [(GOLD, i.box(-0.7, 0.2, 0.7, 0.9) | points)]


def _chef(i: Icon) -> Layers:
    return [(WHITE, i.box(-0.4, 0.2, 0.4, 0.9) | (i.a * i.a * 1.6 + (i.v + 0.3) ** 2 * 2.4 <= 0.8))]


def _pirate(i: Icon) -> Layers:
    return [(BLACK, (i.a * i.a + (i.v - 0.9) ** 2 * 0.7 <= 0.85) & (i.v <= 0.9)), (WHITE, i.disc(0, 0.35, 0.28))]


def _guard(i: Icon) -> Layers:
    return [((205, 45, 45), i.box(-0.42, -0.9, 0.42, 0.9)), (BLACK, i.box(-0.42, 0.5, 0.42, 0.9))]


def _farmer(i: Icon) -> Layers:
    straw = i.box(-0.9, 0.55, 0.9, 0.9) | i.box(-0.4, -0.2, 0.4, 0.6)
    return [((225, 190, 110), straw), ((60, 130, 70), i.box(-0.4, 0.2, 0.4, 0.5))]


def _dancer(i: Icon) -> Layers:
    bow = (i.a <= 0.85) & (np.abs(i.v - 0.3) <= 0.15 + i.a * 0.55)
    return [((240, 110, 180), bow), (WHITE, i.disc(0, 0.3, 0.24))]


def _miner(i: Icon) -> Layers:
    dome = (i.a * i.a * 1.9 + (i.v - 0.9) ** 2 * 0.62 <= 1.0) & (i.v <= 0.9)
    return [((60, 110, 190), dome), ((255, 240, 130), i.disc(0, 0.2, 0.32))]


def _key(i: Icon) -> Layers:
    teeth = i.box(0.5, 0, 0.65, 0.4) | i.box(0.75, 0, 0.9, 0.4)
    return [(GOLD, i.ring(-0.45, 0, 0.42, 0.18) | i.box(-0.1, -0.12, 0.9, 0.12) | teeth)]


def _cup(i: Icon) -> Layers:
    return [(WHITE, i.box(-0.7, -0.6, 0.35, 0.75) | i.ring(0.4, 0.05, 0.45, 0.22))]


def _book(i: Icon) -> Layers:
    pages = i.box(-0.62, -0.5, -0.08, 0.5) | i.box(0.08, -0.5, 0.62, 0.5)
    return [(BROWN, i.box(-0.8, -0.65, 0.8, 0.65)), (WHITE, pages)]


def _ball(i: Icon) -> Layers:
    return [(RED, i.disc(0, 0, 0.85)), (WHITE, i.disc(0, 0, 0.85) & (i.b <= 0.22))]


def _flag(i: Icon) -> Layers:
    return [(BROWN, i.box(-0.8, -0.9, -0.6, 0.9)), (GREEN, i.box(-0.6, -0.9, 0.9, 0.15))]


def _lamp(i: Icon) -> Layers:
    shade = (i.a <= 0.25 + (i.v + 0.9) * 0.35) & i.rows(-0.9, 0.1)
    return [(GOLD, shade), (STEEL, i.box(-0.12, 0.1, 0.12, 0.7) | i.box(-0.5, 0.65, 0.5, 0.9))]


def _fish(i: Icon) -> Layers:
    tail = (i.u >= 0.5) & (i.u <= 0.92) & (i.b <= (i.u - 0.4) * 1.1)
    return [(BLUE, (i.u * i.u * 1.6 + i.v * i.v * 4.2 <= 0.95) | tail), (WHITE, i.disc(-0.42, -0.1, 0.12))]


def _bell(i: Icon) -> Layers:
    dome = (i.a <= 0.3 + (i.v + 0.85) * (i.v + 0.85) * 0.24) & i.rows(-0.85, 0.55)
    return [(STEEL, dome), (RED, i.disc(0, 0.72, 0.2))]


def _drum(i: Icon) -> Layers:
    rims = i.box(-0.75, -0.55, 0.75, -0.25) | i.box(-0.75, 0.45, 0.75, 0.65)
    return [(PINK, i.box(-0.75, -0.55, 0.75, 0.65)), (WHITE, rims)]


def _boat(i: Icon) -> Layers:
    sail = (i.u >= -0.05) & i.rows(-0.9, 0.2) & (i.u <= (i.v + 0.95) * 0.65)
    return [(BROWN, i.rows(0.25, 0.8) & (i.a <= 1.1 - i.v * 0.6)), (WHITE, sail)]


_HATS = {
    "wizard": _wizard,
    "king": _king,
    "chef": _chef,
    "pirate": _pirate,
    "guard": _guard,
    "farmer": _farmer,
    "dancer": _dancer,
    "miner": _miner,
}
_ITEMS = {
    "key": _key,
    "cup": _cup,
    "book": _book,
    "ball": _ball,
    "flag": _flag,
    "lamp": _lamp,
    "fish": _fish,
    "bell": _bell,
    "drum": _drum,
    "boat": _boat,
}
