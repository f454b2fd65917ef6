"""EMOTIC: 23,571 photographs of 34,320 people in context, 26 categories a person.

What it is: photographs from COCO, ADE20K, an own collection and video frames. Annotated are
persons by body box, each with one or more of 26 categories and valence, arousal and dominance
(1..10). Persons are not faces: many are seen from behind or are tiny, so a face detector belongs
between this index and training (`box` is the body box).
Layout: `emotic/{mscoco,framesdb,emodb_small,ade20k}/images/*.jpg` and, a download of its own,
`Annotations/Annotations.mat`; or the widespread pre-processed form `emotic_pre/` of
train/val/test.csv with `*_body_arr.npy`.
Classes: angry, disgust, fear, happy, sad, surprise (`mapping=strict`), neutral too (`broad`); see
`emotic_mapping`. A person whose categories come to several emotions is ambiguous and dropped.
Protocol: official train, val and test. No subject ids. `sequence` is the photo, so that a split by
sequence never parts the people of one photo.
Extra columns: sex (F, M), age (kid, teenager, adult), valence, arousal, dominance, category_<name>.
Licence: non-commercial research and education; request form at github.com/rkosti/emotic; no
redistribution; COCO's and ADE20K's terms hold for their photographs.
Reference: Kosti, Alvarez, Recasens, Lapedriza, "Context Based Emotion Recognition using EMOTIC
Dataset", TPAMI 2019 (arXiv:2003.13401).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ferkit.datasets.accounts import reader
from ferkit.datasets.emotic.mapping import CATEGORIES, category, column, emotions_of, load_mapping
from ferkit.datasets.emotic.mat import read_mat
from ferkit.datasets.emotic.pre import (
    body_crops,
    find_preprocessed,
    read_preprocessed,
    select_crops,
)
from ferkit.datasets.given import as_root
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import check_counts, find_file, find_root, incomplete, not_found
from ferkit.datasets.packed import is_folder, open_bytes
from ferkit.datasets.walk import file_names
from ferkit.errors import ConfigError, DatasetNotFoundError, unknown

SOURCES = ("mscoco", "framesdb", "emodb_small", "ade20k")
_MAT_NAMES = ("Annotations.mat", "CVPR17_Annotations.mat")
_MAT_PERSONS = {"train": 23_706, "val": 3_334, "test": 7_280}  # the release of the TPAMI paper
_PRE_PERSONS = {"train": 23_266, "val": 3_315, "test": 7_203}
_GET_IT = "request form at github.com/rkosti/emotic"
_LICENCE = "non-commercial research and education, no redistribution"
_TREE = (
    "emotic/{mscoco,framesdb,emodb_small,ade20k}/images/*.jpg and Annotations/Annotations.mat "
    "(a separate download)"
)


@dataclass
class _Persons:
    """What was found of the dataset: one row a person, and where its pixels are."""

    rows: list[dict[str, Any]]
    variant: str
    home: Path
    expected: dict[str, int]
    photographs: Path | None
    crops: dict[str, np.ndarray] | None = None
    dropped: dict[str, int] = field(default_factory=dict)


@reader
def read_emotic(
    root: Path | str,
    *,
    mapping: str | None = "strict",
    ambiguous: Literal["drop", "unlabelled"] = "drop",
    images_root: Path | str | None = None,
    missing: Literal["stop", "drop"] = "stop",
    strict: bool = False,
) -> FaceIndex:
    """Read EMOTIC's persons, one row each.

    Args:
        root: Folder that holds the annotations and the images, at any nesting up to three levels.
        mapping: `strict`, `broad`, the path of a yaml of `Category: emotion` lines, or
            `multi_hot`: no labels, the 26 columns alone.
        ambiguous: Drop a person whose categories come to several emotions, or keep it unlabelled.
        images_root: The folder that holds mscoco, framesdb, emodb_small and ade20k, where it does
            not lie under `root`.
        missing: Whether a source without a single image stops the load, or its persons are
            dropped. Single missing images are always dropped and counted.
        strict: Whether counts other than the published ones stop the load.

    Raises:
        ConfigError: no or an unknown mapping.
        DatasetNotFoundError: neither annotations nor images under the root.
        DatasetLayoutError: the annotations or a source of images are missing.
        DataError: an annotation file cannot be read, or `strict` and counts differ.
    """
    table = {} if mapping == "multi_hot" else load_mapping(mapping)
    if ambiguous not in ("drop", "unlabelled"):
        raise ConfigError(unknown("ambiguous policy", ambiguous, ["drop", "unlabelled"]))
    elsewhere = None if images_root is None else as_root(images_root, "dataset.images_root")
    found = _open(Path(root), elsewhere)
    photos = {_photo(row) for row in found.rows}
    per_split = {s: sum(row["split"] == s for row in found.rows) for s in found.expected}
    warnings = check_counts("emotic", "persons", per_split, found.expected, strict)
    persons = len(found.rows)
    if found.crops is None:
        _keep_existing(found, missing)
        _clamp_boxes(found)
    warnings += _name_categories(found.rows)
    if table:
        _label(found, table, ambiguous)
    else:
        warnings.append(
            "mapping=multi_hot: no row carries a label, so nothing can be trained on this; "
            "set dataset.mapping=strict, broad or the path of a yaml"
        )
    pixels = None if found.crops is None else select_crops(found.crops, found.rows)
    return make_index(
        [_index_row(row) for row in found.rows],
        name="emotic",
        variant=f"{found.variant}, mapping={mapping}",
        root=found.home,
        emotions=set(table.values()),
        images=pixels,
        dropped=found.dropped,
        notes=_notes(found, persons, table),
        warnings=warnings,
        fingerprint="" if pixels is None else hashlib.sha256(pixels.data).hexdigest(),
        beside=_beside(found, photos),
        roots=[] if elsewhere is None else [elsewhere],
    )


def _beside(found: _Persons, photos: set[str]) -> dict[str, list[str]]:
    if found.photographs is None:
        return {}
    why = "photograph whose people are left out"
    if found.crops is not None:
        why = "photograph (crops of its people are read)"
    return {why: [str(found.photographs / photo) for photo in sorted(photos)]}


def _open(root: Path, images_root: Path | None) -> _Persons:
    images = _find_images(root if images_root is None else images_root)
    mat, pre = find_file(root, _MAT_NAMES), find_preprocessed(root)
    if mat is None and pre is None:
        raise _no_annotations(root, images)
    crops = None
    if mat is not None:
        rows, variant, expected = read_mat(mat), mat.name, _MAT_PERSONS
    else:
        assert pre is not None
        rows, variant, expected = read_preprocessed(pre), "pre-processed csv", _PRE_PERSONS
        crops = body_crops(pre, rows)
    if crops is not None and pre is not None:
        return _Persons(rows, f"{variant} with body crops", pre, expected, images, crops)
    if images is None:
        raise incomplete(
            "emotic",
            f"{variant} in {(mat or pre or root).parent}",
            "every photograph (no folder mscoco, framesdb, emodb_small or ade20k)",
            "extract emotic.zip beside it, or set dataset.images_root=DIR to the folder that "
            "holds these four",
        )
    return _Persons(rows, f"{variant} with photographs", images, expected, images)


def _find_images(base: Path) -> Path | None:
    return find_root(base, lambda f: any(is_folder(f / source / "images") for source in SOURCES))


def _no_annotations(root: Path, images: Path | None) -> Exception:
    if images is not None:
        return incomplete(
            "emotic",
            f"the photographs in {images}",
            "Annotations.mat",
            "it is a separate download; put it under the same folder",
        )
    if find_root(root, lambda f: is_folder(f / "train2014") or is_folder(f / "val2014"), 1):
        return DatasetNotFoundError(
            f"emotic: {root} holds COCO itself, not EMOTIC, which chose photographs of it and "
            f"annotated their people anew. Get it: {_GET_IT}; expected layout: {_TREE}."
        )
    looked_for = "Annotations.mat, CVPR17_Annotations.mat, or train/val/test.csv with BBox"
    return not_found("emotic", root, looked_for, _GET_IT, _LICENCE, _TREE)


def _keep_existing(found: _Persons, missing: str) -> None:
    """Drop persons whose photograph is not there; a whole source of them deserves a stop."""
    folders = {row["folder"] for row in found.rows}
    files = {name: _names_in(found.home / name) for name in folders}
    kept = [row for row in found.rows if row["filename"] in files[row["folder"]]]
    whole = folders - {row["folder"] for row in kept}  # folders of which nothing is there
    if whole and missing == "stop":
        photos = {_photo(row) for row in found.rows}
        lost = {_photo(row) for row in found.rows if row["folder"] in whole}
        raise incomplete(
            "emotic",
            f"{found.variant} in {found.home}",
            f"a part ({len(lost)} of {len(photos)} images, all under "
            f"{' and '.join(sorted(whole))}: not extracted)",
            "extract it too, or set dataset.missing=drop to go on without these people",
        )
    found.dropped["photograph missing"] = len(found.rows) - len(kept)
    found.rows = kept


def _names_in(folder: Path) -> set[str]:
    return set(file_names(folder))


def _photo(row: Mapping[str, Any]) -> str:
    return f"{row['folder']}/{row['filename']}"


def _clamp_boxes(found: _Persons) -> None:
    """Cut body boxes to the image; drop those of which less than a pixel is left."""
    kept = []
    for row in found.rows:
        width, height = _image_size(row, found.home)
        if len(row["bbox"]) == 4 and np.isfinite(row["bbox"]).all():
            x1, y1, x2, y2 = row["bbox"]
            box = [max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height)]
            if box[2] - box[0] >= 1 and box[3] - box[1] >= 1:
                kept.append({**row, "box": box})
    found.dropped["no usable body box"] = len(found.rows) - len(kept)
    found.rows = kept


def _image_size(row: Mapping[str, Any], home: Path) -> tuple[float, float]:
    if row["width"] and row["height"]:
        return row["width"], row["height"]
    from PIL import Image

    try:
        with (
            open_bytes(home / row["folder"] / row["filename"]) as file,
            Image.open(file) as image,
        ):
            return image.size
    except OSError:  # broken files are counted when faces are prepared
        return float("inf"), float("inf")


def _name_categories(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Put categories into their canonical spelling; unknown ones are left out and reported."""
    foreign: dict[str, int] = {}
    for row in rows:
        named = {name: category(name) for name in row["categories"]}
        for name, known in named.items():
            if known is None:
                foreign[name] = foreign.get(name, 0) + 1
        row["categories"] = sorted({known for known in named.values() if known})
    listed = ", ".join(f"{name!r} {n} times" for name, n in sorted(foreign.items()))
    return [f"categories that are none of the 26 were passed over: {listed}"] if listed else []


