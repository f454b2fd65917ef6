"""The two unofficial copies of CK+ that most public code is written for: CK+48 and a table.

Neither is by the authors of CK+. CK+48 keeps the names of the frames, so people and sequences
are known; ckextended.csv lost them.
"""

import hashlib
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from ferkit.datasets.cells import read_columns
from ferkit.datasets.ckplus.original import IMAGE, FrameChoice, Reading
from ferkit.datasets.layout import class_folders, find_root, is_lfs_pointer, refuse_lfs_pointer
from ferkit.datasets.packed import open_bytes
from ferkit.datasets.videos import select_frames
from ferkit.datasets.walk import file_names, is_image, shown, subfolders
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DataError, DatasetLayoutError

_TABLE = re.compile(r"ck.*\.csv", re.I)
_USAGES = {"training": "train", "publictest": "val", "privatetest": "test"}
_SIDE = 48
_CODES = frozenset("01234567")


def read_ck48(root: Path, choice: FrameChoice) -> Reading | None:
    """Read CK+48: class folders of frames with their original names; None where there is none.

    Args:
        root: The folder of the class folders, or one above it.
        choice: The wanted ones of the (three) frames of a sequence.

    Raises:
        ConfigError: neutral first frames are asked for; they are not in this copy.
    """
    place = find_root(root, lambda folder: any(map(IMAGE.fullmatch, _class_images(folder))))
    if place is None:
        return None
    if choice.neutral is not None:
        raise ConfigError(
            f"neutral={choice.neutral} takes the first frame of each sequence, and CK+48 ({place}) "
            "holds only the last three; give the original CK+ or neutral=null."
        )
    reading = Reading([], "CK+48", place)
    unread = [
        path
        for folder, emotion in class_folders(place).items()
        for path in _read_class(place / folder, emotion, choice, reading)
    ]
    if unread:
        reading.dropped["name is no CK+ frame"] = len(unread)
        reading.beside["name is no CK+ frame"] = unread
        reading.warnings.append(
            f"ckplus: {len(unread)} images have no name like S010_004_00000017.png, "
            f"e.g. {unread[0]}; their person is unknown, skipped"
        )
    if "neutral" in reading.labelled:
        reading.warnings.append(
            f"ckplus: non-standard CK+48 (has neutral): {reading.labelled.pop('neutral')} "
            "sequences in a folder that the usual copy lacks; read all the same"
        )
    reading.sequences = sum(reading.labelled.values())
    return reading


def _class_images(folder: Path) -> list[str]:
    return [
        name
        for child in class_folders(folder)
        for name in file_names(folder / child)
        if is_image(name)
    ]


def refuse_nameless_copies(root: Path) -> None:
    """Stop at copies from which a part of the truth was lost: the codes, or the frames' names.

    Raises:
        DatasetLayoutError: such a copy lies under `root`.
    """
    numbered = find_root(root, _is_numbered)
    if numbered is not None:
        raise DatasetLayoutError(
            f"ckplus: {numbered} holds numbered class folders, and 0 is neutral in CK+'s own codes "
            "but angry in FER-2013's; rename them to anger, contempt, disgust, fear, happy, "
            "sadness, surprise to say which is meant."
        )
    nameless = find_root(root, lambda folder: bool(_class_images(folder)))
    if nameless is not None:
        raise DatasetLayoutError(
            f"ckplus: {nameless} looks like CK+48 but its images lost their names (e.g. "
            f"{_class_images(nameless)[0]}, not S010_004_00000017.png), so neither person nor "
            "sequence is known; take a copy with the original names."
        )


def _is_numbered(folder: Path) -> bool:
    names = {child.name for child in subfolders(folder)}
    return len(names) > 1 and names <= set("01234567")


def _read_class(folder: Path, emotion: str, choice: FrameChoice, reading: Reading) -> list[str]:
    """Add a class folder's rows; the paths of images that could not be read come back."""
    sequences: dict[str, dict[int, str]] = defaultdict(dict)
    unread = []
    for name in file_names(folder):
        match = IMAGE.fullmatch(name)
        if match:
            sequence = f"{match['subject']}_{match['sequence']}".upper()
            sequences[sequence][int(match["frame"])] = name
        elif is_image(name):
            unread.append(f"{folder.name}/{name}")
    frames = [f"{folder.name}/{name}" for named in sequences.values() for name in named.values()]
    reading.beside.setdefault("frame that was not chosen", []).extend(frames)
    for sequence, named in sequences.items():
        # Faces in a folder called neutral are no rise to a peak: all of them are taken.
        wanted = "all" if emotion == "neutral" else choice.policy
        for frame in select_frames(list(named), wanted, apex=max(named), count=choice.count):
            path = f"{folder.name}/{named[frame]}"
            reading.rows.append(_row(path, emotion, sequence, frame))
    reading.labelled[emotion] = reading.labelled.get(emotion, 0) + len(sequences)
    return unread


