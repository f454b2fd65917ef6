"""What every report is made of: tables with their alignment, sheets, pictures, one document."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from ferkit.printable import printable

Align = Literal["left", "right", "wrap"]
_LONG = 40  # characters from which a cell of words may be broken over lines


@dataclass(frozen=True)
class Table:
    """Cells as every format shows them.

    Attributes:
        columns: The header.
        rows: One cell a column.
        align: Of each column, for every format: "wrap" is to the left and may be broken over lines.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: tuple[Align, ...] = field(init=False)

    def __post_init__(self) -> None:
        cells = [tuple(row[i] for row in self.rows) for i in range(len(self.columns))]
        align = tuple(align_of(column, first=i == 0) for i, column in enumerate(cells))
        object.__setattr__(self, "align", align)


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


@dataclass(frozen=True)
class Sheet:
    """One table of a document.

    Attributes:
        name: Of its csv file, without the suffix.
        title: What stands above it.
        columns: The header.
        rows: Cells as they are shown everywhere; one a column.
        notes: Sentences below it.
        commands: Command lines below it, ready to paste; the csv has none.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @cached_property
    def table(self) -> Table:
        """The cells with their alignment."""
        return Table(self.columns, self.rows)


@dataclass(frozen=True)
class Document:
    """Sheets and pictures under one title.

    Attributes:
        pictures: File name to the bytes of a png or svg.
        notes: Sentences below the title.
        commands: Command lines below the title.
    """

    title: str
    sheets: tuple[Sheet, ...]
    pictures: Mapping[str, bytes]
    notes: tuple[str, ...]
    commands: tuple[str, ...] = ()


def one_line(text: str) -> str:
    """Text with single blanks, harmless for a terminal."""
    return printable(" ".join(text.split()))


def tidy(sheet: Sheet) -> Sheet:
    """A sheet whose every text is one line.

    Raises:
        ValueError: a row has another number of cells than its header.
    """
    rows = tuple(tuple(map(one_line, row)) for row in sheet.rows)
    for row in rows:
        if len(row) != len(sheet.columns):
            raise ValueError(f"sheet {sheet.name}: {row} has not {len(sheet.columns)} cells")
    return replace(
        sheet,
        title=one_line(sheet.title),
        columns=tuple(map(one_line, sheet.columns)),
        rows=rows,
        notes=tuple(map(one_line, sheet.notes)),
    )


def caption(name: str) -> str:
    """What a picture's file name says."""
    return name.rpartition(".")[0].replace("_", " ")


def is_wide(picture: bytes) -> bool:
    """Whether a picture gets a row of its own: a png one and a half times as wide as high."""
    if not picture.startswith(b"\x89PNG"):
        return False
    width, height = struct.unpack(">II", picture[16:24])
    return bool(width > 1.5 * height)
