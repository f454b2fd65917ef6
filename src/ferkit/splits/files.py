"""Splits as files: written with a hash, read back, and split=from_file."""

import csv
from hashlib import blake2b
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.errors import ConfigError, DataError
from ferkit.files import FORMAT, write_bytes
from ferkit.splits.overlap import IDENTITY
from ferkit.splits.split import VIEWS, Split, finish
from ferkit.untrusted import guarded, parse_parquet, read_text

_EXAMPLES = 3


def split_hash(frame: pd.DataFrame, views: np.ndarray) -> str:
    """Name a split by its content: 16 hex digits of blake2b over the sorted keys and views.

    Rows that are left out count with an empty view; the order of the rows does not matter.
    """
    keys = frame["key"].to_numpy(dtype=str)
    lines = sorted(f"{key}\t{view}" for key, view in zip(keys, views, strict=True))
    return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def write_split(path: str | Path, frame: pd.DataFrame, views: np.ndarray) -> str:
    """Write key and view of every row, with the hash, as parquet or csv by the name's end.

    A parquet also keeps what a row is known by when files move: label, hash of the image, dataset,
    subject and source.

    Returns:
        The split's hash.
    """
    path = Path(path)
    write_bytes(path, split_bytes(frame, views, kind=path.suffix[1:]))
    return split_hash(frame, views)


def split_bytes(frame: pd.DataFrame, views: np.ndarray, kind: str = "parquet") -> bytes:
    """The content of a split file, "parquet" or "csv"."""
    table = pd.DataFrame({"key": frame["key"].to_numpy(dtype=str), "view": views.astype(str)})
    name = split_hash(frame, views)
    if kind == "csv":
        head = f"# ferkit split, format: {FORMAT}, hash: {name}\n"
        return (head + table.to_csv(index=False)).encode()
    identity = {n: frame[n].fillna("").astype(str).to_numpy() for n in IDENTITY if n in frame}
    table = table.assign(**identity)
    table.attrs = {"format": FORMAT, "hash": name}
    stream = BytesIO()
    table.to_parquet(stream, index=False)
    return stream.getvalue()


def read_split(path: str | Path) -> pd.DataFrame:
    """Read a split file: columns `key` and `view`, and its hash in `attrs["hash"]`.

    A csv that a person wrote carries no hash, and none is checked.

    Raises:
        DataError: there is no such file, it is not a split, or it was changed after it was
            written.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no split file {path}; give split.path=<a split.parquet>.")
    table = _read_csv(path) if path.suffix == ".csv" else _read_parquet(path)
    if not {"key", "view"} <= set(table.columns):
        raise DataError(f"{path} has columns {list(table.columns)}, but a split has key and view.")
    number = str(table.attrs.get("format", FORMAT))
    if number != str(FORMAT):
        raise DataError(f"{path} has format {number}; update ferkit to read it.")
    table = table.assign(**{name: table[name].fillna("").astype(str) for name in ("key", "view")})
    _check(table, path)
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    def read() -> pd.DataFrame:
        lines = StringIO(read_text(path), newline="")
        first = lines.readline()
        attrs: dict[str, str] = {}
        if first.startswith("# ferkit split"):
            attrs = dict(part.split(": ") for part in first.strip().split(", ")[1:])
        else:
            lines.seek(0)
        rows = list(csv.DictReader(lines))
        table = pd.DataFrame(rows, columns=list(rows[0]) if rows else [], dtype=str)
        table.attrs.update(attrs)
        return table

    return guarded(read, path, "is no csv of key and view")


def _read_parquet(path: Path) -> pd.DataFrame:
    return parse_parquet(path.read_bytes(), path)


def _check(table: pd.DataFrame, path: Path) -> None:
    if foreign := sorted(set(table["view"]) - {*VIEWS, ""}):
        raise DataError(f"{path} has the view {foreign[0]!r}; views are train, val and test.")
    if table["key"].duplicated().any():
        twice = table["key"][table["key"].duplicated()].iloc[0]
        raise DataError(f"{path} gives {twice!r} more than one view; give each key once.")
    written = table.attrs.get("hash")
    if written and written != split_hash(table, table["view"].to_numpy(dtype=str)):
        raise DataError(
            f"{path} was changed after it was written: its rows no longer give the hash {written} "
            "that stands in it; restore it, or write it anew."
        )


def split_from_file(
    frame: pd.DataFrame,
    *,
    seed: int,  # noqa: ARG001
    path: str | Path | None = None,
    allow_missing: bool = False,
    drop_leaks: bool = False,
) -> Split:
    """Take the views from a file that `write_split` or a person wrote.

    Args:
        frame: The index.
        seed: Not used; every split gets one.
        path: Parquet or csv of key and view.
        allow_missing: Pass over keys of the file that the index does not hold (a detector
            found no face, say), and leave out labelled rows that the file does not name.
        drop_leaks: Leave out of train (and val) what later views also hold.

    Raises:
        ConfigError: no path is given.
        DataError: the file is missing, broken or changed, or its keys are not the index's.
    """
    if path is None:
        raise ConfigError("split=from_file needs split.path=<a split.parquet or csv>.")
    table = read_split(path)
    view_of = dict(zip(table["key"], table["view"], strict=True))
    keys = frame["key"].to_numpy(dtype=str)
    labelled = (frame["label"] != "").to_numpy()
    notes = _compare_keys(view_of, keys, labelled, Path(path), allow_missing)
    views = np.array([view_of.get(key, "") for key in keys], "<U5")
    unlabelled = int((~labelled & (views != "")).sum())
    views[~labelled] = ""
    if unlabelled:
        notes.append(f"{unlabelled:,} rows named in the file carry no label and are left out")
    for view in ("train", "val"):
        if not (views == view).any():
            raise DataError(f"{path} puts no labelled row into {view}; a run needs both views.")
    named = table.attrs.get("hash") or split_hash(table, table["view"].to_numpy(dtype=str))
    protocol = f"from the file {Path(path).name}, hash {named}"
    return finish(frame, views, "from_file", protocol, notes, drop_leaks)


def _compare_keys(
    view_of: dict[str, str], keys: np.ndarray, labelled: np.ndarray, path: Path, lenient: bool
) -> list[str]:
    sides = {
        f"keys of {path.name} are not in the index": sorted(set(view_of) - set(keys)),
        f"labelled rows of the index are not in {path.name}": sorted(
            set(keys[labelled]) - set(view_of)
        ),
    }
    notes = []
    for what, missing in sides.items():
        if not missing:
            continue
        if not lenient or not set(view_of) & set(keys):
            examples = ", ".join(repr(key) for key in missing[:_EXAMPLES])
            raise DataError(
                f"{len(missing):,} {what} (first: {examples}): it was made for other data; "
                "give the split of this dataset, or split.allow_missing=true to go on without."
            )
        notes.append(f"{len(missing):,} {what} and are passed over")
    return notes
