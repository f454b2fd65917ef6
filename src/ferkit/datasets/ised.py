"""ISED, the Indian Spontaneous Expression Database: 428 video clips of 50 people (Happy et al.).

What: near-frontal clips of students watching emotional videos, cut around one spontaneous
expression each, with the number of the peak frame and a still of it.

Layout::

    ISED_database/ISED_details.mat               a cell array of 16 columns, one row a clip
    ISED_database/videos/PS 1/4.avi              note the blank in "PS 1"
    ISED_database/peakImages/26_7_39.jpg         participant_clip_frame

Splits: none official; the usual is leave-one-subject-out. Subject is the participant number, the
sequence is the clip.

Classes: happy, surprise, sad, disgust (codes 1 to 4); no angry, fear or neutral.
Extra columns: sex (F or M), intensity.

Licence: on request (iseddatabase@gmail.com, IIT Kharagpur), research only.

Citation: S L Happy, P. Patnaik, A. Routray, R. Guha: The Indian Spontaneous Expression Database
for Emotion Recognition. IEEE Transactions on Affective Computing 8(1), 2017.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import check_counts, find_file, incomplete, not_found
from ferkit.datasets.matlab import load_mat, numbers, texts
from ferkit.datasets.video_files import count_frames, is_video
from ferkit.datasets.videos import POLICIES, check_policy, select_frames
from ferkit.datasets.walk import Listing, list_files
from ferkit.errors import ConfigError, DataError, unknown

_CODES: dict[float, str] = {1: "happy", 2: "surprise", 3: "sad", 4: "disgust"}
_CLIPS, _PEOPLE = 428, 50
_COLUMNS = 16
PEAK_IMAGES = "peak_images"
_STILL = "still (frames of the clips are read)"


@reader
def read_ised(
    root: Path | str, *, frames: str = "peak", count: int = 1, strict: bool = False
) -> FaceIndex:
    """Read ISED's clips, or the stills of their peaks.

    Args:
        root: The folder that holds ISED_details.mat, up to three levels above it, or one of its
            folders `videos` and `peakImages`.
        frames: `peak_images` for the stills, else which frames of a clip carry its label (see
            `videos.select_frames`); the apex is the given peak frame.
        count: The k of `around_apex` and the like.
        strict: Whether other counts than the published stop the load.

    Returns:
        The index; for clips, `path` is the video and `frame` the 0-based number in it.

    Raises:
        ConfigError: no such frames policy.
        DatasetNotFoundError: no ISED_details.mat under `root`.
        DatasetLayoutError: the clips, or the stills, are missing.
        DataError: the details cannot be read, or `strict` and a count differs.
    """
    if frames != PEAK_IMAGES and frames not in POLICIES:
        raise ConfigError(unknown("frames policy", frames, [PEAK_IMAGES, *POLICIES]))
    if frames != PEAK_IMAGES:
        check_policy(frames, count)
    home = _find_home(Path(root))
    dropped: dict[str, int] = {}
    listed = _read_details(home / "ISED_details.mat")
    clips = [clip for clip in listed if clip["label"]]
    dropped["emotion code that is none of 1..4"] = len(listed) - len(clips)
    counts = {"clips": len(clips)}, {"clips": _CLIPS}
    people = {"participants": len({c["subject"] for c in clips})}, {"participants": _PEOPLE}
    warnings = check_counts("ised", "clips", *counts, strict)
    warnings += check_counts("ised", "participants", *people, strict)
    listing = list_files(home)
    stills = frames == PEAK_IMAGES
    beside = _beside(listed, listing, stills)
    clips = _with_files(clips, home, listing, stills, dropped)
    if frames == PEAK_IMAGES:
        rows = [_row(c, c["peak"] - 1) | {"key": c["path"]} for c in clips]
    else:
        rows = _video_rows(clips, home, frames, count, dropped, warnings)
    return make_index(
        rows,
        name="ised",
        variant="peak stills" if frames == PEAK_IMAGES else f"clips, frames={frames}",
        root=home,
        emotions=_CODES.values(),
        dropped=dropped,
        notes=["spontaneous expressions of four classes; no angry, fear or neutral"],
        warnings=warnings,
        beside=beside,
    )


def _find_home(root: Path) -> Path:
    inner = root.name.lower() in ("videos", "peakimages")
    details = find_file(root.parent if inner else root, ["ISED_details.mat"], 0 if inner else 3)
    if details is None:
        raise not_found(
            "ised",
            root,
            "ISED_details.mat",
            "request to iseddatabase@gmail.com (IIT Kharagpur)",
            "research only",
            "ISED_database/{ISED_details.mat, videos/PS 1/4.avi, peakImages/26_7_39.jpg}",
        )
    return details.parent


def _read_details(path: Path) -> list[dict[str, Any]]:
    """One mapping a clip, from the cell array of 16 columns; no label for an unknown emotion."""
    found = find_file(path.parent, [path.name], 0)  # the name in any case
    content = load_mat("ised", found or path)
    cells = np.atleast_2d(np.asarray(content.get("ISED_details"), dtype=object))
    if cells.ndim != 2 or cells.shape[1] < 7:
        raise DataError(
            f"ised: {path} holds {sorted(k for k in content if not k.startswith('_'))}, not the "
            f"cell array ISED_details of {_COLUMNS} columns; take the file as it was delivered."
        )
    return [_clip(path, number, row) for number, row in enumerate(cells)]


def _clip(path: Path, number: int, row: Sequence[Any]) -> dict[str, Any]:
    values = {name: numbers(row[i]) for name, i in (("who", 0), ("clip", 2), ("peak", 3))}
    code = numbers(row[6])
    if not all(values.values()) or not code:
        raise DataError(
            f"ised: {path}, row {number}: participant, clip, peak frame or emotion is empty; take "
            "the file as it was delivered."
        )
    who, clip = int(values["who"][0]), int(values["clip"][0])
    intensity = numbers(row[7]) if len(row) > 7 else []
    return {
        "subject": f"{who:02d}",
        "clip": _tail(texts(row[4])) or f"ps {who}/{clip}.avi",
        "still": _tail(texts(row[5])) or f"peakimages/{who}_{clip}_{int(values['peak'][0])}.jpg",
        "peak": int(values["peak"][0]),
        "label": _CODES.get(code[0], ""),
        "intensity": intensity[0] if intensity else float("nan"),
        "sex": _sex(texts(row[8]) if len(row) > 8 else []),
    }


def _tail(path: Sequence[str]) -> str:
    """The last two parts: paths are stored with back-slashes, and below somebody's own disk."""
    return "/".join("".join(path).replace("\\", "/").lower().split("/")[-2:])


