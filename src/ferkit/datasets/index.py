"""The FaceIndex: what a dataset's folder holds, one row a face image.

Every adapter is one function `read_<name>(root, **options) -> FaceIndex`; nothing after it
knows which dataset it was.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.emotions import EMOTIONS, order

# The columns of every index; an adapter may add its own after them (sex, pose, valence, ...).
COLUMNS: dict[str, object] = {
    "key": "",  # unique and stable, independent of where the root lies
    "path": "",  # the image or video, relative to the root; empty when `images` holds the pixels
    "label": "",  # emotion name; empty: unlabelled
    "split": "",  # train, val, test as the dataset gives it, or empty
    "subject": "",  # the person, or empty where unknown
    "sequence": "",  # the video or series of frames, or empty
    "frame": -1,  # the frame's number in its sequence (in a video file: 0-based), or -1
    "box": None,  # [x1, y1, x2, y2] in pixels of the image, or None
    "dataset": "",
    "source": "",  # key of the image this row was made from, or empty for an original
}

OUTSIDE = "outside the layout"


@dataclass
class FaceIndex:
    """What exists: rows of faces, the classes they may carry, and what was left out.

    Attributes:
        frame: One row a face, with the columns of `COLUMNS` and a plain 0..N-1 row number.
        name: The dataset's name, e.g. "fer2013".
        variant: Which of the known layouts was recognised, in a few words.
        root: The folder that was chosen in the end.
        emotions: The classes of the dataset, canonical order first.
        load_images: Makes `images`; called when they are first asked for, and never where the
            store is there already.
        dropped: Reason to count of what was left out.
        notes: Facts worth a line.
        warnings: Facts worth a warning.
        dark_below: Images whose mean grey level is below this are dropped as black when
            prepared, beside constant ones.
        fingerprint: What identifies `images` where no image files can be stat'ed.
        beside: Reason to paths of the files that were recognised and make no row: frames that
            were not chosen, other angles. Relative to `root`, or absolute.
        outside: What an image is called that is neither in a row nor in `beside`.
        roots: Further folders that were given and read.
        files: What became of every image and video below the given root, in numbers; filled by
            `ferkit.datasets.accounts`.
    """

    frame: pd.DataFrame
    name: str
    variant: str
    root: Path
    emotions: tuple[str, ...]
    load_images: Callable[[], np.ndarray] | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    dark_below: float = 0.0
    fingerprint: str = ""
    beside: dict[str, list[str]] = field(default_factory=dict)
    outside: str = OUTSIDE
    roots: list[Path] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def images(self) -> np.ndarray | None:
        """[N, H, W] or [N, H, W, 3] RGB uint8, aligned with `frame`.

        For datasets whose pixels do not lie in image files of their own, else None.
        """
        return None if self.load_images is None else self.load_images()

    def summary(self) -> str:
        """The line every load ends with."""
        counts = self.frame["label"].value_counts()
        per_class = " ".join(f"{e} {counts.get(e, 0)}" for e in self.emotions)
        subjects = len(set(self.frame["subject"].dropna()) - {""})
        dropped = ", ".join(f"{why}: {n}" for why, n in self.dropped.items()) or "nothing"
        return (
            f"{self.name} | {self.variant} | {self.root} | {len(self)} samples | {per_class} | "
            f"{subjects or 'no'} subjects | dropped {dropped}"
        )


def make_index(
    rows: Iterable[Mapping[str, object]] | pd.DataFrame,
    *,
    name: str,
    variant: str,
    root: Path,
    emotions: Iterable[str] | None = None,
    images: np.ndarray | Callable[[], np.ndarray] | None = None,
    dropped: Mapping[str, int] | None = None,
    notes: Iterable[str] = (),
    warnings: Iterable[str] = (),
    dark_below: float = 0.0,
    fingerprint: str = "",
    beside: Mapping[str, Iterable[str]] | None = None,
    outside: str = OUTSIDE,
    roots: Iterable[Path] = (),
) -> FaceIndex:
    """Complete rows to a FaceIndex: missing columns are filled, rows sorted by key.

    Args:
        rows: Mappings (or a frame) with at least `key` and `label`; other columns of `COLUMNS`
            default to unknown, columns beyond them are kept after them.
        emotions: The classes of the dataset; by default those found in `label`.
        images: Pixels in the order of the rows, or what makes them when they are needed.

    Raises:
        ValueError: two rows share a key (a fault of the adapter).
    """
    frame = rows.copy() if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    if frame.empty:
        frame = pd.DataFrame(columns=list(COLUMNS))
    for column, default in COLUMNS.items():
        if column not in frame:
            frame[column] = pd.Series([default] * len(frame), index=frame.index, dtype=object)
    frame["dataset"] = frame["dataset"].replace("", name)
    frame = frame[[*COLUMNS, *(c for c in frame.columns if c not in COLUMNS)]]
    by_key = np.argsort(frame["key"].to_numpy(dtype=str), kind="stable")
    frame = frame.iloc[by_key].reset_index(drop=True)
    if frame["key"].duplicated().any():
        raise ValueError(f"{name}: key {frame['key'][frame['key'].duplicated()].iloc[0]!r} twice")
    found = order([label for label in frame["label"].unique() if label])
    return FaceIndex(
        frame=frame,
        name=name,
        variant=variant,
        root=root,
        emotions=order(list(emotions)) if emotions is not None else found or EMOTIONS[:7],
        load_images=None if images is None else lambda: _made(images)[by_key],
        dropped={why: int(n) for why, n in (dropped or {}).items() if n},
        notes=list(notes),
        warnings=list(warnings),
        dark_below=dark_below,
        fingerprint=fingerprint,
        beside={why: list(paths) for why, paths in (beside or {}).items()},
        outside=outside,
        roots=list(roots),
    )


def _made(images: np.ndarray | Callable[[], np.ndarray]) -> np.ndarray:
    return images() if callable(images) else images
