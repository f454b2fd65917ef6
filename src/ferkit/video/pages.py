"""The stream behind the address of a web page, by yt-dlp; and files that must be read whole."""

import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from ferkit.errors import DataError, require
from ferkit.untrusted import reason

# one file with both picture and sound where there is one, else the picture
_FORMAT = "best[vcodec!=none][acodec!=none]/best[vcodec!=none]/bestvideo/best"


@dataclass(frozen=True)
class Stream:
    """Where a stream is read.

    Attributes:
        address: Of the stream itself.
        headers: That the server wants to see.
    """

    address: str
    headers: Mapping[str, str] = field(default_factory=dict)


def stream_of(page: str, shown: str) -> Stream:
    """The stream of a page's video, the first where it shows several.

    Args:
        page: Its address.
        shown: The address as it may stand in messages.

    Raises:
        ConfigError: yt-dlp is not installed.
        DataError: it finds no video there.
    """
    require(f"{shown} is no stream but a page, and a page's video", "yt-dlp")
    import yt_dlp

    options = {
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "noplaylist": True,
        "playlist_items": "1",
        "format": _FORMAT,
        "cachedir": False,
        "logger": _Silent(),
        "socket_timeout": 15,
    }
    try:
        with yt_dlp.YoutubeDL(options) as finder:
            info = finder.extract_info(page, download=False)
    except Exception as error:  # an extractor of somebody's site raises what it likes
        why = _short(error).replace(page, shown)
        raise DataError(f"{shown}: yt-dlp finds no video there ({why}).") from None
    return _first(info, shown)


@contextmanager
def fetched(stream: Stream) -> Iterator[Path]:
    """A stream's file, whole, in the folder of temporary files until the end of the context.

    Raises:
        OSError: it cannot be fetched, or there is no room.
    """
    request = _request(stream)
    with TemporaryDirectory(prefix="ferkit-") as folder:
        path = Path(folder) / "video"
        with urlopen(request, timeout=15) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file, 1 << 20)
        yield path


def _request(stream: Stream) -> Request:
    """A request with name and password of the address in a header, as servers want them."""
    parts = urlsplit(stream.address)
    login, _, host = parts.netloc.rpartition("@")
    headers = dict(stream.headers)
    if login:
        headers["Authorization"] = "Basic " + b64encode(unquote(login).encode()).decode()
    return Request(urlunsplit(parts._replace(netloc=host)), headers=headers)


def _first(info: Any, shown: str) -> Stream:
    while isinstance(info, Mapping) and info.get("entries"):
        info = next(iter(info["entries"]))
    address = info.get("url") if isinstance(info, Mapping) else None
    if not isinstance(address, str) or "://" not in address:
        raise DataError(f"{shown}: yt-dlp finds no stream there; give the address of a video.")
    headers = info.get("http_headers") or {}
    plain = {str(k): str(v) for k, v in headers.items() if f"{k}{v}".isprintable()}
    return Stream(address, plain)


def _short(error: BaseException) -> str:
    return reason(error).removeprefix("ERROR: ")


class _Silent:
    def debug(self, text: str) -> None: ...

    def info(self, text: str) -> None: ...

    def warning(self, text: str) -> None: ...

    def error(self, text: str) -> None: ...
