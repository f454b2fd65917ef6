"""Folders of what the page made: recordings, processed uploads, reports of scripts.

What nobody asked to keep lies in a temporary folder, which goes when the mirror ends.
"""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from ferkit.errors import DataError


@dataclass
class Kept:
    """A folder.

    Attributes:
        key: By which the page asks for it; nobody can guess one.
        kind: recording, upload or script.
        folder: Where it lies.
        kept: Whether it outlives the mirror.
    """

    key: str
    kind: str
    folder: Path
    kept: bool

    def as_json(self) -> dict[str, object]:
        """What the page shows."""
        files = sorted(p.name for p in self.folder.iterdir()) if self.folder.is_dir() else []
        return {
            "key": self.key,
            "what": self.kind,
            "folder": str(self.folder.resolve()),
            "kept": self.kept,
            "files": [name for name in files if not name.startswith(".")],
        }


class Keeping:
    """The folders of one mirror.

    Args:
        out: What is kept lies below it.
        temporary: What is not.
    """

    def __init__(self, out: Path, temporary: Path) -> None:
        self._out, self._temporary = out, temporary
        self._known: dict[str, Kept] = {}
        self._lock = Lock()

    def make(self, kind: str, *, keep: bool) -> Kept:
        """A new folder.

        Raises:
            OSError: it cannot be made.
        """
        with self._lock:
            key = secrets.token_urlsafe(16)
            folder = self._place(kind) if keep else self._temporary / f"{kind}-{key}"
            folder.mkdir(parents=True)
            self._known[key] = found = Kept(key, kind, folder, keep)
        return found

    def get(self, key: str) -> Kept:
        """A folder by its key.

        Raises:
            DataError: there is none.
        """
        found = self._known.get(key)
        if found is None:
            raise DataError("There is no such recording or result any more; load the page again.")
        return found

    def keep(self, key: str) -> Kept:
        """Move a folder to where it outlives the mirror."""
        with self._lock:
            found = self.get(key)
            if not found.kept:
                place = self._place(found.kind)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(found.folder, place)
                found.folder, found.kept = place, True
        return found

    def delete(self, key: str) -> Path:
        """Delete a folder with all that lies in it; returns where it was."""
        with self._lock:
            found = self.get(key)
            shutil.rmtree(found.folder)
            del self._known[key]
            if found.kept:
                with suppress(OSError):  # the mirror's own, where nothing else lies in it
                    self._out.rmdir()
        return found.folder

    def _place(self, kind: str) -> Path:
        stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        place, number = self._out / f"{stamp}-{kind}", 2
        while place.exists():
            place, number = self._out / f"{stamp}-{kind}-{number}", number + 1
        return place


@contextmanager
def open_keeping(out: Path) -> Iterator[Keeping]:
    """The folders of a mirror; what was not kept is deleted at the end."""
    with TemporaryDirectory(prefix="ferkit-mirror-", ignore_cleanup_errors=True) as folder:
        yield Keeping(out, Path(folder))
