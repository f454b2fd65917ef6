"""AFEW, Acted Facial Expressions in the Wild: video clips of seven emotions (Dhall et al.).

What: clips of 0.3 to 5.4 s cut from movies, of the EmotiW audio-video challenge; Train 773, Val
383, and Test 593 without labels. The label is the folder, the clip id has nine digits.

Layout (any of the three forms, at any nesting; names of the split folders in any case)::

    train_afew/{Angry,Disgust,Fear,Happy,Neutral,Sad,Surprise}/000633000.avi     the clips
    val_afew/{same}/013736360.avi
    frame/train_afew/Angry/000633000/0000001.jpg                  every frame, numbered from 1
    face/train_afew/Angry/000633000/0000001.jpg                   aligned faces, the same tree

Splits: Train is train, Val is val. Videos cannot be told from clip ids, so no other split is
possible; papers take the best epoch on Val, so a metric on Val is an optimistic one.

Classes (Train): angry 133, disgust 74, fear 81, happy 150, sad 117, surprise 74, neutral 144.
No subject ids. The sequence is the clip.

Licence: by request to the EmotiW organisers, research only, no redistribution.

Citation: A. Dhall, R. Goecke, S. Lucey, T. Gedeon: Collecting Large, Richly Annotated Facial-
Expression Databases from Movies. IEEE MultiMedia 19(3), 2012.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import (
    archives_in,
    check_counts,
    class_folders,
    incomplete,
    not_found,
    per_class,
    split_name,
)
from ferkit.datasets.packed import is_folder
from ferkit.datasets.video_files import count_frames, is_video
from ferkit.datasets.videos import check_policy, select_frames
from ferkit.datasets.walk import file_names, files_in, image_files, list_files, subfolders
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DatasetLayoutError, DatasetNotFoundError, unknown

FORMS = ("videos", "frames", "faces")
_ORDER = EMOTIONS[:7]
_TRAIN = dict(zip(_ORDER, (133, 74, 81, 150, 117, 74, 144), strict=True))
_VAL = dict(zip(_ORDER, (64, 40, 46, 63, 61, 46, 63), strict=True))
_CLIP = re.compile(r"\d{9}")


@dataclass
class _Clip:
    """A clip: its video, or its folder of frames with their numbers."""

    path: str
    label: str
    split: str
    frames: dict[int, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return Path(self.path).stem


@reader
def read_afew(
    root: Path | str,
    *,
    form: str = "auto",
    frames: str = "evenly_k",
    count: int = 3,
    strict: bool = False,
) -> FaceIndex:
    """Read AFEW's clips as videos, as folders of frames, or as folders of aligned faces.

    Args:
        root: The folder of train_afew and val_afew, up to three levels above it, or one of them.
        form: `videos`, `frames`, `faces`, or `auto`: the first of these that is found.
        frames: Which frames of a clip carry its label (see `videos.select_frames`). No apex is
            known, so the policies that need one are refused.
        count: The k of `evenly_k` and the like.
        strict: Whether other counts than the published stop the load.

    Returns:
        The index; for videos `path` is the video and `frame` the 0-based number in it, for folders
        the image and the number it is named by.

    Raises:
        ConfigError: no such form or frames policy.
        DatasetNotFoundError: no form of AFEW under `root`.
        DatasetLayoutError: Train or Val is missing, or no clip has a name of nine digits.
        DataError: `strict`, and a count differs.
    """
    if form not in ("auto", *FORMS):
        raise ConfigError(unknown("form of AFEW", form, ["auto", *FORMS]))
    check_policy(frames, count)
    found, home = _find_form(Path(root), form)
    clips, unlabelled = _clips(home, found)
    dropped, warnings = _well_named(clips, home)
    beside = _beside(clips, home)
    clips = [clip for clip in clips if _CLIP.fullmatch(clip.name)]
    for split, published in (("train", _TRAIN), ("val", _VAL)):
        counted = per_class(clip.label for clip in clips if clip.split == split)
        warnings += check_counts("afew", f"{split} clips", counted, published, strict)
    rows = [row for clip in clips for row in _rows(clip, home, frames, count, dropped)]
    return make_index(
        rows,
        name="afew",
        variant=f"{found}, frames={frames}",
        root=home,
        emotions=_ORDER,
        dropped=dropped,
        notes=_notes(unlabelled),
        warnings=warnings,
        beside=beside,
    )


def _beside(clips: Sequence[_Clip], home: Path) -> dict[str, list[str]]:
    """Reason to paths of what makes no row, the rows' own among them."""
    beside: dict[str, list[str]] = {"unlabelled": []}
    for clip in clips:
        good = _CLIP.fullmatch(clip.name)
        why = "frame that was not chosen" if clip.frames else "clip without frames"
        names = [f"{clip.path}/{name}" for name in clip.frames.values()] or [clip.path]
        beside.setdefault(why if good else "clip name is not nine digits", []).extend(names)
    for folder in subfolders(home):
        if _split_of(folder) == "test":
            files = list_files(folder)
            beside["unlabelled"] += [
                f"{folder.name}/{name}" for name in files.images + files.others
            ]
    return beside


def _notes(unlabelled: int) -> list[str]:
    notes = [
        "Train and Val alone have labels, and papers choose the epoch on Val: its metrics are no "
        "test metrics",
        "no subject ids and no movie ids: no other split than Train and Val can be honest",
    ]
    passed = f"{unlabelled} folders of Test, which has no labels, passed over"
    return [*notes, passed] if unlabelled else notes


