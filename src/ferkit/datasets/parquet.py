"""Parquet files with the images in them, as the Hugging Face hub keeps datasets.

What: any dataset with a column of images (`struct{bytes, path}` or bytes) and one of labels, whose
class names stand in the file's own metadata (key `huggingface`), or are text. Images are read
where they lie; where a cell holds no bytes, its `path` names a file beside.

Layout (any nesting; a single file will do)::

    data/train-00000-of-00002.parquet   train/0000.parquet   fer2013_test.parquet

Splits: by the file's name, else its folder's; none where neither says one.
Classes: emotions or their usual other names; numbers without names need `label_order`, for a
number's meaning is never guessed. `-1` and empty labels are unlabelled.
Subjects: where a column has them, `subject` names it.
Licence: that of the dataset.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.labels import LabelOptions, unused_names
from ferkit.datasets.layout import not_found, refuse_lfs_pointer
from ferkit.datasets.packed import inside, refuse_packed
from ferkit.datasets.shards import name_natives, shard_split
from ferkit.datasets.walk import is_regular, list_files, shown
from ferkit.errors import DataError, DatasetLayoutError, unknown

_IMAGE = ("image", "img", "pixel_values", "face", "picture", "jpg", "png")
_LABEL = ("label", "labels", "emotion", "expression", "class", "class_label", "target")
_BATCH = 256
_MISSING = "missing file"


@dataclass
class _Shard:
    """A parquet file with images: the columns that are read, and its class names."""

    path: str
    image: str
    label: str
    names: list[str] | None
    beside: list[str] = field(default_factory=list)


@reader
def read_parquet(
    root: Path | str,
    *,
    name: str = "parquet",
    image: str | None = None,
    label: str | None = None,
    subject: str | None = None,
    label_order: Sequence[str] | None = None,
    labels: LabelOptions | None = None,
    emotions: Sequence[str] | None = None,
) -> FaceIndex:
    """Index the images in parquet files; of their cells, the labels alone are read.

    Args:
        root: The folder of the files, or one of them.
        name: The dataset's name in the index.
        image: The column of images, where several could be it.
        label: The column of labels, where several could be it.
        subject: A column that names the person.
        label_order: Emotions of labels that are numbers without names, ascending.
        labels: `{map: {label: emotion or None}}`, which renames, merges or drops.
        emotions: Class names of one's own instead of the canonical ones.

    Raises:
        ConfigError: an option names no known emotion.
        DatasetNotFoundError: there is no parquet file with images.
        DataError: a file is damaged, or a column or the meaning of a label is unknown.
    """
    base, files = _files(Path(root), name)
    shards, others = _shards(base, files, image, label)
    if not shards:
        raise _nothing(Path(root), name, others)
    dropped: Counter[str] = Counter()
    frame = pd.concat([_rows(base, shard, subject, dropped) for shard in shards])
    natives = frame["label"]
    label_of = name_natives(
        natives, base, labels=labels, emotions=emotions, label_order=label_order
    )
    frame["label"] = natives.map(label_of)
    unwanted = (frame["label"] == "") & (natives != "")
    dropped.update(natives[unwanted].map(lambda native: f"class {shown(native)} (labels.map)"))
    return make_index(
        frame[~unwanted],
        name=name,
        variant=f"{len(shards)} parquet files with images",
        root=base,
        dropped=dropped,
        notes=[*unused_names(labels, natives), *_splitless(frame)],
        warnings=_warnings(others, dropped),
        beside={"image of a class that is left out": frame["path"][unwanted].tolist()},
        outside="in no row of the parquet files",
    )


def _files(root: Path, name: str) -> tuple[Path, list[str]]:
    if is_regular(root) and root.suffix.lower() == ".parquet":
        return root.parent, [root.name]
    if inside(root):
        refuse_packed(root)
    listing = list_files(root, strict=False)
    files = [path for path in listing.others if path.lower().endswith(".parquet")]
    if not files:
        raise _nothing(root, name, [])
    return root, files


def _nothing(root: Path, name: str, others: Sequence[str]) -> DataError:
    if others:
        return DatasetLayoutError(
            f"{name}: none of the {len(others)} parquet files below {root} has a column of images "
            f"(e.g. {shown(others[0])}); a table of paths is read by dataset=table."
        )
    return not_found(
        name,
        root,
        looked_for=".parquet files with a column of images",
        get_it="huggingface.co/datasets, the files of a dataset's folder data/",
        licence="that of the dataset",
        tree="data/train-00000-of-00001.parquet",
    )


def _shards(
    base: Path, files: Sequence[str], image: str | None, label: str | None
) -> tuple[list[_Shard], list[str]]:
    """The files that hold images, and the paths of the others."""
    shards, others = [], []
    for path in files:
        schema = _schema(base / path)
        features = _features(schema)
        column = _image_column(schema, features, image, base / path)
        if column is None:
            others.append(path)
            continue
        its = _label_column(schema, features, label, base / path)
        shards.append(_Shard(path, column, its, _class_names(features.get(its))))
    named = {tuple(shard.names) for shard in shards if shard.names}
    if len(named) > 1:
        first, second = sorted(named)[:2]
        raise DatasetLayoutError(
            f"{base}: the parquet files disagree on the names of the classes ({list(first)} and "
            f"{list(second)}), so they are not one dataset; read them one by one."
        )
    return shards, others


def _schema(path: Path) -> Any:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_schema

    refuse_lfs_pointer(path)
    try:
        return read_schema(path)
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as parquet ({shown(error)}); download it again."
        ) from error


def _features(schema: Any) -> dict[str, Mapping[str, Any]]:
    """Column to what the hub's own library wrote of it; nothing where that cannot be read."""
    try:
        content = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = content["info"]["features"]
        return {str(k): v for k, v in features.items() if isinstance(v, Mapping)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _class_names(feature: Mapping[str, Any] | None) -> list[str] | None:
    names = (feature or {}).get("names")
    if isinstance(names, Mapping):
        names = [names[key] for key in sorted(names, key=lambda k: int(k) if k.isdecimal() else 0)]
    return list(map(str, names)) if isinstance(names, list) and names else None


def _image_column(
    schema: Any, features: Mapping[str, Mapping[str, Any]], asked: str | None, path: Path
) -> str | None:
    there = [f.name for f in schema if _holds_images(f.type)]
    if asked is not None:
        if asked not in there:
            raise DatasetLayoutError(f"{path}: {unknown('column of images', asked, there)}")
        return asked
    marked = [n for n in there if features.get(n, {}).get("_type") == "Image"]
    return _one(marked or there, _IMAGE, "image", path)


def _holds_images(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        inner = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
        return "bytes" in inner and _holds_images(inner["bytes"])
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _one(names: list[str], known: Sequence[str], key: str, path: Path) -> str | None:
    usual = [name for word in known for name in names if name.lower() == word]
    if len(names) > 1 and not usual:
        listed = ", ".join(map(shown, names[:8]))
        raise DatasetLayoutError(
            f"{path} has {len(names)} columns that could be the {key} ({listed}); name it by "
            f"dataset.{key}=NAME."
        )
    return usual[0] if usual else next(iter(names), None)


def _label_column(
    schema: Any, features: Mapping[str, Mapping[str, Any]], asked: str | None, path: Path
) -> str:
    if asked is not None and asked in schema.names:
        return asked
    if asked is None:
        marked = [n for n in schema.names if features.get(n, {}).get("_type") == "ClassLabel"]
        usual = [n for n in schema.names if n.lower() in _LABEL]
        if found := _one(marked or usual, _LABEL, "label", path):
            return found
    listed = [shown(name) for name in schema.names]
    raise DatasetLayoutError(
        f"{path}: {unknown('column', asked or 'label', listed)} Name it by dataset.label=NAME."
    )


def _rows(base: Path, shard: _Shard, subject: str | None, dropped: Counter[str]) -> pd.DataFrame:
    """The rows of one file, `label` as it stands there, by its class name where it has one."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    path = base / shard.path
    try:
        file = ParquetFile(path, memory_map=True)
        if subject is not None and subject not in file.schema_arrow.names:
            raise DatasetLayoutError(
                f"{path}: {unknown('column', subject, file.schema_arrow.names)}"
            )
        table = file.read([shard.label, *([subject] if subject else [])])
        paths = _paths(file, base, shard, dropped)
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as parquet ({shown(error)}); download it again."
        ) from error
    frame = pd.DataFrame(
        {
            "key": [f"{shard.path}#{row:07d}" for row in range(len(paths))],
            "path": paths,
            "label": _natives(table[shard.label].to_pylist(), shard, path),
            "split": shard_split(shard.path),
        }
    )
    if subject:
        whos = table[subject].to_pylist()
        frame["subject"] = ["" if who is None else str(who).strip() for who in whos]
    return frame[frame["path"] != ""]


def _natives(cells: list[Any], shard: _Shard, path: Path) -> list[str]:
    named: dict[Any, str] = {}
    for row, cell in enumerate(cells):
        if isinstance(cell, list | dict | bytes):
            raise DatasetLayoutError(
                f"{path}: row {row} of the column {shown(shard.label)} holds "
                f"{shown(cell)}, not one label; choose another by dataset.label=NAME."
            )
        if cell not in named:
            named[cell] = _native(cell, shard, f"{path}, row {row}")
    return [named[cell] for cell in cells]


def _native(cell: Any, shard: _Shard, where: str) -> str:
    if cell is None or cell != cell or cell == -1:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if shard.names is None or not isinstance(cell, int):
        return str(cell).strip()
    if not 0 <= cell < len(shard.names):
        raise DataError(
            f"{where}: the label {cell} is beyond the {len(shard.names)} classes that the file "
            f"names ({', '.join(map(shown, shard.names[:8]))}); download it again."
        )
    return shard.names[cell]


def _paths(file: Any, base: Path, shard: _Shard, dropped: Counter[str]) -> list[str]:
    """Where each row's image lies: its cell, a file beside, or "" where there is none."""
    paths = [f"{shard.path}/{shard.image}/{row}" for row in range(file.metadata.num_rows)]
    leaves = [file.metadata.schema.column(i).path for i in range(file.metadata.num_columns)]
    leaf = f"{shard.image}.bytes"
    column = leaf if leaf in leaves else shard.image
    start = 0
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        statistics = about.column(leaves.index(column)).statistics
        if statistics is None or not statistics.has_null_count or statistics.null_count:
            for row, name in _without_bytes(file, shard.image, group, column != leaf):
                paths[start + row] = _file_beside(base, shard.path, name)
                dropped[_MISSING] += not paths[start + row]
        start += about.num_rows
    return paths


def _without_bytes(file: Any, image: str, group: int, plain: bool) -> list[tuple[int, str]]:
    """Rows of a group whose cell holds no bytes, with the path it names."""
    found, row = [], 0
    for batch in file.iter_batches(_BATCH, row_groups=[group], columns=[image]):
        cells = batch.column(0)
        content = cells if plain else cells.field("bytes")
        empty = content.is_null().to_pylist()
        for i, lacks in enumerate(empty):
            if lacks:
                cell = None if plain else cells[i].as_py()
                found.append((row + i, str((cell or {}).get("path") or "")))
        row += len(cells)
    return found


def _file_beside(base: Path, shard: str, name: str) -> str:
    name = name.replace("\\", "/")
    if not name or ".." in name.split("/") or name.startswith("/") or ":" in name:
        return ""
    folder = shard.rpartition("/")[0]
    for path in (f"{folder}/{name}".removeprefix("/"), name):
        if is_regular(base / path):
            return path
    return ""


def _splitless(frame: pd.DataFrame) -> list[str]:
    if (frame["split"] != "").all():
        return []
    return ["the names of some parquet files say no split (train, validation, test)"]


def _warnings(others: Sequence[str], dropped: Counter[str]) -> list[str]:
    warnings = []
    if others:
        warnings.append(
            f"{len(others)} parquet files hold no column of images and are not read, e.g. "
            f"{shown(others[0])}"
        )
    if dropped[_MISSING]:
        warnings.append(
            f"{dropped[_MISSING]:,} rows hold no image and name no file that is there; left out"
        )
    return warnings
