"""CK+ as its authors deliver it: a tree of frames and a tree of label files beside it.

The trees are found by what they hold, not by name, because tutorials rename them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ferkit.datasets.layout import archives_in, find_root, incomplete, refuse_lfs_pointer
from ferkit.datasets.packed import read_bytes
from ferkit.datasets.videos import select_frames
from ferkit.datasets.walk import file_names, is_image, subfolders
from ferkit.errors import DataError

LABELLED = {
    "angry": 45,
    "disgust": 59,
    "fear": 25,
    "happy": 69,
    "sad": 28,
    "surprise": 83,
    "contempt": 18,
}
IMAGE = re.compile(r"(?P<subject>S\d{3})_(?P<sequence>\d{3})_(?P<frame>\d{8})\.png", re.I)
_LABEL = re.compile(r"S\d{3}_\d{3}_(?P<frame>\d{8})_emotion\.txt", re.I)
_CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
_LABEL_FOLDER = re.compile(r"emotion|label", re.I)


@dataclass(frozen=True)
class FrameChoice:
    """Which frames of a sequence are wanted: a policy of `videos`, its k, and neutral starts."""

    policy: str
    count: int
    neutral: str | None


@dataclass
class Reading:
    """What a variant gave, before contempt is decided on.

    Attributes:
        rows: One mapping a face, as `index.make_index` takes them.
        variant: The layout in a word.
        root: The folder that `path` of the rows begins at.
        labelled: Emotion to number of labelled sequences found.
        sequences: Number of sequences with frames.
        dropped: Reason to count.
        notes: Facts worth a line.
        warnings: Facts worth a warning.
        images: [N, 48, 48] uint8 aligned with `rows`, where the pixels lie in a table.
        fingerprint: What identifies `images`.
        beside: Reason to paths of images that make no row.
    """

    rows: list[dict[str, object]]
    variant: str
    root: Path
    labelled: dict[str, int] = field(default_factory=dict)
    sequences: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    images: np.ndarray | None = None
    fingerprint: str = ""
    beside: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class _Sequence:
    subject: str
    number: str
    frames: dict[int, str]  # frame number to path below the images' root
    label: str = ""
    label_frame: int = -1

    @property
    def name(self) -> str:
        return f"{self.subject}_{self.number}"

    def row(self, frame: int, label: str) -> dict[str, object]:
        return {
            "key": f"{self.subject}/{self.number}/{self.name}_{frame:08d}.png",
            "path": self.frames[frame],
            "label": label,
            "subject": self.subject,
            "sequence": self.name,
            "frame": frame,
        }


def read_original(root: Path, choice: FrameChoice) -> Reading | None:
    """Read the original distribution; None where neither of its trees lies under `root`.

    Args:
        root: The folder above both trees, or the tree of images itself.
        choice: The wanted frames; the apex is the last frame on disk.

    Raises:
        DatasetLayoutError: one of the trees is missing.
        DataError: a label file does not hold a code of CK+.
    """
    images = find_root(root, lambda folder: _holds(folder, IMAGE))
    labels = find_root(root, lambda folder: _holds(folder, _LABEL))
    if labels is None and images is not None and images == root:
        labels = _labels_beside(images)
    if images is None and labels is None:
        return None
    if images is None:
        raise incomplete(
            "ckplus",
            f"the labels of the original CK+ ({labels})",
            "the tree of frames cohn-kanade-images",
            f"unpack extended-cohn-kanade-images.zip into {root}",
        )
    if labels is None:
        raise _no_labels(root, images)
    reading = Reading([], "original", images)
    sequences = list(_sequences(images, labels, reading))
    reading.sequences = len(sequences)
    for sequence in sequences:
        _take(sequence, choice, reading)
    reading.beside["frame that was not chosen"] = [p for s in sequences for p in s.frames.values()]
    _say(sequences, images, labels, reading)
    return reading


def _no_labels(root: Path, images: Path) -> DataError:
    packed = [path for path in archives_in(root) if "emotion" in path.name.lower()]
    action = f"unpack {packed[0]}" if packed else "unpack Emotion_labels.zip beside it"
    return incomplete(
        "ckplus",
        f"the original CK+ (found {images.name})",
        "`Emotion/` (Emotion_labels.zip), without which no sequence is labelled,",
        action,
    )


def _holds(folder: Path, pattern: re.Pattern[str]) -> bool:
    return any(
        pattern.fullmatch(name)
        for _, _, place in _sequence_folders(folder)
        for name in file_names(place)
    )


def _sequence_folders(tree: Path) -> Iterator[tuple[str, str, Path]]:
    for subject in subfolders(tree):
        if re.fullmatch(r"S\d{3}", subject.name, re.I):
            for sequence in subfolders(subject):
                if re.fullmatch(r"\d{3}", sequence.name):
                    yield subject.name.upper(), sequence.name, sequence


def _labels_beside(images: Path) -> Path | None:
    """The labels when the tree of images itself was given: in a folder beside it or above."""
    for above in (images.parent, images.parent.parent):
        for folder in subfolders(above):
            if _LABEL_FOLDER.search(folder.name):
                found = find_root(folder, lambda place: _holds(place, _LABEL), levels=1)
                if found is not None:
                    return found
    return None


def _sequences(images: Path, labels: Path, reading: Reading) -> Iterator[_Sequence]:
    label_folders = {(s, n): folder for s, n, folder in _sequence_folders(labels)}
    image_folders = {(s, n): folder for s, n, folder in _sequence_folders(images)}
    unread: list[str] = []
    without: list[str] = []
    for subject, number in sorted(label_folders.keys() | image_folders.keys()):
        folder = image_folders.get((subject, number))
        found = {} if folder is None else _frames(folder, images, f"{subject}_{number}", unread)
        sequence = _Sequence(subject, number, found)
        if (subject, number) in label_folders:
            _label(sequence, label_folders[subject, number])
        if found:
            yield sequence
        elif sequence.label:
            without.append(sequence.name)
    if without:
        reading.dropped["label without images"] = len(without)
        reading.warnings.append(
            f"ckplus: sequence {without[0]}: label without images ({len(without)} such); skipped"
        )
    if unread:
        reading.dropped["name is no CK+ frame"] = len(unread)
        reading.beside["name is no CK+ frame"] = unread
        reading.warnings.append(
            f"ckplus: {len(unread)} images are not named like their sequence, e.g. {unread[0]}; "
            "skipped"
        )


def _frames(folder: Path, images: Path, name: str, unread: list[str]) -> dict[int, str]:
    frames = {}
    for file in file_names(folder):
        match = IMAGE.fullmatch(file)
        path = (folder / file).relative_to(images).as_posix()
        if match and f"{match['subject']}_{match['sequence']}".upper() == name:
            frames[int(match["frame"])] = path
        elif is_image(file):
            unread.append(path)
    return frames


def _label(sequence: _Sequence, folder: Path) -> None:
    matches = [match for name in file_names(folder) if (match := _LABEL.fullmatch(name))]
    if matches:
        sequence.label = _read_label(folder / matches[-1].string)
        sequence.label_frame = int(matches[-1]["frame"])


def _read_label(path: Path) -> str:
    refuse_lfs_pointer(path)
    words = read_bytes(path, 10_000).decode("utf-8", "replace").split()
    try:
        code = int(float(words[0]))
    except (IndexError, ValueError, OverflowError):
        code = -1
    if not 0 <= code < len(_CODES):
        raise DataError(
            f"ckplus: {path} holds {' '.join(words)[:40]!r}, not one of the codes 0 to 7; "
            "unpack Emotion_labels.zip again."
        )
    return _CODES[code]


def _take(sequence: _Sequence, choice: FrameChoice, reading: Reading) -> None:
    first, last = min(sequence.frames), max(sequence.frames)
    chosen: list[int] = []
    if sequence.label:
        reading.labelled[sequence.label] = reading.labelled.get(sequence.label, 0) + 1
        chosen = select_frames(list(sequence.frames), choice.policy, apex=last, count=choice.count)
    elif choice.neutral != "all":
        _drop(reading, "sequence without an emotion label")
    if choice.neutral == "all" or (choice.neutral == "labelled" and sequence.label):
        if chosen == [first]:  # the only frame there is: it shows the emotion
            _drop(reading, "neutral start of a sequence of one frame")
        else:
            chosen = [frame for frame in chosen if frame != first]
            reading.rows.append(sequence.row(first, "neutral"))
    reading.rows.extend(sequence.row(frame, sequence.label) for frame in chosen)


def _drop(reading: Reading, reason: str) -> None:
    reading.dropped[reason] = reading.dropped.get(reason, 0) + 1


def _say(sequences: list[_Sequence], images: Path, labels: Path, reading: Reading) -> None:
    reading.notes.append(f"frames from {images.name}, labels from {labels.name}")
    people = {sequence.subject for sequence in sequences}
    reading.notes.append(f"{len(sequences)} sequences of {len(people)} people on disk")
    other = [s for s in sequences if s.label and s.label_frame != max(s.frames)]
    if other:
        reading.warnings.append(
            f"ckplus: the label of {len(other)} sequences names another frame than the last on "
            f"disk ({other[0].name}: {other[0].label_frame} against {max(other[0].frames)}); "
            "the last on disk is taken as the peak"
        )
