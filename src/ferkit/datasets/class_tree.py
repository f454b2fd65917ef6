"""Trees of class folders, with or without split folders above them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ferkit.datasets.layout import (
    Listing,
    is_lfs_pointer,
    list_files,
    refuse_lfs_pointer,
    split_name,
    subfolders,
)


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
        left_out: Reason to count of files that are no images of a class.
        unread: Folders beside the split folders that were not looked into.
    """

    root: Path
    images: list[Placed] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)

    @property
    def folders(self) -> list[str]:
        """Names of the class folders that hold an image, sorted."""
        return sorted({image.folder for image in self.images})


def is_class_tree(folder: Path, is_class: Callable[[Path], bool], least: int) -> bool:
    """Whether a folder, or a split folder in it, holds at least so many class folders."""
    inside = subfolders(folder)
    candidates = [inside, *(subfolders(child) for child in inside if split_name(child.name))]
    return any(sum(map(is_class, children)) >= least for children in candidates)


def read_class_tree(root: Path) -> ClassTree:
    """List the images of a tree whose root `is_class_tree` recognised.

    Raises:
        DataError: an image is a Git-LFS pointer, or a folder cannot be read.
    """
    inside = subfolders(root)
    splits = [child for child in inside if split_name(child.name) and subfolders(child)]
    tree = ClassTree(root, splits=[child.name for child in splits])
    tree.unread = [child.name for child in inside if splits and child not in splits]
    for top in splits or inside:
        _add(tree, top.name, list_files(top))
    _refuse_pointers(tree)
    return tree


def _add(tree: ClassTree, top: str, listing: Listing) -> None:
    tree.left_out["junk file"] += listing.junk
    tree.left_out["not an image"] += len(listing.others)
    for path in listing.images:
        folder, slash, _ = path.partition("/")
        if not tree.splits:
            tree.images.append(Placed(f"{top}/{path}", "", top))
        elif slash:
            tree.images.append(Placed(f"{top}/{path}", split_name(top), folder))
        else:
            tree.left_out["outside the class folders"] += 1


def _refuse_pointers(tree: ClassTree) -> None:
    # Git-LFS leaves all of a folder's images or none, so one of each folder tells.
    firsts = {image.path.rsplit("/", 1)[0]: image.path for image in reversed(tree.images)}
    for path in firsts.values():
        if is_lfs_pointer(tree.root / path):
            refuse_lfs_pointer(tree.root / path)
