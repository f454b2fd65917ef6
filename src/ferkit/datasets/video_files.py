"""Video files: which files are videos, and how many frames they have."""

from pathlib import Path

from ferkit.datasets.packed import refuse_packed

VIDEO_SUFFIXES = frozenset(
    {".avi", ".mp4", ".m4v", ".mov", ".mkv", ".mpg", ".mpeg", ".wmv", ".webm"}
)


def is_video(name: str) -> bool:
    """Whether a name ends as a video file's does, in any case.

    >>> is_video("000633000.AVI"), is_video("Train_6.xml")
    (True, False)
    """
    return Path(name).suffix.lower() in VIDEO_SUFFIXES


def count_frames(path: Path) -> int:
    """How many frames a video has: as its header says, else by decoding; 0 where it is none.

    Raises:
        DataError: it lies in an archive, where no decoder can read it.
    """
    import cv2

    refuse_packed(path)
    video = cv2.VideoCapture(str(path))
    try:
        if not video.isOpened():
            return 0
        said = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        if said > 0:
            return said
        counted = 0
        while video.grab():
            counted += 1
        return counted
    finally:
        video.release()
