"""Csv files by cells, within bounds: a row as long as a video is refused, not loaded."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pandas as pd

from ferkit.datasets.packed import open_text
from ferkit.datasets.walk import is_regular, shown
from ferkit.errors import DataError

_LONGEST_ROW = 1_000_000  # characters; FER-2013's rows of pixels have some 8,000
_MOST_COLUMNS = 10_000


def read_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header of a csv file, and its rows, each as long as the header.

    Cells are text: a subject may well be called NA, and 007 is not 7. The separator is the most
    frequent of comma, semicolon and tab in the header. Missing cells at a row's end are empty.

    Raises:
        DataError: it cannot be read, is no UTF-8, or a row is too long or has too many cells.
    """
    if not is_regular(path):
        raise DataError(f"{path} is no file that can be read; give a csv file.")
    try:
        with open_text(path) as file:
            return parse_cells(file, path)
    except OSError as error:
        raise _unreadable(error, path) from error


def parse_cells(file: TextIO, where: object) -> tuple[list[str], list[list[str]]]:
    """`read_cells` of an open file, or of a text.

    Args:
        file: Opened with `newline=""`.
        where: Its name, for messages.

    Raises:
        DataError: as `read_cells`.
    """
    try:
        lines = _Lines(file, where)
        first = next(lines, "")
        separator = max(",;\t", key=first.count)
        if first.count(separator) >= _MOST_COLUMNS:
            raise DataError(f"{where} has more than {_MOST_COLUMNS:,} columns; save it again.")
        lines.again, lines.number, lines.length = first, 0, 0
        return _rows(csv.reader(lines, delimiter=separator), lines, where)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(error, where) from error


def _unreadable(error: Exception, where: object) -> DataError:
    return DataError(
        f"{where} cannot be read as a table ({shown(error)}); save it again as csv in UTF-8."
    )


def read_columns(path: Path) -> pd.DataFrame:
    """`read_cells` as a frame of text; of columns of one name, the first.

    Raises:
        DataError: as `read_cells`.
    """
    header, rows = read_cells(path)
    places = {name: header.index(name) for name in header}
    return pd.DataFrame({name: [row[place] for row in rows] for name, place in places.items()})


class _Lines:
    """The lines of a file, none of them longer than a row may be."""

    def __init__(self, file: TextIO, path: object) -> None:
        self.file = file
        self.path = path
        self.again = ""
        self.number = 0
        self.length = 0  # of the row so far

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line, self.again = self.again or self.file.readline(_LONGEST_ROW + 1), ""
        if not line:
            raise StopIteration
        self.number += 1
        self.length += len(line)
        if self.length > _LONGEST_ROW:
            raise DataError(
                f"{self.path}: the row at line {self.number:,} has more than {_LONGEST_ROW:,} "
                "characters; a quotation mark may be missing its end. Save it again."
            )
        return line


def _rows(
    reader: Iterator[list[str]], lines: _Lines, path: object
) -> tuple[list[str], list[list[str]]]:
    header: list[str] | None = None
    rows = []
    for cells in reader:
        lines.length = 0
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            continue
        if len(cells) > len(header) and any(cells[len(header) :]):
            raise DataError(
                f"{path} cannot be read as a table (the row at line {lines.number:,} has "
                f"{len(cells):,} cells, the header {len(header):,}); put cells that hold the "
                "separator into quotation marks."
            )
        rows.append(cells[: len(header)] + [""] * (len(header) - len(cells)))
    if header is None:
        raise DataError(f"{path} cannot be read as a table (it is empty); save it again.")
    return header, rows
