"""The geometry of a drawn face: a person's proportions, and what facial action units do to them.

Coordinates are those of the upright face: x to the right of the image, y down, the chin at y = 1
and the crown at about y = -1.1, so the eyes lie near y = -0.1. The action units are those of the
Facial Action Coding System (Ekman and Friesen 1978): 1, 2, 4 move the brows, 5, 6, 7 the lids, 9
wrinkles the nose, 10, 12, 14, 15, 17, 20, 23, 25, 26 move the mouth and the jaw. 14, the dimpler,
acts here on one side alone: contempt.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

Units = dict[int, float]

# Apex strengths of each emotion's action units; several ways to look it where people have them.
PROTOTYPES: dict[str, tuple[Units, ...]] = {
    "angry": (
        {4: 1.0, 5: 0.4, 7: 0.7, 17: 0.3, 23: 1.0},
        {4: 1.0, 5: 0.6, 7: 0.6, 9: 0.2, 10: 0.4, 23: 0.5, 25: 0.9},
    ),
    "disgust": (
        {4: 0.6, 7: 0.6, 9: 1.0, 10: 0.9, 15: 0.4, 17: 0.3},
        {4: 0.7, 6: 0.3, 7: 0.6, 9: 0.8, 10: 0.9, 25: 0.5},
    ),
    "fear": (
        {1: 0.9, 2: 0.5, 4: 0.7, 5: 1.0, 20: 1.0, 25: 0.7},
        {1: 1.0, 2: 0.7, 4: 0.5, 5: 0.9, 20: 0.8, 25: 0.7, 26: 0.3},
    ),
    "happy": (
        {6: 0.9, 12: 1.0, 25: 0.8},
        {6: 0.7, 12: 0.9},
        {6: 0.8, 12: 1.0, 25: 0.9, 26: 0.35},
    ),
    "sad": (
        {1: 0.9, 4: 0.6, 15: 1.0, 17: 0.5},
        {1: 0.8, 4: 0.5, 7: 0.4, 10: 0.2, 15: 0.9, 17: 0.8},
    ),
    "surprise": (
        {1: 1.0, 2: 1.0, 5: 0.9, 25: 0.8, 26: 1.0},
        {1: 0.9, 2: 1.0, 5: 0.8, 25: 0.7, 26: 0.6},
    ),
    "neutral": ({},),
    "contempt": ({14: 1.0}, {7: 0.2, 14: 0.9}),
}
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26)

_EYE_Y, _MOUTH_Y, _NOSE_Y = -0.1, 0.56, 0.3
_BLACK, _BROWN, _CHESTNUT = (32, 24, 20), (62, 42, 28), (104, 72, 44)
_HAIRS = (_BLACK, _BROWN, _CHESTNUT, (186, 150, 96), (140, 138, 136), (120, 60, 32))
_IRISES = ((70, 44, 28), (48, 32, 22), (80, 108, 128), (84, 100, 62))


@dataclass(frozen=True)
class Person:
    """Who is drawn: proportions in face coordinates, colours as RGB in 0..255."""

    width: float
    jaw: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_height: float
    slant: float
    brow_gap: float
    brow_thickness: float
    brow_slope: float
    nose_y: float
    nose_width: float
    mouth_y: float
    mouth_width: float
    lips: float
    hairline: float
    hair_length: float
    beard: float
    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    iris: tuple[float, float, float]
    clothes: tuple[float, float, float]
    smirk: int
    rest: tuple[float, ...]


@dataclass(frozen=True)
class Face:
    """Control points of one face's parts, [..., 2] in face coordinates; sides left, then right."""

    brows: np.ndarray  # [2, 3, 2] inner end, middle, outer end
    eyes: np.ndarray  # [2, 2] centres, which do not move with the lids
    lids: tuple[float, float]  # how far the upper and the lower lid stand off the centre
    nose: np.ndarray  # [2] where it meets the upper lip; the tip is a little above
    wings: np.ndarray  # [2, 2] outer ends of the nostrils
    mouth: np.ndarray  # [2, 2] corners
    lip_lines: (
        np.ndarray
    )  # [4] y at x = 0: top and rim of the upper lip, rim and bottom of the lower
    chin: float  # y


@cache
def person_of(seed: int) -> Person:
    """The person that a number stands for, the same on every machine and in every process."""
    rng = np.random.default_rng([seed, 7])
    u = rng.uniform
    tone = u() ** 1.3
    light, dark = np.array([236.0, 194.0, 168.0]), np.array([112.0, 74.0, 52.0])
    skin = light + (dark - light) * tone + rng.normal(0, 5, 3)
    hair = _HAIRS[rng.choice(6, p=(0.35, 0.25, 0.16, 0.1, 0.08, 0.06))]
    long = u() < 0.45
    return Person(
        width=u(0.68, 0.79),
        jaw=u(0.12, 0.34),
        eye_x=u(0.27, 0.335),
        eye_y=_EYE_Y + u(-0.04, 0.04),
        eye_width=u(0.125, 0.16),
        eye_height=u(0.048, 0.066),
        slant=u(-0.02, 0.03),
        brow_gap=u(0.15, 0.195),
        brow_thickness=u(0.028, 0.055),
        brow_slope=u(-0.02, 0.03),
        nose_y=_NOSE_Y + u(-0.04, 0.05),
        nose_width=u(0.11, 0.16),
        mouth_y=_MOUTH_Y + u(-0.03, 0.04),
        mouth_width=u(0.21, 0.275),
        lips=u(0.035, 0.07),
        hairline=u(-0.72, -0.52),
        hair_length=u(0.5, 1.5) if long else u(-0.3, 0.1),
        beard=u(0.5, 1.0) if not long and u() < 0.35 else 0.0,
        skin=_rgb(np.clip(skin, 30, 245)),
        hair=_rgb(np.array(hair) * u(0.8, 1.2)),
        iris=_IRISES[rng.choice(4, p=(0.4, 0.3, 0.18, 0.12))],
        clothes=_rgb(rng.uniform(30, 215, 3)),
        smirk=int(rng.integers(2)),
        rest=tuple(np.abs(rng.normal(0, 0.06, len(UNITS)))),
    )