def _label(found: _Persons, table: Mapping[str, str], ambiguous: str) -> None:
    counts = {"no category at all": 0, "no mapped category": 0, "several emotions (ambiguous)": 0}
    kept = []
    for row in found.rows:
        emotions = emotions_of(row["categories"], table)
        if len(emotions) == 1:
            kept.append({**row, "label": emotions.pop()})
        elif not emotions:
            reason = "no mapped category" if row["categories"] else "no category at all"
            counts[reason] += 1
        elif ambiguous == "unlabelled":
            kept.append(row)
        else:
            counts["several emotions (ambiguous)"] += 1
    found.dropped |= counts
    found.rows = kept


def _index_row(row: Mapping[str, Any]) -> dict[str, Any]:
    photo = _photo(row)
    return {
        "key": f"{row['split']}/{photo}#{row['person']}",
        "path": photo if "box" in row else "",
        "label": row.get("label", ""),
        "split": row["split"],
        "sequence": photo,
        "box": row.get("box"),
        **{name: row[name] for name in ("sex", "age", "valence", "arousal", "dominance")},
        **{column(name): name in row["categories"] for name in CATEGORIES},
    }


def _notes(found: _Persons, persons: int, table: Mapping[str, str]) -> list[str]:
    photos = len({_photo(row) for row in found.rows})
    rules = ", ".join(f"{name} -> {emotion}" for name, emotion in table.items())
    notes = [
        f"{len(found.rows)} of {persons} persons kept, in {photos} photographs; "
        "boxes are bodies, not faces",
        "no subject ids; a photograph is a sequence: split by sequence keeps its people together",
    ]
    return [*notes, f"our mapping, not the authors': {rules}"] if table else notes
