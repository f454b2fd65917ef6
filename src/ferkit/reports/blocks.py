"""The blocks of which every document is made; each writer shows each kind in its own way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

Align = Literal["left", "right", "wrap"]
_LONG = 40  # characters from which a cell of words may be broken over lines


@dataclass(frozen=True)
class Heading:
    """A heading.

    Attributes:
        level: 2 or 3.
        anchor: What a link on the page aims at; a heading of level 2 with one is in its navigation.
        short: Its words there; by default the text.
    """

    kind: ClassVar = "heading"
    text: str
    level: int = 2
    anchor: str = ""
    short: str = ""


@dataclass(frozen=True)
class Sentences:
    """Sentences below each other."""

    kind: ClassVar = "sentences"
    sentences: tuple[str, ...]
    style: Literal["list", "note", "warning"] = "list"


@dataclass(frozen=True)
class Terms:
    """Terms, each with its sentences.

    Attributes:
        warnings: The terms whose sentences are warnings.
    """

    kind: ClassVar = "terms"
    pairs: tuple[tuple[str, tuple[str, ...]], ...]
    warnings: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Commands:
    """Command lines, ready to paste."""

    kind: ClassVar = "commands"
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Cells as every format shows them.

    Attributes:
        columns: The header.
        rows: One cell a column.
        total: Whether the last row sums up the others.
        wide: Whether it is as wide as the page.
        bars: Row and column of a cell to its value and interval, 0..1, that a page draws.
        align: Of each column, for every format: "wrap" is to the left and may be broken over lines.
    """

    kind: ClassVar = "table"
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: bool = False
    wide: bool = False
    bars: Mapping[tuple[int, int], Sequence[float]] = field(default_factory=dict)
    align: tuple[Align, ...] = field(init=False)

    def __post_init__(self) -> None:
        cells = [tuple(row[i] for row in self.rows) for i in range(len(self.columns))]
        align = tuple(align_of(column, first=i == 0) for i, column in enumerate(cells))
        object.__setattr__(self, "align", align)


@dataclass(frozen=True)
class Picture:
    """A plot.

    Attributes:
        name: Of its file beside the document; "" where only the page shows it.
        data: A png or svg.
        alt: What it shows, in some words.
        caption: A sentence below it on the page; by default `alt`.
        svg: What the page shows instead of `data`.
        full: Whether it is as wide as the page.
    """

    kind: ClassVar = "picture"
    name: str
    data: bytes
    alt: str
    caption: str = ""
    svg: bytes | None = None
    full: bool = False


@dataclass(frozen=True)
class Face:
    """A thumbnail, [H, W] or [H, W, 3] RGB uint8.

    Attributes:
        key: The row that it shows.
        overlay: The same under its saliency map.
    """

    image: NDArray[Any]
    caption: str = ""
    key: str = ""
    overlay: NDArray[Any] | None = None


@dataclass(frozen=True)
class Gallery:
    """Rows of faces, each with words; a text shows the words as a table.

    Attributes:
        columns: Header of the words.
        rows: The words of a row and its faces.
    """

    kind: ClassVar = "gallery"
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Face, ...]], ...]

    @property
    def words(self) -> Table | None:
        """The words alone, for a text; None where there is no header."""
        rows = tuple(words for words, _ in self.rows)
        return Table(self.columns, rows) if self.columns else None


@dataclass(frozen=True)
class Headline:
    """The metrics that a page shows first; texts show them in their tables alone.

    Attributes:
        groups: Name, remark, and three times name, value and what stands beside the value.
    """

    kind: ClassVar = "headline"
    groups: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...]


@dataclass(frozen=True)
class Pictures:
    """Plots under a heading of their own, two beside each other where they are narrow."""

    kind: ClassVar = "pictures"
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Beside:
    """Blocks that a page shows beside each other.

    Attributes:
        wide_first: Whether the first part gets more room than the second.
    """

    kind: ClassVar = "beside"
    parts: tuple[tuple["Block", ...], ...]
    wide_first: bool = False


@dataclass(frozen=True)
class Verbatim:
    """A text, folded on a page; texts leave it out."""

    kind: ClassVar = "verbatim"
    summary: str
    text: str


Block = (
    Heading
    | Sentences
    | Terms
    | Commands
    | Table
    | Picture
    | Gallery
    | Headline
    | Pictures
    | Beside
    | Verbatim
)


def align_of(cells: Sequence[str], *, first: bool = False) -> Align:
    """How a column is set: numbers to the right, names and words to the left.

    Args:
        cells: Of the column, without its header.
        first: Whether it is the column that names the rows.

    >>> align_of(["tie: +0.002 [-0.012, +0.016]", "-0.1"])
    'right'
    """
    if max(map(len, cells), default=0) > _LONG:
        return "wrap"
    filled = [cell for cell in cells if cell]
    return "left" if first or 2 * sum(map(_is_word, filled)) > len(filled) else "right"


def _is_word(cell: str) -> bool:
    # "tie: +0.002 [-0.012, +0.016]" is a number
    return cell[0].isalpha() and sum(map(str.isalpha, cell)) > sum(map(str.isdigit, cell))
