"""The parts of a drawn person as flat shapes in face coordinates, from behind to the front."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ferkit.drawn.geometry import Face, Person, Units

Colour = tuple[float, float, float]
Points = np.ndarray | Sequence[Sequence[float]]

_STEPS = np.linspace(0, 1, 11)
_BASIS = np.stack([(1 - _STEPS) ** 2, 2 * _STEPS * (1 - _STEPS), _STEPS**2], 1)  # [11, 3]
# A parabola through its middle point, not merely towards it.
_BASIS = _BASIS @ np.array([[1, 0, 0], [-0.5, 2, -0.5], [0, 0, 1]])
_TURN = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], 1)  # [24, 2]
_FINE = np.linspace(0, 2 * np.pi, 48, endpoint=False)
_FINE_COS, _FINE_SIN, _FINE_LOW = np.cos(_FINE), np.sin(_FINE), np.maximum(np.sin(_FINE), 0)
_FINE_X = np.sign(_FINE_COS) * np.abs(_FINE_COS) ** 0.85
_TAPER = np.linspace(1, 0.25, 11)[:, None] * [0, 1]

_IRIS = 0.066


class Shape(NamedTuple):
    """A filled polygon, or a line where `width` is positive.

    Attributes:
        points: [K, 2] in face coordinates.
        colour: RGB in 0..255, or the brightness (1: as it is) that a shadow leaves.
        width: Of a line, in face coordinates; 0 for a filled polygon.
        depth: How far it stands out towards the camera; nan where it lies on the face.
    """

    points: np.ndarray
    colour: Colour | float
    width: float = 0.0
    depth: float = np.nan


class Sketch:
    """Shapes in the order they are painted: colours, shadows on them, and what no shadow meets."""

    def __init__(self) -> None:
        self.colours: list[Shape] = []
        self.shadows: list[Shape] = []
        self.front: list[Shape] = []

    def fill(self, points: Points, colour: Colour, depth: float = np.nan) -> None:
        """Add a filled polygon, [K, 2]."""
        self.colours.append(Shape(np.asarray(points), colour, 0.0, depth))

    def line(self, points: Points, colour: Colour, width: float, depth: float = np.nan) -> None:
        """Add an open line, [K, 2]."""
        self.colours.append(Shape(np.asarray(points), colour, width, depth))

    def shade(
        self, points: Points, level: float, width: float = 0.0, depth: float = np.nan
    ) -> None:
        """Darken (below 1) or brighten (above 1) softly what lies under a polygon or a line."""
        self.shadows.append(Shape(np.asarray(points), level, width, depth))

    def cover(
        self, points: Points, colour: Colour, width: float = 0.0, depth: float = np.nan
    ) -> None:
        """Add a polygon or a line before everything else."""
        self.front.append(Shape(np.asarray(points), colour, width, depth))


def sketch_person(
    who: Person, face: Face, acts: Units, rng: np.random.Generator, difficulty: float
) -> Sketch:
    """Everything of a person but the light of the scene.

    Args:
        who: Proportions and colours.
        face: The control points that the action units moved.
        acts: The action units, for folds and wrinkles.
        rng: Chooses the side of the light and what hides the face.
        difficulty: How often glasses, a hand or a strand of hair do; 0 is never.
    """
    sketch = Sketch()
    outline = _outline(who, face)
    _behind(sketch, who)
    sketch.fill(outline, who.skin, 0.0)
    if who.beard:
        _beard(sketch, who, outline)
    _round(sketch, outline, float(rng.uniform(-1, 1)) * difficulty)
    for side in (0, 1):
        _cheek(sketch, who, face, acts, side)
        _eye(sketch, who, face, side)
        _nostril(sketch, who, face, acts, side)
        _brow(sketch, who, face, side)
    _forehead(sketch, who, face, acts)
    _nose(sketch, who, face, acts)
    _mouth(sketch, who, face, acts)
    _hair(sketch, who)
    _hiding(sketch, who, face, rng, difficulty)
    return sketch


def _curve(start: Sequence[float], through: Sequence[float], end: Sequence[float]) -> np.ndarray:
    return _BASIS @ np.array((start, through, end))  # [11, 2]


def _ring(x: float, y: float, a: float, b: float) -> np.ndarray:
    return _CIRCLE * (a, b) + (x, y)  # [24, 2]


def _mixed(a: Colour, b: Colour, share: float) -> Colour:
    keep = 1 - share
    return a[0] * keep + b[0] * share, a[1] * keep + b[1] * share, a[2] * keep + b[2] * share


def _times(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _outline(who: Person, face: Face) -> np.ndarray:
    x = who.width * _FINE_X * (1 - who.jaw * _FINE_LOW**1.5)
    return np.stack([x, np.where(_FINE_SIN > 0, face.chin, 1.05) * _FINE_SIN], 1)  # [48, 2]


def _behind(sketch: Sketch, who: Person) -> None:
    w, long = who.width, who.hair_length
    if long > 0:
        sketch.fill(_ring(0, -0.25, w + 0.16, 1.0), who.hair, 0.0)
        right = _curve((w + 0.16, -0.25), (w + 0.24, long * 0.4), (w + 0.1, long))
        sketch.fill(np.concatenate([right, right[::-1] * (-1, 1)]), _times(who.hair, 0.82), 0.0)
    sleeve = _curve((0.5, 1.3), (1.45, 1.6), (1.9, 2.6))
    body = np.concatenate([sleeve, [(2.0, 4.5), (-2.0, 4.5)], sleeve[::-1] * (-1, 1)])
    sketch.fill(body, who.clothes, 0.0)
    neck = np.concatenate([_curve((0.42, 0.4), (0.4, 1.1), (0.56, 1.36)), [(0.0, 1.62)]])
    sketch.fill(np.concatenate([neck, neck[-2::-1] * (-1, 1)]), _times(who.skin, 0.72), 0.0)
    for side in (-1, 1):
        sketch.fill(_ring(side * w, 0.02, 0.09, 0.2), _times(who.skin, 0.86), 0.0)
        sketch.shade(_ring(side * w, 0.02, 0.05, 0.13), 0.85, depth=0.0)


def _beard(sketch: Sketch, who: Person, outline: np.ndarray) -> None:
    jaw = outline[(_FINE_SIN > 0.1)]  # from the right ear over the chin to the left one
    cheek = _curve((-who.width, 0.1), (-0.44, 0.52), (-0.13, 0.4))
    shaven = np.concatenate([jaw, cheek, cheek[::-1] * (-1, 1)])
    sketch.fill(shaven, _mixed(who.skin, who.hair, 0.4 * who.beard), 0.0)


def _round(sketch: Sketch, outline: np.ndarray, light: float) -> None:
    # Ever smaller outlines, brighter and nearer the light: blurred, they make the head round.
    for size, level in ((1.0, 0.72), (0.9, 0.84), (0.78, 0.95), (0.6, 1.04), (0.4, 1.08)):
        nearer = (light * (1 - size) * 0.8, -0.05 * (1 - size))
        sketch.shade(outline[::2] * size + nearer, level, depth=0.0)


def _cheek(sketch: Sketch, who: Person, face: Face, acts: Units, side: int) -> None:
    s = 2 * side - 1
    (ex, ey), (cx, cy), (wx, wy) = face.eyes[side], face.mouth[side], face.wings[side]
    sketch.shade(_ring(ex, ey - 0.05, 0.2, 0.12), 0.8)
    sketch.shade(_curve((ex - 0.13, ey + 0.1), (ex, ey + 0.14), (ex + 0.13, ey + 0.1)), 0.9, 0.04)
    dimpled = 0.4 * acts[14] if side == who.smirk else 0.0
    deep = min(1.0, 0.05 + 0.55 * acts[12] + 0.6 * acts[9] + 0.5 * acts[10] + dimpled)
    end = (cx + s * 0.07, cy + 0.02 - 0.06 * acts[15])
    middle = ((wx + s * 0.03 + end[0]) / 2 + s * 0.03 * deep, (wy + end[1]) / 2 - 0.01)
    fold = _curve((wx + s * 0.03, wy), middle, end)
    sketch.line(fold, _times(who.skin, 1 - 0.3 * deep), 0.022)
    sketch.shade(fold, 1 - 0.22 * deep, 0.06)
    if acts[6] > 0.3:
        crow = _times(who.skin, 1 - 0.22 * acts[6])
        for tilt in (-0.04, 0.02, 0.08):
            y = ey + tilt / 2
            sketch.line([(ex + s * 0.2, y), (ex + s * 0.28, y + tilt)], crow, 0.014)


def _eye(sketch: Sketch, who: Person, face: Face, side: int) -> None:
    s, (up, low), (x, y) = 2 * side - 1, face.lids, face.eyes[side]
    inner, outer = (x - s * who.eye_width, y + 0.012), (x + s * who.eye_width, y - who.slant)
    top = _curve(inner, (x, y - up), outer)
    bottom = _curve(outer, (x, y + low), inner)
    sketch.fill(np.concatenate([top, bottom]), (236, 234, 230))
    for radius, colour in ((_IRIS, who.iris), (0.03, (12.0, 10.0, 10.0))):
        disc = _ring(x, y, radius, radius)
        disc[:, 1] = disc[:, 1].clip(y - up, y + low)
        sketch.fill(disc, colour)
    sketch.fill(_ring(x + 0.02, y - min(up, 0.03) * 0.6, 0.012, 0.012)[::3], (250, 250, 250))
    sketch.line(top, _times(who.skin, 0.35), 0.024)
    sketch.line(bottom, _times(who.skin, 0.62), 0.014)
    sketch.line(top - (0, 0.04), _times(who.skin, 0.75), 0.012)


def _brow(sketch: Sketch, who: Person, face: Face, side: int) -> None:
    line = _BASIS @ face.brows[side]
    taper = _TAPER * (who.brow_thickness / 2)
    colour = _mixed(_times(who.hair, 0.75), who.skin, 0.1)
    sketch.fill(np.concatenate([line - taper, (line + taper)[::-1]]), colour)


def _forehead(sketch: Sketch, who: Person, face: Face, acts: Units) -> None:
    raised, knit = (acts[1] + acts[2]) / 2, acts[4]
    if raised > 0.3:
        for y in (-0.42, -0.52):
            line = _curve((-0.3, y + 0.02), (0, y), (0.3, y + 0.02))
            sketch.line(line, _times(who.skin, 1 - 0.2 * raised), 0.016)
    if knit > 0.3:
        y = face.brows[0, 0, 1]
        for x in (-0.035, 0.035):
            frown = [(x, y - 0.07), (x * 0.8, y + 0.05)]
            sketch.line(frown, _times(who.skin, 1 - 0.35 * knit), 0.018)


def _nostril(sketch: Sketch, who: Person, face: Face, acts: Units, side: int) -> None:
    s, (x, y) = 2 * side - 1, face.wings[side]
    ridge = _curve((s * 0.07, face.eyes[side, 1]), (s * 0.06, face.nose[1] - 0.2), (x, y - 0.05))
    sketch.shade(ridge, 0.86, 0.05)
    wing = _curve((x - s * 0.02, y - 0.06), (x + s * 0.01, y - 0.01), (x - s * 0.05, y + 0.025))
    sketch.line(wing, _times(who.skin, 0.62), 0.018, 0.5)
    hole = _ring(s * who.nose_width / 2, face.nose[1] + 0.02 - 0.03 * acts[9], 0.035, 0.016)
    sketch.fill(hole[::2], _times(who.skin, 0.36), 0.55)


def _nose(sketch: Sketch, who: Person, face: Face, acts: Units) -> None:
    y, bridge = face.nose[1], face.eyes[0, 1]
    sketch.shade(_ring(0, y - 0.06, 0.05, 0.05), 1.16)
    sketch.shade([(0, bridge - 0.02), (0, y - 0.1)], 1.12, 0.035)
    base = _curve((-0.07, y + 0.03), (0, y + 0.05), (0.07, y + 0.03))
    sketch.line(base, _times(who.skin, 0.66), 0.014, 0.58)
    if acts[9] > 0.25:
        wrinkle = _times(who.skin, 1 - 0.35 * min(acts[9], 1))
        for down in (0.02, 0.07, 0.12):
            up, low = bridge + down - 0.01, bridge + down + 0.02
            sketch.line(_curve((-0.075, low), (0, up), (0.075, low)), wrinkle, 0.016)


def _mouth(sketch: Sketch, who: Person, face: Face, acts: Units) -> None:
    left, right = face.mouth
    x = (left[0] + right[0]) / 2
    top, upper, lower, bottom = (_curve(left, (x, y), right) for y in face.lip_lines)
    lip = _mixed(_times(who.skin, 0.78), (168, 58, 62), 0.38)
    sketch.fill(np.concatenate([top, bottom[::-1]]), lip)
    sketch.fill(np.concatenate([top, upper[::-1]]), _times(lip, 0.86))
    if face.lip_lines[2] - face.lip_lines[1] > 0.02:
        sketch.fill(np.concatenate([upper, lower[::-1]]), (52, 20, 20))
        teeth = upper + np.minimum(0.07, (lower - upper) * 0.7) * (0, 1)
        sketch.fill(np.concatenate([upper[1:-1], teeth[-2:0:-1]]), (226, 222, 212))
    else:
        sketch.line((upper + lower) / 2, _times(lip, 0.45), 0.018)
    for corner in face.mouth:
        sketch.fill(_ring(corner[0], corner[1], 0.016, 0.014)[::3], _times(who.skin, 0.5))
    low = face.lip_lines[3]
    sketch.shade(_ring(0, low + 0.07, 0.16, 0.035), 0.85)
    if acts[17] > 0.3:
        boss = _curve((-0.11, low + 0.12), (0, low + 0.07), (0.11, low + 0.12))
        sketch.line(boss, _times(who.skin, 1 - 0.25 * acts[17]), 0.018)


def _hair(sketch: Sketch, who: Person) -> None:
    w, y, long = who.width, who.hairline, who.hair_length
    side = _curve((w + 0.04, -0.08), (w + 0.07, -0.6), (w * 0.72, -1.02))
    crown = _curve((w * 0.72, -1.02), (0, -1.2), (-w * 0.72, -1.02))
    temple = _curve((0.02 - w, -0.25), (0.1 - w, y + 0.12), (-0.3, y))
    brow = _curve((-0.3, y), (0.0, y - 0.03), (w - 0.2, y + 0.06))
    back = _curve((w - 0.2, y + 0.06), (w - 0.08, -0.4), (w - 0.02, -0.25))
    parts = [side, crown, side[::-1] * (-1, 1), temple, brow, back]
    sketch.cover(np.concatenate(parts), who.hair, depth=0.05)
    for x in (-0.45, 0.1, 0.5):  # a gleam or two, so that it is not one flat patch
        gleam = _curve((x, -1.02), (x * 1.15, -0.9), (x * 1.25, -0.74))
        sketch.cover(gleam, _mixed(who.hair, (255, 250, 240), 0.07), 0.05, 0.05)
    if long > 0:
        inside = _curve((w - 0.1, y), (w - 0.01, 0.1), (w - 0.04, long * 0.8))
        outside = _curve((w + 0.13, long), (w + 0.22, 0.1), (w + 0.04, -0.6))
        lock = np.concatenate([inside, outside])
        sketch.cover(lock, who.hair, depth=0.02)
        sketch.cover(lock * (-1, 1), who.hair, depth=0.02)


def _hiding(
    sketch: Sketch, who: Person, face: Face, rng: np.random.Generator, difficulty: float
) -> None:
    glasses, hand, strand = rng.uniform(size=3) < np.array([0.14, 0.07, 0.08]) * difficulty
    where = rng.uniform(-1, 1, 4)
    if glasses:
        frame = _times((60, 50, 46), 1 + 0.6 * float(where[0]))
        for x, y in face.eyes:
            rim = _ring(x, y + 0.02, 0.22, 0.17)
            sketch.cover(np.concatenate([rim, rim[:1]]), frame, 0.03)
        y = face.eyes[0, 1]
        sketch.cover([(-0.09, y), (0.09, y)], frame, 0.03)
    if hand:
        s = float(np.sign(where[1]))
        for finger in range(4):
            x, y = s * (0.25 + 0.15 * finger), 0.42 + 0.12 * where[2] + 0.05 * abs(finger - 1.5)
            skin = _times(who.skin, 0.96 - 0.05 * finger)
            sketch.cover([(x, y), (x + s * 0.1, y + 0.9)], skin, 0.13)
    if strand:
        s = float(np.sign(where[3]))
        lock = _curve((s * 0.3, -0.9), (s * 0.45, -0.3), (s * 0.62, 0.25))
        sketch.cover(lock, who.hair, 0.1)
