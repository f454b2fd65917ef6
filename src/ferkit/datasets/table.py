"""A csv or parquet table of paths and labels and, where known, subject, split and sequence.

    path,label,subject,split,sequence,frame
    p01/0001.jpg,happiness,p01,train,,

Only path and label are needed; `columns` names them where they are called otherwise, and takes
any further column into the index by its name there (`columns: {sex: Gender}`). Paths are
relative to the root or to the table's own folder. An empty label means unlabelled. Labels are
emotions or their usual other names; `labels.map` renames, merges or (by null) drops all others,
numbers among them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.cells import read_cells
from ferkit.datasets.given import as_path
from ferkit.datasets.index import COLUMNS, FaceIndex, make_index
from ferkit.datasets.labels import LabelOptions, name_labels, unused_names
from ferkit.datasets.layout import not_found, refuse_lfs_pointer, split_name
from ferkit.datasets.packed import is_folder
from ferkit.datasets.table_images import locate_images, merge_repeated
from ferkit.datasets.walk import files_in, is_regular, shown
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, nearest, unknown

_NEEDED = ("path", "label")
_OPTIONAL = ("subject", "split", "sequence", "frame")
_SUFFIXES = (".csv", ".tsv", ".parquet")
_MOST_NAMED = 20


@reader
def read_table(
    root: Path | str,
    *,
    file: Path | str | None = None,
    name: str = "table",
    columns: Mapping[str, str | None] | None = None,
    labels: LabelOptions | None = None,
    emotions: Sequence[str] | None = None,
) -> FaceIndex:
    """Index the images that a table lists; no image is opened.

    Args:
        root: The folder that holds the images, or the table itself.
        file: The table, relative to `root`; by default the only csv or parquet file there.
        name: The dataset's name in the index.
        columns: Column of the index to column of the table; None is the one of the same name.
        labels: `{map: {label of the table: emotion or None}}`, which renames, merges or drops.
        emotions: Class names of one's own instead of the canonical ones.

    Raises:
        ConfigError: an option names no known emotion.
        DatasetNotFoundError: there is no table, or more than one to choose from.
        DataError: a column, a split or a label is unknown, or over 5% of the images are missing.
    """
    given = Path(root)
    path = _find(given, file, name)
    frame = _chosen(path, columns or {})
    natives = frame["label"]
    frame["label"] = _named(natives, path, labels, emotions)
    frame["split"] = _splits(frame["split"], path)
    frame["frame"] = _frames(frame["frame"], path)
    unwanted = (frame["label"] == "") & (natives != "")
    classes = natives.map(lambda native: f"class {shown(native)} (labels.map)")
    dropped = Counter(classes[unwanted])
    listed = frame["path"]
    base, frame, warnings = locate_images(frame[~unwanted], given, path, dropped)
    frame, more = merge_repeated(frame, base, dropped)
    beside = {why: listed[unwanted & (classes == why)].tolist() for why in set(classes[unwanted])}
    return make_index(
        frame,
        name=name,
        variant=f"{path.suffix[1:]} table {path.name}",
        root=base,
        dropped=dropped,
        notes=unused_names(labels, natives),
        warnings=[*warnings, *more],
        beside=beside | {"image of a row that is left out": listed.tolist()},
        outside="in no row of the table",
    )


def _find(root: Path, file: object, name: str) -> Path:
    if file is None and is_regular(root) and root.suffix.lower() in _SUFFIXES:
        return root
    tables = _tables(root)
    names = [table.name for table in tables]
    if file is not None and is_folder(root):
        path = root / as_path(file, "dataset.file")
        if is_regular(path):
            return path
        raise DataError(f"{name}: there is no table {shown(path)}.{nearest(path.name, names)}")
    if not tables:
        raise not_found(
            name,
            root,
            looked_for="one .csv, .tsv or .parquet file",
            get_it="your own table",
            licence="your own",
            tree="a table with the columns path and label (subject, split, sequence, frame)",
        )
    if len(tables) > 1:
        raise DatasetLayoutError(
            f"{name}: {root} holds {len(tables)} tables ({', '.join(names[:8])}); choose one by "
            "dataset.file=NAME."
        )
    return tables[0]


def _tables(root: Path) -> list[Path]:
    return [path for path in files_in(root) if path.suffix.lower() in _SUFFIXES]


def _chosen(path: Path, columns: Mapping[str, str | None]) -> pd.DataFrame:
    """The wanted columns of a table by their names in the index; those it lacks are empty."""
    reserved = [c for c in columns if c in COLUMNS and c not in (*_NEEDED, *_OPTIONAL, "source")]
    if reserved:
        raise ConfigError(f"dataset.columns.{reserved[0]}: ferkit fills this column itself.")
    refuse_lfs_pointer(path)
    is_parquet = path.suffix.lower() == ".parquet"
    header, cells = _parquet_header(path) if is_parquet else read_cells(path)
    places = {
        column: _place(header, columns.get(column), column, path)
        for column in dict.fromkeys((*_NEEDED, *_OPTIONAL, *columns))
    }
    if is_parquet:
        wanted = [header[place] for place in places.values() if place is not None]
        table = _read_parquet(path, list(dict.fromkeys(wanted)))
        chosen = {c: None if p is None else _text(table[header[p]]) for c, p in places.items()}
        index = table.index
    else:
        index = pd.RangeIndex(len(cells))
        columns_of = {c: p for c, p in places.items() if p is not None}
        chosen = dict.fromkeys(places) | {
            c: _text(pd.Series([row[p] for row in cells], index)) for c, p in columns_of.items()
        }
    if not len(index):
        raise DataError(f"{path} holds no rows; give a table with an image a row.")
    empty = pd.Series("", index=index)
    return pd.DataFrame({c: empty if s is None else s for c, s in chosen.items()})


def _place(header: list[str], asked: str | None, column: str, path: Path) -> int | None:
    """Where a column stands, its name in any case; None for one that need not be there."""
    wanted = str(asked or column)
    exact = [i for i, name in enumerate(header) if name == wanted]
    found = exact or [i for i, name in enumerate(header) if name.lower() == wanted.lower()]
    if len(found) > 1:
        named = " and ".join(shown(header[i]) for i in found[:2])
        raise DatasetLayoutError(
            f"{path} has {len(found)} columns called {named}; name the one that is meant by "
            f"dataset.columns.{column}=NAME, or rename one."
        )
    if found:
        return found[0]
    if column in _NEEDED or asked:
        names = [shown(name) for name in header[:_MOST_NAMED]]
        more = f" (the first {_MOST_NAMED} of {len(header):,})" if len(header) > len(names) else ""
        raise DatasetLayoutError(
            f"{path}: {unknown('column', shown(wanted), names)}{more} Name it by "
            f"dataset.columns.{column}=NAME."
        )
    return None


def _parquet_header(path: Path) -> tuple[list[str], list[list[str]]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_schema

    try:
        return [str(name).strip() for name in read_schema(path).names], []
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a table ({shown(error)}); save it again."
        ) from error


def _read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
        table.columns = [str(name).strip() for name in table.columns]
        return table[columns].reset_index(drop=True)
    except (ValueError, OSError, KeyError) as error:
        raise DataError(
            f"{path} cannot be read as a table ({shown(error)}); save it again."
        ) from error


def _text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")  # whole numbers beside gaps; 3.0 is the label 3
    return column.astype(object).where(column.notna(), "").map(lambda cell: str(cell).strip())


def _named(
    natives: pd.Series,
    path: Path,
    labels: LabelOptions | None,
    emotions: Sequence[str] | None,
) -> pd.Series:
    found = set(natives) - {""}
    label_of = name_labels(found, where=f"label in {path}", labels=labels, emotions=emotions)
    return natives.map({**label_of, "": ""})


def _splits(column: pd.Series, path: Path) -> pd.Series:
    for split in sorted(set(column) - {""}):
        if not split_name(split):
            known = ["train", "val", "test"]
            raise DataError(f"{path}: {unknown('split', shown(split), known)}")
    return column.map(split_name)


def _frames(column: pd.Series, path: Path) -> pd.Series:
    odd = column[~column.str.fullmatch(r"\d{0,9}")]
    if len(odd):
        raise DataError(
            f"{path}: row {odd.index[0]} has the frame {shown(odd.iloc[0])!r}, expected a "
            "whole number."
        )
    return column.replace("", "-1").astype(int)
