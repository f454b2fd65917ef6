"""FER+ (FERPlus): ten annotators' votes for each of FER-2013's 35,887 images (Barsoum et al.).

What: `fer2013new.csv` of votes for eight emotions, unknown and NF (not a face). The pixels are
FER-2013's own. Row i of the votes is row i of fer2013.csv or icml_face_data.csv. The number in
`Image name` is no row number, although the README says so (35,657 of 35,887 differ), and four
names occur twice, so nothing is joined by name; and the image-folder release of FER-2013, which
lost the order of rows, cannot be joined at all.

Layout (any nesting; the two may lie in one folder or in `ferplus/` and `fer2013/` side by side)::

    fer2013new.csv          Usage,Image name,neutral,happiness,surprise,sadness,anger,...,NF
    fer2013.csv             emotion,pixels,Usage      (or icml_face_data.csv)
    FER2013Train/label.csv, FER2013Train/fer0000000.png, FER2013Valid/..., FER2013Test/...
                            what Microsoft's generate_training_data.py writes: read where there is
                            no fer2013.csv

Splits: FER-2013's own, Training, PublicTest and PrivateTest as train, val and test.

Classes: eight, contempt among them. Labels follow a rule (see `ferplus_votes.label_votes`); the
votes as a distribution are in the columns `soft_<emotion>` whichever rule is taken. Kept: 31,412
by `majority`, 35,488 by `argmax10`, 35,711 by `argmax8`, 35,708 by `soft`. No subject ids.

Licence: votes and code MIT; the images stay under FER-2013's terms (non-commercial research, no
redistribution).

Citation: E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang: Training Deep Networks for Facial
Expression Recognition with Crowd-Sourced Label Distribution. ICMI 2016 (arXiv:1608.01041).
"""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np

from ferkit.datasets.accounts import reader
from ferkit.datasets.fer2013 import read_fer2013
from ferkit.datasets.fer2013.ferplus_files import (
    PIXEL_FILES,
    VOTES_FILE,
    check_alignment,
    find_beside,
    read_votes,
)
from ferkit.datasets.fer2013.ferplus_images import find_written, read_written
from ferkit.datasets.fer2013.ferplus_votes import (
    VOTE_COLUMNS,
    VOTE_EMOTIONS,
    check_rule,
    label_votes,
    vote_probabilities,
)
from ferkit.datasets.fer2013.folders import find_tree
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import (
    check_counts,
    incomplete,
    not_found,
    per_class,
)
from ferkit.emotions import EMOTIONS
from ferkit.errors import DatasetLayoutError

# Kept images by rule, in the order of VOTE_EMOTIONS, counted on the published file.
_KEPT = {
    "majority": (11_012, 9_045, 3_960, 3_749, 2_660, 161, 677, 148),
    "argmax10": (12_906, 9_355, 4_462, 4_371, 3_111, 248, 819, 216),
    "argmax8": (13_013, 9_367, 4_493, 4_415, 3_124, 253, 825, 221),
}
_NO_NAME = "row without an image name"
_ROW_ORDER_LOST = (
    "FERPlus needs row order; the image-folder release lost it. Supply fer2013.csv or "
    "icml_face_data.csv."
)


@reader
def read_ferplus(
    root: Path | str,
    *,
    rule: str = "majority",
    votes: Path | str | None = None,
    fer2013: Path | str | None = None,
    strict: bool = False,
) -> FaceIndex:
    """Read FER-2013's images with FER+ labels.

    Args:
        root: The folder of fer2013new.csv, of fer2013.csv, or of both.
        rule: `majority`, `argmax10`, `argmax8` or `soft`; see `ferplus_votes.label_votes`.
        votes: Path of fer2013new.csv, where it lies neither under the root nor beside it.
        fer2013: Path of fer2013.csv or icml_face_data.csv, likewise.
        strict: Whether other counts than the published stop the load.

    Returns:
        The index, with FER-2013's own keys and the extra columns `usage`, `fer2013_label` and
        `soft_<emotion>` (vote probabilities for the eight emotions, sum 1).

    Raises:
        ConfigError: unknown rule.
        DatasetNotFoundError: no votes, or no pixels.
        DatasetLayoutError: votes without pixels or the reverse, or pixels as image folders.
        DataError: the two files do not belong together row by row, or a file is broken.
    """
    check_rule(rule)
    base = Path(root)
    votes_file = find_beside(base, "ferplus", [VOTES_FILE], votes, "dataset.votes")
    pixel_file = find_beside(base, "fer2013", PIXEL_FILES, fer2013, "dataset.fer2013")
    written = find_written(base)
    if pixel_file is None and written is not None:
        index, ballots, named = read_written(written)
    else:
        votes_file, pixel_file = _both(base, votes_file, pixel_file)
        index = read_fer2013(pixel_file)
        table = read_votes(votes_file)
        check_alignment(index.frame, table, votes_file, pixel_file)
        ballots = table[list(VOTE_COLUMNS)].to_numpy(dtype=np.int64)  # [N, 10]
        named = (table["Image name"] != "").to_numpy()  # [N]
    return _labelled(index, ballots, named, rule, strict)


