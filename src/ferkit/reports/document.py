"""A document: blocks under one title, and the sheets of which comparisons and studies consist."""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ferkit.printable import in_words, printable
from ferkit.reports.blocks import (
    Beside,
    Block,
    Commands,
    Heading,
    Picture,
    Pictures,
    Sentences,
    Table,
)

SAFE_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)  # harmless in tex, in html and on every disk


@dataclass(frozen=True)
class Document:
    """What the writers take.

    Attributes:
        subtitle: A sentence below the title, on the page alone.
        wide: Whether tables are wide: the page takes more of the window and breaks cells.
    """

    title: str
    blocks: tuple[Block, ...]
    subtitle: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Sheet:
    """One table of a document, with a csv file of its own.

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


def document_of(
    title: str,
    sheets: Sequence[Sheet],
    *,
    pictures: Mapping[str, bytes],
    captions: Mapping[str, str],
    notes: Sequence[str],
    commands: Sequence[str],
) -> Document:
    """Sheets below each other, then the pictures.

    Args:
        sheets: `tidy`.
        pictures: File name to the bytes of a png or svg.
        captions: File name to the words below it; by default the name's own.
        notes: Sentences below the title.
        commands: Command lines below the title.
    """
    shown = [
        Picture(name, data, captions.get(name) or caption(name)) for name, data in pictures.items()
    ]
    blocks: list[Block] = [Sentences(tuple(map(one_line, notes))), Commands(tuple(commands))]
    for sheet in sheets:
        blocks += [
            Heading(sheet.title, anchor=sheet.name),
            Table(sheet.columns, sheet.rows),
            Commands(sheet.commands),
            Sentences(sheet.notes),
        ]
    return Document(one_line(title), (*blocks, Pictures(tuple(shown))), wide=True)


def walk(blocks: Sequence[Block]) -> Iterator[Block]:
    """Every block in the order of reading, those beside each other one after the other."""
    for block in blocks:
        if isinstance(block, Beside):
            for part in block.parts:
                yield from walk(part)
        elif isinstance(block, Pictures):
            yield from block.pictures
        else:
            yield block


def picture_files(document: Document) -> dict[str, bytes]:
    """The pictures that lie beside a document, file name to bytes."""
    found = (block for block in walk(document.blocks) if isinstance(block, Picture))
    return {picture.name: picture.data for picture in found if picture.name}


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
    """What a picture's file name says.

    >>> caption("curves_loss.png")
    'curves loss'
    """
    return in_words(name.rpartition(".")[0])


def is_wide(picture: bytes) -> bool:
    """Whether a picture gets a row of its own: a png one and a half times as wide as high."""
    if not picture.startswith(b"\x89PNG"):
        return False
    width, height = struct.unpack(">II", picture[16:24])
    return bool(width > 1.5 * height)
