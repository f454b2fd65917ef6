"""Text of others - names of files and classes - made harmless for terminals, tables and pages."""

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = r"[-+]?(\d[\d,]*\.?\d*|\.\d+)(e[-+]?\d+)?%?"
# "+0.31 [+0.29, +0.34] ± 0.05 (one run)": between two numbers stands no sign that computes
_FIGURE = re.compile(
    rf"{_NUMBER}[\])]*(( [\[(]|, | ± ){_NUMBER}[\])]*)*( \([a-z ]+\))?|[-+]?(inf|nan)|[-+]",
    re.IGNORECASE,
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet computes instead of showing it
_HIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, half a character, line ends
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def printable(text: str, keep: str = "") -> str:
    r"""Text without what a terminal obeys: control characters stand as their escapes.

    Args:
        text: Of anybody.
        keep: Control characters that stay, e.g. "\n".

    >>> printable("a\x1b[2Jb\nc")
    'a\\x1b[2Jb\\nc'
    """
    if text.isprintable():
        return text
    return "".join(sign if sign in keep or not _obeyed(sign) else _escape(sign) for sign in text)


def _obeyed(sign: str) -> bool:
    return unicodedata.category(sign) in _HIDDEN or sign in _TURNS


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


def one_line(text: str) -> str:
    r"""A sentence on one line: line ends are blanks, other control characters their escapes.

    >>> one_line("one\ntwo\x07")
    'one two\\x07'
    """
    return printable(" ".join(text.split("\n")))


def in_words(name: str) -> str:
    """A name of code as a caption has it.

    >>> in_words("held_out")
    'held out'
    """
    return name.replace("_", " ")


def quoted(path: Path) -> str:
    """A path as a value of Hydra's grammar, in quotes where it needs them.

    >>> quoted(Path("outputs/sweep/lr")), quoted(Path("my sweep"))
    ('outputs/sweep/lr', "'my sweep'")
    """
    text = str(path)
    if re.fullmatch(r"[\w./-]+", text, re.ASCII):
        return text
    text = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def hydra_key(name: str) -> str:
    r"""A name as a key within braces of Hydra's grammar, which takes no quotes there.

    >>> print(hydra_key("very happy, (posed)"))
    very\ happy\,\ \(posed\)
    """
    return re.sub(r"([\\()\[\]{}:=, \t])", r"\\\1", name)


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers.

    >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell("+0.002 [-0.012, +0.016]")
    ("'=1+1", '-0.5', '+0.002 [-0.012, +0.016]')
    """
    risky = text.startswith(_FORMULA) and not _FIGURE.fullmatch(text)
    return printable(f"'{text}" if risky else text)


def csv_frame(frame: "pd.DataFrame") -> "pd.DataFrame":
    """A frame whose words, header and index are harmless in a csv."""
    cells: Any = lambda value: csv_cell(value) if isinstance(value, str) else value  # noqa: E731
    shown = frame.apply(lambda column: column if column.dtype.kind in "iufb" else column.map(cells))
    return shown.rename(columns=cells, index=cells)
