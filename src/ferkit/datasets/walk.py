"""One walk over a folder: what is an image, what is litter, and what is no file at all.

Nothing is opened here, so that a device or a pipe named like an image does no harm.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ferkit.datasets.archive import Archive
from ferkit.datasets.file_names import (
    is_image,
    is_junk,
    is_unsupported_image,
    printable,
    shown,
)
from ferkit.datasets.packed import inside, open_bytes
from ferkit.errors import DataError

__all__ = [  # names of files, too: who walks a folder needs both
    "Listing",
    "entry_names",
    "file_names",
    "files_in",
    "image_files",
    "is_image",
    "is_junk",
    "is_regular",
    "is_unsupported_image",
    "list_files",
    "looks_like_image",
    "printable",
    "shown",
    "subfolders",
]


@dataclass
class Listing:
    """What lies below a folder, sorted into what it is.

    Paths are relative to the folder, with forward slashes, and sorted.

    Attributes:
        images: Files named as images are.
        others: All other files that are not junk.
        folders: All folders that are not junk.
        junk: How many files of the operating system's own were passed over.
        junk_files: Their paths.
        irregular: What is neither file nor folder: links that lead nowhere or in a circle,
            devices, pipes, sockets.
        misnamed: Files whose name, or whose folder's, is no UTF-8.
        unreadable: Folders that could not be read, with the reason.
        linked: Links to folders outside, which are followed.
        refused: Members of an archive that are not read, with the reason.
    """

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    junk_files: list[str] = field(default_factory=list)
    irregular: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    linked: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def junk(self) -> int:
        """How many files are the operating system's own."""
        return len(self.junk_files)


def is_regular(path: Path | str) -> bool:
    """Whether a path leads to a file that may be opened: no folder, pipe, socket or device."""
    packed = inside(path)
    if packed is not None and packed[1]:
        return packed[1] in packed[0].sizes
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):  # too long, a circle of links, a zero byte in the name
        return False


def list_files(root: Path, *, strict: bool = True) -> Listing:
    """All that lies below a folder. Links are followed, but never in circles.

    Args:
        root: The folder, or a zip or tar, or a folder in one.
        strict: Whether a folder that cannot be read stops the walk.

    Raises:
        DataError: `strict`, and a folder cannot be read.
    """
    packed = inside(root)
    if packed is not None:
        return _list_packed(*packed)
    listing = Listing()
    for folder, fate in _folders(str(root), listing):
        if folder.error is not None:
            if strict and not fate:
                raise DataError(
                    f"{os.path.join(root, folder.prefix)} cannot be read ({folder.error}); check "
                    "its permissions."
                )
            if fate != "junk":
                listing.unreadable[folder.prefix.rstrip("/") or "."] = folder.error
        for entry in folder.files:
            _sort(entry, folder.prefix, fate, listing)
    for paths in (listing.images, listing.others, listing.folders, listing.junk_files):
        paths.sort()
    for paths in (listing.irregular, listing.misnamed, listing.linked):
        paths.sort()
    return listing


def _list_packed(archive: Archive, below: str) -> Listing:
    prefix = below and f"{below}/"
    listing = Listing(refused=dict(archive.refused))
    for folder in archive.folders:
        if folder.startswith(prefix) and folder not in (below, ""):
            listing.folders.append(folder[len(prefix) :])
    listing.folders = sorted(f for f in listing.folders if not any(map(_fate, f.split("/"))))
    for path in sorted(archive.sizes):
        if path.startswith(prefix):
            path = path[len(prefix) :]
            fates = set(map(_fate, path.split("/")))
            sorts = listing.images if is_image(path) else listing.others
            if "junk" in fates or "misnamed" in fates:
                sorts = listing.junk_files if "junk" in fates else listing.misnamed
            sorts.append(path)
    return listing


@dataclass
class _Folder:
    path: str
    prefix: str  # the path below the root, with a slash at its end; empty for the root itself
    real: str
    linked: bool  # reached by a link
    files: list[os.DirEntry[str]] = field(default_factory=list)
    error: str | None = None