def _sex(words: Sequence[str]) -> str:
    return {"m": "M", "f": "F"}.get("".join(words).lower()[:1], "")


def _beside(
    clips: Sequence[dict[str, Any]], listing: Listing, stills: bool
) -> dict[str, list[str]]:
    """Reason to paths of what the details list and no row is made of."""
    known = {clip[name] for clip in clips for name in ("clip", "still")}
    videos = [name for name in listing.others if is_video(name) and _tail([name]) in known]
    images = [name for name in listing.images if _tail([name]) in known]
    unasked = {"clip (stills are read)": videos} if stills else {_STILL: images}
    return unasked | {"clip or still of a row that is left out": images if stills else videos}


def _with_files(
    clips: Sequence[dict[str, Any]],
    home: Path,
    listing: Listing,
    stills: bool,
    dropped: dict[str, int],
) -> list[dict[str, Any]]:
    """Give each clip the path of its video (or still); those without one are dropped."""
    videos = [name for name in listing.others if is_video(name)]
    by_tail = {_tail([name]): name for name in (listing.images if stills else videos)}
    asked = [(clip, clip["still" if stills else "clip"]) for clip in clips]
    kept = {by_tail[tail]: clip for clip, tail in asked if tail in by_tail}
    if clips and not kept:
        raise incomplete(
            "ised",
            f"ISED_details.mat in {home}",
            f"every one of the {len(clips)} {'stills' if stills else 'clips'}",
            "extract peakImages beside it, or take dataset.frames=peak from the videos"
            if stills
            else "extract videos beside it, or set dataset.frames=peak_images to use the stills",
        )
    missing = sum(tail not in by_tail for _, tail in asked)
    dropped["still missing" if stills else "clip missing"] = missing
    dropped["video listed twice"] = len(clips) - missing - len(kept)
    return [{**clip, "path": path} for path, clip in kept.items()]


def _video_rows(
    clips: Sequence[dict[str, Any]],
    home: Path,
    frames: str,
    count: int,
    dropped: dict[str, int],
    warnings: list[str],
) -> list[dict[str, Any]]:
    rows, beyond, empty = [], 0, 0
    for clip in clips:
        length = count_frames(home / clip["path"])
        empty += length == 0
        beyond += 0 < length < clip["peak"]
        chosen = select_frames(range(length), frames, apex=clip["peak"] - 1, count=count)
        rows += [_row(clip, number) for number in chosen]
    dropped["video without frames"] = empty
    if beyond:
        warnings.append(
            f"ised: {beyond} clips end before their peak frame; their last frame is taken as peak"
        )
    return rows


def _row(clip: Mapping[str, Any], frame: int) -> dict[str, Any]:
    names = ("path", "label", "subject", "sex", "intensity")
    return {
        "key": f"{clip['path']}#{frame:06d}",
        "sequence": clip["clip"].rsplit(".", 1)[0],
        "frame": frame,
        **{name: clip[name] for name in names},
    }
