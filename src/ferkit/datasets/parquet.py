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
from pathlib import Path
from typing import Any

import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.labels import LabelOptions, unused_names
from ferkit.datasets.layout import not_found, refuse_lfs_pointer
from ferkit.datasets.packed import inside, refuse_packed
from ferkit.datasets.parquet_rows import MISSING, Shard, rows_of
from ferkit.datasets.shards import name_natives
from ferkit.datasets.walk import is_regular, list_files, shown
from ferkit.errors import DataError, DatasetLayoutError, unknown

_IMAGE = ("image", "img", "pixel_values", "face", "picture", "jpg", "png")
_LABEL = ("label", "labels", "emotion", "expression", "class", "class_label", "target")


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
    frame = pd.concat([rows_of(base, shard, subject, dropped) for shard in shards])
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
) -> tuple[list[Shard], list[str]]:
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
        shards.append(Shard(path, column, its, _class_names(features.get(its))))
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
    if dropped[MISSING]:
        warnings.append(
            f"{dropped[MISSING]:,} rows hold no image and name no file that is there; left out"
        )
    return warnings