def _row(path: str, emotion: str, sequence: str, frame: int) -> dict[str, object]:
    return {
        "key": path,
        "path": path,
        "label": emotion,
        "subject": sequence.split("_", 1)[0],
        "sequence": sequence,
        "frame": frame,
    }


def read_csv(root: Path, choice: FrameChoice) -> Reading | None:
    """Read ckextended.csv; None where there is none.

    Args:
        root: The folder of the file, or one above it.
        choice: The file has one frame a sequence, so the policy chooses nothing. Its 593 neutral
            rows stay with `neutral` None or `all`.

    Raises:
        ConfigError: neutral frames of the labelled sequences alone are asked for.
        DataError: a row is broken.
        DatasetLayoutError: the codes are not in FER-2013's order.
    """
    place = find_root(root, lambda folder: bool(_tables(folder)))
    if place is None:
        return None
    path = place / _tables(place)[0]
    if choice.neutral == "labelled":
        raise ConfigError(
            f"neutral=labelled needs to know the sequence of a face, and {path} has no ids; "
            "give neutral=all or null (its neutral rows are kept either way)."
        )
    refuse_lfs_pointer(path)
    table = _load(path)
    reading = Reading(_table_rows(table), "ckextended.csv", place)
    reading.images = _pixels(table, path)
    reading.fingerprint = hashlib.sha256(reading.images.tobytes()).hexdigest()[:16]
    reading.warnings.extend(_check_codes(table["emotion"].tolist(), path))
    reading.warnings.append(
        f"ckplus: {path.name} has no subject ids, so a split by subject is impossible and its "
        "own split has the same people on both sides; use the original CK+ or CK+48 for that"
    )
    return reading


def _tables(folder: Path) -> list[str]:
    return [
        name for name in file_names(folder) if _TABLE.fullmatch(name) and _is_table(folder / name)
    ]


def _is_table(path: Path) -> bool:
    with open_bytes(path) as file:
        head = file.readline(64).lower().replace(b" ", b"")
    return head.startswith((b"emotion,pixels", b'"emotion"')) or is_lfs_pointer(path)


def _load(path: Path) -> pd.DataFrame:
    table = read_columns(path)
    table.columns = table.columns.str.lower()
    lacking = [name for name in ("emotion", "pixels") if name not in table]
    if lacking or table.empty:
        what = f"no column {' and '.join(lacking)}" if lacking else "no rows"
        raise DataError(f"ckplus: {path} has {what}; download the file again.")
    bad = [i for i, code in enumerate(table["emotion"]) if code.strip() not in _CODES]
    if bad:
        raise DataError(
            f"ckplus: row {bad[0] + 2} of {path} has the emotion "
            f"{shown(table['emotion'][bad[0]])!r}, "
            f"not one of the codes 0 to 7 ({len(bad)} such rows); download the file again."
        )
    table["emotion"] = table["emotion"].astype(int)
    return table


def _table_rows(table: pd.DataFrame) -> list[dict[str, object]]:
    usages = table["usage"] if "usage" in table else [""] * len(table)
    return [
        {
            "key": f"row_{i:04d}",
            "label": EMOTIONS[code],
            "split": _USAGES.get(usage.strip().lower(), ""),
        }
        for i, (code, usage) in enumerate(zip(table["emotion"], usages, strict=True))
    ]


def _pixels(table: pd.DataFrame, path: Path) -> np.ndarray:
    images = np.zeros((len(table), _SIDE, _SIDE), dtype=np.uint8)  # [N, 48, 48]
    for i, text in enumerate(table["pixels"]):
        try:
            values = np.array(text.split(), dtype=np.int64)
        except ValueError:
            values = np.zeros(0, dtype=np.int64)
        if values.size != _SIDE * _SIDE or values.min() < 0 or values.max() > 255:
            raise DataError(
                f"ckplus: row {i + 2} of {path} does not hold {_SIDE * _SIDE} pixels of 0 to "
                "255; download the file again."
            )
        images[i] = values.reshape(_SIDE, _SIDE)
    return images


def _check_codes(codes: list[int], path: Path) -> list[str]:
    """Neutral is by far the largest class, which tells the two orders of codes apart."""
    most = Counter(codes).most_common(1)[0][0] if codes else 6
    if most in (0, 7):
        raise DatasetLayoutError(
            f"ckplus: the most frequent code of {path} is {most}, so its codes are CK+'s own "
            "(0 neutral, 1 anger, 2 contempt, ...) and not those of ckextended.csv (6 neutral, "
            "FER-2013's order); take the file as published."
        )
    if most != 6:
        return [
            f"ckplus: the most frequent code of {path.name} is {most}, not 6 (neutral); the "
            "codes are read in FER-2013's order, which cannot be confirmed"
        ]
    return []