def _both(root: Path, votes: Path | None, pixels: Path | None) -> tuple[Path, Path]:
    if votes is not None and pixels is not None:
        return votes, pixels
    if pixels is not None:
        raise incomplete(
            "ferplus",
            f"FER-2013 in {pixels.parent}",
            f"the votes file {VOTES_FILE}",
            f"download it from github.com/microsoft/FERPlus into {pixels.parent}",
        )
    tree = find_tree(root) or find_tree(root.parent / "fer2013")
    if tree is not None:
        raise DatasetLayoutError(f"ferplus: {tree.root} holds image folders. {_ROW_ORDER_LOST}")
    if votes is not None:
        raise incomplete(
            "ferplus",
            f"the votes in {votes.parent}",
            "FER-2013's own file of pixels",
            "put fer2013.csv or icml_face_data.csv beside it, or set dataset.fer2013=PATH",
        )
    raise not_found(
        "ferplus",
        root,
        f"{VOTES_FILE} with fer2013.csv or icml_face_data.csv, or FER2013Train/label.csv with .png",
        "the votes at github.com/microsoft/FERPlus, the pixels from FER-2013's Kaggle competition",
        "votes MIT; images non-commercial research, no redistribution",
        f"{VOTES_FILE} beside fer2013.csv",
    )


def _labelled(
    index: FaceIndex, ballots: np.ndarray, named: np.ndarray, rule: str, strict: bool
) -> FaceIndex:
    labels, reasons = label_votes(ballots, rule)
    reasons[~named] = _NO_NAME
    kept = reasons == ""
    probabilities = vote_probabilities(ballots)  # [N, 8]
    frame = index.frame.rename(columns={"label": "fer2013_label"})
    frame["dataset"], frame["label"] = "ferplus", labels
    for emotion in EMOTIONS:
        frame[f"soft_{emotion}"] = probabilities[:, VOTE_EMOTIONS.index(emotion)]
    counts = Counter(reasons[~kept].tolist())
    warnings = []
    if rule in _KEPT:
        published = dict(zip(VOTE_EMOTIONS, _KEPT[rule], strict=True))
        counted = per_class(labels[kept])
        warnings = check_counts("ferplus", f"images by {rule}", counted, published, strict)
    notes = list(index.notes)
    if (frame["fer2013_label"] != "").any():  # written-out png do not carry it
        agreed = float((frame["fer2013_label"] == frame["label"])[kept].mean()) if kept.any() else 0
        notes.append(f"{agreed:.1%} of the kept labels are FER-2013's own")
    else:
        frame = frame.drop(columns="fer2013_label")
    return make_index(
        frame[kept].reset_index(drop=True),
        name="ferplus",
        variant=f"{index.variant} with FER+ votes, rule {rule}",
        root=index.root,
        emotions=EMOTIONS,
        images=None if index.images is None else index.images[kept],
        dropped=index.dropped | dict(counts),
        notes=notes,
        warnings=index.warnings + warnings,
        fingerprint=_kept_fingerprint(index.fingerprint, kept),
        beside=index.beside | {"left out by its votes": _left_out(index, kept)},
    )


def _left_out(index: FaceIndex, kept: np.ndarray) -> list[str]:
    return [path for path in index.frame["path"][~kept].tolist() if path]


def _kept_fingerprint(whole: str, kept: np.ndarray) -> str:
    return hashlib.sha256(whole.encode() + np.packbits(kept).tobytes()).hexdigest() if whole else ""
