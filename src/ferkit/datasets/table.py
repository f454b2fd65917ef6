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

from ferkit.datasets.index import COLUMNS, FaceIndex, make_index
from ferkit.datasets.labels import LabelOptions, name_labels, unused_names
from ferkit.datasets.layout import is_junk, not_found, refuse_lfs_pointer, split_name
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, nearest, unknown

_NEEDED = ("path", "label")
_OPTIONAL = ("subject", "split", "sequence", "frame")
_SUFFIXES = (".csv", ".tsv", ".parquet")
_MOST_MISSING = 0.05  # share of the rows
_REPEATED = "repeated row"
_CONFLICT = "conflicting labels on one image"


def read_table(
    root: Path | str,
    *,
    file: str | None = None,
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
    given = Path(root).expanduser()
    path = _find(given, file, name)
    frame = _chosen(_load(path), columns or {}, path)
    natives = frame["label"]
    frame["label"] = _named(natives, path, labels, emotions)
    frame["split"] = _splits(frame["split"], path)
    frame["frame"] = _frames(frame["frame"], path)
    unwanted = (frame["label"] == "") & (natives != "")
    dropped = Counter(f"class {native} (labels.map)" for native in natives[unwanted])
    base, frame, warnings = _present(frame[~unwanted], given, path, dropped)
    frame = _keyed(frame, base, dropped)
    if dropped[_CONFLICT]:
        warnings.append(f"{dropped[_CONFLICT]} rows give the same image different labels")
    return make_index(
        frame,
        name=name,
        variant=f"{path.suffix[1:]} table {path.name}",
        root=base,
        dropped=dropped,
        notes=unused_names(labels, natives),
        warnings=warnings,
    )


def _find(root: Path, file: str | None, name: str) -> Path:
    if file is None and root.is_file() and root.suffix.lower() in _SUFFIXES:
        return root
    tables = _tables(root)
    names = [table.name for table in tables]
    if file is not None and root.is_dir():
        if (root / file).is_file():
            return root / file
        raise DataError(f"{name}: there is no table {root / file}.{nearest(file, names)}")
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
    if not root.is_dir():
        return []
    return sorted(
        path
        for path in root.iterdir()
        if path.suffix.lower() in _SUFFIXES and not is_junk(path.name) and path.is_file()
    )


def _load(path: Path) -> pd.DataFrame:
    refuse_lfs_pointer(path)
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        # All as text: a subject may well be called NA, and 007 is not 7.
        return pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", sep=_separator(path)
        )
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} cannot be read as a table ({reason}); save it again.") from error


def _separator(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
    return max(",;\t", key=header.count)


def _chosen(table: pd.DataFrame, columns: Mapping[str, str | None], path: Path) -> pd.DataFrame:
    reserved = [c for c in columns if c in COLUMNS and c not in (*_NEEDED, *_OPTIONAL, "source")]
    if reserved:
        raise ConfigError(f"dataset.columns.{reserved[0]}: ferkit fills this column itself.")
    table.columns = [str(column).strip() for column in table.columns]
    if table.empty:
        raise DataError(f"{path} holds no rows; give a table with an image a row.")
    chosen = {}
    for column in dict.fromkeys((*_NEEDED, *_OPTIONAL, *columns)):
        wanted = columns.get(column) or column
        if wanted in table:
            chosen[column] = _text(table[wanted])
        elif column in _NEEDED or columns.get(column):
            raise DatasetLayoutError(
                f"{path}: {unknown('column', wanted, table.columns)} Name it by "
                f"dataset.columns.{column}=NAME."
            )
        else:
            chosen[column] = pd.Series("", index=table.index)
    return pd.DataFrame(chosen)


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
            raise DataError(f"{path}: {unknown('split', split, ['train', 'val', 'test'])}")
    return column.map(split_name)


def _frames(column: pd.Series, path: Path) -> pd.Series:
    odd = column[~column.str.fullmatch(r"\d{0,9}")]
    if len(odd):
        raise DataError(
            f"{path}: row {odd.index[0]} has the frame {odd.iloc[0]!r}, expected a whole number."
        )
    return column.replace("", "-1").astype(int)


def _present(
    frame: pd.DataFrame, root: Path, table: Path, dropped: Counter[str]
) -> tuple[Path, pd.DataFrame, list[str]]:
    frame = frame.assign(path=frame["path"].str.replace("\\", "/").str.removeprefix("./"))
    bases = dict.fromkeys([root if root.is_dir() else table.parent, table.parent])
    masks = {base: frame["path"].map(lambda p, b=base: (b / p).is_file()) for base in bases}
    base = max(masks, key=lambda candidate: masks[candidate].sum())
    missing = frame.loc[~masks[base], "path"]
    if len(missing) > _MOST_MISSING * len(frame):
        raise DataError(
            f"{len(missing)} of {len(frame)} files that {table} lists are missing below {base}, "
            f"e.g. {missing.iloc[0]!r}; set dataset.root to the folder that the paths start from."
        )
    for path in frame.loc[masks[base], "path"].head(1):
        refuse_lfs_pointer(base / path)
    if missing.empty:
        return base, frame, []
    dropped["missing file"] = len(missing)
    warning = f"{len(missing)} files that {table} lists are missing, e.g. {missing.iloc[0]}"
    return base, frame[masks[base]], [warning]


def _keyed(frame: pd.DataFrame, base: Path, dropped: Counter[str]) -> pd.DataFrame:
    keys = frame["path"].str.removeprefix(f"{base.as_posix()}/")
    if keys.duplicated().any() and (frame["frame"] >= 0).any():
        # Several frames of one film.
        keys = keys + "#" + frame["frame"].astype(str)
    frame = frame.assign(key=keys)
    distinct = frame.drop_duplicates(["key", "label"])
    conflicting = distinct["key"].duplicated(keep=False)
    dropped[_REPEATED] = len(frame) - len(distinct)
    dropped[_CONFLICT] = int(conflicting.sum())
    return distinct[~conflicting]
