"""The images that a table lists: where they lie, and which rows mean the same one.

A path may be spelled in several ways (`./a.png`, `images/../a.png`, absolute, through a link, in
another case where the file system has none): the file decides, not the spelling.
"""

import errno
import os
import stat
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from ferkit.datasets.layout import refuse_lfs_pointer
from ferkit.datasets.packed import inside, is_folder
from ferkit.datasets.walk import shown
from ferkit.errors import DataError

_MOST_MISSING = 0.05  # share of the rows
_REPEATED = "repeated row"
_CONFLICTS = {
    "label": "conflicting labels on one image",
    "split": "conflicting splits on one image",
    "subject": "conflicting subjects on one image",
}


def locate_images(
    frame: pd.DataFrame, root: Path, table: Path, dropped: Counter[str]
) -> tuple[Path, pd.DataFrame, list[str]]:
    """Find the folder that the paths start from, and leave out the rows without a file.

    Args:
        frame: With a column `path`, as the table has it.
        root: The given folder, or the table itself.
        table: Whose own folder the paths may start from, too.
        dropped: Is added to.

    Returns:
        The folder; the rows whose image is there, `path` tidied and `file` added, which is the
        same for the same file; and warnings.

    Raises:
        DataError: over 5% of the images are missing, or one is a Git-LFS pointer.
    """
    frame = frame.assign(path=frame["path"].str.replace("\\", "/").map(_tidy))
    bases = dict.fromkeys([root if is_folder(root) else table.parent, table.parent])
    files = {base: _files(frame["path"].tolist(), base, table) for base in bases}
    base = max(files, key=lambda candidate: sum(map(bool, files[candidate])))
    frame = frame.assign(file=files[base])
    missing = frame.loc[frame["file"] == "", "path"]
    if len(missing) > _MOST_MISSING * len(frame):
        raise DataError(
            f"{len(missing)} of {len(frame)} files that {table} lists are missing below {base}, "
            f"e.g. {shown(missing.iloc[0])!r}; set dataset.root to the folder that the paths "
            "start from."
        )
    frame = frame[frame["file"] != ""]
    for path in frame["path"].head(1):
        refuse_lfs_pointer(base / path)
    warnings = []
    if len(missing):
        dropped["missing file"] = len(missing)
        warnings.append(
            f"{len(missing)} files that {table} lists are missing, e.g. {shown(missing.iloc[0])}"
        )
    return base, frame, [*warnings, *_outside(frame, base, table)]


def _tidy(path: str) -> str:
    """Without `.`, `..` and doubled slashes, as far as the words alone tell."""
    if "./" not in path and "//" not in path and not path.endswith("/."):
        return path
    return PurePosixPath(os.path.normpath(path).replace("\\", "/")).as_posix()


def _files(paths: list[str], base: Path, table: Path) -> list[str]:
    """For each path its real one, or an empty string where there is no regular file.

    Raises:
        DataError: a path is too long for a file, or has a zero byte.
    """
    packed = inside(base)
    if packed is not None:
        names = (f"{packed[1]}/{path}".removeprefix("/") for path in paths)
        return [f"{packed[0].path}/{n}" if n in packed[0].sizes else "" for n in names]
    folders: dict[str, str] = {}
    found: list[str] = []
    spelled: dict[tuple[str, int, int], str] = {}
    for row, path in enumerate(paths):
        folder, _, name = path.rpartition("/")
        start = f"{base}/{folder}" if not path.startswith("/") else folder or "/"
        if start not in folders:
            folders[start] = _real(start)
        file = f"{folders[start].rstrip('/')}/{name}"
        try:
            status = os.lstat(file)
            if stat.S_ISLNK(status.st_mode):
                file = os.path.realpath(file)
                status = os.stat(file)
        except (OSError, ValueError) as error:
            if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
                raise DataError(
                    f"{table}: the path of data row {row}, {shown(path)!r} ({len(path):,} "
                    "characters), can be that of no file; correct the table."
                ) from error
            found.append("")
            continue
        if not stat.S_ISREG(status.st_mode):
            found.append("")
            continue
        # Where the file system knows no case, the first spelling stands for all.
        same = spelled.setdefault((file.lower(), status.st_dev, status.st_ino), file)
        found.append(same)
    return found


def _real(folder: str) -> str:
    try:
        return os.path.realpath(folder)
    except (OSError, ValueError):
        return folder


def _outside(frame: pd.DataFrame, base: Path, table: Path) -> list[str]:
    top = f"{os.path.realpath(base).rstrip('/')}/"
    odd = frame.loc[~frame["file"].str.startswith(top), "path"]
    if odd.empty:
        return []
    return [
        f"{len(odd):,} images that {table} lists lie outside of {base}, e.g. "
        f"{shown(odd.iloc[0])}; they are read all the same"
    ]


def merge_repeated(
    frame: pd.DataFrame, base: Path, dropped: Counter[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Give rows their keys, join those of one image, and drop those that disagree.

    Args:
        frame: As `locate_images` made it.
        base: The folder that the paths start from.
        dropped: Is added to.

    Returns:
        One row an image (or frame of a video), with `key`; and warnings.
    """
    repeated = frame["file"].duplicated().any()
    frames = frame["frame"].astype(str) if repeated and (frame["frame"] >= 0).any() else ""
    same = frame["file"] + ("" if isinstance(frames, str) else "#" + frames)
    home = f"{base.as_posix()}/"
    keys = frame["path"].str.removeprefix(home)
    keys = keys + ("" if isinstance(frames, str) else "#" + frames)
    frame = frame.assign(key=keys, same=same)
    warnings = []
    conflicting = pd.Series(False, index=frame.index)
    distinct = frame.drop_duplicates(["same", *_CONFLICTS])
    for column, why in _CONFLICTS.items():
        rows = distinct[["same", column]].drop_duplicates()
        rows = rows if column == "label" else rows[rows[column] != ""]
        images = set(rows["same"][rows["same"].duplicated(keep=False)])
        odd = frame["same"].isin(images) & ~conflicting
        if odd.any():
            conflicting |= odd
            dropped[why] = _distinct_rows(frame[odd], column)
            warnings.append(f"{dropped[why]} rows give the same image different {column}s")
    kept = frame[~conflicting]
    for column in ("split", "subject"):  # a row that says nothing agrees with one that does
        kept = kept.assign(**{column: kept.groupby("same")[column].transform("max")})
    once = kept.drop_duplicates("same")
    dropped[_REPEATED] = len(frame) - len(once) - sum(dropped[why] for why in _CONFLICTS.values())
    return once.drop(columns=["same", "file"]), warnings


def _distinct_rows(frame: pd.DataFrame, column: str) -> int:
    return int(np.count_nonzero(~frame.duplicated(["same", column])))
