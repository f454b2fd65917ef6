"""MUG, the Multimedia Understanding Group's facial expression database (WIAMIS 2010).

What: posed videos of 86 people, 52 of them available, as 896x896 colour JPEG frames; several
takes of an emotion, each of 50 to 160 frames at 19 a second from neutral over the apex back to
neutral. So the strongest frame is in the middle, not at the end. The induced recordings and the
annotated landmarks are not read.

Layout (a parent folder, or this one under another name, is accepted)::

    subjects3/001/anger/take000/img_0000.jpg            the first number need not be 0
    subjects3/002/session0/anger/take000/img_0000.jpg   002, 003 and 049 have session folders
    subjects3/001/anger/take001end/img_0000.jpg         a take of other quality

Splits: none official; group k-fold or leave-one-out by subject. Sessions are one person.

Classes: angry, disgust, fear, happy, sad, surprise, neutral; not every person shows all.

Licence: signed agreement with the Multimedia Understanding Group, Aristotle University of
Thessaloniki (mug.ee.auth.gr/fed); research only, no redistribution.

Citation: N. Aifanti, C. Papachristou, A. Delopoulos: The MUG facial expression database.
11th International Workshop on Image Analysis for Multimedia Interactive Services, 2010.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import (
    check_counts,
    class_folders,
    find_root,
    not_found,
    refuse_lfs_pointer,
)
from ferkit.datasets.packed import is_folder
from ferkit.datasets.videos import check_policy, middle_frame, select_frames
from ferkit.datasets.walk import file_names, image_files, is_image, subfolders
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DatasetLayoutError, unknown

_CLASSES = EMOTIONS[:7]
_SUBJECT = re.compile(r"\d{3}")
_SESSION = re.compile(r"session\d+", re.I)
_GOOD_TAKE = re.compile(r"take\d+", re.I)
_FRAME = re.compile(r"img_(?P<frame>\d+)\.(jpe?g|png|bmp)", re.I)
# Policies that reach the neutral start or end of a take.
_WITH_NEUTRAL = ("all", "last_k", "evenly_k", "every_nth")


@dataclass
class _Take:
    subject: str
    session: str
    emotion: str
    name: str  # empty where an emotion's folder holds the frames itself
    folder: Path
    frames: dict[int, str]  # frame number to file name

    @property
    def quality(self) -> str:
        return "good" if not self.name or _GOOD_TAKE.fullmatch(self.name) else "other"


@dataclass
class _Findings:
    people: set[str] = field(default_factory=set)
    shown: dict[str, set[str]] = field(default_factory=dict)  # subject to emotions
    sessions: set[str] = field(default_factory=set)  # subjects with session folders
    unread: list[str] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


@reader
def read_mug(
    root: Path | str,
    *,
    frames: str = "middle_k",
    count: int = 5,
    neutral_from_first: bool = False,
    takes: str = "good",
    strict: bool = False,
) -> FaceIndex:
    """Read the posed videos of MUG.

    Args:
        root: The folder of the subjects' folders, or one above it.
        frames: Which frames of a take carry its label (see `videos.select_frames`); the apex is
            the middle frame.
        count: The k of `middle_k` and the like.
        neutral_from_first: Whether the first frame of each emotional take becomes a neutral
            sample.
        takes: `good` (folders named take and a number) or `all`.
        strict: Whether another number of people than the published stops the load.

    Returns:
        The index; `subject` is "002", `sequence` "002/session0/anger/take000", and the columns
        `session`, `take` and `quality` (good, other) follow.

    Raises:
        ConfigError: an option has no such value.
        DatasetNotFoundError: no folder of subjects lies under `root`.
        DatasetLayoutError: `root` lies inside the layout, or no frame is named as MUG's are.
        DataError: `strict`, and a count differs.
    """
    check_policy(frames, count)
    if takes not in ("good", "all"):
        raise ConfigError(unknown("choice of takes", takes, ["good", "all"]))
    start = _start(Path(root))
    findings = _Findings()
    rows: list[dict[str, object]] = []
    beside: dict[str, list[str]] = {"name is no frame of MUG": findings.unread}
    for take in _takes(start, findings):
        good = takes == "all" or take.quality == "good"
        reason = "frame that was not chosen" if good else "frame of a take of other quality"
        beside.setdefault(reason, []).extend(str(take.folder / n) for n in take.frames.values())
        if not take.frames:
            findings.drop("take without frames")
        elif not good:
            findings.drop("take of other quality")
        else:
            rows += _take_rows(take, start, frames, count, neutral_from_first)
    if not rows:
        raise _no_frames(start, findings)
    refuse_lfs_pointer(start / str(rows[0]["path"]))
    people = {"people": len(findings.people)}
    return make_index(
        rows,
        name="mug",
        variant="posed videos as frames",
        root=start,
        emotions=_CLASSES,
        dropped=findings.dropped | {"name is no frame of MUG": len(findings.unread)},
        notes=_notes(start, findings),
        warnings=[
            *_warnings(findings, frames),
            *check_counts("mug", "people", people, {"people": 52}, strict),
        ],
        beside=beside,
    )


def _start(root: Path) -> Path:
    found = find_root(root, lambda folder: any(map(_is_subject, subfolders(folder))))
    if found is not None:
        return found
    inside = _is_subject(root) or any(
        _FRAME.fullmatch(Path(name).name) for name in (image_files(root) if is_folder(root) else [])
    )
    if inside:
        raise DatasetLayoutError(
            f"mug: {root} lies inside the layout, so that the subjects are unknown; give the "
            "folder that holds the subjects' folders 001, 002, ..."
        )
    raise not_found(
        "mug",
        root,
        "three-digit folders of subjects with folders of emotions",
        "https://mug.ee.auth.gr/fed (signed agreement)",
        "research only, no redistribution",
        "subjects3/001/anger/take000/img_0000.jpg",
    )


def _is_subject(folder: Path) -> bool:
    return bool(_SUBJECT.fullmatch(folder.name)) and any(
        class_folders(place) for _, place in _session_folders(folder)
    )


def _session_folders(subject: Path) -> list[tuple[str, Path]]:
    sessions = [(f.name, f) for f in subfolders(subject) if _SESSION.fullmatch(f.name)]
    return [("", subject), *sessions]


def _takes(start: Path, findings: _Findings) -> Iterator[_Take]:
    for subject in subfolders(start):
        if not _SUBJECT.fullmatch(subject.name):
            continue
        findings.people.add(subject.name)
        shown = findings.shown.setdefault(subject.name, set())
        for session, place in _session_folders(subject):
            if session:
                findings.sessions.add(subject.name)
            for name, emotion in class_folders(place).items():
                for take in _emotion_takes(place / name):
                    frames = _frames(take, start, findings)
                    if take != place / name or frames:
                        take_name = "" if take == place / name else take.name
                        shown.add(emotion)
                        yield _Take(subject.name, session, emotion, take_name, take, frames)


def _emotion_takes(folder: Path) -> list[Path]:
    return [folder, *subfolders(folder)]


def _frames(folder: Path, start: Path, findings: _Findings) -> dict[int, str]:
    frames = {}
    for name in file_names(folder):
        match = _FRAME.fullmatch(name)
        if match:
            frames[int(match["frame"])] = name
        elif is_image(name):
            findings.unread.append((folder / name).relative_to(start).as_posix())
    return frames


def _take_rows(
    take: _Take, start: Path, policy: str, count: int, neutral_from_first: bool
) -> Iterator[dict[str, object]]:
    numbers = sorted(take.frames)
    chosen = select_frames(numbers, policy, apex=middle_frame(numbers), count=count)
    labels = dict.fromkeys(chosen, take.emotion)
    if neutral_from_first and take.emotion != "neutral" and chosen != numbers[:1]:
        labels[numbers[0]] = "neutral"
    for frame, label in labels.items():
        path = (take.folder / take.frames[frame]).relative_to(start).as_posix()
        yield {
            "key": path,
            "path": path,
            "label": label,
            "subject": take.subject,
            "sequence": take.folder.relative_to(start).as_posix(),
            "frame": frame,
            "session": take.session,
            "take": take.name,
            "quality": take.quality,
        }


def _no_frames(start: Path, findings: _Findings) -> DatasetLayoutError:
    example = f" (but e.g. {findings.unread[0]})" if findings.unread else ""
    return DatasetLayoutError(
        f"mug: no take with frames named like img_0000.jpg{example} in the subjects' folders of "
        f"{start}; unpack the videos again, or take takes=all if only other takes are there."
    )


def _notes(start: Path, findings: _Findings) -> list[str]:
    notes = []
    if findings.sessions:
        which = ", ".join(sorted(findings.sessions))
        notes.append(f"subjects with session folders: {which}; all sessions count as one person")
    lacking = {
        subject: [emotion for emotion in _CLASSES if emotion not in shown]
        for subject, shown in findings.shown.items()
        if shown and not shown >= set(_CLASSES)
    }
    if lacking:
        listed = "; ".join(f"{subject} {', '.join(names)}" for subject, names in lacking.items())
        notes.append(f"emotions not shown ({len(lacking)} subjects): {listed}")
    others = [f.name for f in subfolders(start) if not _SUBJECT.fullmatch(f.name)]
    if others:
        notes.append(f"folders that are no subject's passed over: {', '.join(others[:8])}")
    return notes


def _warnings(findings: _Findings, policy: str) -> list[str]:
    warnings = []
    if policy in _WITH_NEUTRAL:
        warnings.append(
            f"mug: frames={policy} gives the neutral start or end of each take its emotion's "
            "label; middle_k, around_apex and onset_apex_second_half do not"
        )
    empty = sorted(subject for subject, shown in findings.shown.items() if not shown)
    if empty:
        warnings.append(
            f"mug: no take in {len(empty)} subjects' folders ({', '.join(empty[:8])}); subjects "
            "002, 003 and 049 use session folders (002/session0/anger/take000), which have to "
            "be unpacked too"
        )
    if findings.unread:
        warnings.append(
            f"mug: {len(findings.unread)} images are not named like img_0000.jpg, e.g. "
            f"{findings.unread[0]}; skipped"
        )
    return warnings
