"""ExpW, Expression in the Wild (Zhang, Luo, Loy and Tang, 2016): faces in photographs of the web.

What: 91,793 faces in whole photographs, several people each, found by a detector and labelled by
hand. A row is a face with its box: `faces.detector=given` cuts it out.

Layout (any nesting)::

    image/*.jpg          the photographs
    label/label.lst      a line a face: image face_id top left right bottom confidence label
                         (mind the order of the box's edges)

Splits: none official; papers draw their own. The faces of one photograph stay on one side. No
subjects.

Classes, FER-2013's codes: angry 3,671; disgust 3,995; fear 1,088; happy 30,537; sad 10,559;
surprise 7,060; neutral 34,883.
Extra column: confidence, of the detector.

Licence: research only, as its page says (mmlab.ie.cuhk.edu.hk/projects/socialrelation).

Citation: Z. Zhang, P. Luo, C. C. Loy, X. Tang: From Facial Expression Recognition to Interpersonal
Relation Prediction. International Journal of Computer Vision 126, 2018.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import (
    check_counts,
    find_file,
    incomplete,
    not_found,
    per_class,
    refuse_lfs_pointer,
)
from ferkit.datasets.packed import open_text
from ferkit.datasets.walk import list_files, shown
from ferkit.emotions import EMOTIONS
from ferkit.errors import DataError

_CLASSES = EMOTIONS[:7]
_COUNTS = dict(zip(_CLASSES, (3671, 3995, 1088, 30537, 10559, 7060, 34883), strict=True))
_COLUMNS = ("image", "face", "top", "left", "right", "bottom", "confidence", "label")
_MOST_MISSING = 0.05
_LONGEST = 1000


@reader
def read_expw(root: Path | str, *, confidence: float = 0.0, strict: bool = False) -> FaceIndex:
    """Read ExpW.

    Args:
        root: The folder of label.lst and the images, or one up to three levels above it.
        confidence: Faces that the detector was less sure of are left out and counted; the
            published values run from about 0 to 150.
        strict: Whether other counts than the published stop the load.

    Raises:
        DatasetNotFoundError: no label.lst under `root`.
        DatasetLayoutError: no photograph of the list is there.
        DataError: a line of the list is broken, over 5% of the faces are in photographs that are
            missing, or `strict` and a count differs.
    """
    base = Path(root)
    path = find_file(base, ["label.lst"])
    if path is None:
        raise not_found(
            "expw",
            base,
            looked_for="label.lst",
            get_it="mmlab.ie.cuhk.edu.hk/projects/socialrelation",
            licence="research only",
            tree="label/label.lst and image/*.jpg",
        )
    home = path.parent.parent if path.parent.name.lower() == "label" else path.parent
    faces = _read_list(path)
    dropped: Counter[str] = Counter()
    faces, warnings = _with_photographs(faces, home, path, dropped)
    photographs = faces["path"].unique().tolist()
    faces = _well_boxed(faces, dropped, confidence)
    warnings += check_counts("expw", "faces", per_class(faces["label"]), _COUNTS, strict)
    return make_index(
        faces,
        name="expw",
        variant="label.lst",
        root=home,
        emotions=_CLASSES,
        dropped=dropped,
        notes=["no official split; faces of one photograph stay on one side"],
        warnings=warnings,
        beside={"photograph whose faces are left out": photographs},
        outside="in no line of label.lst",
    )


def _read_list(path: Path) -> pd.DataFrame:
    refuse_lfs_pointer(path)
    rows = []
    with open_text(path, errors="replace") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), ""), 1):
            cells = line.rsplit(maxsplit=len(_COLUMNS) - 1)  # a name may have blanks
            if not cells:
                continue
            row = _row(cells)
            if row is None:
                raise DataError(
                    f"expw: {path}, line {number}: expected image, face, top, left, right, bottom, "
                    f"confidence and a label 0 to 6, found {shown(line.strip())!r}; take the file "
                    "as it was delivered."
                )
            rows.append(row)
    if not rows:
        raise DataError(f"expw: {path} is empty; download it again.")
    return pd.DataFrame(rows, columns=["image", "face", "box", "confidence", "label"])


def _row(cells: list[str]) -> tuple[str, int, list[float], float, str] | None:
    try:
        face, label = int(cells[1]), int(cells[7])
        top, left, right, bottom, confidence = map(float, cells[2:7])
    except (IndexError, ValueError, OverflowError):
        return None
    if not 0 <= label < len(_CLASSES):
        return None
    return cells[0], face, [left, top, right, bottom], confidence, _CLASSES[label]


def _with_photographs(
    faces: pd.DataFrame, home: Path, path: Path, dropped: Counter[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The faces whose photograph is there, with its path."""
    by_name: dict[str, str] = {}
    for image in list_files(home, strict=False).images:
        by_name.setdefault(image.rsplit("/", 1)[-1], image)
    names = (name.rsplit("/", 1)[-1] for name in faces["image"])
    faces = faces.assign(path=[by_name.get(name, "") for name in names])
    missing = faces["path"] == ""
    if missing.all():
        raise incomplete(
            "expw",
            f"ExpW ({path})",
            f"every photograph (e.g. {shown(faces['image'].iloc[0])})",
            f"unpack the parts of origin.7z into {home / 'image'}",
        )
    example = shown(faces["image"][missing].iloc[0]) if missing.any() else ""
    if missing.sum() > _MOST_MISSING * len(faces):
        raise DataError(
            f"expw: the photographs of {missing.sum():,} of {len(faces):,} faces are missing below "
            f"{home}, e.g. {example}; unpack all parts of the archive."
        )
    if not missing.any():
        return faces, []
    dropped["missing photograph"] = int(missing.sum())
    return faces[~missing], [
        f"the photographs of {missing.sum():,} faces are missing, e.g. {example}"
    ]


def _well_boxed(faces: pd.DataFrame, dropped: Counter[str], confidence: float) -> pd.DataFrame:
    """Without faces that are listed twice, have no box, or were found with too little confidence.

    A box may leave the photograph: it is cut at its edges when the face is.
    """
    edges = np.array(faces["box"].tolist()).clip([0, 0, -np.inf, -np.inf])  # [N, 4]
    sides = edges[:, 2:] - edges[:, :2]
    faces = faces.assign(key=faces["path"] + "#" + faces["face"].astype(str))
    faces["box"] = pd.Series(edges.tolist(), index=faces.index)
    labels = faces.groupby("key")["label"].transform("nunique")
    conflicting = labels > 1
    twice = faces.duplicated("key") & ~conflicting
    empty = ~conflicting & ~twice & (sides < 1).any(axis=1)
    unsure = ~conflicting & ~twice & ~empty & (faces["confidence"] < confidence)
    dropped["face listed twice"] = int(twice.sum())
    dropped["conflicting labels of one face"] = int(conflicting.sum())
    dropped["box without an area"] = int(empty.sum())
    dropped["confidence below dataset.confidence"] = int(unsure.sum())
    kept = faces[~(conflicting | twice | empty | unsure)]
    return kept.drop(columns=["image", "face"])
