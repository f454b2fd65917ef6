"""CK+, the Extended Cohn-Kanade dataset (Lucey et al., CVPR Workshops 2010).

What: 593 posed sequences of 123 people, each from a neutral face (first frame) to the peak of
the expression (last frame); 327 of 118 people carry an emotion. Grey (a few colour) PNG,
640x490 or 640x480. Two unofficial copies are read too: CK+48 (the last three frames of the
327, 48x48) and ckextended.csv (327 last frames and 593 first ones as neutral, without people).

Layout (the inner folders, and folders renamed by tutorials, are accepted)::

    cohn-kanade-images/S005/001/S005_001_00000001.png ... S005_001_00000011.png
    Emotion/S005/001/S005_001_00000011_emotion.txt      "   3.0000000e+00"
    CK+48/anger/S010_004_00000017.png                   the copy of 48x48 faces
    ckextended.csv                                      emotion,pixels,Usage

Splits: none official; the usual is ten folds by subject. ckextended.csv has one of its own,
which is not by person.

Classes (labelled sequences): angry 45, disgust 59, fear 25, happy 69, sad 28, surprise 83,
contempt 18; neutral only where first frames are asked for. The codes of Emotion/ are CK+'s
own (0 neutral, 1 anger, 2 contempt, 3 disgust, ...), those of ckextended.csv are FER-2013's.

Licence: free for research after signing the agreement at jeffcohn.net/Resources; no
redistribution; in print only the subjects listed in Consent-for-publication.doc.

Citation: P. Lucey, J. Cohn, T. Kanade, J. Saragih, Z. Ambadar, I. Matthews: The Extended
Cohn-Kanade Dataset (CK+): a complete dataset for action unit and emotion-specified expression.
CVPR Workshops 2010.
"""

from pathlib import Path

from ferkit.datasets.accounts import reader
from ferkit.datasets.ckplus.copies import read_ck48, read_csv, refuse_nameless_copies
from ferkit.datasets.ckplus.original import LABELLED, FrameChoice, Reading, read_original
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import check_counts, not_found, per_class
from ferkit.datasets.videos import check_policy
from ferkit.emotions import canonical
from ferkit.errors import ConfigError, unknown

# Where the neutral start of a sequence would be taught as the emotion.
_WITH_ONSET = ("all", "middle_k", "evenly_k", "every_nth")
_READERS = {"original": read_original, "ck48": read_ck48, "csv": read_csv}


@reader
def read_ckplus(
    root: Path | str,
    *,
    variant: str = "auto",
    frames: str = "last_k",
    count: int = 3,
    neutral: str | None = None,
    contempt: str = "keep",
    strict: bool = False,
) -> FaceIndex:
    """Read CK+ in the original layout, as CK+48, or as ckextended.csv.

    Args:
        root: The dataset's folder, one above it, or its inner folder.
        variant: `original`, `ck48`, `csv`, or `auto`: the first of these that is found.
        frames: Which frames of a sequence carry its label (see `videos.select_frames`); the apex
            is the last frame on disk. ckextended.csv has one frame a sequence.
        count: The k of `last_k` and the like.
        neutral: Which first frames become neutral samples: of the `labelled` sequences, of
            `all`, or None for none.
        contempt: `keep`, `drop`, or `as:<emotion>` to count it as another.
        strict: Whether other counts than the published stop the load.

    Returns:
        The index; `subject` is "S005", `sequence` "S005_001" (both empty for ckextended.csv).

    Raises:
        ConfigError: an option has no such value, or this variant cannot serve it.
        DatasetNotFoundError: none of the layouts lies under `root`.
        DatasetLayoutError: a layout lacks a part (the Emotion folder, say).
        DataError: `strict`, and a count differs.
    """
    _check_options(variant, frames, count, neutral)
    target = _contempt_target(contempt)
    reading = _read(Path(root), variant, FrameChoice(frames, count, neutral))
    warnings = [*reading.warnings, *_count_warnings(reading, strict)]
    if frames in _WITH_ONSET and reading.variant == "original":
        warnings.append(
            f"ckplus: frames={frames} gives the neutral start of each sequence its emotion's "
            "label; last_k, peak and onset_apex_second_half do not"
        )
    return _finish(reading, target, warnings)


