"""Predictions of another program set beside the faces of a dataset, row by row."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from ferkit.errors import DataError
from ferkit.faces.store import FaceStore
from ferkit.runs.fingerprint import CONTENT

_TAKEN = ("key", "dataset", "subject", "sequence", "frame")


def join_dataset(
    predictions: pd.DataFrame, store: FaceStore, root: Path, where: str
) -> pd.DataFrame:
    """Predictions with the labels, subjects and image hashes of a dataset.

    Rows are found by key, by path below the dataset's root, or by file names where each is there
    once; one of these must fit all rows.

    Args:
        predictions: Of `evaluation.given`; its labels, where it has some, must be the dataset's.
        store: The prepared dataset.
        root: The dataset's folder.
        where: The file of the predictions, for messages.

    Raises:
        DataError: rows are not in the dataset, or carry other labels.
    """
    rows = _rows(predictions["key"], store, root, where)
    found = store.index.iloc[rows].reset_index(drop=True)
    ours, theirs = found["label"].fillna(""), predictions["label"]
    other = (theirs != "") & (ours != "") & (theirs != ours)
    if other.any():
        at = int(np.flatnonzero(other)[0])
        raise DataError(
            f"{where} has other labels than the dataset in {int(other.sum()):,} rows, the first "
            f"{predictions['key'].iloc[at]!r}: {theirs.iloc[at]!r} and {ours.iloc[at]!r}; leave "
            "the column label out to take the dataset's."
        )
    joined = predictions.copy()
    for column in (*_TAKEN, *([CONTENT] if CONTENT in found else [])):
        joined[column] = found[column]
    joined["label"] = ours.where(ours != "", theirs)
    return joined


def _rows(keys: pd.Series, store: FaceStore, root: Path, where: str) -> np.ndarray:
    best = np.full(len(keys), -1)
    for names, asked in _ways(keys, store, root):
        positions = pd.Series(np.arange(len(names)), index=names)
        positions = positions[~positions.index.duplicated(keep=False) & (positions.index != "")]
        found = positions.reindex(asked).fillna(-1).to_numpy(dtype=np.int64)
        if (found >= 0).sum() > (best >= 0).sum():
            best = found
        if (best >= 0).all():
            break
    if (best < 0).any():
        missing = keys[best < 0]
        raise DataError(
            f"{where}: {len(missing):,} of {len(keys):,} rows are no faces of the dataset, the "
            f"first {str(missing.iloc[0])[:80]!r}; give its keys (as a run's predictions have "
            "them) or paths below its root."
        )
    if len(set(best)) < len(best):
        raise DataError(f"{where} has two rows for one face of the dataset; give each once.")
    return best


def _ways(keys: pd.Series, store: FaceStore, root: Path) -> Iterator[tuple[pd.Series, pd.Series]]:
    yield store.index["key"], keys
    paths = store.index["path"].fillna("").astype(str)
    yield paths, keys.map(lambda key: _below(key, root))
    yield paths.map(_last), keys.map(_last)


def _below(key: str, root: Path) -> str:
    path = Path(key)
    if path.is_absolute() and path.is_relative_to(root.resolve()):
        return path.relative_to(root.resolve()).as_posix()
    return PurePosixPath(key).as_posix()


def _last(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name
