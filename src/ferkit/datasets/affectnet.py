"""AffectNet (Mollahosseini, Hasani and Mahoor, 2017): faces from the web, eight classes.

What: about 440,000 faces labelled by one annotator each, with valence and arousal; 287,651 of
them in train carry one of the eight classes. The automatically labelled rest is not read.

Layout (any nesting)::

    Manually_Annotated_file_lists/{training,validation}.csv     the csv form of 2017; images in
    Manually_Annotated_Images/<folder>/<hash>.jpg               subDirectory_filePath, boxes beside
    train_set/images/<id>.jpg  train_set/annotations/<id>_exp.npy, _val.npy, _aro.npy   the form of
    val_set/...                                                 2021, cropped, eight classes alone
    {Train,Test}/{Anger,...} or {0..7}                          class folders, as on Kaggle

Splits: train is train; the official validation set is test, as in all papers, and val is carved out
of train. Papers choose the epoch on it, so that their metrics are optimistic ones. No subjects.

Classes (train), codes 0 to 7: neutral 74,874; happy 134,415; sad 25,459; surprise 14,090; fear
6,378; disgust 3,803; angry 24,882; contempt 3,750; 500 each in the validation set. Codes 8 (none),
9 (uncertain) and 10 (no face) are dropped and counted. Seven classes: `emotions=[...]`.
Extra columns: valence and arousal, -1 to 1, where they are asked for.

Licence: for heads of research groups on signed agreement (mohammadmahoor.com/affectnet), research
only, no redistribution.

Citation: A. Mollahosseini, B. Hasani, M. H. Mahoor: AffectNet: A Database for Facial Expression,
Valence, and Arousal Computing in the Wild. IEEE Transactions on Affective Computing 10(1), 2019.
"""

from collections import Counter
from pathlib import Path

import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.affectnet_npy import find_sets, read_sets
from ferkit.datasets.cells import read_cells
from ferkit.datasets.class_tree import ClassTree, find_class_tree
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.labels import emotion_of
from ferkit.datasets.layout import (
    check_counts,
    find_file,
    find_root,
    incomplete,
    not_found,
    per_class,
    refuse_lfs_pointer,
)
from ferkit.datasets.packed import is_folder
from ferkit.datasets.table_images import locate_images, merge_repeated
from ferkit.datasets.walk import is_regular, shown
from ferkit.emotions import EMOTIONS
from ferkit.errors import DataError, DatasetLayoutError

_ORDER = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
CODES = {str(code): emotion for code, emotion in enumerate(_ORDER)}
_LEFT_OUT = {"8": "no emotion (code 8)", "9": "uncertain (code 9)", "10": "no face (code 10)"}
_TRAIN = (74874, 134415, 25459, 14090, 6378, 3803, 24882, 3750)
_COUNTS = {
    "train": dict(zip(_ORDER, _TRAIN, strict=True)),
    "test": dict.fromkeys(_ORDER, 500),
}
_PATH, _LABEL = "subDirectory_filePath", "expression"
_HEADER = [_PATH, "face_x", "face_y", "face_width", "face_height", "facial_landmarks", _LABEL]
_HEADER += ["valence", "arousal"]
_FILES = {"train": "training.csv", "test": "validation.csv"}
_AUTOMATIC = "automatically annotated image"


@reader
def read_affectnet(
    root: Path | str,
    *,
    images_root: Path | str | None = None,
    valence_arousal: bool = False,
    strict: bool = False,
) -> FaceIndex:
    """Read AffectNet in whichever form lies under a folder.

    Args:
        root: The folder, or one up to three levels above the lists, the sets or the class folders.
        images_root: The folder that the csv's paths start from, where it is elsewhere.
        valence_arousal: Whether the columns `valence` and `arousal` are read, too; in the npy form
            it takes two more files an image.
        strict: Whether other counts than the published stop the load.

    Returns:
        The index; in the csv form with the face's `box`.

    Raises:
        DatasetNotFoundError: nothing recognisable lies there.
        DatasetLayoutError: a half or the images are missing.
        DataError: a table or annotation is broken, over 5% of the images are missing, or `strict`
            and a count differs.
    """
    base = Path(root)
    if (sets := find_sets(base)) is not None:
        index = read_sets(sets, CODES, valence_arousal)
    elif (lists := _find_lists(base)) is not None:
        index = _read_lists(base, lists, images_root, valence_arousal)
    elif (tree := find_class_tree(base, _is_class, 5, "affectnet")) is not None:
        index = _read_tree(tree)
    else:
        raise not_found(
            "affectnet",
            base,
            looked_for="training.csv and validation.csv, train_set/ and val_set/ with images/ and "
            "annotations/, or class folders (Anger, ... or 0 to 7)",
            get_it="request by the head of a research group at mohammadmahoor.com/affectnet",
            licence="research only, no redistribution",
            tree="train_set/{images,annotations} and val_set/{images,annotations}",
        )
    index.notes.append("the official validation set is test; papers choose the epoch on it")
    for split, published in _COUNTS.items():
        counts = per_class(index.frame.loc[index.frame["split"] == split, "label"])
        index.warnings += check_counts("affectnet", f"{split} images", counts, published, strict)
    return index


