"""MMI, the MMI Facial Expression Database (Pantic, Valstar, Rademaker and Maat, 2005).

What: posed videos from neutral over the apex back to neutral, some 720x576 at 24 frames a second,
each in a session folder with its annotation; about 213 of them, of 31 people, carry one of six
emotions. No apex frame is given: as in published code it is the middle one.

Layout (a parent folder is accepted; frames of the videos may lie in their place)::

    Sessions/<session>/S001-001.avi            the video of the session
    Sessions/<session>/S001-001.xml            <... Name="Emotion" Value="4"/> somewhere in it
    Sessions/<session>/S001-001-oao_aucs.xml   action units, not read
    Sessions/<session>/S001-001/0001.jpg       frames in place of the video, at any depth

Most people were recorded on their side, and some in a mirror that shows a profile beside the face:
published code turns or halves them by subject, and so does the column `orient`, which the
preparation of faces follows. `rotate` is its direction: look at `ferkit data show` once.

Splits: none official; 10 folds or leave-one-out by subject (the name before the dash).

Classes, codes 1 to 6: angry, disgust, fear, happy, sad, surprise; further codes are mixed or none,
dropped and counted. Neutral only where first frames are asked for.

Licence: account and signed agreement at mmifacedb.eu; research only, no redistribution.

Citation: M. Pantic, M. Valstar, R. Rademaker, L. Maat: Web-based database for facial expression
analysis. IEEE International Conference on Multimedia and Expo, 2005.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.layout import incomplete, not_found
from ferkit.datasets.packed import is_folder, read_bytes
from ferkit.datasets.video_files import count_frames, is_video
from ferkit.datasets.videos import check_policy, middle_frame, select_frames
from ferkit.datasets.walk import Listing, list_files, shown
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DataError

_CODES = dict(zip("123456", EMOTIONS[:6], strict=True))
_NAME = re.compile(r"(?P<stem>(?P<subject>S\d+)-\d+)\.xml", re.IGNORECASE)
_UPRIGHT = frozenset({"S053", "S054"})
_RIGHT = frozenset({"S001", "S002", "S017"})
_LEFT = frozenset({"S003", "S005", "S006", "S015", "S016"})
_MOST_BYTES = 1_000_000
_NO_EMOTION = "session without an emotion"
_OTHER_CODE = "session of no basic emotion"
_BROKEN = "session whose xml cannot be read"
_NO_FRAMES = "session without a video or frames"


@dataclass(frozen=True)
class _Session:
    folder: str
    stem: str  # S001-001
    subject: str
    code: str  # empty where the xml has none
    fault: str = ""


@reader
def read_mmi(
    root: Path | str,
    *,
    frames: str = "around_apex",
    count: int = 3,
    neutral_from_first: bool = False,
    rotate: int = 90,
) -> FaceIndex:
    """Read the videos of MMI that carry a basic emotion, or their frames.

    Args:
        root: The folder of the sessions' folders, or one above it.
        frames: Which frames of a video carry its label (see `videos.select_frames`); the apex is
            the middle one.
        count: The k of `around_apex` and the like.
        neutral_from_first: Whether the first frame of each video becomes a neutral sample.
        rotate: Degrees clockwise, 90 or 270, by which the frames of people who were recorded on
            their side are turned; 0 where that is done, which leaves all frames as they are.

    Returns:
        The index; `frame` is 0-based in a video, and in a folder of images the number of each. The
        columns `session` and `orient` (what `faces.orient` does to a frame) follow.

    Raises:
        ConfigError: an option has no such value.
        DatasetNotFoundError: no session's xml under `root`.
        DatasetLayoutError: no session has a video or frames.
        DataError: a video lies in an archive.
    """
    check_policy(frames, count)
    if rotate not in (0, 90, 270):
        raise ConfigError(f"dataset.rotate={rotate}: give 0, 90 or 270.")
    base = Path(root)
    listing = list_files(base, strict=False) if is_folder(base) else Listing()
    sessions = list(_sessions(base, listing))
    if not sessions:
        raise not_found(
            "mmi",
            base,
            looked_for="session folders with S001-001.xml",
            get_it="an account and a signed agreement at mmifacedb.eu",
            licence="research only, no redistribution",
            tree="Sessions/<session>/{S001-001.avi, S001-001.xml}",
        )
    pictures = _pictures(listing)
    dropped: Counter[str] = Counter()
    beside: dict[str, list[str]] = {}
    rows: list[dict[str, object]] = []
    for session in sessions:
        found = pictures.get(session.folder, [])
        why = session.fault or _why_not(session.code) or ("" if found else _NO_FRAMES)
        beside.setdefault(why or "frame that was not chosen", []).extend(found)
        if why:
            dropped[why] += 1
            continue
        new = list(_rows(base, session, found, frames, count, neutral_from_first))
        dropped[_NO_FRAMES] += not new
        rows += [{**row, "orient": _orient(session.subject, rotate)} for row in new]
    if not rows:
        raise incomplete(
            "mmi",
            f"MMI ({len(sessions)} sessions in {base})",
            "every video of an emotion",
            "unpack the videos (or their frames) beside the xml files",
        )
    emotions = [*_CODES.values(), "neutral"] if neutral_from_first else _CODES.values()
    return make_index(
        rows,
        name="mmi",
        variant="videos" if any(is_video(str(r["path"])) for r in rows) else "frames",
        root=base,
        emotions=emotions,
        dropped=dropped,
        notes=[_facts(rows, rotate)],
        warnings=_warnings(sessions, dropped),
        beside=beside,
        outside="in no session",
    )


def _sessions(base: Path, listing: Listing) -> Iterator[_Session]:
    for path in listing.others:
        folder, _, name = path.rpartition("/")
        match = _NAME.fullmatch(name)
        if match:
            code, fault = _emotion(base / path)
            yield _Session(folder, match["stem"], match["subject"].upper(), code, fault)


def _emotion(path: Path) -> tuple[str, str]:
    """The value of the xml's Emotion, "" where there is none, and what is wrong with the file."""
    try:
        content = read_bytes(path, _MOST_BYTES)
        if b"<!" in content.replace(b"<!--", b""):  # a document type, with entities
            return "", _BROKEN
        tree = ElementTree.fromstring(content)
    except (ElementTree.ParseError, OSError, DataError, ValueError, LookupError):
        return "", _BROKEN
    for element in tree.iter():
        if element.get("Name") == "Emotion":
            return (element.get("Value") or "").strip(), ""
    return "", ""


