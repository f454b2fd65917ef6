"""What `source=` names: pictures, videos, cameras, addresses of streams and pages."""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from ferkit.config import as_plain
from ferkit.datasets.video_files import VIDEO_SUFFIXES
from ferkit.datasets.walk import is_image, is_regular, list_files, looks_like_image, shown
from ferkit.errors import ConfigError, DataError
from ferkit.log import log

Kind = Literal["picture", "video", "camera", "address"]
SUFFIXES = VIDEO_SUFFIXES | {
    ".3g2",
    ".3gp",
    ".asf",
    ".f4v",
    ".flv",
    ".m2ts",
    ".m2v",
    ".mj2",
    ".mjpeg",
    ".mjpg",
    ".mpe",
    ".mts",
    ".mxf",
    ".ogm",
    ".ogv",
    ".qt",
    ".ts",
    ".vob",
    ".y4m",
}
SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "tcp", "srt")
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_CAMERA = re.compile(r"\d{1,3}")


@dataclass(frozen=True)
class Source:
    """One thing to predict.

    Attributes:
        kind: What it is.
        name: A path, the number of a camera, or an address.
    """

    kind: Kind
    name: str

    @property
    def title(self) -> str:
        """A word for it that can be a folder's name."""
        if self.kind == "camera":
            return f"camera{self.name}"
        path = unquote(urlsplit(self.name).path) if self.kind == "address" else self.name
        word = re.sub(r"[^\w.-]+", "_", Path(path).stem).strip("._")
        return word[:80] or "stream"

    @property
    def shown(self) -> str:
        """The name as it may stand in tables and messages: without a password in an address."""
        return re.sub(r"//[^/@]*@", "//", self.name) if self.kind == "address" else self.name


def find_sources(given: Any, out: Path | None) -> list[Source]:
    """What a value of `source` names, in order, each once.

    Args:
        given: A path, a folder (with all below it), a glob, a camera's number, an address, "-" for
            paths on standard input, a line each; or a list of such.
        out: Where the results go, if anywhere: what lies there is not taken for a source.

    Raises:
        ConfigError: an address of a kind that cannot be read.
        DataError: there is nothing.
    """
    plain = as_plain(given)
    words = [str(word) for word in (plain if isinstance(plain, list) else [plain])]
    found = [source for word in _with_input(words) for source in _of_word(word, out)]
    if not found:
        raise DataError(
            f"source={given}: no image there, and no video; give one, a folder, a glob, a camera's "
            "number or an address."
        )
    return list(dict.fromkeys(found))


def _with_input(words: Iterable[str]) -> list[str]:
    found = []
    for word in words:
        if word == "-":
            text = sys.stdin.read()
            lines = text.split("\0") if "\0" in text else text.splitlines()
            found += [line for line in lines if line.strip()]
        else:
            found.append(word)
    return found


def _of_word(word: str, out: Path | None) -> list[Source]:
    if scheme := _ADDRESS.match(word):
        return [_of_address(word, scheme[1].lower())]
    path = Path(word)
    if path.is_dir():
        return _of_folder(path, out)
    if path.exists():
        return [_of_file(path)]
    if _CAMERA.fullmatch(word):
        return [Source("camera", str(int(word)))]
    files = [Path(name) for name in sorted(glob(word, recursive=True))]  # noqa: PTH207
    return [_of_file(f) for f in files if is_regular(f) and not _below(f, out)]


def _of_address(word: str, scheme: str) -> Source:
    if scheme == "file":
        return _of_file(Path(unquote(urlsplit(word).path)))
    if scheme not in SCHEMES:
        raise ConfigError(
            f"source={word}: addresses of {scheme}:// cannot be read; give one of "
            f"{', '.join(SCHEMES)}, or a path."
        )
    return Source("address", word)


def _of_folder(folder: Path, out: Path | None) -> list[Source]:
    listing = list_files(folder)
    videos = [name for name in listing.others if _is_video(name)]
    names = sorted([*listing.images, *videos])
    others = sorted(set(listing.others) - set(videos))
    if others:
        some = ", ".join(shown(name) for name in others[:3]) + ", ..." * (len(others) > 3)
        log.info(f"{folder}: {len(others)} files are neither pictures nor videos by name ({some})")
    return [_of_file(folder / name) for name in names if not _below(folder / name, out)]


def _of_file(path: Path) -> Source:
    """A file, judged by its name, where that says nothing by its first bytes."""
    picture = is_image(path.name) or (not _is_video(path.name) and looks_like_image(str(path)))
    return Source("picture" if picture else "video", str(path))


def _is_video(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _below(path: Path, out: Path | None) -> bool:
    return out is not None and path.resolve().is_relative_to(out.resolve())


def folders_of(sources: Sequence[Source], out: Path, *, alone: bool = True) -> list[Path]:
    """Where the results of each video go: `out` itself for a single one, else a folder below it.

    Two videos of one name get folders of different names.

    Args:
        sources: The videos.
        out: Where all results go.
        alone: Whether nothing else is predicted.
    """
    if len(sources) == 1 and alone:
        return [out]
    taken: set[str] = set()
    folders = []
    for source in sources:
        name, number = source.title, 2
        while name.casefold() in taken:
            name, number = f"{source.title}-{number}", number + 1
        taken.add(name.casefold())
        folders.append(out / name)
    return folders
