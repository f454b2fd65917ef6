"""FER-2013's image-folder release and its repackagings, at any nesting.

The files' names tell more than their folders: `PublicTest_` and `PrivateTest_` lie mixed in one
test folder. A number in a name is unique neither across classes nor across parts, so that a key
is split/class/name.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ferkit.datasets.class_tree import OUTSIDE_CLASSES, ClassTree, Placed, find_class_tree
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.labels import emotion_of, name_labels
from ferkit.datasets.layout import incomplete, split_name
from ferkit.datasets.shards import names_beside, order_of
from ferkit.emotions import EMOTIONS
from ferkit.errors import DataError, nearest

_USAGE = re.compile(r"(Training|PublicTest|PrivateTest)_")
_AUGMENTED = re.compile(r"\.(jpe?g|png)\d+\.(jpe?g|png)$", re.IGNORECASE)
_SEVEN = EMOTIONS[:7]


def find_tree(root: Path) -> ClassTree | None:
    """The tree, at most 3 levels down, of five class folders or more.

    Raises:
        DatasetLayoutError: there are several, or its splits can be read in two ways.
        DataError: an image is a Git-LFS pointer, or a folder cannot be read.
    """
    return find_class_tree(root, _is_class, 5, "fer2013")


def _is_class(folder: str) -> bool:
    return emotion_of(folder) in _SEVEN or folder in set("0123456")


def read_folders(
    tree: ClassTree, splits: dict[str, str], label_order: Sequence[str] | None
) -> FaceIndex:
    """Index the image folders; no image is opened.

    Args:
        tree: What `find_tree` found.
        splits: Part (Training, PublicTest, PrivateTest) to split.
        label_order: Names of numeric class folders, ascending.

    Raises:
        DatasetLayoutError: there is a train folder without any other, or the reverse.
        DataError: an unknown or numeric class folder.
    """
    root = tree.root
    _refuse_half(tree)
    beside = None if label_order else names_beside(root) or names_beside(root.parent, 0)
    if beside:
        label_order = order_of([n for n in tree.folders if n.isdecimal()], beside[1])
    _judge_folders(tree, label_order)
    copies = [image for image in tree.images if _AUGMENTED.search(image.name)]
    originals = [image for image in tree.images if not _AUGMENTED.search(image.name)]
    names = name_labels(
        tree.folders,
        where=f"class folder in {root}",
        label_order=label_order,
        emotions=_SEVEN,
    )
    frame = _frame(originals, names, splits, _key_prefix(tree))
    return make_index(
        frame,
        name="fer2013",
        variant=_variant(tree),
        root=root,
        dropped=tree.left_out + Counter({"augmented copy": len(copies)}),
        notes=_notes(tree, frame)
        + ([f"numbered classes are named by {beside[0]}"] if beside and label_order else []),
        warnings=[
            *tree.warnings(),
            *_copies_warning(copies),
            *_misplaced(originals),
            *_half_warning(tree),
        ],
        beside={"augmented copy": [image.path for image in copies]},
        outside=OUTSIDE_CLASSES,
    )


def _judge_folders(tree: ClassTree, label_order: Sequence[str] | None) -> None:
    for name in tree.folders:
        if name.isdecimal() and not label_order:
            raise DataError(
                f"fer2013: the class folder {name!r} in {tree.root} is a number, and which emotion "
                "a number means is never guessed: give dataset.label_order=[...], ascending, "
                "or add a labels.txt with a line a class (0 angry)."
            )
        if not name.isdecimal() and emotion_of(name) not in _SEVEN:
            raise DataError(
                f"fer2013: the class folder {name!r} in {tree.root} is none of the seven emotions."
                f"{nearest(name, _SEVEN)} Rename or remove it, or read the tree by dataset=folder."
            )


def _frame(
    images: list[Placed], names: dict[str, str], splits: dict[str, str], prefix: str
) -> pd.DataFrame:
    usages = [match[1] if (match := _USAGE.match(image.name)) else "" for image in images]
    return pd.DataFrame(
        {
            "key": [prefix + image.path for image in images],
            "path": [image.path for image in images],
            "label": [names[image.folder] for image in images],
            "split": [
                splits.get(usage, image.split) for usage, image in zip(usages, images, strict=True)
            ],
            "usage": usages,
        }
    )


def _key_prefix(tree: ClassTree) -> str:
    # The same keys whether .../fer2013 or .../fer2013/train is the root.
    return f"{tree.root.name}/" if _is_half(tree) else ""


def _is_half(tree: ClassTree) -> bool:
    return not tree.splits and bool(split_name(tree.root.resolve().name))


def _variant(tree: ClassTree) -> str:
    if tree.splits:
        return f"image folders ({', '.join(sorted(tree.splits, key=_in_use))})"
    return f"image folders ({tree.root.name} alone)" if _is_half(tree) else "flat class folders"


def _in_use(folder: str) -> int:
    return ["train", "val", "test"].index(split_name(folder))


def _refuse_half(tree: ClassTree) -> None:
    present = {split_name(folder) for folder in tree.splits}
    missing = "train/" if "train" not in present else "test/ (or validation/)"
    if tree.splits and (len(present) == 1 or "train" not in present):
        raise incomplete(
            "fer2013",
            f"the image-folder release in {tree.root}",
            missing,
            "unpack the archive whole, or set dataset.root to "
            f"{tree.root / tree.splits[0]} to read that part alone",
        )


def _notes(tree: ClassTree, frame: pd.DataFrame) -> list[str]:
    notes = []
    if any(split_name(name) == "val" for name in tree.splits):
        notes.append("the validation folder is a repackager's; it is no official split")
    unnamed = int((frame["usage"] == "").sum())
    if unnamed and tree.splits:
        notes.append(f"{unnamed} file names tell no official part; their folders' split is taken")
    elif unnamed:
        notes.append(f"flat class folders: {unnamed} images without an official split")
    return notes


def _copies_warning(copies: list[Placed]) -> list[str]:
    if not copies:
        return []
    held_out = sum(image.split in {"val", "test"} for image in copies)
    return [
        f"augmented copies found ({len(copies)}, e.g. {copies[0].path}); ignored. They leak if "
        f"they are in a test folder ({held_out} are)"
    ]


def _misplaced(images: list[Placed]) -> list[str]:
    odd = [
        image
        for image in images
        if image.split and (match := _USAGE.match(image.name))
        if (match[1] == "Training") != (image.split == "train")
    ]
    if not odd:
        return []
    return [
        f"{len(odd)} files lie in another split's folder than their name says, e.g. "
        f"{odd[0].path}; the name is followed (dataset=folder takes the folders as they are)"
    ]


def _half_warning(tree: ClassTree) -> list[str]:
    if not _is_half(tree):
        return []
    return [f"only {tree.root} is read; for the other splits set dataset.root={tree.root.parent}"]