def _find_lists(base: Path) -> dict[str, Path] | None:
    found = {split: find_file(base, [name]) for split, name in _FILES.items()}
    lists = {split: path for split, path in found.items() if path is not None}
    if not lists:
        return None
    for split, name in _FILES.items():
        if split not in lists:
            there = next(iter(lists.values()))
            raise incomplete("affectnet", f"the csv form ({there})", name, f"put it beside {there}")
    return lists


def _read_lists(
    base: Path, lists: dict[str, Path], images_root: Path | str | None, wanted: bool
) -> FaceIndex:
    frames = [_read_list(path, split) for split, path in lists.items()]
    frame = pd.concat(frames, ignore_index=True)
    home = Path(images_root) if images_root is not None else _images(base, frame["path"])
    if not is_folder(home):
        raise DataError(f"affectnet: dataset.images_root={home} is no folder; give one.")
    dropped: Counter[str] = Counter(frame["label"].map(_LEFT_OUT).dropna())
    listed = frame["path"]
    frame = frame[frame["label"].isin(CODES)]
    frame = frame.assign(label=frame["label"].map(CODES))
    home, frame, warnings = locate_images(frame, home, lists["train"], dropped)
    frame, more = merge_repeated(frame, home, dropped)
    if not wanted:
        frame = frame.drop(columns=["valence", "arousal"])
    automatic = find_root(base, lambda f: is_folder(f / "Automatically_Annotated_Images"), 2)
    return make_index(
        frame,
        name="affectnet",
        variant="csv lists",
        root=home,
        emotions=_ORDER,
        dropped=dropped,
        warnings=[*warnings, *more],
        notes=["the automatically annotated images are not read"] if automatic else [],
        beside={"image of a row that is left out": listed.tolist()},
        outside="in neither list",
    )


def _read_list(path: Path, split: str) -> pd.DataFrame:
    """The rows of one list, `label` its code; the header is missing in some copies."""
    refuse_lfs_pointer(path)
    header, cells = read_cells(path)
    if _PATH not in header and len(header) == len(_HEADER) and header[6].isdecimal():
        header, cells = _HEADER, [header, *cells]
    lacking = [name for name in (_PATH, _LABEL) if name not in header]
    if lacking:
        raise DatasetLayoutError(
            f"affectnet: {path} has no column {' and '.join(lacking)} (its first line: "
            f"{shown(', '.join(header))}); take the list as it was delivered."
        )
    table = pd.DataFrame(cells, columns=header)
    codes = table[_LABEL].str.strip()
    odd = codes[~codes.isin({**CODES, **_LEFT_OUT})]
    if len(odd):
        raise DataError(
            f"affectnet: {path}, data row {odd.index[0]}: expression is {shown(odd.iloc[0])!r}, "
            "expected a code 0 to 10; take the list as it was delivered."
        )
    numbers = {name: _numbers(table, name, len(table)) for name in _HEADER if name != _PATH}
    left, top = numbers["face_x"], numbers["face_y"]
    edges = [left, top, left + numbers["face_width"], top + numbers["face_height"]]
    boxes = pd.concat(edges, axis=1).to_numpy()
    return pd.DataFrame(
        {
            "path": table[_PATH].str.strip(),
            "label": codes,
            "split": split,
            "subject": "",
            "frame": -1,
            "box": [b.tolist() if b[2] > b[0] and b[3] > b[1] else None for b in boxes],
            **{n: numbers[n].where(numbers[n].abs() <= 1) for n in ("valence", "arousal")},
        }
    )


def _numbers(table: pd.DataFrame, name: str, rows: int) -> pd.Series:
    if name not in table:
        return pd.Series([float("nan")] * rows)
    return pd.to_numeric(table[name], errors="coerce").astype(float)


def _images(base: Path, paths: pd.Series) -> Path:
    """The folder that the paths start from: some of the first must be there."""
    first = paths.head(50).tolist()

    def holds(folder: Path) -> bool:
        return any(is_regular(folder / path) for path in first)

    found = find_root(base, holds)
    if found is None:
        raise incomplete(
            "affectnet",
            f"the csv form in {base}",
            f"every image of the lists (e.g. {shown(first[0])})",
            "unpack Manually_Annotated_Images beside the lists, or set dataset.images_root",
        )
    return found


def _is_class(folder: str) -> bool:
    return folder in CODES or emotion_of(folder) is not None


def _read_tree(tree: ClassTree) -> FaceIndex:
    """Class folders: numbers are AffectNet's own codes; what is not train is test."""
    splits = {"train": "train", "val": "test", "test": "test"}
    frame = pd.DataFrame(
        {
            "key": [image.path for image in tree.images],
            "path": [image.path for image in tree.images],
            "label": [CODES.get(i.folder) or emotion_of(i.folder) for i in tree.images],
            "split": [splits.get(image.split, "") for image in tree.images],
        }
    )
    both = {"val", "test"} <= {image.split for image in tree.images}
    if both:  # a repackager's own: test stays test
        frame["split"] = [image.split for image in tree.images]
    return make_index(
        frame,
        name="affectnet",
        variant=f"class folders in {', '.join(tree.splits)}" if tree.splits else "class folders",
        root=tree.root,
        emotions=[label for label in EMOTIONS if label in set(frame["label"])],
        dropped=tree.left_out,
        warnings=tree.warnings(),
        notes=["class folders are a repackager's: which images they hold is not the publisher's"],
        outside="outside the class folders",
    )
