"""What of a tree of class folders can be read in two ways: refused, with both in the sentence."""

from collections import defaultdict
from pathlib import Path

from ferkit.datasets.layout import split_name
from ferkit.datasets.tree_shape import (
    Folder,
    Parts,
    common_start,
    split_folder,
    split_place,
    walk_folders,
    without_split,
)
from ferkit.datasets.walk import shown
from ferkit.errors import DatasetLayoutError

_MOST_NAMED = 4


def only_tree(root: Path, groups: dict[Parts, list[Folder]], name: str) -> list[Folder]:
    """The group of parents to read of several: the one that holds all others.

    Raises:
        DatasetLayoutError: no group does.
    """
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


def refuse_siblings(
    root: Path, parents: list[Folder], groups: dict[Parts, list[Folder]], name: str
) -> None:
    """Stop at class folders beside the tree, and at two folders of one split.

    Args:
        parents: The folders that the tree's class folders lie in.
        groups: All such folders below the root, by their paths without a split.

    Raises:
        DatasetLayoutError: there are such.
    """
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


def refuse_splits_inside(root: Path, parent: Folder, name: str) -> None:
    """Stop at split folders beside class folders, and below those of another split.

    Raises:
        DatasetLayoutError: there are such.
    """
    odd = [c for c in parent.children.values() if split_name(c.name) and c.images]
    if odd:
        raise _side_by_side(root, parent, odd, name)
    split = split_name(split_folder(parent))
    for folder in walk_folders(parent) if split else ():
        other = {split_name(p) for p in folder.parts[len(parent.parts) :]} - {"", split}
        if folder.own and other:
            raise DatasetLayoutError(
                f"{name}: {root.joinpath(*folder.parts)} lies in a folder of the split {split} and "
                f"is itself named as {' and '.join(sorted(other))}; which is meant is not guessed: "
                "move it, or rename it."
            )