def _find_form(root: Path, form: str) -> tuple[str, Path]:
    """The asked form, or the first there is, and the folder that holds its Train and Val."""
    start = root.parent if _split_of(root) and class_folders(root) else root
    there: dict[str, Path] = {}
    for folder in _homes(start):
        there.setdefault(_form_of(folder), folder)
    for name in FORMS if form == "auto" else (form,):
        if name in there:
            return name, there[name]
    others = [name for name in FORMS if name in there]
    if others:
        raise DatasetNotFoundError(
            f"afew: no {form} under {root}, but {' and '.join(others)}; "
            f"set dataset.form={others[0]} or auto."
        )
    raise _nothing(root)


def _nothing(root: Path) -> DatasetNotFoundError:
    packed = archives_in(root) if is_folder(root) else []
    aligned = [path.name for path in packed if path.name.lower().startswith("alignedfaces")]
    if aligned:
        return DatasetNotFoundError(
            f"afew: {root} holds no clips but {aligned[0]}: extract {aligned[0]} or give the .avi "
            "clips."
        )
    return not_found(
        "afew",
        root,
        "train_afew and val_afew (or Train_AFEW, Train, ...) with folders Angry, Disgust, Fear, "
        "Happy, Neutral, Sad, Surprise of .avi clips or of folders of frames",
        "request to the EmotiW organisers",
        "research only, no redistribution",
        "train_afew/Angry/000633000.avi and val_afew/Angry/013736360.avi",
    )


def _split_of(folder: Path) -> str:
    """train, val or test for names such as train_afew, Val_AFEW, AFEW-Train or Val."""
    name = re.sub(r"(^afew[\W_]*)|([\W_]*afew$)", "", folder.name.lower())
    return split_name(name)


def _homes(root: Path, levels: int = 3) -> Iterator[Path]:
    """Folders that hold a split folder with class folders, nearest first."""
    level = [root]
    for _ in range(levels + 1):
        below = []
        for folder in level:
            children = subfolders(folder)
            splits = [c for c in children if _split_of(c) and class_folders(c)]
            if splits:
                yield folder
            below += [c for c in children if c not in splits and not class_folders(c)]
        level = below


def _form_of(home: Path) -> str:
    for split in subfolders(home):
        for name in class_folders(split):
            folder = split / name
            if any(map(is_video, file_names(folder))):
                return "videos"
            if any(image_files(clip) for clip in subfolders(folder)[:3]):
                return "faces" if "face" in home.name.lower() else "frames"
    return ""


def _clips(home: Path, form: str) -> tuple[list[_Clip], int]:
    """All clips of Train and Val, and how many folders of an unlabelled Test were passed over."""
    splits = {folder: _split_of(folder) for folder in subfolders(home)}
    for wanted, name in (("train", "train_afew"), ("val", "val_afew")):
        if wanted not in splits.values():
            raise incomplete(
                "afew",
                f"{form} in {home}",
                f"the {wanted.capitalize()} half ({name})",
                "extract it beside the other half, class folders and all",
            )
    clips = []
    for folder, split in splits.items():
        if split in ("train", "val"):
            for name, label in class_folders(folder).items():
                clips += list(_clips_in(folder / name, home, label, split, form))
    return clips, sum(split == "test" for split in splits.values())


def _clips_in(folder: Path, home: Path, label: str, split: str, form: str) -> Iterator[_Clip]:
    below = folder.relative_to(home).as_posix()
    if form == "videos":
        for path in files_in(folder):
            if is_video(path.name):
                yield _Clip(f"{below}/{path.name}", label, split)
        return
    for clip in subfolders(folder):
        numbered = {_number(name): name for name in image_files(clip)}
        yield _Clip(f"{below}/{clip.name}", label, split, numbered)


def _number(name: str) -> int:
    digits = re.findall(r"\d+", Path(name).stem)
    return int(digits[-1]) if digits else 0


def _well_named(clips: Sequence[_Clip], home: Path) -> tuple[Counter[str], list[str]]:
    odd = [clip.name for clip in clips if not _CLIP.fullmatch(clip.name)]
    if len(odd) == len(clips):
        examples = ", ".join(odd[:3]) or "no clips at all"
        raise DatasetLayoutError(
            f"afew: no clip under {home} is named by nine digits (found: {examples}); "
            "give the clips their ids back, or read the folder with dataset=folder."
        )
    if not odd:
        return Counter(), []
    text = f"afew: {len(odd)} clips whose name is not nine digits passed over: {', '.join(odd[:3])}"
    return Counter({"clip name is not nine digits": len(odd)}), [text]


def _rows(
    clip: _Clip, home: Path, policy: str, count: int, dropped: Counter[str]
) -> list[dict[str, object]]:
    video = is_video(clip.path)
    numbers = list(range(count_frames(home / clip.path))) if video else sorted(clip.frames)
    if not numbers:
        dropped["clip without frames"] += 1
    return [
        {
            "key": f"{clip.path}#{number:06d}",
            "path": clip.path if video else f"{clip.path}/{clip.frames[number]}",
            "label": clip.label,
            "split": clip.split,
            "sequence": clip.name,
            "frame": number,
        }
        for number in select_frames(numbers, policy, apex=None, count=count)
    ]