def _check_options(variant: str, frames: str, count: int, neutral: str | None) -> None:
    if variant != "auto" and variant not in _READERS:
        raise ConfigError(unknown("variant of ckplus", variant, ["auto", *_READERS]))
    check_policy(frames, count)
    if neutral not in (None, "labelled", "all"):
        raise ConfigError(unknown("choice of neutral frames", str(neutral), ["labelled", "all"]))


def _contempt_target(contempt: str) -> str:
    """The label contempt gets; empty where it is dropped."""
    if contempt in ("keep", "drop"):
        return "contempt" if contempt == "keep" else ""
    target = canonical(contempt.removeprefix("as:")) if contempt.startswith("as:") else None
    if target is None:
        raise ConfigError(
            f"contempt={contempt} is not known; give keep, drop, or as:<emotion>, e.g. as:disgust."
        )
    return target


def _read(root: Path, variant: str, choice: FrameChoice) -> Reading:
    wanted = _READERS if variant == "auto" else {variant: _READERS[variant]}
    for read in wanted.values():
        reading = read(root, choice)
        if reading is not None:
            return reading
    refuse_nameless_copies(root)
    raise not_found(
        "ckplus",
        root,
        "a folder with S005/001/S005_001_00000001.png, class folders with such names (CK+48), "
        "or ckextended.csv",
        "https://www.jeffcohn.net/Resources (signed agreement)",
        "research only, no redistribution",
        "cohn-kanade-images/S005/001/*.png beside Emotion/S005/001/*_emotion.txt",
    )


def _count_warnings(reading: Reading, strict: bool) -> list[str]:
    found = per_class(str(row["label"]) for row in reading.rows)
    if reading.variant == "original":
        return [
            *check_counts("ckplus", "labelled sequences", reading.labelled, LABELLED, strict),
            *check_counts("ckplus", "sequences", {"all": reading.sequences}, {"all": 593}, strict),
        ]
    if reading.variant == "CK+48":
        return check_counts("ckplus", "labelled sequences", reading.labelled, LABELLED, strict)
    expected = LABELLED | {"neutral": 593}
    # The counts of this copy are hearsay, so they are never worth more than a note.
    reading.notes.extend(check_counts("ckplus", "rows", found, expected, strict=False))
    return []


def _finish(reading: Reading, target: str, warnings: list[str]) -> FaceIndex:
    rows, images, dropped = reading.rows, reading.images, dict(reading.dropped)
    is_contempt = [row["label"] == "contempt" for row in rows]
    if not target:
        kept = [i for i, out in enumerate(is_contempt) if not out]
        rows, images = [rows[i] for i in kept], None if images is None else images[kept]
        dropped["contempt"] = sum(is_contempt)
        reading.beside["contempt"] = [
            str(row.get("path", ""))
            for row, out in zip(reading.rows, is_contempt, strict=True)
            if out
        ]
    elif target != "contempt" and any(is_contempt):
        rows = [row | {"label": target} if row["label"] == "contempt" else row for row in rows]
        reading.notes.append(f"{sum(is_contempt)} faces of contempt are counted as {target}")
    emotions = {*LABELLED, *(str(row["label"]) for row in rows)}
    if target != "contempt":
        emotions.discard("contempt")
    return make_index(
        rows,
        name="ckplus",
        variant=reading.variant,
        root=reading.root,
        emotions=sorted(emotions),
        images=images,
        dropped=dropped,
        notes=[f"task {_task(emotions)}: {len(emotions)} classes", *reading.notes],
        warnings=warnings,
        fingerprint=reading.fingerprint,
        beside=reading.beside,
    )


def _task(emotions: set[str]) -> str:
    """Six, seven with contempt, and seven with neutral are three tasks, not to be compared."""
    tasks = {(True, False): "ck7c", (False, True): "ck7n", (False, False): "ck6"}
    return tasks.get(("contempt" in emotions, "neutral" in emotions), "ck8")
