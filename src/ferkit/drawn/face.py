"""Faces drawn by OpenCV from facial-action geometry, to try everything without a data set.

A face is a person's proportions moved by the action units of an emotion
(`ferkit.drawn.geometry`); what tells the emotions apart is that geometry alone. All
else varies independently of it: who it is, pose, light, noise, blur and what hides the face.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ferkit.drawn.geometry import Face, action_units, person_of, shape_face
from ferkit.drawn.parts import Shape, Sketch, sketch_person

VERSION = 1  # of what is drawn; a change of any pixel raises it, so that stored faces are made anew

Box = tuple[float, float, float, float]

_BOX = (-0.8, -0.66, 0.8, 1.04)  # the face in face coordinates: ear to ear, forehead to chin
_MIDDLE = np.array([[(_BOX[0] + _BOX[2]) / 2, (_BOX[1] + _BOX[3]) / 2]])
_NOSE_TIP, _NOSE_DEPTH = (0.0, -0.05), 0.58  # from where the nose meets the lip; towards us
_FINE = 120.0  # pixels per face unit from which thin lines need no averaging
_SHADE_SCALE = 28.0  # pixels per face unit of the shadows, which are blurred and need no more


@dataclass(frozen=True)
class Pose:
    """How the head is held: scale in pixels per face unit, shift in pixels, angles in radians."""

    scale: float
    shift: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0


def draw_face(
    emotion: str,
    *,
    person: int,
    rng: np.random.Generator,
    size: int = 48,
    intensity: float = 1.0,
    vary: bool = True,
    difficulty: float = 1.0,
) -> np.ndarray:
    """Draw one cropped grey face, framed as FER-2013's are.

    One generator state at rising intensities is one face moving from neutral to apex.

    Args:
        emotion: One of the eight canonical emotions.
        person: Seeds the identity: proportions, skin, hair.
        rng: Seeds all the rest.
        size: Side of the picture in pixels.
        intensity: 0 (neutral) to 1 (apex).
        vary: False draws a frontal face in clean light with nothing before it.
        difficulty: How far everything varies: 0 is as `vary=False`, 1 as the built-in example.

    Returns:
        [size, size] uint8.
    """
    hard = difficulty if vary else 0.0
    who = person_of(person)
    acts = action_units(emotion, who, rng, intensity=intensity, difficulty=hard)
    face = shape_face(who, acts)
    off = rng.uniform(-1, 1, 3) * hard
    scale = size / (_BOX[3] - _BOX[1]) * (1 + 0.06 * float(off[0]))
    where = (size / 2 + 0.045 * size * float(off[1]), size / 2 + 0.045 * size * float(off[2]))
    pose = _centred(_held(rng, scale, hard), where)
    background = _background(rng, size, size, hard)
    sketch = sketch_person(who, face, acts, rng, hard)
    picture = _paint(sketch, pose, background)
    return _photographed(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), rng, hard)


def draw_photo(
    emotion: str,
    *,
    person: int,
    rng: np.random.Generator,
    width: int,
    height: int,
    box: Box | None = None,
    intensity: float = 1.0,
    angle: float = 0.0,
    vary: bool = True,
) -> tuple[np.ndarray, Box, np.ndarray]:
    """Draw a photograph of one person: head, hair and shoulders before a soft background.

    Args:
        emotion: One of the eight canonical emotions.
        person: Seeds the identity: proportions, skin, hair.
        rng: Seeds all the rest.
        width: Of the photograph in pixels.
        height: Of the photograph in pixels.
        box: Where the face (ear to ear, forehead to chin) has to fit in, x1 y1 x2 y2 in pixels;
            by default half the photograph's shorter side, near its middle.
        intensity: 0 (neutral) to 1 (apex).
        angle: Turns the person about the middle of the face, degrees counter-clockwise.
        vary: False draws a frontal face in clean light with nothing before it.

    Returns:
        The photograph, [height, width, 3] RGB uint8; the box of the face as it is before it is
        turned, x1 y1 x2 y2 in pixels; and [5, 2] x y in pixels, after turning, of the left eye,
        the right eye, the tip of the nose, the left and the right corner of the mouth, left as
        seen in the image. Coordinates name pixel centres by whole numbers, as OpenCV does.
    """
    hard = 0.7 if vary else 0.0
    who = person_of(person)
    acts = action_units(emotion, who, rng, intensity=intensity, difficulty=hard)
    face = shape_face(who, acts)
    somewhere = _somewhere(rng, width, height, hard)
    fitted = _fitted(box or somewhere)
    scale = (fitted[3] - fitted[1]) / (_BOX[3] - _BOX[1])
    held = replace(_held(rng, scale, hard), roll=float(np.deg2rad(angle)))
    pose = _centred(held, ((fitted[0] + fitted[2]) / 2, (fitted[1] + fitted[3]) / 2))
    background = _background(rng, width, height, hard)
    sketch = sketch_person(who, face, acts, rng, hard)
    photo = _paint(sketch, pose, background)
    return _photographed(photo, rng, hard * 0.5), fitted, _five_points(face, pose)


def _held(rng: np.random.Generator, scale: float, hard: float) -> Pose:
    roll, yaw, pitch = (rng.normal(size=3) * (0.1, 0.16, 0.08) * hard).tolist()
    return Pose(scale, roll=roll, yaw=yaw, pitch=pitch)


def _centred(pose: Pose, where: tuple[float, float]) -> Pose:
    x, y = (np.array(where) - _turned(_MIDDLE, pose)[0] * pose.scale).tolist()
    return replace(pose, shift=(x, y))


def _fitted(box: Box) -> Box:
    scale = min((box[2] - box[0]) / (_BOX[2] - _BOX[0]), (box[3] - box[1]) / (_BOX[3] - _BOX[1]))
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    w, h = scale * (_BOX[2] - _BOX[0]) / 2, scale * (_BOX[3] - _BOX[1]) / 2
    return x - w, y - h, x + w, y + h


def _somewhere(rng: np.random.Generator, width: int, height: int, hard: float) -> Box:
    larger, right, lower = (rng.uniform(-1, 1, 3) * hard).tolist()
    side = min(width, height) * (0.5 + 0.08 * larger)
    x = width / 2 + right * (width - side) * 0.2
    y = height * 0.46 + lower * (height - side) * 0.08
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def _turned(points: np.ndarray, pose: Pose) -> np.ndarray:
    c, s = np.cos(pose.roll), np.sin(pose.roll)
    return points @ np.array([[c, -s], [s, c]])  # counter-clockwise as seen, with y down


def _placed(points: np.ndarray, depth: np.ndarray, pose: Pose) -> np.ndarray:
    # Yaw and pitch move what stands out of the face (nose, brows) against its outline.
    x, y = points[:, 0], points[:, 1]
    out = np.where(np.isnan(depth), 0.5 * (1 - x * x - 0.5 * y * y), depth)
    x = x * np.cos(pose.yaw) + out * np.sin(pose.yaw)
    y = y + out * np.sin(pose.pitch)
    return _turned(np.stack([x, y], 1), pose) * pose.scale + pose.shift  # [K, 2] pixels


def _five_points(face: Face, pose: Pose) -> np.ndarray:
    points = np.concatenate([face.eyes, face.nose[None] + _NOSE_TIP, face.mouth])
    depth = np.array([np.nan, np.nan, _NOSE_DEPTH, np.nan, np.nan])
    return _placed(points, depth, pose)


def _paint(sketch: Sketch, pose: Pose, background: np.ndarray) -> np.ndarray:
    over = 2 if pose.scale < _FINE else 1  # small faces are painted twice as large, then averaged
    height, width = background.shape[:2]
    large = (width * over, height * over)
    small = min(1.0, _SHADE_SCALE / pose.scale)
    canvas = cv2.resize(background, large, interpolation=cv2.INTER_LINEAR)
    shade = np.full((max(1, round(height * small)), max(1, round(width * small))), 128, np.uint8)
    over_all = (len(sketch.colours), len(sketch.shadows), len(sketch.front))
    factors = np.repeat([over, small, over], over_all)
    points = iter(_in_pixels(sketch.colours + sketch.shadows + sketch.front, pose, factors))
    for shape in sketch.colours:
        _draw(canvas, next(points), shape, pose.scale * over)
    for shape in sketch.shadows:
        _draw(shade, next(points), shape, pose.scale * small)
    soft = cv2.GaussianBlur(shade, (0, 0), 1.3)
    soft = cv2.resize(soft, large, interpolation=cv2.INTER_LINEAR)
    canvas = cv2.multiply(canvas, cv2.cvtColor(soft, cv2.COLOR_GRAY2RGB), scale=1 / 128)
    for shape in sketch.front:
        _draw(canvas, next(points), shape, pose.scale * over)
    return cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)


def _in_pixels(shapes: list[Shape], pose: Pose, factors: np.ndarray) -> Iterator[np.ndarray]:
    # All at once: placing sixty shapes one by one takes longer than painting them.
    sizes = [len(shape.points) for shape in shapes]
    depth = np.repeat([shape.depth for shape in shapes], sizes)
    factor = np.repeat(factors, sizes)[:, None]
    placed = _placed(np.concatenate([shape.points for shape in shapes]), depth, pose)
    fixed = (placed * (16 * factor) + 8 * (factor - 1)).astype(np.int32)  # 4 fractional bits
    ends = np.cumsum(sizes).tolist()
    return (fixed[end - size : end] for size, end in zip(sizes, ends, strict=True))


def _draw(on: np.ndarray, points: np.ndarray, shape: Shape, scale: float) -> None:
    colour = shape.colour if isinstance(shape.colour, tuple) else (128 * shape.colour, 0, 0)
    if shape.width:
        thick = max(1, round(shape.width * scale))
        cv2.polylines(on, [points], False, colour, thick, cv2.LINE_AA, 4)
    else:
        cv2.fillPoly(on, [points], colour, cv2.LINE_AA, 4)


def _background(rng: np.random.Generator, width: int, height: int, hard: float) -> np.ndarray:
    cells = rng.uniform(-1, 1, (4, 4, 3)) * 34 * hard + rng.uniform(95, 190, 3)
    return cv2.resize(cells.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)


def _photographed(image: np.ndarray, rng: np.random.Generator, hard: float) -> np.ndarray:
    """What the camera makes of it: light from a side, contrast, a soft lens, a noisy sensor."""
    if hard == 0:
        return image
    right, lower, contrast, brightness, blur, noise = rng.uniform(-1, 1, 6)
    xs = np.linspace(-right, right, image.shape[1], dtype=np.float32)
    ys = np.linspace(-lower, lower, image.shape[0], dtype=np.float32)
    light = 1 + 0.25 * hard * (xs[None] + ys[:, None])
    seen = image * (light if image.ndim == 2 else light[..., None])
    seen = (seen - 128) * (1 + 0.35 * hard * contrast) + (128 + 30 * hard * brightness)
    if blur > 0:
        seen = cv2.GaussianBlur(seen, (0, 0), 0.2 + 0.6 * hard * blur)
    seen += rng.standard_normal(image.shape, dtype=np.float32) * (5 * hard * (1 + noise))
    return np.clip(seen, 0, 255).astype(np.uint8)
