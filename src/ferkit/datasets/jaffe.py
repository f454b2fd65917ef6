"""JAFFE, the Japanese Female Facial Expression database (Lyons, Kamachi and Gyoba, 1998).

What: 213 posed photographs of ten women, seven expressions, some three each; 256x256 pixels, grey
TIFF. A file's name says everything, so any arrangement of folders is read, jpg and png copies too.
The label is the expression that was posed; the ratings by 60 people in the README disagree at
times, and are not read.

Layout (any nesting, class folders of the original names too)::

    jaffe/KA.AN1.39.tiff    person KA KL KM KR MK NA NM TM UY YM, AN DI FE HA NE SA SU and which
                            of them, running number

Splits: none official; leave-one-subject-out over the ten people is usual. With one image an
expression left out instead, the same person is on both sides.

Classes: angry 30, disgust 29, fear 32, happy 31, sad 31, surprise 30, neutral 30.

Licence: on request at zenodo.org (doi 10.5281/zenodo.3451524), non-commercial research only, no
redistribution; publications may show few images, as its terms say.

Citation: M. Lyons, S. Akamatsu, M. Kamachi, J. Gyoba: Coding Facial Expressions with Gabor
Wavelets. 3rd IEEE International Conference on Automatic Face and Gesture Recognition, 1998.
"""

import re
from pathlib import Path, PurePosixPath

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import check_counts, not_found, per_class, refuse_lfs_pointer
from ferkit.datasets.walk import list_files, shown
from ferkit.emotions import canonical
from ferkit.errors import DatasetLayoutError

_EMOTIONS = {
    "AN": "angry",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "SA": "sad",
    "SU": "surprise",
    "NE": "neutral",
}
_COUNTS = dict(zip(_EMOTIONS.values(), (30, 29, 32, 31, 31, 30, 30), strict=True))
_NAME = re.compile(
    r"(?P<subject>KA|KL|KM|KR|MK|NA|NM|TM|UY|YM)\.(?P<emotion>AN|DI|FE|HA|NE|SA|SU)\d\.\d+"
)
_SECOND, _UNNAMED = "second copy", "name is none of JAFFE's"


@reader
def read_jaffe(root: Path | str, *, strict: bool = False) -> FaceIndex:
    """Read JAFFE.

    Args:
        root: The folder of the images, or any above it.
        strict: Whether other counts than the published stop the load.

    Returns:
        The index; `subject` is "KA".

    Raises:
        DatasetNotFoundError: no image lies under `root`.
        DatasetLayoutError: there are images, but none with JAFFE's names.
        DataError: `strict`, and a count differs.
    """
    base = Path(root)
    images = list_files(base, strict=False).images
    beside: dict[str, list[str]] = {_SECOND: [], _UNNAMED: []}
    rows: dict[str, dict[str, object]] = {}
    for path in images:
        code = PurePosixPath(path).stem.upper()
        match = _NAME.fullmatch(code)
        if match is None or code in rows:
            beside[_UNNAMED if match is None else _SECOND].append(path)
            continue
        label, subject = _EMOTIONS[match["emotion"]], match["subject"]
        rows[code] = {"key": code, "path": path, "label": label, "subject": subject}
    if not rows:
        raise _nothing(base, images)
    refuse_lfs_pointer(base / str(next(iter(rows.values()))["path"]))
    counts = per_class(str(row["label"]) for row in rows.values())
    return make_index(
        rows.values(),
        name="jaffe",
        variant="images by their names",
        root=base,
        emotions=_EMOTIONS.values(),
        dropped={why: len(paths) for why, paths in beside.items()},
        notes=["the label is the expression that was posed"],
        warnings=[
            *(
                f"jaffe: {len(p)} images: {why}, e.g. {shown(p[0])}"
                for why, p in beside.items()
                if p
            ),
            *_misplaced(rows),
            *check_counts("jaffe", "images", counts, _COUNTS, strict),
        ],
        beside=beside,
    )


def _misplaced(rows: dict[str, dict[str, object]]) -> list[str]:
    """Images in the folder of another emotion than their name says."""
    odd = [
        str(row["path"])
        for row in rows.values()
        if (folder := canonical(PurePosixPath(str(row["path"])).parent.name))
        and folder != row["label"]
    ]
    if not odd:
        return []
    return [
        f"jaffe: {len(odd)} images lie in another emotion's folder than their name says, e.g. "
        f"{shown(odd[0])}; the name is believed"
    ]


def _nothing(root: Path, images: list[str]) -> Exception:
    if images:
        return DatasetLayoutError(
            f"jaffe: none of the {len(images)} images under {root} has JAFFE's name (e.g. "
            f"{shown(images[0])}, not KA.AN1.39.tiff), and people cannot be told apart without it; "
            "take a copy with the original names, or read class folders by dataset=folder."
        )
    return not_found(
        "jaffe",
        root,
        looked_for="images named like KA.AN1.39.tiff",
        get_it="request at zenodo.org, doi 10.5281/zenodo.3451524",
        licence="non-commercial research only, no redistribution",
        tree="jaffe/KA.AN1.39.tiff",
    )
