"""A FaceStore: prepared faces in one memory-mapped array, beside the index of their rows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ferkit.datasets.index import FaceIndex
from ferkit.datasets.packed import archive_of
from ferkit.errors import DataError, check_format
from ferkit.faces.settings import FaceSettings
from ferkit.files import FORMAT

FILES = ("faces.npy", "index.parquet", "card.json")


@dataclass(frozen=True)
class FaceStore:
    """Prepared faces of one dataset.

    Attributes:
        faces: uint8 [N, H, W] grey or [N, H, W, 3] RGB, memory-mapped.
        index: One row a face, aligned with `faces`: the columns of a FaceIndex and `content`,
            a hash of the decoded source image.
        card: What made the store: dataset, settings, counts, what was dropped and why.
    """

    folder: Path
    faces: np.ndarray
    index: pd.DataFrame
    card: dict[str, Any]

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return 1 if self.faces.ndim == 3 else int(self.faces.shape[3])

    @property
    def emotions(self) -> tuple[str, ...]:
        """The classes of the dataset."""
        return tuple(self.card["dataset"]["emotions"])

    def __len__(self) -> int:
        return len(self.index)


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a whole store (it is renamed into place only when whole)."""
    return all((folder / name).is_file() for name in FILES)


def open_store(folder: Path) -> FaceStore:
    """Read a store's index and card, and map its faces.

    Raises:
        DataError: a file is missing or broken, or was written by a newer ferkit.
    """
    try:
        card = json.loads((folder / "card.json").read_text())
        index = pd.read_parquet(folder / "index.parquet")
        faces = np.load(folder / "faces.npy", mmap_mode="r")
        if len(index) != len(faces):
            raise ValueError(f"{len(index)} rows, {len(faces)} faces")
    except Exception as error:  # numpy, pyarrow and json each raise their own on a broken file
        raise DataError(
            f"The store {folder} is broken ({error}); delete it, it will be made again."
        ) from error
    check_format(card.get("format", 0), FORMAT, folder / "card.json")
    return FaceStore(folder, faces, index, card)


def store_name(index: FaceIndex, settings: FaceSettings) -> str:
    """A name with a hash of all that shapes a store: rows, files, settings, this format.

    A changed setting or file never meets a stale crop: it makes another name.
    """
    digest = hashlib.blake2b(digest_size=8)
    digest.update(
        json.dumps(
            [
                FORMAT,
                asdict(settings),
                index.emotions,
                index.dark_below,
                index.fingerprint,
                index.name,
            ],
            default=str,
        ).encode()
    )
    rows = index.frame.astype(str)
    digest.update(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
    digest.update(repr(list(rows.columns)).encode())
    packed = set()
    for path in sorted(set(index.frame["path"]) - {""}):
        file = index.root / path
        if (archive := archive_of(file)) != file:
            packed.add(archive)
        elif file.exists():
            stat = file.stat()
            digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}".encode())
    for archive in sorted(packed):
        stat = archive.stat()
        digest.update(f"{archive.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return f"{index.name}-{digest.hexdigest()[:12]}"


def make_card(
    index: FaceIndex,
    settings: FaceSettings,
    kept: pd.DataFrame,
    reasons: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """What was done, how many faces there are, what was dropped and why.

    Args:
        reasons: Why rows of the index were dropped, to their numbers.
    """
    here = {why: len(rows) for why, rows in reasons.items()}
    shares = _dropped_shares(index, reasons, "label")
    return {
        "format": FORMAT,
        "dataset": {
            "name": index.name,
            "variant": index.variant,
            "emotions": list(index.emotions),
            "notes": index.notes,
            "warnings": [*index.warnings, *_uneven(shares, here)],
        },
        "faces": asdict(settings),
        "n": len(kept),
        "copies": _copies(kept),
        "counts": {e: int((kept["label"] == e).sum()) for e in index.emotions},
        "dropped": {**index.dropped, **here},
        "fallback": {w: int(n) for w, n in kept["fallback"].value_counts().items() if w},
        "dropped_share": shares,
        "dropped_share_by_dataset": _dropped_shares(index, reasons, "dataset"),
    }


def _copies(kept: pd.DataFrame) -> dict[str, int]:
    """Kind of offline copy to how many rows of the store are one."""
    if "copy" not in kept:
        return {}
    return {str(kind): int(n) for kind, n in kept["copy"].value_counts().items() if kind}


def _dropped_shares(
    index: FaceIndex, reasons: Mapping[str, np.ndarray], column: str
) -> dict[str, float]:
    """The share of each label's (or dataset's) rows that preparing dropped, 0..1."""
    lost = np.zeros(len(index), bool)
    for rows in reasons.values():
        lost[rows] = True
    groups = index.frame[column].where(index.frame[column] != "", "unlabelled")
    shares = pd.Series(lost).groupby(groups.to_numpy()).mean()
    return {str(name): round(float(share), 4) for name, share in shares.items()}


def _uneven(shares: Mapping[str, float], reasons: Mapping[str, int]) -> list[str]:
    """Classes that lose unevenly change what is being learnt; one public trainer lost 60%.

    Args:
        reasons: Why images were dropped, to how many.
    """
    if not shares:
        return []
    worst, best = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    if shares[worst] - shares[best] < 0.05:
        return []
    why = ", ".join(f"{reason}: {count:,}" for reason, count in reasons.items())
    keeps = "; faces.no_face=whole keeps the images in which no face was found"
    return [
        f"preparing dropped {shares[worst]:.0%} of {worst} but {shares[best]:.0%} of {best} "
        f"({why}){keeps if 'no face' in reasons else ''}"
    ]
