"""Any tree of class folders, with or without split folders above them.

    <root>/<class>/<anything>.jpg                 or
    <root>/{train,val,test}/<class>/<anything>.jpg   (training, valid, validation, testing too)

The root is looked for up to three levels down. Class folders are emotions or their usual other
names (happiness, joy, ...). Other names need `labels.map`, or `emotions` with names of one's
own; folders named by numbers need `label_order` or a file of names beside (labels.txt,
classes.json, ...), for a number's meaning is never guessed. There are no subjects: where they are
known, `dataset=table` carries them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.class_tree import OUTSIDE_CLASSES, ClassTree, find_class_tree
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.labels import OWN, LabelOptions, emotion_of, name_labels, unused_names
from ferkit.datasets.layout import not_found, per_class
from ferkit.datasets.shards import names_beside, order_of
from ferkit.emotions import EMOTIONS


@reader
def read_folder(
    root: Path | str,
    *,
    name: str = "folder",
    label_order: Sequence[str] | None = None,
    labels: LabelOptions | None = None,
    emotions: Sequence[str] | None = None,
) -> FaceIndex:
    """Index a tree of class folders; no image is opened.

    Args:
        root: The tree, or a folder up to three levels above it.
        name: The dataset's name in the index.
        label_order: Emotions of folders named by numbers, ascending, one for each number.
        labels: `{map: {folder: emotion or None}}`, which renames, merges or drops; or "own": the
            folders' names are the classes, as they are where none is a known emotion.
        emotions: Class names of one's own instead of the canonical ones.

    Raises:
        ConfigError: an option names no known emotion.
        DatasetNotFoundError: no tree of class folders lies there.
        DataError: a class folder has an unknown name or a number, or an image is a Git-LFS
            pointer.
    """
    given = (labels or {}) if not isinstance(labels, str) else {}
    expected = {str(native) for native in given.get("map") or {}} | set(emotions or ())
    beside = None if label_order or labels == OWN else names_beside(Path(root), 3)
    numbers = label_order is not None or beside is not None
    tree = _find(Path(root), expected, name, numbers=numbers)
    if beside:
        label_order = order_of([n for n in tree.folders if n.isdecimal()], beside[1])
    label_of = name_labels(
        tree.folders,
        where=f"class folder in {tree.root}",
        labels=labels,
        emotions=emotions,
        label_order=label_order,
        own=True,
    )
    kept = [image for image in tree.images if label_of[image.folder]]
    unwanted: dict[str, list[str]] = {}
    for image in tree.images:
        if not label_of[image.folder]:
            why = f"class {image.folder} (labels.map)"
            unwanted.setdefault(why, []).append(image.path)
    frame = pd.DataFrame(
        {
            "key": [image.path for image in kept],
            "path": [image.path for image in kept],
            "label": [label_of[image.folder] for image in kept],
            "split": [image.split for image in kept],
        }
    )
    return make_index(
        frame,
        name=name,
        variant=_variant(tree),
        root=tree.root,
        dropped=tree.left_out + Counter({why: len(paths) for why, paths in unwanted.items()}),
        notes=[
            *unused_names(labels, tree.folders),
            *([f"numbered classes are named by {beside[0]}"] if beside and label_order else []),
        ],
        warnings=[*tree.warnings(), *_own_names(label_of, labels, emotions), *_warnings(frame)],
        beside=unwanted,
        outside=OUTSIDE_CLASSES,
    )


def _own_names(
    label_of: Mapping[str, str], labels: LabelOptions | None, emotions: Sequence[str] | None
) -> list[str]:
    if labels == OWN or emotions or not set(label_of.values()).isdisjoint({*EMOTIONS, ""}):
        return []
    return [
        f"no class folder is a known emotion, so their names are the classes: "
        f"{', '.join(sorted(label_of))}; dataset.labels=own if that is meant"
    ]


def _find(root: Path, expected: set[str], name: str, numbers: bool) -> ClassTree:
    is_known = partial(_is_known_class, expected=expected, numbers=numbers)
    # Known names first: only where there are none may any folder with images be a class.
    for is_class in (is_known, bool):
        found = find_class_tree(root, is_class, 2, name)
        if found is not None:
            return found
    raise not_found(
        name,
        root,
        looked_for="at least two class folders with images, in one folder or in train/ or test/, "
        "up to 3 levels down",
        get_it="your own images",
        licence="your own",
        tree="<class>/*.jpg or {train,val,test}/<class>/*.jpg",
    )


def _is_known_class(folder: str, expected: set[str], numbers: bool) -> bool:
    return folder in expected or emotion_of(folder) is not None or (numbers and folder.isdecimal())


def _variant(tree: ClassTree) -> str:
    if not tree.splits:
        return "class folders without splits"
    named = ", ".join(tree.splits)
    return f"class folders with {named} below them" if tree.inner else f"class folders in {named}"


def _warnings(frame: pd.DataFrame) -> list[str]:
    if not (frame["split"] == "train").any():
        return []
    trained = per_class(frame.loc[frame["split"] == "train", "label"])
    untrained = [label for label in per_class(frame["label"]) if label not in trained]
    return [f"the train folder has no image of {label}" for label in untrained]
