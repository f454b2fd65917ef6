"""Pictures in, crops out: one face a picture, or why there is none.

A picture never fails here; what happened to it stands beside its crop, so that nothing is dropped
unseen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ferkit.errors import ConfigError
from ferkit.faces.align import box_matrix, eyes_matrix, five_point_matrix, resize, warp
from ferkit.faces.choose import by_area, choose_face
from ferkit.faces.decode import to_grey, to_rgb
from ferkit.faces.detect import make_detector
from ferkit.faces.detection import Detection, Detector
from ferkit.faces.illumination import relight
from ferkit.faces.quality import Quality, fault_of
from ferkit.faces.second_look import look_again
from ferkit.faces.settings import FaceSettings

_BOTH_EYES = 2


@dataclass(frozen=True)
class Crop:
    """What became of one picture.

    Attributes:
        pixels: uint8, [size, size] or [size, size, 3]; None: dropped.
        dropped: Why: `no face`, `blank`, `black`, `near-constant`; empty: kept.
        found: How many faces the detector found in the picture, whichever was chosen.
        score: The chosen face's, as `Detection.score`; 0 without one.
        box: [4] x1, y1, x2, y2 of the chosen face in the picture; None without one.
        points: [5, 2] of the chosen face, or None.
        fallback: What was taken in place of what was asked: `whole` or `center` (no face),
            `unaligned` (no points); else empty.
    """

    pixels: np.ndarray | None
    dropped: str = ""
    found: int = 0
    score: float = 0.0
    box: np.ndarray | None = None
    points: np.ndarray | None = None
    fallback: str = ""


def make_face_detector(settings: FaceSettings, *, device: str = "auto") -> Detector | None:
    """The detector that settings ask for, or None where they ask for none."""
    return make_detector(
        settings.detector,
        device=device,
        min_face=settings.min_face,
        scale_factor=settings.scale_factor,
        min_neighbors=settings.min_neighbors,
        eyes=settings.align != "none",
    )


def crop_faces(
    images: Sequence[np.ndarray],
    settings: FaceSettings,
    detect: Detector | None = None,
    boxes: Sequence[np.ndarray | None] | None = None,
    *,
    dark_below: float = 0.0,
) -> list[Crop]:
    """Find, choose, align, crop and light the face of each picture.

    Args:
        images: uint8, each [H, W] or [H, W, 3] RGB, of any sizes.
        settings: What to do.
        detect: As `make_face_detector` makes it; None for `detector=none` and `given`.
        boxes: For each picture the dataset's own box [4], or None: the face's with
            `detector=given`, the person's with `choose=body` or `body_or_largest`, else not looked
            at.
        dark_below: Pictures of a lower mean grey level are dropped as black (`drop_blank`).

    Returns:
        One answer a picture, in their order.

    Raises:
        ConfigError: a box is needed and not given.
    """
    known = list(boxes) if boxes is not None else [None] * len(images)
    found = _find(images, settings, detect, known)
    chosen = [
        choose_face(faces, settings.choose, image.shape[:2], box)
        for image, faces, box in zip(images, found, known, strict=True)
    ]
    if settings.align != "none" and detect is not None:
        chosen = look_again(images, chosen, detect)
    crops = [
        replace(_cut(image, face, settings), found=len(faces))
        for image, faces, face in zip(images, found, chosen, strict=True)
    ]
    if settings.drop_blank:
        crops = [
            _without_blank(crop, image, dark_below)
            for crop, image in zip(crops, images, strict=True)
        ]
    if settings.max_one_value < 1:
        crops = [_without_near_constant(crop, settings.max_one_value) for crop in crops]
    if settings.quality != Quality():
        crops = [_without_poor(crop, settings.quality) for crop in crops]
    return _lit(crops, settings.illumination)


def all_faces(image: np.ndarray, settings: FaceSettings, detect: Detector | None) -> list[Crop]:
    """Align, crop and light every face of a photograph.

    Args:
        image: uint8, [H, W] or [H, W, 3] RGB.
        settings: What to do; `choose`, `drop_blank` and `quality` are ignored.
        detect: As `make_face_detector` makes it.

    Returns:
        One crop a face, largest face first. Without a face: none with `no_face=drop`, else the
        picture (or its centre) as the only crop, whose `box` is None.

    Raises:
        ConfigError: the detector that settings ask for was not passed.
    """
    return cut_faces(image, find_faces([image], settings, detect)[0], settings)


def find_faces(
    images: Sequence[np.ndarray], settings: FaceSettings, detect: Detector | None
) -> list[list[Detection]]:
    """Every face of each picture, largest first; see `all_faces`."""
    found = [by_area(faces) for faces in _find(images, settings, detect, [None] * len(images))]
    if settings.align == "none" or detect is None:
        return found
    return [
        [face for face in look_again([image] * len(faces), faces, detect) if face]
        for image, faces in zip(images, found, strict=True)
    ]


def cut_faces(image: np.ndarray, faces: Sequence[Detection], settings: FaceSettings) -> list[Crop]:
    """Align, crop and light these faces of a picture, in their order; see `all_faces`."""
    image = to_grey(image) if settings.color == "grey" else to_rgb(image)  # once for all of them
    crops = [_cut(image, face, settings) for face in faces] or [_cut(image, None, settings)]
    kept = [replace(crop, found=len(faces)) for crop in crops if crop.pixels is not None]
    return _lit(kept, settings.illumination)


def _find(
    images: Sequence[np.ndarray],
    settings: FaceSettings,
    detect: Detector | None,
    boxes: Sequence[np.ndarray | None],
) -> list[list[Detection]]:
    if settings.detector == "none":
        return [[Detection(_whole(image), 1.0)] for image in images]
    if settings.detector == "given":
        return [_given(box) for box in boxes]
    if detect is None:
        raise ConfigError(f"faces.detector={settings.detector} was asked for, none was passed.")
    shrinks = [_shrink(image, settings.detect_side) for image in images]
    smaller = [shrunk(image, shrink) for image, shrink in zip(images, shrinks, strict=True)]
    found = detect(smaller)
    return [
        [enlarged(face, shrink) for face in faces]
        for faces, shrink in zip(found, shrinks, strict=True)
    ]


def _whole(image: np.ndarray) -> np.ndarray:
    return np.array([0, 0, image.shape[1], image.shape[0]], dtype=float)


def _given(box: np.ndarray | None) -> list[Detection]:
    if box is None:
        return []
    asked = np.asarray(box, dtype=float)
    is_box = asked.shape == (4,) and np.isfinite(asked).all() and (asked[2:] > asked[:2]).all()
    return [Detection(asked, 1.0)] if is_box else []


def _shrink(image: np.ndarray, side: int) -> float:
    longest = max(image.shape[:2])
    return side / longest if 0 < side < longest and min(image.shape[:2]) > 1 else 1.0


def shrunk(image: np.ndarray, shrink: float) -> np.ndarray:
    """A smaller copy of a picture; itself where `shrink` is 1."""
    if shrink == 1:
        return image
    return cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)


def enlarged(face: Detection, shrink: float) -> Detection:
    """A face found in a copy that was `shrunk`, in the picture's own pixels."""
    if shrink == 1:
        return face
    points = None if face.points is None else face.points / shrink
    return replace(face, box=face.box / shrink, points=points)