def _why_not(code: str) -> str:
    if not code:
        return _NO_EMOTION
    return "" if code in _CODES else _OTHER_CODE


def _pictures(listing: Listing) -> dict[str, list[str]]:
    """Each folder to the videos and images in it and below it."""
    pictures: dict[str, list[str]] = {}
    for path in [*listing.images, *filter(is_video, listing.others)]:
        for folder in PurePosixPath(path).parents:
            pictures.setdefault("" if str(folder) == "." else str(folder), []).append(path)
    return pictures


def _rows(
    base: Path,
    session: _Session,
    found: Sequence[str],
    policy: str,
    count: int,
    neutral_from_first: bool,
) -> Iterator[dict[str, object]]:
    own = [path for path in found if session.stem.lower() in path.lower()] or list(found)
    videos = [path for path in own if is_video(path)]
    if videos:
        place = dict.fromkeys(range(count_frames(base / videos[0])), videos[0])
    else:
        numbered = {_number(path): path for path in own}
        place = numbered if len(numbered) == len(own) else dict(enumerate(own))
    if not place:
        return
    chosen = select_frames(list(place), policy, apex=middle_frame(list(place)), count=count)
    labels = dict.fromkeys(chosen, _CODES[session.code])
    if neutral_from_first:
        labels[min(place)] = "neutral"
    for frame, label in sorted(labels.items()):
        yield {
            "key": f"{session.folder}/{session.stem}#{frame:06d}",
            "path": place[frame],
            "label": label,
            "subject": session.subject,
            "sequence": f"{session.folder}/{session.stem}",
            "frame": frame,
            "session": session.folder.rpartition("/")[2],
        }


def _number(path: str) -> int:
    digits = re.findall(r"\d+", PurePosixPath(path).stem)
    return int(digits[-1]) if digits else -1


def _orient(subject: str, rotate: int) -> str:
    if subject in _UPRIGHT or not rotate:
        return ""
    if subject in _RIGHT or subject in _LEFT:
        return "right half" if subject in _RIGHT else "left half"
    return f"turn {rotate}"


def _facts(rows: Sequence[dict[str, object]], rotate: int) -> str:
    turned = len({r["sequence"] for r in rows if str(r["orient"]).startswith("turn")})
    halves = len({r["sequence"] for r in rows if str(r["orient"]).endswith("half")})
    people = len({row["subject"] for row in rows})
    videos = len({row["sequence"] for row in rows})
    return (
        f"{videos} videos of {people} people (published: about 213 of 31); {turned} are turned by "
        f"{rotate} degrees and {halves} are halved, by subject; dataset.rotate=0 leaves all as is"
    )


def _warnings(sessions: Sequence[_Session], dropped: Counter[str]) -> list[str]:
    warnings = []
    if dropped[_BROKEN]:
        first = next(s for s in sessions if s.fault)
        warnings.append(
            f"mmi: the xml of {dropped[_BROKEN]} sessions cannot be read, e.g. "
            f"{shown(first.folder)}/{first.stem}.xml; copy them again"
        )
    if dropped[_NO_FRAMES]:
        warnings.append(f"mmi: {dropped[_NO_FRAMES]} sessions have no video and no frames")
    return warnings