def _rgb(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def action_units(
    emotion: str, person: Person, rng: np.random.Generator, *, intensity: float, difficulty: float
) -> Units:
    """How strongly each action unit acts in one picture, 0 (rest) to about 1 (apex).

    As many numbers are drawn whatever `intensity` is, so one generator state at rising
    intensities is one face moving from neutral to apex.

    Args:
        emotion: A canonical emotion.
        person: Who makes the face; people at rest do not all look neutral.
        rng: Chooses the way to look the emotion, and how much each unit strays.
        intensity: 0 (neutral) to 1 (apex), multiplies the emotion's units.
        difficulty: 0 (every unit at its apex, nothing else) to 1 or more (weak, partial, mixed).
    """
    ways = PROTOTYPES[emotion]
    choice, weakness, *partial = rng.uniform(size=2 + len(UNITS)).tolist()
    astray = np.abs(rng.normal(size=len(UNITS))).tolist()
    way = ways[int(choice * len(ways)) if difficulty > 0 else 0]
    apex = intensity * (1 - 0.48 * difficulty * weakness)
    acts = {}
    for unit, part, rest, stray in zip(UNITS, partial, person.rest, astray, strict=True):
        strength = way.get(unit, 0.0) * apex * (1 - 0.62 * difficulty * part**2)
        acts[unit] = min(1.2, strength + difficulty * (0.75 * rest + 0.095 * stray))
    return acts


def shape_face(person: Person, acts: Units) -> Face:
    """Move a person's resting face by its action units."""
    sides = np.array([[-1.0, 1.0], [1.0, 1.0]])  # [2, 2] mirrors x for the left side
    upper = 1 + 0.75 * acts[5] - 0.4 * acts[7] - 0.25 * acts[6] - 0.2 * acts[9] - 0.2 * acts[15]
    lower = 1 + 0.15 * acts[5] - 0.45 * acts[7] - 0.6 * acts[6] - 0.3 * acts[9]
    eye = np.array([person.eye_x, person.eye_y])
    tip = np.array([0.0, person.nose_y - 0.02 * acts[9]])
    wing = np.array([person.nose_width * (1 + 0.15 * acts[9]), tip[1] - 0.01 - 0.045 * acts[9]])
    return Face(
        brows=_brow(person, acts)[None] * sides[:, None],
        eyes=eye[None] * sides,
        lids=(person.eye_height * max(upper, 0.12), person.eye_height * max(lower, 0.1)),
        nose=tip,
        wings=wing[None] * sides,
        mouth=_corners(person, acts),
        lip_lines=_lip_lines(person, acts),
        chin=1.0 + 0.13 * acts[26] - 0.02 * acts[17],
    )


def _brow(person: Person, acts: Units) -> np.ndarray:
    y = person.eye_y - person.brow_gap
    inner = (
        0.12 - 0.045 * acts[4],
        y - 0.12 * acts[1] + 0.1 * acts[4] * (1 - 0.6 * min(acts[1], 1)) + 0.05 * acts[9],
    )
    middle = (person.eye_x, y - 0.035 - 0.06 * acts[1] - 0.1 * acts[2] + 0.06 * acts[4])
    outer = (person.eye_x + 0.2, y + 0.02 + person.brow_slope - 0.1 * acts[2] + 0.02 * acts[4])
    return np.array([inner, middle, outer])


def _corners(person: Person, acts: Units) -> np.ndarray:
    dropped = acts[26] * (1 - acts[12] / 1.5)  # a laugh stays wide
    wide = 0.3 * acts[12] + 0.28 * acts[20] - 0.25 * acts[23] - 0.3 * dropped
    half = person.mouth_width * (1 + wide)
    y = person.mouth_y - 0.12 * acts[12] + 0.1 * acts[15] + 0.05 * acts[26] + 0.03 * acts[20]
    corners = np.array([[-half, y], [half, y]])
    corners[person.smirk] += np.array([0.05, 0.0]) * (1 if person.smirk else -1) * acts[14]
    corners[person.smirk, 1] -= 0.13 * acts[14]
    return corners


def _lip_lines(person: Person, acts: Units) -> np.ndarray:
    thick = person.lips * (1 - 0.6 * min(acts[23], 1) + 0.1 * acts[26])
    lift = 0.075 * acts[10] + 0.03 * acts[9] + 0.03 * acts[12] * acts[25]
    rim = person.mouth_y - lift - 0.05 * acts[17]
    gap = acts[25] * (0.055 + 0.05 * acts[10] + 0.06 * acts[12])
    gap += 0.26 * acts[26] * min(1, 2 * acts[25])  # a dropped jaw opens lips that are apart
    low = rim + gap + 0.02 * acts[12] * (1 - acts[25])
    return np.array([rim - thick, rim, low, low + thick * 1.25])
