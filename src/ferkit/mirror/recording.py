"""A recording: the table of the faces, beside which the page puts its video."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ferkit.errors import DataError
from ferkit.mirror.keeping import Kept
from ferkit.video.analysis import Analysed, Face
from ferkit.video.reader import Frame
from ferkit.video.table import FaceTable, write_table

_VIDEOS = ("video.webm", "video.mp4")
_PART = ".unfinished"


@dataclass
class Recording:
    """An open recording.

    Attributes:
        kept: Its folder.
        emotions: The classes.
        start: Time of its first frame, on the clock of the page.
    """

    kept: Kept
    emotions: tuple[str, ...]
    start: float | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _table: FaceTable | None = None
    _frames: int = 0

    def add(self, frame: Frame, faces: list[Face]) -> None:
        """A frame; times in the table count from the first one."""
        if self._table is None:
            self.start = frame.time
            made = write_table(self.kept.folder, "camera", self.emotions)
            self._table = self._stack.enter_context(made)
        seconds = frame.time - (self.start or 0.0)
        self._table.add(Analysed(Frame(self._frames, seconds, frame.image), faces))
        self._frames += 1

    def close(self) -> None:
        """Write what is held; the tables are whole then, or gone where the folder was deleted."""
        try:
            self._stack.close()
        except FileNotFoundError:
            if self.kept.folder.is_dir():
                raise
        self._table = None


def add_video(folder: Path, name: str, at: int, data: bytes, most: int) -> int:
    """Add a piece of the page's video to its file; returns the bytes it has then.

    Args:
        folder: Of the recording.
        name: video.webm or video.mp4.
        at: Where the piece begins; pieces come in order, each once.
        data: The piece; an empty one ends the video.
        most: Bytes of the whole.

    Raises:
        DataError: another name, a gap, or too many bytes.
    """
    if name not in _VIDEOS:
        raise DataError(f"{name[:80]!r} is no video of a recording; send {_VIDEOS[0]}.")
    part = folder / f".{name}{_PART}"
    size = part.stat().st_size if part.exists() else 0
    if at != size:
        raise DataError(f"A piece of the video begins at {at}, not at {size}; record again.")
    if size + len(data) > most:
        raise DataError(f"The video has over {most >> 20:,} MB; stop, and record it in parts.")
    if data:
        with part.open("ab") as file:
            file.write(data)
    elif part.exists():
        part.replace(folder / name)
    return size + len(data)


def finish_video(folder: Path) -> None:
    """Keep what came of a video whose page is gone."""
    for part in folder.glob(f".video.*{_PART}"):
        part.replace(folder / part.name[1 : -len(_PART)])
