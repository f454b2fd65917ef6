"""Every image below the given root is accounted for: read, counted under a name, or warned of.

An adapter says what it read (its rows) and what it recognised and left out (`FaceIndex.beside`).
What then remains of the files below the root is reported here, the same for all adapters.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from ferkit.datasets.given import as_root
from ferkit.datasets.index import FaceIndex
from ferkit.datasets.layout import is_archive
from ferkit.datasets.packed import is_folder
from ferkit.datasets.video_files import is_video
from ferkit.datasets.walk import (
    Listing,
    is_image,
    is_unsupported_image,
    list_files,
    looks_like_image,
    printable,
    shown,
)
from ferkit.errors import FerkitError

READ = "read"
JUNK = "junk file"
FOREIGN = "image of a format or name that is not read"
MISNAMED = "name is no UTF-8"
IRREGULAR = "no regular file"
REFUSED = "refused member of an archive"
_ARCHIVE = re.compile(r"(.*?\.(?:tar|parquet))/", re.IGNORECASE)
_PLACES = 5  # folders that a warning names

_Reader = TypeVar("_Reader", bound=Callable[..., FaceIndex])
_inside_merge: ContextVar[bool] = ContextVar("_inside_merge", default=False)


def reader(read: _Reader) -> _Reader:
    """Make an adapter of a function: its root is judged before, its files are counted after.

    Args:
        read: Takes a root, a Path that is nothing, a readable folder or a file, and options.
    """

    @wraps(read)
    def accounted(root: Any = None, **options: Any) -> FaceIndex:
        try:
            home = as_root(root)
            index = read(home, **options)
            index.roots.insert(0, home)
            if not _inside_merge.get():
                account(index)
        except FerkitError as error:
            if (said := printable(str(error))) == str(error):
                raise
            raise type(error)(said) from error
        index.notes = [printable(note) for note in index.notes]
        index.warnings = [printable(warning) for warning in index.warnings]
        return index

    return cast(_Reader, accounted)


@contextmanager
def parts_of_a_merge() -> Iterator[None]:
    """Inside, readers do not count files: one part may read what lies in another's root."""
    token = _inside_merge.set(True)
    try:
        yield
    finally:
        _inside_merge.reset(token)


def account(index: FaceIndex) -> None:
    """Count what became of every image and video below the roots of an index.

    `files` is filled; what was not read is added to `dropped`, and named in `warnings`.
    """
    fates = _fates(index)
    packed = Counter(match[1] for path in fates if (match := _ARCHIVE.match(path)))
    packed = Counter({path: rows for path, rows in packed.items() if os.path.isfile(path)})
    roots = _distinct(index.roots)
    for root in roots:
        _account_below(index, root, fates, packed)
    on_disk = index.files.copy()
    tars = [Path(path) for path in packed if path.lower().endswith(".tar")]
    for archive in tars:
        if archive not in roots:
            _account_below(index, archive, fates, packed)
    inner = index.files.get(READ, 0) - on_disk.get(READ, 0)
    inner += sum(rows for path, rows in packed.items() if path.lower().endswith(".parquet"))
    index.files = on_disk
    if inner:
        index.notes.append(f"{inner:,} images are read inside {len(packed)} archives")


def _account_below(
    index: FaceIndex, root: Path, fates: dict[str, str], packed: Mapping[str, int]
) -> None:
    listing = list_files(root, strict=False)
    base = _posix(root)
    listing.others = [path for path in listing.others if f"{base}/{path}" not in packed]
    left, seen = [], set()
    for path in _pictures(listing):
        full = f"{base}/{path}"
        seen.add(full)
        if full in fates:
            _count(index, fates[full])
        else:
            left.append(path)
    _settle(index, root, _without_aliases(index, base, left, fates, seen), listing)


def _fates(index: FaceIndex) -> dict[str, str]:
    """Absolute path to what became of it."""
    home = _posix(index.root)
    fates: dict[str, str] = {}
    for path in index.frame["path"].unique():
        if path:
            fates[_full(home, path)] = READ
    for reason, paths in index.beside.items():
        for path in paths:
            fates.setdefault(_full(home, path), reason)
    return fates


def _posix(folder: Path) -> str:
    return Path(os.path.abspath(folder)).as_posix().rstrip("/")


def _full(home: str, path: str) -> str:
    if "./" in path or os.path.isabs(path):
        return _posix(Path(home, path))
    return f"{home}/{path}"


def _distinct(roots: Sequence[Path]) -> list[Path]:
    """The folders among them, without those that lie in another."""
    tops: list[Path] = []
    for root in sorted({Path(os.path.abspath(root)) for root in roots}):
        if is_folder(root) and not any(root.is_relative_to(top) for top in tops):
            tops.append(root)
    return tops


def _pictures(listing: Listing) -> Iterator[str]:
    yield from listing.images
    yield from filter(is_video, listing.others)


