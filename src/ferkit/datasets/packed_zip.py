"""Zip archives, by the standard library's reader."""

import io
import stat
import zipfile
import zlib
from typing import IO, Any

from ferkit.datasets.archive import Archive, damaged, refuse_bomb

_ENCRYPTED = 0x1
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


def open_zip(path: str) -> Archive:
    """The plain files of a zip.

    Raises:
        DataError: it is damaged, or no zip.
    """
    try:
        packed = zipfile.ZipFile(path)
    except (*_FAULTS, ValueError) as error:
        raise damaged(path, error) from error
    members: dict[str, zipfile.ZipInfo] = {}

    def open_member(name: str) -> io.BufferedReader:
        info = members[name]
        refuse_bomb(path, name, info.file_size, info.compress_size)
        try:
            return io.BufferedReader(_Member(packed.open(info), f"{path}/{name}"))
        except _FAULTS as error:
            raise damaged(f"{path}/{name}", error) from error

    archive = Archive(path, open_member)
    for info in packed.infolist():
        if not info.is_dir() and not info.filename.endswith("\\"):
            name = archive.add(info.filename, info.file_size, _fault(info))
            if name is not None:
                members[name] = info
    return archive


def _fault(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "it is a link or device"
    return "it is encrypted" if info.flag_bits & _ENCRYPTED else ""


class _Member(io.RawIOBase):
    """A member whose damage is a sentence, wherever in it that comes to light."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        self._file = file
        self._where = where

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        try:
            content = self._file.read(len(buffer))
        except _FAULTS as error:
            raise damaged(self._where, error) from error
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()
