"""Tar archives: where each member lies, found by the standard library."""

import io
import tarfile
from pathlib import Path
from typing import Any

from ferkit.datasets.archive import Archive, damaged
from ferkit.errors import DataError

_BLOCK = 512


def open_tar(path: str) -> Archive:
    """The plain files of a tar that is not compressed.

    Raises:
        DataError: it is damaged, cut short, compressed, or no tar.
    """
    places: dict[str, tuple[int, int]] = {}

    file = Path(path).open("rb")  # noqa: SIM115 (as long as the archive)

    def open_member(name: str) -> io.BufferedReader:
        return io.BufferedReader(_Slice(file, *places[name]))

    archive = Archive(path, open_member)
    try:
        with tarfile.open(path, "r:", tarinfo=_Header) as packed:
            while (member := packed.next()) is not None:
                packed.members = []  # type: ignore[attr-defined]  # else every header is kept: 1.5 kB a member
                if member.isdir():
                    continue
                fault = "" if member.isreg() and not member.issparse() else "it is a link or device"
                name = archive.add(member.name, member.size, fault)
                if name is not None:
                    places[name] = member.offset_data, member.size
            _refuse_rest(path, packed.offset)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise damaged(path, error) from error
    return archive


def _refuse_rest(path: str, end: int) -> None:
    """The reader ends without a word at a damaged header: what follows the last must be zeros."""
    with Path(path).open("rb") as file:
        file.seek(end)
        block = file.read(_BLOCK)
        if block.strip(b"\0"):
            raise DataError(
                f"{path} is damaged or cut short at byte {end:,}; download the archive again."
            )


class _Header(tarfile.TarInfo):
    """A header of which a plain file's name and size alone are read, in a fifth of the time."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> "_Header":
        plain = len(buf) == _BLOCK and buf[156] in b"0\0" and buf[124] < 0x80 and not buf[345]
        name = bytes(buf[:100]).partition(b"\0")[0]
        if not plain or not name or name.endswith(b"/"):
            return super().frombuf(buf, encoding, errors)
        if tarfile.nti(buf[148:156]) != 256 + sum(buf) - sum(buf[148:156]):  # type: ignore[attr-defined]
            return super().frombuf(buf, encoding, errors)  # which says what is wrong
        header = cls(name.decode(encoding, errors))
        header.size = int(bytes(buf[124:136]).rstrip(b"\0 ") or b"0", 8)
        return header


class _Slice(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, file: io.BufferedReader, start: int, size: int) -> None:
        self._file = file
        self._start, self._size, self._place = start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._place))
        self._file.seek(self._start + self._place)
        content = self._file.read(count)
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)