def _folders(root: str, listing: Listing) -> Iterator[tuple[_Folder, str]]:
    """Every folder with its files, and its fate: "", "junk" or "misnamed"."""
    top = _Folder(root, "", os.path.realpath(root), False)
    stack, seen = [(top, "")], {top.real}
    while stack:
        folder, fate = stack.pop()
        try:
            with os.scandir(folder.path) as entries:
                inside = list(entries)
        except OSError as error:
            folder.error = error.strerror or str(error)
            inside = []
        for entry in inside:
            if not _is_folder(entry):
                folder.files.append(entry)
                continue
            below = _Folder(entry.path, f"{folder.prefix}{entry.name}/", "", folder.linked)
            if _enter(entry, folder, below, seen, top.real):
                if below.linked and not folder.linked and not _inside(below.real, top.real):
                    listing.linked.append(below.prefix[:-1])
                its = fate or _fate(entry.name)
                if not its:
                    listing.folders.append(below.prefix[:-1])
                stack.append((below, its))
        yield folder, fate


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


def _enter(
    entry: os.DirEntry[str], above: _Folder, below: _Folder, seen: set[str], top: str
) -> bool:
    """Whether a folder is to be walked: a link to a folder above itself would have no end.

    A link is followed wherever it leads; links inside what a link led to, only to what is new:
    two folders that link to each other would otherwise be walked in ever longer paths.
    """
    if not entry.is_symlink():
        below.real = os.path.join(above.real, entry.name)
        return True
    below.real = os.path.realpath(entry.path)
    if _inside(above.real, below.real):
        return False
    if above.linked and (below.real in seen or _inside(below.real, top)):
        return False
    below.linked = True
    seen.add(below.real)
    return True


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _fate(name: str) -> str:
    if is_junk(name):
        return "junk"
    return "" if _is_text(name) else "misnamed"


def _is_text(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8 come as surrogates
        return False
    return True


def _sort(entry: os.DirEntry[str], prefix: str, fate: str, listing: Listing) -> None:
    name = entry.name
    path = prefix + name
    fate = fate or _fate(name)
    if not _is_file(entry):
        if fate != "junk":
            listing.irregular.append(path)
    elif fate == "junk":
        listing.junk_files.append(path)
    elif fate:
        listing.misnamed.append(path)
    else:
        (listing.images if is_image(name) else listing.others).append(path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def image_files(root: Path) -> list[str]:
    """Relative paths of the image files below a folder, forward slashes, sorted, junk left out."""
    return list_files(root).images


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in one, sorted by name, without junk; none where it cannot be read."""
    return [folder / name for name in _names(folder, _is_folder, "/")]


def files_in(folder: Path) -> list[Path]:
    """The files directly in a folder, sorted, without junk; none where it cannot be read.

    Files alone: no pipe, socket or device, which must never be opened.
    """
    return [folder / name for name in _names(folder, _is_file)]


def file_names(folder: Path) -> list[str]:
    """The names of `files_in`."""
    return _names(folder, _is_file)


def _names(folder: Path, wanted: Callable[["os.DirEntry[str]"], bool], mark: str = "") -> list[str]:
    """Names in a folder; `mark` ends those that are wanted in an archive's list."""
    packed = inside(folder)
    if packed is not None:
        names = packed[0].folders.get(packed[1], [])
        chosen = (n.removesuffix("/") for n in names if n.endswith("/") == bool(mark))
        return [name for name in chosen if not _fate(name)]
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if not _fate(e.name) and wanted(e))
    except OSError:
        return []


def entry_names(folder: Path) -> list[str]:
    """The names of all that lies directly in a folder, sorted; those of folders end with /.

    Raises:
        OSError: it cannot be read.
    """
    packed = inside(folder)
    if packed is not None:
        return packed[0].folders.get(packed[1], [])
    with os.scandir(folder) as entries:
        return sorted(e.name + "/" * _is_folder(e) for e in entries)


def looks_like_image(path: str) -> bool:
    """Whether a file begins as images do, whatever its name; not where it cannot be read."""
    try:
        with open_bytes(Path(path)) as file:
            head = file.read(12)
    except (OSError, DataError):
        return False
    starts = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*")
    return head.startswith(starts) or (head[:4] == b"RIFF" and head[8:] == b"WEBP")