def _without_aliases(
    index: FaceIndex, base: str, left: list[str], fates: dict[str, str], seen: set[str]
) -> list[str]:
    """What is left when paths through links that were not walked are followed to their files."""
    if not left:
        return left
    real = {os.path.realpath(path): fate for path, fate in fates.items() if path not in seen}
    rest = []
    for path in left:
        fate = real.get(os.path.realpath(os.path.join(base, path))) if real else None
        if fate is None:
            rest.append(path)
        else:
            _count(index, fate)
    return rest


def _count(index: FaceIndex, fate: str, number: int = 1) -> None:
    if number:
        index.files[fate] = index.files.get(fate, 0) + number


def _settle(index: FaceIndex, root: Path, left: list[str], listing: Listing) -> None:
    foreign = [path for path in listing.others if _is_unsupported_image(root, path)]
    misnamed = list(filter(_is_picture, listing.misnamed))
    for why, paths in ((index.outside, left), (FOREIGN, foreign), (MISNAMED, misnamed)):
        _count(index, why, len(paths))
        _drop(index, why, len(paths))
    _count(index, JUNK, sum(map(_is_picture, listing.junk_files)))
    _drop(index, IRREGULAR, len(listing.irregular))
    _drop(index, REFUSED, len(listing.refused))
    where = f"below {root}"
    index.warnings += _unread(index.outside, left, foreign, misnamed, where)
    index.warnings += _refused(listing, where)
    index.notes += _beyond(listing, where)


def _unread(
    outside: str, left: list[str], foreign: list[str], misnamed: list[str], where: str
) -> Iterator[str]:
    """A sentence of images for each reason why they are not read."""
    if left:
        said = "images and videos" if any(map(is_video, left)) else "images"
        yield f"{len(left):,} {said} {where} are not read ({outside}): {_places(left)}"
    if foreign:
        yield (
            f"{len(foreign):,} images {where} are of a format, or have no ending of a name, that "
            f"is read, e.g. {shown(foreign[0])}; save them as .png or .jpg"
        )
    if misnamed:
        yield (
            f"{len(misnamed):,} images {where} have a name that is no UTF-8, e.g. "
            f"{shown(misnamed[0])}; rename them"
        )


def _refused(listing: Listing, where: str) -> Iterator[str]:
    """A sentence of each kind of entry that cannot be read or must not be."""
    if listing.irregular:
        yield (
            f"{len(listing.irregular):,} entries {where} are no regular file (links that lead "
            f"nowhere, devices, pipes or sockets), e.g. {shown(listing.irregular[0])}; passed over"
        )
    if listing.refused:
        first, why = next(iter(listing.refused.items()))
        yield (
            f"{len(listing.refused):,} members of archives {where} are refused, e.g. "
            f"{shown(first)}: {why}"
        )
    for folder, why in list(listing.unreadable.items())[:_PLACES]:
        yield (
            f"the folder {shown(folder)} {where} cannot be read ({why}), so what lies in it is "
            "not counted; check its permissions"
        )


def _beyond(listing: Listing, where: str) -> Iterator[str]:
    """What the folder holds or leads to beside its files."""
    packed = [path for path in listing.others if is_archive(path)]
    if packed:
        yield (
            f"{len(packed):,} archives {where} are not looked into, e.g. {shown(packed[0])}; "
            "what they hold beyond the unpacked files is not read"
        )
    if listing.linked:
        yield (
            f"{len(listing.linked):,} folders {where} are links that lead out of it, e.g. "
            f"{shown(listing.linked[0])}; they are followed"
        )


def _is_picture(path: str) -> bool:
    return is_image(path) or is_unsupported_image(path) or is_video(path)


def _is_unsupported_image(root: Path, path: str) -> bool:
    if is_unsupported_image(path):
        return True
    name = path.rsplit("/", 1)[-1]
    return "." not in name and looks_like_image(os.path.join(root, path))


def _drop(index: FaceIndex, why: str, number: int) -> None:
    if number:
        index.dropped[why] = index.dropped.get(why, 0) + number


def _places(paths: Sequence[str]) -> str:
    """Which folders they lie in and how many, with an example of each."""
    folder_of = {path: path.rpartition("/")[0] for path in paths}
    if len(set(folder_of.values())) > _PLACES:  # by the outermost folders, then
        folder_of = {path: folder.partition("/")[0] for path, folder in folder_of.items()}
    folders = Counter(folder_of.values())
    first = {folder_of[path]: path for path in reversed(paths)}
    said = [
        f"{number:,} in {shown(folder) + '/' if folder else 'the folder itself'} "
        f"(e.g. {shown(first[folder].removeprefix(folder + '/'))})"
        for folder, number in folders.most_common(_PLACES)
    ]
    more = sum(number for _, number in folders.most_common()[_PLACES:])
    rest = f", {more:,} in {len(folders) - _PLACES:,} other folders" if more else ""
    return ", ".join(said) + rest
