"""Trees of class folders, with split folders above them, below them, or without.

Everything below the given folder is walked once, and the tree is read off the paths, so that no
part of it is overlooked: what can be read in two ways is refused with both in the sentence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ferkit.datasets.film_files import is_film
from ferkit.datasets.labels import emotion_of
from ferkit.datasets.layout import is_lfs_pointer, refuse_lfs_pointer, split_name
from ferkit.datasets.tree_shape import (
    Folder,
    IsClass,
    Parts,
    classes_in,
    common_start,
    folders_of,
    parents_of_classes,
    split_place,
    walk_folders,
    without_split,
)
from ferkit.datasets.walk import Listing, is_foreign_image, list_files, shown
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
    if not root.is_dir():
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
    parents = _only(root, whole, name) if len(whole) > 1 else next(iter(whole.values()))
    _refuse_siblings(root, parents, groups, name)
    tree = _read(root, parents, listing, is_class, name)
    _refuse_pointers(tree)
    return tree


def _refuse_unreadable(root: Path, listing: Listing, is_class: IsClass) -> None:
    for folder, why in listing.unreadable.items():
        if any(is_class(part) or split_name(part) for part in folder.split("/")):
            raise DataError(f"{root / folder} cannot be read ({why}); check its permissions.")


def _only(root: Path, groups: dict[Parts, list[Folder]], name: str) -> list[Folder]:
    """The group of parents to read of several: the one that holds all others, if one does."""
    first = min(groups, key=lambda residue: (len(residue), residue))
    if all(residue[: len(first)] == first for residue in groups):
        return groups[first]
    raise _several(root, [groups[residue] for residue in sorted(groups)], name)


def _several(root: Path, groups: list[list[Folder]], name: str) -> DatasetLayoutError:
    said = [(common_start(group), sum(parent.images for parent in group)) for group in groups]
    named = ", ".join(f"{shown('/'.join(p) or '.')} ({n:,} images)" for p, n in said[:_MOST_NAMED])
    more = f" and {len(said) - _MOST_NAMED} more" if len(said) > _MOST_NAMED else ""
    return DatasetLayoutError(
        f"{name}: {len(said)} trees of class folders lie below {root}: {named}{more}; whether they "
        "are copies, people, folds or parts of one dataset is not guessed. Read one by "
        f"dataset.root={root / Path(*said[0][0])}, bring them into one tree, or list people and "
        "folds in a table (dataset=table)."
    )


def _refuse_siblings(
    root: Path, parents: list[Folder], groups: dict[Parts, list[Folder]], name: str
) -> None:
    """Stop where a folder beside the tree, of the same depth, has class folders too."""
    own = without_split(parents[0].parts)
    beside = [g for r, g in groups.items() if r != own and own and len(r) == len(own)]
    if beside:
        raise _several(root, [parents, *beside], name)
    by_split: dict[str, list[Folder]] = defaultdict(list)
    for parent in parents:
        place = split_place(parent.parts)
        by_split["" if place is None else split_name(parent.parts[place])].append(parent)
    for split, same in by_split.items():
        if len(same) > 1:
            named = " and ".join(f"{shown('/'.join(p.parts))} ({p.images:,} images)" for p in same)
            raise DatasetLayoutError(
                f"{name}: {len(same)} folders below {root} are the split {split}: {named}; bring "
                "them together, or move one away."
            )
    if "" in by_split and len(by_split) > 1:
        raise _side_by_side(root, by_split[""][0], [p for p in parents if p.parts], name)


def _side_by_side(
    root: Path, parent: Folder, splits: list[Folder], name: str
) -> DatasetLayoutError:
    place = root.joinpath(*parent.parts)
    named = ", ".join(shown(split.name) for split in splits)
    return DatasetLayoutError(
        f"{name}: {place} holds class folders and split folders ({named}) side by side, and "
        "whether the images in the class folders are a copy, or a part, of the splits is not "
        "guessed; move one of them away, or set dataset.root to the folder of one split."
    )


def _read(
    root: Path, parents: list[Folder], listing: Listing, is_class: IsClass, name: str
) -> ClassTree:
    start = common_start(parents)
    tree = ClassTree(root.joinpath(*start))
    places = {"".join(f"{part}/" for part in parent.parts): parent for parent in parents}
    for parent in parents:
        split = split_place(parent.parts)
        if split is not None:
            tree.splits.append(parent.parts[split])
        odd = [c for c in parent.children.values() if split_name(c.name) and c.images]
        if odd:
            raise _side_by_side(root, parent, odd, name)
        tree.empty += ["/".join(c.parts) for c in classes_in(parent, is_class) if not c.images]
    tree.splits.sort()
    cut = sum(len(part) + 1 for part in start)
    inner = {} if tree.splits else _inner_splits(root, parents[0], name)
    tree.inner = bool(inner)
    for prefix, parent in sorted(places.items()):
        place = split_place(parent.parts)
        split = "" if place is None else split_name(parent.parts[place])
        _refuse_other_splits(root, parent, split, name)
        for path in _below(prefix, listing.images):
            folder, slash, rest = path[len(prefix) :].partition("/")
            if slash:
                its = inner.get(path.rpartition("/")[0], split)
                tree.images.append(Placed(path[cut:], its, folder))
                if _is_nested(folder, rest):
                    tree.nested.append(path)
    if inner:
        tree.splits = sorted(
            {part for path in inner for part in path.split("/") if split_name(part)}
        )
    tree.images.sort()
    tree.left_out["junk file"] = listing.junk
    tree.left_out["not an image"] = _other_files(tree, places, start, listing)
    return tree


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
        count += inside and below and not is_film(path) and not is_foreign_image(path)
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


def _refuse_other_splits(root: Path, parent: Folder, split: str, name: str) -> None:
    if not split:
        return
    for folder in walk_folders(parent):
        inside = {split_name(p) for p in folder.parts[len(parent.parts) :]} - {""}
        if folder.own and inside - {split}:
            raise DatasetLayoutError(
                f"{name}: {root.joinpath(*folder.parts)} lies in a folder of the split {split} and "
                f"is itself named as {' and '.join(sorted(inside - {split}))}; which is meant is "
                "not guessed: move it, or rename it."
            )


def _refuse_pointers(tree: ClassTree) -> None:
    # Git-LFS leaves all of a folder's images or none, so one of each folder tells.
    firsts = {image.path.rsplit("/", 1)[0]: image.path for image in reversed(tree.images)}
    for path in firsts.values():
        if is_lfs_pointer(tree.root / path):
            refuse_lfs_pointer(tree.root / path)
