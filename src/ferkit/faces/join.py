"""All chunks of a preparation as one, with the reasons of what was dropped."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from ferkit.datasets.index import FaceIndex
from ferkit.errors import DataError

BROKEN_LIMIT = 0.05


@dataclass(frozen=True)
class Prepared:
    """All chunks of a preparation, joined.

    Attributes:
        rows: Row numbers of the index that gave a face.
        faces: uint8 [N, S, S] or [N, S, S, 3].
        extra: Frame of what was found out a row (content, score, box of the face).
        dropped: Reason to row numbers.
        shape: Median height and width of the images.
    """

    rows: np.ndarray
    faces: np.ndarray
    extra: pd.DataFrame
    dropped: dict[str, np.ndarray]
    shape: tuple[int, int]


def join(parts: Sequence[Path], index: FaceIndex) -> Prepared:
    """Put the chunks of a preparation together.

    Raises:
        DataError: a chunk is broken, no face is left, or more than 5% cannot be read.
    """
    loaded = [_load_part(path) for path in parts]
    names = set.intersection(*map(set, loaded))  # a part of an older ferkit may lack one
    whole = {name: np.concatenate([part[name] for part in loaded]) for name in names}
    reasons = np.unique(whole["dropped_why"])
    dropped = {str(r): whole["dropped_rows"][whole["dropped_why"] == r] for r in reasons}
    _refuse_broken(index, dropped.get("unreadable", np.empty(0, int)))
    if not len(whole["rows"]):
        raise DataError(
            f"{index.name}: no face is left of {len(index)} images ("
            + ", ".join(f"{why}: {len(rows)}" for why, rows in dropped.items())
            + "); look at them with `ferkit data check`."
        )
    extra = pd.DataFrame(
        {
            "content": whole["content"],
            "face_score": whole["score"],
            "faces_found": whole["found"],
            "fallback": whole["fallback"],
        }
    )
    extra["face_box"] = [None if np.isnan(b).any() else b.tolist() for b in whole["box"]]
    shapes = whole.get("shape", np.zeros((1, 2)))
    height, width = np.median(shapes, axis=0).astype(int).tolist()
    return Prepared(whole["rows"], whole["faces"], extra, dropped, (height, width))


def _load_part(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, BadZipFile, zlib.error) as error:  # a machine lost power
        path.unlink(missing_ok=True)
        raise DataError(
            f"{path} was broken ({error}) and is deleted; the same command prepares its images "
            "again and keeps all others."
        ) from error


def _refuse_broken(index: FaceIndex, broken: np.ndarray) -> None:
    if len(broken) > BROKEN_LIMIT * len(index):
        first = index.frame["path"].iloc[broken[0]]
        raise DataError(
            f"{index.name}: {len(broken)} of {len(index)} images cannot be read, the first "
            f"{index.root / first}; above {BROKEN_LIMIT:.0%} nothing is prepared: "
            "unpack or download the dataset again."
        )
