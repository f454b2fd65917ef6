"""Paths that lead into a zip, tar or parquet: `fer2013.zip/train/happy/1.jpg` is a file.

Nothing is unpacked onto the disk, so no name can lead out of an archive. A member that is no
plain file of a plain name (an absolute one, one with `..`, a link, one that is encrypted or comes
twice) is refused and listed; one that unpacks to far more than it weighs is not read.
"""

import os
import re
import stat
from functools import lru_cache
from io import BufferedReader, TextIOWrapper
from pathlib import Path

from ferkit.datasets.archive import Archive
from ferkit.datasets.packed_parquet import open_parquet
from ferkit.datasets.packed_tar import open_tar
from ferkit.datasets.packed_zip import open_zip
from ferkit.errors import DataError

_THROUGH = re.compile(r"\.(zip|tar)(?=/|$)|\.parquet(?=/)", re.IGNORECASE)
_OPEN = 128  # archives held open at a time, shards of one dataset
LFS_HEAD = b"version https://git-lfs.github.com/spec/"


def split_path(path: Path | str) -> tuple[str, str] | None:
    """The archive that a path leads into, and the name in it ("" for itself); nothing is opened."""
    text = path if isinstance(path, str) else path.as_posix()
    for match in _THROUGH.finditer(text):
        try:
            status = Path(text[: match.end()]).stat()
        except (OSError, ValueError):
            return None
        if stat.S_ISREG(status.st_mode):
            return text[: match.end()], text[match.end() + 1 :].rstrip("/")
    return None


def inside(path: Path | str) -> tuple[Archive, str] | None:
    """The archive that a path leads into, and the name in it; None for other paths.

    Raises:
        DataError: the archive is damaged.
    """
    parts = split_path(path)
    if parts is None:
        return None
    status = Path(parts[0]).stat()
    return _opened(parts[0], status.st_size, status.st_mtime_ns, os.getpid()), parts[1]


@lru_cache(_OPEN)
def _opened(path: str, size: int, changed: int, process: int) -> Archive:  # noqa: ARG001
    # A handle has one position in its file: processes must not share it.
    with Path(path).open("rb") as file:
        if file.read(len(LFS_HEAD)) == LFS_HEAD:
            raise DataError(
                f"{path} is a Git-LFS pointer ({size} bytes), not the data; run `git lfs pull` in "
                "its repository or download the file itself."
            )
    kinds = {".zip": open_zip, ".tar": open_tar, ".parquet": open_parquet}
    return kinds[Path(path).suffix.lower()](path)


def archive_of(path: Path | str) -> Path:
    """The file on the disk: the archive for what lies in one, else the path itself."""
    parts = split_path(path)
    return Path(path) if parts is None else Path(parts[0])


def is_folder(path: Path) -> bool:
    """Whether a path is a folder, on the disk or in an archive (which is one itself)."""
    found = inside(path)
    return path.is_dir() if found is None else found[1] in found[0].folders


def refuse_packed(path: Path) -> None:
    """Stop at a file that can be read on the disk alone: a video, a .mat.

    Raises:
        DataError: it lies in an archive.
    """
    parts = split_path(path)
    if parts is not None:
        raise DataError(
            f"{path} cannot be read inside an archive, as images and tables can; unpack "
            f"{parts[0]} and set dataset.root to the folder."
        )


def size_of(path: Path) -> int:
    """Bytes of a file, unpacked; 0 where there is none."""
    found = inside(path)
    if found is not None:
        return found[0].sizes.get(found[1], 0)
    return path.stat().st_size if path.is_file() else 0


def open_bytes(path: Path) -> BufferedReader:
    """Open a file, on the disk or in an archive.

    Raises:
        OSError: there is no such file.
        DataError: it is in a damaged archive, or unpacks to far more than it weighs.
    """
    parts = split_path(path)
    found = inside(path) if parts is not None and parts[1] else None
    if found is None:
        return path.open("rb")
    archive, name = found
    if name not in archive.sizes:
        raise FileNotFoundError(2, "no such member", str(path))
    return archive.open_member(name)


def open_text(path: Path, *, errors: str = "strict") -> TextIOWrapper:
    """Open a text in UTF-8 (with or without a byte order mark), its line ends as they are."""
    return TextIOWrapper(open_bytes(path), encoding="utf-8-sig", errors=errors, newline="")


def read_bytes(path: Path, most: int) -> bytes:
    """All bytes of a file, on the disk or in an archive.

    Raises:
        OSError: there is none.
        DataError: there are more than `most`, or the archive is damaged.
    """
    with open_bytes(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise DataError(f"{path} has more than {most:,} bytes, which are not read.")
    return content
