"""EMOTIC's Annotations.mat, read by field names.

Positions of fields differ between train and val/test, and loaders disagree whether the first of an
image's two sizes is its width, so nothing here goes by position.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ferkit.datasets.emotic.mapping import sex
from ferkit.datasets.layout import incomplete
from ferkit.datasets.matlab import as_list, field, load_mat, numbers, texts

SPLITS = ("train", "val", "test")


def read_mat(path: Path) -> list[dict[str, Any]]:
    """The persons of an annotation file, one mapping each (see `persons`).

    Raises:
        DataError: the file cannot be read.
        DatasetLayoutError: one of train, val and test is not in it.
    """
    return persons(load_mat("emotic", path), path.name)


def persons(content: Mapping[str, Any], name: str = "Annotations.mat") -> list[dict[str, Any]]:
    """One mapping a person from the variables of a loaded file (see `ferkit.datasets.matlab`).

    Returns:
        Mappings of `split`, `folder`, `filename`, `person` (0-based in its photo), `width` and
        `height` (of the image, None where not given), `bbox` (numbers as the file has them),
        `categories`, `valence`, `arousal`, `dominance` (1..10 or NaN), `sex` and `age`.

    Raises:
        DatasetLayoutError: one of train, val and test is not among the variables.
    """
    missing = [split for split in SPLITS if split not in content]
    if missing:
        raise incomplete(
            "emotic",
            name,
            f"the variable {' and '.join(missing)}",
            "take Annotations.mat as it was downloaded",
        )
    return [row for split in SPLITS for row in _split_rows(split, content[split])]


def _split_rows(split: str, images: object) -> Iterator[dict[str, Any]]:
    seen: dict[str, int] = {}
    for image in as_list(images):
        folder = "/".join(texts(field(image, "folder"))).replace("\\", "/").strip("/")
        filename = "".join(texts(field(image, "filename")))
        size = field(image, "image_size")
        width, height = numbers(field(size, "n_col")), numbers(field(size, "n_row"))
        for person in as_list(field(image, "person")):
            photo = f"{folder}/{filename}"
            number = seen[photo] = seen.get(photo, -1) + 1
            yield {
                "split": split,
                "folder": folder,
                "filename": filename,
                "person": number,
                "width": width[0] if width else None,
                "height": height[0] if height else None,
                "bbox": numbers(field(person, "body_bbox")),
                **_annotation(person),
            }


def _annotation(person: object) -> dict[str, Any]:
    categories = field(person, "combined_categories")
    if categories is None:  # train has one annotator and no combination
        annotators = as_list(field(person, "annotations_categories"))
        categories = [field(annotator, "categories") for annotator in annotators]
    continuous = field(person, "combined_continuous")
    if continuous is None:
        continuous = field(person, "annotations_continuous")
    measures = as_list(continuous)
    return {
        "categories": texts(categories),
        **{name: _mean(measures, name) for name in ("valence", "arousal", "dominance")},
        "sex": sex("".join(texts(field(person, "gender")))),
        "age": "".join(texts(field(person, "age"))).lower(),
    }


def _mean(measures: list[Any], name: str) -> float:
    values = [v for measure in measures for v in numbers(field(measure, name)) if v == v]
    return float(np.mean(values)) if values else float("nan")
