"""KDEF, the Karolinska Directed Emotional Faces (Lundqvist, Flykt and Öhman, 1998).

What: 4,900 posed photographs, 70 people (half of them women) x 7 expressions x 5 angles x 2
sessions, 562x762 colour JPEG. A file's name says everything, so any arrangement of folders is
read. Folders AF01 and BF01 are one person in two sessions: the subject is F01. The 70 averaged
faces of AKDEF are no persons and are left out.

Layout (KDEF/ itself, a flat folder, or class folders of the original names are accepted)::

    KDEF_and_AKDEF/KDEF/AF01/AF01ANS.JPG      session A|B, sex F|M, 01..35, AF AN DI HA NE SA SU,
    KDEF_and_AKDEF/KDEF/BM35/BM35SUHL.JPG     angle FL HL S HR FR (full and half left, straight)
    KDEF_and_AKDEF/AKDEF/FAFFL.JPG            averaged faces, left out

Splits: none official; group k-fold over the 70 people is usual.

Classes (images): angry, disgust, fear, happy, sad, surprise, neutral: 700 each, 140 each of
them frontal. Two files carry broken names (AF31V is AF31SAHL, AM31H is AM31SUHR), ten
are black, none of them frontal.

Licence: free for non-commercial research on request at kdef.se; no redistribution, no use in
applications or online services.

Citation: D. Lundqvist, A. Flykt, A. Öhman: The Karolinska Directed Emotional Faces (KDEF),
CD ROM from Department of Clinical Neuroscience, Psychology section, Karolinska Institutet,
1998. ISBN 91-630-7164-9.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from PIL import Image

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import check_counts, not_found, per_class, refuse_lfs_pointer
from ferkit.datasets.packed import is_folder, open_bytes
from ferkit.datasets.walk import image_files
from ferkit.emotions import canonical
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, unknown

ANGLES = ("FL", "HL", "S", "HR", "FR")
SESSIONS = ("A", "B")
_EMOTIONS = {
    "AN": "angry",
    "DI": "disgust",
    "AF": "fear",
    "HA": "happy",
    "SA": "sad",
    "SU": "surprise",
    "NE": "neutral",
}
_CODE = re.compile(
    r"(?P<session>[AB])(?P<subject>(?P<sex>[FM])\d{2})"
    r"(?P<emotion>AF|AN|DI|HA|NE|SA|SU)(?P<angle>FL|HL|HR|FR|S)"
)
_AVERAGED = re.compile(r"[FM](AF|AN|DI|HA|NE|SA|SU)(FL|HL|HR|FR|S)")
_PERSON = re.compile(r"[AB][FM]\d{2}", re.I)
_BROKEN_NAMES = {"AF31V": "AF31SAHL", "AM31H": "AM31SUHR"}
_LANDSCAPE = ("AM05ANFR", "BM10ANFR")
_BLACK_BELOW = 10.0  # mean grey level; all ten lie below, no other photograph does


@reader
def read_kdef(
    root: Path | str,
    *,
    angles: Sequence[str] = ("HL", "S", "HR"),
    sessions: Sequence[str] = SESSIONS,
    drop_black: bool = True,
    strict: bool = False,
) -> FaceIndex:
    """Read KDEF.

    Args:
        root: The folder of KDEF, one above it, or the folder of one person.
        angles: Which of FL, HL, S, HR, FR; the others are left out and counted.
        sessions: Which of A and B; the second repeats the first with the same people.
        drop_black: Whether photographs whose mean grey level is below 10 are dropped when the
            faces are prepared (by content, since lists of them disagree).
        strict: Whether other counts than the published stop the load.

    Returns:
        The index; `subject` is "F01", and the columns `sex` (F, M), `session` and `angle` follow.

    Raises:
        ConfigError: an angle or session that KDEF does not have.
        DatasetNotFoundError: no image lies under `root`.
        DatasetLayoutError: there are images, but of AKDEF alone, or without KDEF's names.
        DataError: `strict`, and a count differs.
    """
    wanted = _wanted("angle", angles, ANGLES), _wanted("session", sessions, SESSIONS)
    folder = Path(root)
    paths = image_files(folder) if is_folder(folder) else []
    codes = {path: _code(path) for path in paths}
    found = [path for path in paths if _CODE.fullmatch(codes[path])]
    averaged = [path for path in paths if _AVERAGED.fullmatch(codes[path])]
    if not found:
        raise _nothing(folder, paths, averaged)
    refuse_lfs_pointer(folder / found[0])
    start = _start(folder, found)
    rows, beside = _rows([(folder / path, codes[path]) for path in found], start, *wanted)
    unread = sorted(set(paths) - {*found, *averaged})
    beside["name is no KDEF code"] = [str(folder / path) for path in unread]
    beside["averaged face of AKDEF"] = [str(folder / path) for path in averaged]
    dropped = {why: len(paths) for why, paths in beside.items()}
    expected = dict.fromkeys(_EMOTIONS.values(), 70 * len(wanted[0]) * len(wanted[1]))
    counts = per_class(str(row["label"]) for row in rows)
    return make_index(
        rows,
        name="kdef",
        variant="KDEF" if (start / str(rows[0]["path"])).parent != start else "KDEF, flat",
        root=start,
        emotions=_EMOTIONS.values(),
        dropped=dropped,
        notes=_notes(folder, start, rows, averaged),
        warnings=[
            *_name_warnings(found, codes, unread, dropped),
            *check_counts("kdef", "images", counts, expected, strict),
        ],
        dark_below=_BLACK_BELOW if drop_black else 0.0,
        beside=beside,
    )


def _wanted(what: str, asked: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    words = [word.upper() for word in ([asked] if isinstance(asked, str) else asked)]
    for word in words:
        if word not in known:
            raise ConfigError(unknown(f"{what} of kdef", word, known))
    if not words:
        raise ConfigError(f"kdef: no {what} is asked for; give some of {', '.join(known)}.")
    return tuple(word for word in known if word in words)


def _code(path: str) -> str:
    stem = PurePosixPath(path).stem.upper()
    return _BROKEN_NAMES.get(stem, stem)


def _nothing(root: Path, images: list[str], averaged: list[str]) -> DataError:
    if averaged:
        return DatasetLayoutError(
            f"kdef: {root} holds {len(averaged)} AKDEF averaged images (e.g. {averaged[0]}) and no "
            "photograph of a person; give the folder KDEF beside AKDEF."
        )
    if images:
        return DatasetLayoutError(
            f"kdef: cannot parse the KDEF code of any of the {len(images)} images under {root} "
            f"(e.g. {images[0]}, not AF01ANS.JPG), and a subject split is impossible without it; "
            "take a copy with the original names."
        )
    return not_found(
        "kdef",
        root,
        "images named like AF01ANS.JPG",
        "https://kdef.se (on request)",
        "non-commercial research only, no redistribution",
        "KDEF_and_AKDEF/KDEF/AF01/AF01ANS.JPG",
    )


def _start(root: Path, found: list[str]) -> Path:
    """The folder that the arrangement begins in, however far above or below `root` is."""
    folders = {(root / path).parent for path in found}
    return Path(os.path.commonpath({f.parent if _is_inner(f) else f for f in folders}))


def _is_inner(folder: Path) -> bool:
    return bool(_PERSON.fullmatch(folder.name)) or _folder_emotion(folder.name) is not None


def _folder_emotion(name: str) -> str | None:
    return _EMOTIONS.get(name.upper()) or canonical(name)


def _rows(
    files: list[tuple[Path, str]], start: Path, angles: Sequence[str], sessions: Sequence[str]
) -> tuple[list[dict[str, object]], dict[str, list[str]]]:
    """One mapping a photograph, and reason to paths of those that are left out."""
    rows: dict[str, dict[str, object]] = {}
    beside: dict[str, list[str]] = {
        "second copy": [],
        "angle not asked for": [],
        "session not asked for": [],
    }
    for path, code in files:
        match = _CODE.fullmatch(code)
        if match is None or code in rows:
            beside["second copy"].append(str(path))
        elif match["angle"] not in angles:
            beside["angle not asked for"].append(str(path))
        elif match["session"] not in sessions:
            beside["session not asked for"].append(str(path))
        else:
            rows[code] = {
                "key": code,
                "path": path.relative_to(start).as_posix(),
                "label": _EMOTIONS[match["emotion"]],
                "subject": match["subject"],
                "sex": match["sex"],
                "session": match["session"],
                "angle": match["angle"],
            }
    if not rows:
        raise DatasetLayoutError(
            f"kdef: {len(files)} photographs under {start}, none with the angles "
            f"{', '.join(angles)} and the sessions {', '.join(sessions)}; ask for others."
        )
    return list(rows.values()), beside


def _notes(
    root: Path, start: Path, rows: list[dict[str, object]], averaged: list[str]
) -> list[str]:
    notes = []
    if _PERSON.fullmatch(root.name):
        notes.append(f"root is the folder of one person and session ({root.name})")
    if averaged:
        notes.append(f"{len(averaged)} AKDEF averaged images ignored")
    for row in rows:
        if row["key"] in _LANDSCAPE:
            with open_bytes(start / str(row["path"])) as file, Image.open(file) as image:
                if image.width > image.height:
                    notes.append(f"{row['path']} is {image.width}x{image.height}, not upright")
    return notes


def _name_warnings(
    found: list[str], codes: dict[str, str], unread: list[str], dropped: dict[str, int]
) -> list[str]:
    warnings = []
    if unread:
        warnings.append(
            f"kdef: {len(unread)} images without a KDEF code, e.g. {unread[0]}; skipped"
        )
    if dropped["second copy"]:
        warnings.append(f"kdef: {dropped['second copy']} second copies of a photograph skipped")
    moved = [
        path
        for path in found
        if (folder := _folder_emotion(PurePosixPath(path).parent.name)) is not None
        and folder != _EMOTIONS[codes[path][4:6]]
    ]
    if moved:
        warnings.append(
            f"kdef: {len(moved)} images lie in another emotion's folder than their name says, "
            f"e.g. {moved[0]}; the name is believed"
        )
    return warnings
