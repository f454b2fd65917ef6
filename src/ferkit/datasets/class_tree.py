"""Trees of class folders, with split folders above them, below them, or without.

Everything below the given folder is walked once, and the tree is read off the paths, so that no
part of it is overlooked: what can be read in two ways is refused with both in the sentence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ferkit.datasets.labels import emotion_of
from ferkit.datasets.layout import is_lfs_pointer, refuse_lfs_pointer, split_name
from ferkit.datasets.packed import is_folder
from ferkit.datasets.tree_checks import only_tree, refuse_siblings, refuse_splits_inside
from ferkit.datasets.tree_shape import (
    Folder,
    IsClass,
    Parts,
    classes_in,
    common_start,
    folders_of,
    parents_of_classes,
    split_folder,
    walk_folders,
    without_split,
)
from ferkit.datasets.video_files import is_video
from ferkit.datasets.walk import Listing, is_unsupported_image, list_files, shown
from ferkit.errors import DataError, DatasetLayoutError

_MOST_NAMED = 4
OUTSIDE_CLASSES = "outside the class folders"


class Placed(NamedTuple):
    """An image in a tree of class folders.

    `path` is relative to the tree's root, `split` is train, val, test or empty, and `folder` is
    the class folder's name as it stands on disk.
    """

    path: str
    split: str
    folder: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rsplit("/", 1)[-1]


@dataclass
class ClassTree:
    """What lies in a tree of class folders.

    Attributes:
        root: The folder that holds the split folders, or else the class folders.
        images: Every image in a class folder, sorted by path.
        splits: Names of the split folders as they stand on disk; empty for a flat tree.
        inner: Whether the split folders lie below the class folders.
        left_out: Reason to count of files that are no images of a class.
        empty: Class folders without an image.
        nested: Images in a folder of one class inside that of another.
    """

    root: Path
    images: list[Placed] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    inner: bool = False
    left_out: Counter[str] = field(default_factory=Counter)
    empty: list[str] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)

    @property
    def folders(self) -> list[str]:
        """Names of the class folders that hold an image, sorted."""
        return sorted({image.folder for image in self.images})

    def warnings(self) -> list[str]:
        """What a user should know of the tree."""
        said = []
        if self.empty:
            named = ", ".join(map(shown, self.empty[:_MOST_NAMED]))
            said.append(f"{len(self.empty)} class folders hold no image: {named}")
        if self.nested:
            said.append(
                f"{len(self.nested)} images lie in a class folder inside another, e.g. "
                f"{shown(self.nested[0])}; the outer one is taken as their class"
            )
        return said


def find_class_tree(root: Path, is_class: IsClass, least: int, name: str) -> ClassTree | None:
    """The one tree of class folders at most three levels below a folder; None where there is none.

    Args:
        root: The folder; nothing is found where it is none.
        is_class: Judges the name of a folder.
        least: How many class folders make a tree; those of all its splits count together.
        name: The dataset, for the sentences.

    Raises:
        DatasetLayoutError: there are several trees, or splits that can be read in two ways.
        DataError: an image is a Git-LFS pointer, or a folder of the tree cannot be read.
    """
    if not is_folder(root):
        return None
    listing = list_files(root, strict=False)
    _refuse_unreadable(root, listing, is_class)
    top = folders_of(listing)
    groups: dict[Parts, list[Folder]] = defaultdict(list)
    for parent in parents_of_classes(top, is_class, least):
        groups[without_split(parent.parts)].append(parent)
    whole = {
        residue: parents
        for residue, parents in groups.items()
        if len({c.name for p in parents for c in classes_in(p, is_class)}) >= least
        and any(c.images for p in parents for c in classes_in(p, is_class))
    }
    if not whole:
        return None
    parents = only_tree(root, whole, name) if len(whole) > 1 else next(iter(whole.values()))
    refuse_siblings(root, parents, groups, name)
    tree = _read(root, parents, listing, is_class, name)
    _refuse_pointers(tree)
    return tree


def _refuse_unreadable(root: Path, listing: Listing, is_class: IsClass) -> None:
    for folder, why in listing.unreadable.items():
        if any(is_class(part) or split_name(part) for part in folder.split("/")):
            raise DataError(f"{root / folder} cannot be read ({why}); check its permissions.")


def _read(
    root: Path, parents: list[Folder], listing: Listing, is_class: IsClass, name: str
) -> ClassTree:
    start = common_start(parents)
    places = {"".join(f"{part}/" for part in parent.parts): parent for parent in parents}
    cut = sum(len(part) + 1 for part in start)
    tree = ClassTree(root.joinpath(*start))
    tree.splits = sorted(named for parent in parents if (named := split_folder(parent)))
    inner = {} if tree.splits else _inner_splits(root, parents[0], name)
    for prefix, parent in sorted(places.items()):
        refuse_splits_inside(root, parent, name)
        tree.empty += ["/".join(c.parts) for c in classes_in(parent, is_class) if not c.images]
        split = split_name(split_folder(parent))
        _place(tree, cut, prefix, split, inner, listing.images)
    if inner:
        tree.inner = True
        parts = {part for path in inner for part in path.split("/")}
        tree.splits = sorted(part for part in parts if split_name(part))
    tree.images.sort()
    tree.left_out["junk file"] = listing.junk
    tree.left_out["not an image"] = _other_files(tree, places, start, listing)
    return tree


def _place(
    tree: ClassTree, cut: int, prefix: str, split: str, inner: dict[str, str], images: list[str]
) -> None:
    """Add the images of the class folders in one folder.

    Args:
        cut: Characters of a path that lie above the tree's root.
        prefix: Of the folder's images.
        split: That it belongs to.
        inner: Folder to split, where the splits lie below the classes.
        images: All there are.
    """
    for path in _below(prefix, images):
        folder, slash, rest = path[len(prefix) :].partition("/")
        if slash:
            its = inner.get(path.rpartition("/")[0], split)
            tree.images.append(Placed(path[cut:], its, folder))
            if _is_nested(folder, rest):
                tree.nested.append(path)


def _below(prefix: str, paths: list[str]) -> Iterator[str]:
    return (path for path in paths if path.startswith(prefix))


def _is_nested(folder: str, rest: str) -> bool:
    if "/" not in rest:
        return False
    named = {emotion_of(part) for part in rest.split("/")[:-1]} - {None, emotion_of(folder)}
    return bool(named)


def _other_files(tree: ClassTree, places: dict[str, Folder], start: Parts, listing: Listing) -> int:
    """Files in the split folders, or else in the class folders, that are no image at all."""
    prefix = "".join(f"{part}/" for part in start)
    tops = {f"{prefix}{name}/" for name in tree.splits} if tree.splits and not tree.inner else None
    count = 0
    for path in listing.others:
        inside = any(path.startswith(top) for top in tops or places)
        below = tops is not None or "/" in path[len(prefix) :]
        count += inside and below and not is_video(path) and not is_unsupported_image(path)
    return count


def _inner_splits(root: Path, parent: Folder, name: str) -> dict[str, str]:
    """Folder below a class to its split, where split folders lie below the class folders.

    Raises:
        DatasetLayoutError: some images of the classes lie in such folders, others do not.
    """
    found: dict[str, str] = {}
    without: list[Folder] = []
    for folder in walk_folders(parent):
        if folder.own and len(folder.parts) > len(parent.parts):
            named = {split_name(p) for p in folder.parts[len(parent.parts) + 1 :]} - {""}
            if len(named) == 1:
                found["/".join(folder.parts)] = named.pop()
            else:
                without.append(folder)
    if not found or not without:
        return found
    example, other = next(iter(found)), "/".join(without[0].parts)
    raise DatasetLayoutError(
        f"{name}: below the class folders of {root.joinpath(*parent.parts)}, images lie in folders "
        f"named as splits ({shown(example)}) and {sum(f.own for f in without):,} outside of them "
        f"(in {shown(other)}); as splits, these belong to none: move them into one, or, where the "
        "names mean something else (people, say), rename those folders."
    )


def _refuse_pointers(tree: ClassTree) -> None:
    # Git-LFS leaves all of a folder's images or none, so one of each folder tells.
    firsts = {image.path.rsplit("/", 1)[0]: image.path for image in reversed(tree.images)}
    for path in firsts.values():
        if is_lfs_pointer(tree.root / path):
            refuse_lfs_pointer(tree.root / path)
