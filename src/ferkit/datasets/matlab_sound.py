"""Whether a .mat file is sound: scipy's reader ends the whole process on some damaged ones."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import BinaryIO

_HEADER = 128  # bytes; the last two say the byte order
_COMPRESSED = 15  # miCOMPRESSED, what MATLAB has written by default since version 7
_MOST_BYTES = 8_000_000_000  # unpacked
_CHUNK = 1 << 20
_SECONDS = 900


def fault_of(path: Path) -> str:
    """Why a .mat file must not be given to scipy, or an empty string.

    Compressed variables carry a checksum, which is verified here. Where one is not compressed,
    another process reads the file first, and may crash in our stead.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER)
        order = {b"\0\1IM": "<", b"\1\0MI": ">"}.get(head[-4:])
        if order is None:
            return ""  # no file of versions 5 to 7: scipy says so itself
        while tag := file.read(8):
            if len(tag) < 8:
                return "it is cut short"
            kind, length = struct.unpack(f"{order}II", tag)
            if kind != _COMPRESSED:
                return _trial(path)
            fault = _unpack(file, length)
            if fault:
                return fault
    return ""


def _unpack(file: BinaryIO, length: int) -> str:
    stream, unpacked = zlib.decompressobj(), 0
    try:
        while length and (packed := file.read(min(length, _CHUNK))):
            length -= len(packed)
            while packed and not stream.eof:
                unpacked += len(stream.decompress(packed, _CHUNK))
                packed = stream.unconsumed_tail
            if unpacked > _MOST_BYTES:
                return f"it unpacks to more than {_MOST_BYTES:,} bytes"
        unpacked += len(stream.flush())
    except zlib.error as error:
        return f"it is damaged: {error}"
    return "" if stream.eof else "it is cut short"


def _trial(path: Path) -> str:
    program = "import sys; from scipy.io import loadmat; loadmat(sys.argv[1])"
    words = [sys.executable, "-c", program, str(path.absolute())]
    try:
        done = subprocess.run(words, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"reading it does not end within {_SECONDS} s"
    # An exception ends the trial with 1, and scipy will raise it again; a crash with a signal.
    return "" if done.returncode in (0, 1) else "it is damaged, and ends the process that reads it"
