"""Drawn photographs of drawn people, annotated as EMOTIC's are."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ferkit.datasets.fakes.emotic_annotations import Photo, write_csv, write_mat
from ferkit.drawn.face import draw_photo
from ferkit.errors import ConfigError, unknown

_SOURCES = ("mscoco", "framesdb", "emodb_small", "ade20k")
_VARIANTS = ("mat", "cvpr", "pre")
# The strict mapping's six, and Peace, which is neutral in the broad one.
_CATEGORIES = {
    "Anger": "angry",
    "Aversion": "disgust",
    "Fear": "fear",
    "Happiness": "happy",
    "Sadness": "sad",
    "Surprise": "surprise",
    "Peace": "neutral",
}


def make(
    out: Path,
    *,
    people: int = 10,
    real_size: bool = False,
    seed: int = 0,
    variant: str = "mat",
) -> None:
    """Write photographs in EMOTIC's four source folders and annotations of their people.

    As in the genuine one: photographs with two people, one category and three, people whose
    categories come to two emotions or to none, a person of test without any category, a body box
    beyond the image and one wholly outside, valence that is NaN, a grey photograph, and one that
    is annotated but missing.

    Args:
        out: The dataset's folder, made if needed.
        people: Photographs per emotion in train; val and test have a third.
        real_size: 640x480 instead of 64x48.
        seed: Of all that is drawn.
        variant: `mat`; `cvpr` (cvpr_emotic/ and CVPR17_Annotations.mat) or `pre` (the
            pre-processed csv and npy files in emotic_pre/, without photographs).

    Raises:
        ConfigError: no such variant.
    """
    if variant not in _VARIANTS:
        raise ConfigError(unknown("variant of the fake emotic", variant, _VARIANTS))
    size = (640, 480) if real_size else (64, 48)
    photos = [*_plain(people, size), *_odd(size)]
    drawn = {}
    for number, photo in enumerate(photos):
        image = _draw(photo, number, seed)
        drawn[number] = image
        missing = photo.filename.startswith("missing")
        if variant != "pre" and not missing:
            home = "emotic" if variant == "mat" else "cvpr_emotic"
            path = out / home / photo.folder / photo.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)
    if variant == "pre":
        write_csv(out / "emotic_pre", photos, drawn, 128 if real_size else 32)
    else:
        name = "Annotations/Annotations.mat" if variant == "mat" else "CVPR17_Annotations.mat"
        write_mat(out / name, photos)


def _plain(people: int, size: tuple[int, int]) -> Iterator[Photo]:
    """People of one mapped category: alone, and every third with a neighbour in the photograph."""
    number = 0
    for split in ("train", "val", "test"):
        for _ in range(people if split == "train" else max(2, people // 3)):
            for place, category in enumerate(_CATEGORIES):
                categories = [category, "Engagement", "Confidence"][: 1 + 2 * (number % 2)]
                shown = [categories]
                if number % 3 == 0:
                    shown.append([list(_CATEGORIES)[(place + 1) % 7]])
                yield _photo(split, number, size, shown)
                number += 1


def _odd(size: tuple[int, int]) -> Iterator[Photo]:
    yield _photo("train", 9000, size, [["Happiness", "Sadness"]])  # several emotions
    yield _photo("train", 9001, size, [["Engagement", "Affection"]])  # none that is mapped
    yield _photo("test", 9002, size, [[]])
    outside = _photo("train", 9003, size, [["Fear"], ["Happiness"]])
    outside.people[0]["bbox"] = [-10.0, -5.5, size[0] * 0.6, size[1] + 20.0]
    outside.people[1]["bbox"] = [size[0] + 5.0, 3.0, size[0] + 30.0, size[1]]
    outside.people[0]["vad"] = [float("nan"), 5.0, 6.0]
    yield outside
    yield _photo("val", 9004, size, [["Anger"]], stem="missing")
    yield _photo("train", 9005, size, [["Doubt/Confusion", "Surprise"]], stem="grey")


def _photo(
    split: str,
    number: int,
    size: tuple[int, int],
    shown: Sequence[Sequence[str]],
    stem: str = "photo",
) -> Photo:
    width, height = size
    step = width / len(shown)
    people = [
        {
            "bbox": [step * i + 1, 0.1 * height, step * (i + 1) - 1.5, float(height)],
            "categories": list(categories),
            "vad": [float(1 + (number + i) % 10), 5.0, 6.0],
            "gender": ("Female", "Male")[(number + i) % 2],
            "age": ("Adult", "Teenager", "Kid")[(number + i) % 3],
        }
        for i, categories in enumerate(shown)
    ]
    folder = f"{_SOURCES[number % len(_SOURCES)]}/images"
    return Photo(split, folder, f"{stem}_{number:06d}.jpg", size, people)


def _draw(photo: Photo, number: int, seed: int) -> np.ndarray:
    """The photograph, [H, W, 3] BGR: its people side by side, faces in the upper body."""
    width, height = photo.size
    strips = []
    for i, person in enumerate(photo.people):
        step = round(width * (i + 1) / len(photo.people)) - round(width * i / len(photo.people))
        side = min(step * 0.8, height * 0.6)
        left, top = (step - side) / 2, height * 0.1
        strip, _, _ = draw_photo(
            _emotion(person),
            person=number * 2 + i,
            rng=np.random.default_rng([seed, number, i]),
            width=step,
            height=height,
            box=(left, top, left + side, top + side),
        )
        strips.append(strip)
    image = cv2.cvtColor(np.hstack(strips), cv2.COLOR_RGB2BGR)
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if "grey" in photo.filename else image


def _emotion(person: Mapping[str, Any]) -> str:
    named = [_CATEGORIES[c] for c in person["categories"] if c in _CATEGORIES]
    return named[0] if named else "neutral"
