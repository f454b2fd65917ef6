"""Annotations of drawn photographs in EMOTIC's two formats: the .mat, and csv with npy."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ferkit.datasets.emotic.mapping import CATEGORIES

_SPLITS = ("train", "val", "test")
_HEADER = (
    *("Index", "Folder", "Filename", "Image Size", "BBox"),
    *("Categorical_Labels", "Continuous_Labels", "Gender", "Age"),
)


@dataclass
class Photo:
    """One photograph and its people, as both annotation formats need them."""

    split: str
    folder: str
    filename: str
    size: tuple[int, int]  # width, height
    people: list[dict[str, Any]]  # bbox, categories, vad, gender, age


def write_mat(path: Path, photos: Sequence[Photo]) -> None:
    """Write the structs train, val and test, their fields in the genuine order."""
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        split: _structs([_image(photo) for photo in photos if photo.split == split])
        for split in ("val", "train", "test")
    }
    savemat(path, content, do_compression=True)


def _structs(items: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """A 1xN struct array."""
    array = np.empty((1, len(items)), dtype=[(name, object) for name in items[0]])
    for place, item in enumerate(items):
        for name, value in item.items():
            array[0, place][name] = value
    return array


def _cell(values: Sequence[str]) -> np.ndarray:
    array = np.empty((1, len(values)), dtype=object)
    for place, value in enumerate(values):
        array[0, place] = value
    return array


def _image(photo: Photo) -> dict[str, Any]:
    width, height = photo.size
    database = {"name": photo.folder.split("/")[0], "info": "drawn"}
    return {
        "filename": photo.filename,
        "folder": photo.folder,
        "image_size": _structs([{"n_col": float(width), "n_row": float(height)}]),
        "original_database": _structs([database]),
        "person": _structs([_person(person, photo.split) for person in photo.people]),
    }


def _person(person: Mapping[str, Any], split: str) -> dict[str, Any]:
    names = ("valence", "arousal", "dominance")
    measures = dict(zip(names, person["vad"], strict=True))
    chosen = person["categories"]
    about = {"gender": person["gender"], "age": person["age"]}
    box = {"body_bbox": np.array([person["bbox"]])}
    if split == "train":
        return {
            **box,
            "annotations_categories": _structs([{"categories": _cell(chosen)}]),
            "annotations_continuous": _structs([measures]),
            **about,
        }
    annotators = [{"categories": _cell(chosen[:1])}, {"categories": _cell(chosen)}]
    return {
        **box,
        "annotations_categories": _structs(annotators),
        "combined_categories": _cell(chosen),
        "annotations_continuous": _structs([measures, measures]),
        "combined_continuous": _structs([measures]),
        **about,
    }


def write_csv(
    folder: Path, photos: Sequence[Photo], drawn: Mapping[int, np.ndarray], side: int
) -> None:
    """Write the three csv files, and the arrays of bodies, contexts, categories and measures.

    Args:
        folder: Where to, made if needed.
        photos: All photographs.
        drawn: Photograph by its place in `photos`, BGR or grey.
        side: Of the body crops in pixels; contexts are 7/4 of it, as 224 is of 128.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for split in _SPLITS:
        chosen = [(i, p, q) for i, p in enumerate(photos) if p.split == split for q in p.people]
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_HEADER)
            for row, (_, photo, person) in enumerate(chosen):
                writer.writerow(_cells(row, photo, person))
        whole = [_rgb(drawn[i]) for i, _, _ in chosen]
        bodies = [_crop(image, q["bbox"]) for image, (_, _, q) in zip(whole, chosen, strict=True)]
        arrays = {
            "context": [cv2.resize(image, (side * 7 // 4, side * 7 // 4)) for image in whole],
            "body": [cv2.resize(body, (side, side)) for body in bodies],
            "cat": [[float(c in q["categories"]) for c in CATEGORIES] for _, _, q in chosen],
            "cont": [q["vad"] for _, _, q in chosen],
        }
        for name, array in arrays.items():
            np.save(folder / f"{split}_{name}_arr.npy", np.array(array))


def _cells(row: int, photo: Photo, person: Mapping[str, Any]) -> list[Any]:
    box = [int(v) for v in person["bbox"]]
    measures = [v if v != v else int(v) for v in person["vad"]]
    where = [row, photo.folder, photo.filename, list(photo.size), box]
    return [*where, person["categories"], measures, person["gender"], person["age"]]


def _rgb(image: np.ndarray) -> np.ndarray:
    code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(image, code)


def _crop(image: np.ndarray, bbox: Sequence[float]) -> np.ndarray:
    height, width = image.shape[:2]
    x1, y1 = min(max(int(bbox[0]), 0), width - 2), min(max(int(bbox[1]), 0), height - 2)
    return image[y1 : max(int(bbox[3]), y1 + 1), x1 : max(int(bbox[2]), x1 + 1)]
