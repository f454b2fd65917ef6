"""FER-2013 (Goodfellow et al. 2013, arXiv:1307.0414): 35,887 grey faces of 48x48 from the web.

Seven emotions, no subjects: a subject-disjoint split is impossible. Official parts, the same in
all literature: Training 28,709 is train, PublicTest 3,589 is val, PrivateTest 3,589 is test.

Read in every form it is handed around in:

- `fer2013.csv` (emotion,pixels,Usage) and `icml_face_data.csv` (emotion, Usage, pixels);
- `train.csv` (emotion,pixels): the Training rows alone; `test.csv` has no labels and is refused;
- image folders `train/<class>/Training_<n>.jpg`, `test/<class>/{PublicTest,PrivateTest}_<n>.jpg`
  at any nesting, `images/{train,validation}`, and flat class folders; `train/0` to `6` with a file
  that names the numbers beside (labels.txt, classes.json, ...), else `label_order`.

Known faults: 12 images are all black (found by content when the faces are prepared); 280 images
of PublicTest and 288 of PrivateTest have an identical copy in Training (`split.drop_leaks=true`
removes the copies), and 57 groups of identical images carry conflicting labels. The JPEG files
differ slightly from the csv, and their order is lost: only the csv can be joined with FER+.

Licence: images scraped from the web for a Kaggle competition, no licence by their owners;
non-commercial research, no redistribution.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.class_tree import ClassTree
from ferkit.datasets.fer2013.csv_file import USAGES, PixelRows, read_pixel_rows
from ferkit.datasets.fer2013.folders import find_tree, read_folders
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import check_counts, find_file, not_found, per_class
from ferkit.datasets.packed import is_folder
from ferkit.datasets.walk import is_regular, list_files, shown
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DatasetLayoutError, DatasetNotFoundError, unknown

_FILES = {"csv": "fer2013.csv", "icml": "icml_face_data.csv", "train_csv": "train.csv"}
_VARIANTS = ("auto", "csv", "icml", "folder", "train_csv")
_COUNTS = {
    "Training": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "PublicTest": (467, 56, 496, 895, 653, 415, 607),
    "PrivateTest": (491, 55, 528, 879, 594, 416, 626),
}


@reader
def read_fer2013(
    root: Path | str,
    *,
    variant: str = "auto",
    val: str = "public",
    label_order: Sequence[str] | None = None,
    strict: bool = False,
) -> FaceIndex:
    """Read FER-2013 in whichever form lies under a folder.

    Args:
        root: The folder, or one up to three levels above the data, or the csv file itself.
        variant: auto, csv, icml, folder or train_csv; auto takes the first that is there, in
            this order.
        val: `public`: PublicTest is val, PrivateTest test, as in the literature. `holdout`: both
            are test, and val is carved out of train by the split.
        label_order: Emotions of class folders that are named by numbers, ascending.
        strict: Whether counts other than the published ones stop the load.

    Returns:
        Rows with the extra column `usage` (Training, PublicTest, PrivateTest or empty); the csv
        forms carry `images` [N, 48, 48].

    Raises:
        ConfigError: an unknown `variant` or `val`.
        DatasetNotFoundError: nothing recognisable lies there.
        DataError: what lies there is incomplete or broken.
    """
    if variant not in _VARIANTS:
        raise ConfigError(f"dataset.variant: {unknown('variant', variant, _VARIANTS)}")
    if val not in {"public", "holdout"}:
        raise ConfigError(f"dataset.val: {unknown('choice', val, ['public', 'holdout'])}")
    splits = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
    if val == "holdout":
        splits["PublicTest"] = "test"
    found = _locate(Path(root), variant)
    if isinstance(found, Path):
        index = _csv_index(found, read_pixel_rows(found), splits)
        index.warnings += _second_copies(Path(root), found)
    else:
        index = read_folders(found, splits, label_order)
    index.warnings += _count_warnings(index.frame, strict)
    return index


def _locate(root: Path, variant: str) -> Path | ClassTree:
    if is_regular(root) and root.suffix.lower() == ".csv":
        return root
    for form in _VARIANTS[1:] if variant == "auto" else (variant,):
        found = find_tree(root) if form == "folder" else find_file(root, [_FILES[form]])
        if found is not None:
            return found
    raise _nothing(root, variant)


def _second_copies(root: Path, found: Path) -> list[str]:
    """A warning of further files of the name that was read."""
    others = list_files(root, strict=False).others if is_folder(root) else []
    same = [path for path in others if path.rsplit("/", 1)[-1].lower() == found.name.lower()]
    rest = [shown(path) for path in same if root / path != found]
    if not rest:
        return []
    return [f"{found} is read; {len(rest)} more below {root} are not: {', '.join(rest[:4])}"]


def _nothing(root: Path, variant: str) -> DatasetLayoutError | DatasetNotFoundError:
    unlabelled = find_file(root, ["test.csv"])
    if unlabelled is not None and variant == "auto":
        return DatasetLayoutError(
            f"{unlabelled} has no `emotion` column: it is the competition's unlabelled test file. "
            "Use fer2013.csv or icml_face_data.csv."
        )
    folders = "five class folders (angry, disgust, ...) or train/ and test/ with them"
    wanted = [*_FILES.values(), folders] if variant == "auto" else [_FILES.get(variant, folders)]
    return not_found(
        "fer2013",
        root,
        looked_for=", ".join(wanted) + " up to 3 levels down",
        get_it="the Kaggle competition "
        "challenges-in-representation-learning-facial-expression-recognition-challenge, "
        "or the Kaggle dataset msambare/fer2013",
        licence="non-commercial research, no redistribution",
        tree="fer2013.csv, or train/<class>/Training_*.jpg and test/<class>/*Test_*.jpg",
    )


def _csv_index(path: Path, rows: PixelRows, splits: dict[str, str]) -> FaceIndex:
    frame = pd.DataFrame(
        {
            "key": [f"csv/{row:08d}" for row in range(len(rows.labels))],
            "label": rows.labels,
            "split": [splits.get(usage, "") for usage in rows.usages],
            "usage": rows.usages,
        }
    )
    return make_index(
        frame,
        name="fer2013",
        variant=f"{_form(rows.header)}.csv",
        root=path.parent,
        images=rows.images,
        notes=_csv_notes(rows.header),
        fingerprint=rows.fingerprint,
    )


def _form(header: list[str]) -> str:
    if "Usage" not in header:
        return "train"
    return "fer2013" if header.index("pixels") < header.index("Usage") else "icml_face_data"


def _csv_notes(header: list[str]) -> list[str]:
    return {
        "fer2013": [],
        "icml_face_data": ["icml_face_data.csv variant"],
        "train": ["train.csv variant: only the Training block; no official val or test"],
    }[_form(header)]


def _count_warnings(frame: pd.DataFrame, strict: bool) -> list[str]:
    if (frame["usage"] == "").all():
        # Without names of parts: train.csv holds the Training rows, a tree of folders all.
        whole = USAGES[:1] if frame["key"].str.startswith("csv/").all() else USAGES
        return _compare(frame, "images", whole, strict)
    texts = []
    for usage in USAGES:
        texts += _compare(frame[frame["usage"] == usage], f"{usage} images", [usage], strict)
    return texts


def _compare(frame: pd.DataFrame, what: str, parts: Sequence[str], strict: bool) -> list[str]:
    expected = [sum(counts) for counts in zip(*(_COUNTS[part] for part in parts), strict=True)]
    published = dict(zip(EMOTIONS, expected, strict=False))
    return check_counts("fer2013", what, per_class(frame["label"]), published, strict)
