"""What a file is by its name: an image, litter of the system; and names as sentences show them."""

import os

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".gif"}
    | {".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm", ".pnm"}
)
# Images all the same, but of formats that `faces.decode` does not read.
UNSUPPORTED_SUFFIXES = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jpx", ".svg", ".eps", ".psd", ".tga"}
    | {".ico", ".pcx", ".xcf", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw"}
)
_JUNK_NAMES = frozenset(
    {"__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "icon\r"}
    | {"@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin"}
    | {"system volume information", "lost+found", "lost.dir", "__pycache__", "picasa.ini"}
)
_LONGEST = 80  # characters of a name in a sentence


def is_junk(name: str) -> bool:
    """Whether a file or folder name is an operating system's litter: hidden, `__MACOSX`, ...

    >>> is_junk("._happy1.jpg"), is_junk("Thumbs.db"), is_junk("@eaDir"), is_junk("happy1.jpg")
    (True, True, True, False)
    """
    return name.startswith(".") or name.lower() in _JUNK_NAMES


def is_image(name: str) -> bool:
    """Whether a name ends as an image file's does, in any case.

    >>> is_image("AF01ANS.JPG"), is_image("notes.txt")
    (True, False)
    """
    return _suffix(name) in IMAGE_SUFFIXES


def is_unsupported_image(name: str) -> bool:
    """Whether a name ends as an image file's does that cannot be read (HEIC, AVIF, SVG, ...)."""
    return _suffix(name) in UNSUPPORTED_SUFFIXES


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def shown(name: object) -> str:
    r"""A name or cell for a sentence: of one line, printable, and not longer than a line.

    >>> shown("a\nb"), len(shown("x" * 500))
    ('a\\nb', 80)
    """
    text = str(name)
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 23]}...{text[-20:]}"
    return printable(cut)


def printable(text: str) -> str:
    r"""A text on one line: what cannot be printed (line breaks, lone surrogates) is escaped.

    >>> printable("a\nb 开心")
    'a\\nb 开心'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
