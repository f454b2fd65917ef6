"""EMOTIC as the widespread pre-processing leaves it: three csv files, and body crops as .npy.

Row i of `train.csv` is row i of `train_body_arr.npy`. The lists in its cells are Python literals.
"""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ferkit.datasets.cells import read_columns
from ferkit.datasets.emotic.mapping import sex
from ferkit.datasets.layout import find_root, incomplete, refuse_lfs_pointer
from ferkit.datasets.packed import open_text
from ferkit.datasets.walk import is_regular, shown
from ferkit.errors import DataError

SPLITS = ("train", "val", "test")
_COLUMNS = ("Folder", "Filename", "BBox", "Categorical_Labels")
_MEASURES = ("valence", "arousal", "dominance")


def find_preprocessed(root: Path) -> Path | None:
    """The folder whose train.csv has the columns of the pre-processed form."""
    return find_root(root, _is_preprocessed)


def _is_preprocessed(folder: Path) -> bool:
    path = folder / "train.csv"
    if not is_regular(path):
        return False
    with open_text(path, errors="replace") as file:
        header = file.readline(1000)
    return all(name in header for name in _COLUMNS)


def read_preprocessed(folder: Path) -> list[dict[str, Any]]:
    """The persons of the three csv files, one mapping each, as `emotic_mat.persons` has them.

    `row` is added: the person's row in the .npy files of its split.

    Raises:
        DatasetLayoutError: one of the three files is missing.
        DataError: a cell is not what it should be.
    """
    missing = [f"{split}.csv" for split in SPLITS if not is_regular(folder / f"{split}.csv")]
    if missing:
        raise incomplete(
            "emotic",
            f"the pre-processed csv form in {folder}",
            " and ".join(missing),
            "copy all three csv files from where they were made",
        )
    return [row for split in SPLITS for row in _csv_rows(folder / f"{split}.csv", split)]


def _csv_rows(path: Path, split: str) -> list[dict[str, Any]]:
    refuse_lfs_pointer(path)
    table = read_columns(path)
    lacking = [name for name in (*_COLUMNS, "Continuous_Labels") if name not in table]
    if lacking:
        raise DataError(f"emotic: {path} has no column {' and '.join(lacking)}; make it again.")
    seen: dict[str, int] = {}
    rows = []
    for number, cells in enumerate(table.to_dict("records")):
        line = {str(name): str(cell) for name, cell in cells.items()}
        folder = line["Folder"].replace("\\", "/").strip("/")
        photo = f"{folder}/{line['Filename']}"
        seen[photo] = seen.get(photo, -1) + 1
        where = f"{path}, data row {number}"
        continuous = _numbers(line, "Continuous_Labels", where)
        measures = dict(zip(("valence", "arousal", "dominance"), continuous, strict=False))
        rows.append(
            {
                "split": split,
                "folder": folder,
                "filename": line["Filename"],
                "person": seen[photo],
                "width": None,  # `Image Size` is width first in one maker, height first in another
                "height": None,
                "bbox": _numbers(line, "BBox", where),
                "categories": [str(v) for v in _literal(line, "Categorical_Labels", where)],
                **{name: measures.get(name, float("nan")) for name in _MEASURES},
                "sex": sex(line.get("Gender", "")),
                "age": line.get("Age", "").strip().lower(),
                "row": number,
            }
        )
    return rows


def _numbers(line: dict[str, str], name: str, where: str) -> list[float]:
    try:
        return [float(value) for value in _literal(line, name, where)]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"emotic: {where}: {name} is {shown(line[name])!r}, not a list of numbers; make the "
            "csv again."
        ) from error


def _literal(line: dict[str, str], name: str, where: str) -> list[Any]:
    text = line.get(name, "[]").replace("nan", "None")
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise DataError(
            f"emotic: {where}: {name} is {shown(text)!r}, not a list; make the csv again."
        ) from error
    if not isinstance(value, list | tuple):
        raise DataError(f"emotic: {where}: {name} is {text[:60]!r}, not a list; make it again.")
    return [float("nan") if item is None else item for item in value]


def body_crops(folder: Path, rows: Sequence[dict[str, Any]]) -> dict[str, np.ndarray] | None:
    """The body crops of each split, memory-mapped, [N, H, W, 3]; None where there are none.

    Raises:
        DatasetLayoutError: one split's array is missing.
        DataError: an array has not as many rows as its csv, or is not a numeric .npy.
    """
    paths = {split: folder / f"{split}_body_arr.npy" for split in SPLITS}
    there = [split for split in SPLITS if is_regular(paths[split])]
    if not there:
        return None
    if len(there) < len(SPLITS):
        lacking = " and ".join(paths[s].name for s in SPLITS if s not in there)
        raise incomplete(
            "emotic",
            f"the pre-processed form with body crops in {folder}",
            lacking,
            "copy the arrays of all three splits, or none, and give the photographs instead",
        )
    return {split: _array(paths[split], split, rows) for split in SPLITS}


def _array(path: Path, split: str, rows: Sequence[dict[str, Any]]) -> np.ndarray:
    refuse_lfs_pointer(path)
    try:
        crops = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise DataError(f"emotic: {path} is not a numeric .npy array; make it again.") from error
    expected = sum(row["split"] == split for row in rows)
    if crops.ndim != 4 or crops.dtype != np.uint8 or len(crops) != expected:
        raise DataError(
            f"emotic: {path} holds {crops.dtype} {list(crops.shape)}, but {split}.csv has "
            f"{expected} rows of uint8 [H, W, 3] crops; make both in one go."
        )
    return crops


def select_crops(
    crops: dict[str, np.ndarray], rows: Sequence[dict[str, Any]]
) -> np.ndarray:  # [N, H, W, 3]
    """The crops of these rows, in their order; rows must be grouped by split."""
    chosen = [
        crops[split][[row["row"] for row in rows if row["split"] == split]] for split in SPLITS
    ]
    return np.concatenate(chosen)
