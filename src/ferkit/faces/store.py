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
from ferkit.errors import DataError
from ferkit.faces.settings import FaceSettings

FORMAT = 1
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
    except (OSError, ValueError) as error:
        raise DataError(f"The store {folder} is broken ({error}); delete it, it will be made again.") from error  # fmt: skip
    if card.get("format", 0) > FORMAT:
        raise DataError(
            f"{folder}/card.json has format {card['format']}, this ferkit reads up to {FORMAT}; "
            "use the newer ferkit that wrote it."
        )
    if len(index) != len(faces):
        raise DataError(f"The store {folder} has {len(index)} rows and {len(faces)} faces; delete it, it will be made again.")  # fmt: skip
    return FaceStore(folder, faces, index, card)


def store_name(index: FaceIndex, settings: FaceSettings) -> str:
    """A name with a hash of all that shapes a store: rows, files, settings, this format.

    A changed setting or file never meets a stale crop: it makes another name.
    """
    digest = hashlib.blake2b(digest_size=8)
    digest.update(json.dumps([FORMAT, asdict(settings), index.emotions, index.dark_below,
                              index.fingerprint, index.name], default=str).encode())  # fmt: skip
    rows = index.frame.astype(str)
    digest.update(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
    digest.update(repr(list(rows.columns)).encode())
    for path in sorted(set(index.frame["path"]) - {""}):
        file = index.root / path
        if file.exists():
            stat = file.stat()
            digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}".encode())
    return f"{index.name}-{digest.hexdigest()[:12]}"


def make_card(
    index: FaceIndex,
    settings: FaceSettings,
    kept: pd.DataFrame,
    reasons: Mapping[str, pd.Series],
) -> dict[str, Any]:
    """What was done, how many faces there are, what was dropped and why.

    Args:
        reasons: Why a row was dropped, to the labels of the rows it befell.
    """
    offered = index.frame["label"].value_counts()
    here = {why: len(labels) for why, labels in reasons.items() if len(labels)}
    shares = {
        emotion: sum(int((labels == emotion).sum()) for labels in reasons.values())
        / int(offered.get(emotion, 0) or 1)
        for emotion in index.emotions
    }
    return {
        "format": FORMAT,
        "dataset": {
            "name": index.name,
            "variant": index.variant,
            "emotions": list(index.emotions),
            "notes": index.notes,
            "warnings": [*index.warnings, *_uneven(shares)],
        },
        "faces": asdict(settings),
        "n": len(kept),
        "counts": {e: int((kept["label"] == e).sum()) for e in index.emotions},
        "dropped": {**index.dropped, **here},
        "fallback": {w: int(n) for w, n in kept["fallback"].value_counts().items() if w},
        "dropped_share": {e: round(share, 4) for e, share in shares.items()},
    }


def _uneven(shares: Mapping[str, float]) -> list[str]:
    """Classes that lose unevenly change what is being learnt; one public trainer lost 60%."""
    if not shares:
        return []
    worst, best = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    if shares[worst] - shares[best] < 0.05:
        return []
    return [
        f"preparing dropped {shares[worst]:.0%} of {worst} but {shares[best]:.0%} of {best}; "
        "faces.no_face=whole keeps the images in which no face was found"
    ]
