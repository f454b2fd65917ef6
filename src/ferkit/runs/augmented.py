"""The sheet of augmented faces that a run keeps."""

from pathlib import Path

from ferkit.errors import DataError

AUGMENTED = "augmented.png"
_PNG = b"\x89PNG\r\n\x1a\n"
_LARGEST = 30_000_000  # bytes


def read_augmented(run: Path) -> bytes:
    """The png, empty where the run has none.

    Raises:
        DataError: the file is no png.
    """
    path = run / AUGMENTED
    if not path.is_file():
        return b""
    found = path.read_bytes() if path.stat().st_size < _LARGEST else b""
    if not found.startswith(_PNG):
        raise DataError(f"{path} is no png; delete it, the report is made without.")
    return found
