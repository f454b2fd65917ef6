"""AffectNet's form of 2021: one tiny .npy file an image and annotation, read without pickle."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import find_root, incomplete, split_name
from ferkit.datasets.packed import is_folder, read_bytes, split_path
from ferkit.datasets.walk import is_regular, list_files, shown, subfolders
from ferkit.errors import DataError
from ferkit.progress import progress
from ferkit.untrusted import guarded

_EXPRESSION, _VALENCE, _AROUSAL = "_exp.npy", "_val.npy", "_aro.npy"
_MOST_BYTES = 10_000
_NO_ARRAY = "is no .npy file of one number or word"
_AGAIN = "copy it again"
_NO_ANNOTATION = "image without an annotation"
_NO_IMAGE = "annotation without an image"
_NO_CLASS = "expression that is none of 0 to 7"


def find_sets(root: Path) -> dict[str, Path] | None:
    """The folders train_set and val_set, by their split; None where there are none.

    Raises:
        DatasetLayoutError: one of the two is missing.
    """
    start = root.parent if _is_set(root) else root
    home = find_root(start, lambda folder: any(map(_is_set, subfolders(folder))))
    if home is None:
        return None
    sets = {split_name(folder.name): folder for folder in subfolders(home) if _is_set(folder)}
    for wanted, name in (("train", "train_set"), ("val", "val_set")):
        if wanted not in sets:
            there = next(iter(sets.values()))
            raise incomplete("affectnet", f"the npy form ({there})", name, "unpack it beside")
    return sets


def _is_set(folder: Path) -> bool:
    return bool(split_name(folder.name)) and is_folder(folder / "annotations")


def read_sets(sets: Mapping[str, Path], codes: Mapping[str, str], valence: bool) -> FaceIndex:
    """Index both sets; val_set is test.

    Args:
        codes: AffectNet's code to emotion.
        valence: Whether valence and arousal are read, too.

    Raises:
        DataError: an annotation is broken.
    """
    home = sets["train"].parent
    dropped: Counter[str] = Counter()
    beside: dict[str, list[str]] = {_NO_ANNOTATION: [], _NO_CLASS: []}
    rows = []
    for name, split in (("train", "train"), ("val", "test")):
        rows += _rows(sets[name], split, codes, valence, dropped, beside)
    dropped |= {why: len(paths) for why, paths in beside.items()}
    warnings = [f"{dropped[w]:,} {w}s" for w in (_NO_ANNOTATION, _NO_IMAGE) if dropped[w]]
    return make_index(
        pd.DataFrame(rows),
        name="affectnet",
        variant="npy annotations",
        root=home,
        emotions=codes.values(),
        dropped=dropped,
        warnings=warnings,
        beside=beside,
    )


def _rows(
    folder: Path,
    split: str,
    codes: Mapping[str, str],
    valence: bool,
    dropped: Counter[str],
    beside: dict[str, list[str]],
) -> list[dict[str, object]]:
    listing = list_files(folder)
    annotated = {
        path.rsplit("/", 1)[-1].removesuffix(_EXPRESSION)
        for path in listing.others
        if path.startswith("annotations/") and path.endswith(_EXPRESSION)
    }
    images = [path for path in listing.images if path.startswith("images/")]
    names = {path: path.rsplit("/", 1)[-1].rpartition(".")[0] for path in images}
    dropped[_NO_IMAGE] += len(annotated - set(names.values()))
    rows: list[dict[str, object]] = []
    home = folder.as_posix()
    with progress(len(images), f"reading {folder.name}", "image", leave=False) as bar:
        for path in images:
            bar.update()
            place = f"{folder.name}/{path}"
            if names[path] not in annotated:
                beside[_NO_ANNOTATION].append(place)
                continue
            start = f"{home}/annotations/{names[path]}"
            label = codes.get(_code(f"{start}{_EXPRESSION}"))
            if label is None:
                beside[_NO_CLASS].append(place)
                continue
            row: dict[str, object] = {"key": place, "path": place, "label": label, "split": split}
            if valence:
                row["valence"] = _number(f"{start}{_VALENCE}")
                row["arousal"] = _number(f"{start}{_AROUSAL}")
            rows.append(row)
    return rows


def _cell(path: str) -> str:
    """The one value of an array without dimensions, a number or a word."""
    try:
        content = _read(path)
    except OSError as error:
        raise DataError(f"affectnet: {path} cannot be read ({error.strerror}).") from error
    start = 10 + int.from_bytes(content[8:10], "little")
    kind = guarded(partial(_dtype, content[:start]), f"affectnet: {path}", _NO_ARRAY, _AGAIN)
    if kind.kind not in "iufUS" or len(content) - start != kind.itemsize:
        raise DataError(f"affectnet: {path} {_NO_ARRAY} (dtype {kind}); {_AGAIN}.")
    cell = np.frombuffer(content, kind, 1, start)[0]
    return (cell.decode("ascii", "replace") if isinstance(cell, bytes) else str(cell)).strip()


def _read(path: str) -> bytes:
    if split_path(path) is not None:
        return read_bytes(Path(path), _MOST_BYTES)
    with open(path, "rb") as file:  # noqa: PTH123 (a Path costs more than the file)
        return file.read(_MOST_BYTES)


@lru_cache(1000)
def _dtype(header: bytes) -> np.dtype:
    """The type of one value by an array's header, which hundreds of thousands share."""
    file = BytesIO(header)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"a header of version {version}")
    shape, _, kind = np.lib.format.read_array_header_1_0(file)
    if shape not in ((), (1,)):
        raise ValueError(f"shape {shape}")
    return kind


def _code(path: str) -> str:
    number = _to_float(_cell(path), path)
    return str(int(number)) if np.isfinite(number) and number.is_integer() else ""


def _number(path: str) -> float:
    value = _to_float(_cell(path), path) if is_regular(path) else float("nan")
    return value if abs(value) <= 1 else float("nan")


def _to_float(text: str, path: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise DataError(
            f"affectnet: {path} holds {shown(text)!r}, not a number; copy it again."
        ) from error
