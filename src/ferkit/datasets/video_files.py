"""Film files: which files are films, and how many frames they have."""

from pathlib import Path

FILM_SUFFIXES = frozenset(
    {".avi", ".mp4", ".m4v", ".mov", ".mkv", ".mpg", ".mpeg", ".wmv", ".webm"}
)


def is_film(name: str) -> bool:
    """Whether a name ends as a film file's does, in any case.

    >>> is_film("000633000.AVI"), is_film("Train_6.xml")
    (True, False)
    """
    return Path(name).suffix.lower() in FILM_SUFFIXES


def count_frames(path: Path) -> int:
    """How many frames a film has: as its header says, else by decoding; 0 where it is none."""
    import cv2

    film = cv2.VideoCapture(str(path))
    try:
        if not film.isOpened():
            return 0
        said = int(film.get(cv2.CAP_PROP_FRAME_COUNT))
        if said > 0:
            return said
        counted = 0
        while film.grab():
            counted += 1
        return counted
    finally:
        film.release()