def _cut(image: np.ndarray, face: Detection | None, settings: FaceSettings) -> Crop:
    image = to_grey(image) if settings.color == "grey" else to_rgb(image)
    if face is None:
        return _without_face(image, settings)
    if settings.detector == "none":
        return Crop(resize(image, settings.size), score=face.score, box=face.box)
    matrix, fallback = _matrix(face, settings)
    return Crop(
        warp(image, matrix, settings.size),
        score=face.score,
        box=face.box,
        points=face.points,
        fallback=fallback,
    )


def _without_face(image: np.ndarray, settings: FaceSettings) -> Crop:
    if settings.no_face == "drop":
        return Crop(None, dropped="no face")
    if settings.no_face == "center":
        side = min(image.shape[:2])
        top, left = ((length - side) // 2 for length in image.shape[:2])
        image = image[top : top + side, left : left + side]
    return Crop(resize(image, settings.size), fallback=settings.no_face)


def _matrix(face: Detection, settings: FaceSettings) -> tuple[np.ndarray, str]:
    size, margin, points = settings.size, settings.margin, face.points
    if settings.align == "none":
        return box_matrix(face.box, size, margin=margin), ""
    needed = points if settings.align == "five_points" or points is None else points[:_BOTH_EYES]
    if points is None or needed is None or not np.isfinite(needed).all():
        return box_matrix(face.box, size, margin=margin), "unaligned"
    if settings.align == "eyes":
        return eyes_matrix(face.box, points, size, margin=margin), ""
    return five_point_matrix(points, size, margin=margin), ""


def _without_blank(crop: Crop, image: np.ndarray, dark_below: float) -> Crop:
    if crop.pixels is None:
        return crop
    if crop.pixels.min() == crop.pixels.max():
        return replace(crop, pixels=None, dropped="blank")
    if dark_below > 0 and image.mean() < dark_below:
        return replace(crop, pixels=None, dropped="black")
    return crop


def _without_near_constant(crop: Crop, most: float) -> Crop:
    if crop.pixels is None or largest_share(crop.pixels) <= most:
        return crop
    return replace(crop, pixels=None, dropped="near-constant")


def _without_poor(crop: Crop, quality: Quality) -> Crop:
    fault = "" if crop.pixels is None else fault_of(crop.pixels, quality)
    return replace(crop, pixels=None, dropped=fault) if fault else crop


def largest_share(pixels: np.ndarray) -> float:
    """The share of the pixels that have the most frequent grey level, above 0 to 1.

    Args:
        pixels: uint8 [H, W] or [H, W, 3].
    """
    grey = to_grey(pixels)
    return float(np.bincount(grey.ravel()).max() / grey.size)


def _lit(crops: list[Crop], method: str) -> list[Crop]:
    kept = [i for i, crop in enumerate(crops) if crop.pixels is not None]
    if method == "none" or not kept:
        return crops
    lit = relight(np.stack([crops[i].pixels for i in kept]), method)  # type: ignore[misc]
    for i, pixels in zip(kept, lit, strict=True):
        crops[i] = replace(crops[i], pixels=pixels)
    return crops
