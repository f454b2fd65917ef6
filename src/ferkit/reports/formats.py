"""Tables as csv, md, tex and html at once: cells are formatted before they come here.

So one table can never say two things in two files.
"""

import csv
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from ferkit.files import write_bytes
from ferkit.printable import csv_cell, printable
from ferkit.reports.markdown import plain, write_table
from ferkit.reports.tables import Table

if TYPE_CHECKING:
    from markupsafe import Markup

_LONG = 40  # characters from which a cell of words may be broken over lines
_FILE_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)  # harmless in tex, in html and on every disk


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

    def column(self, number: int) -> tuple[str, ...]:
        """The cells of one column, without its header."""
        return tuple(row[number] for row in self.rows)


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


def write_document(
    folder: Path,
    stem: str,
    title: str,
    sheets: Sequence[Sheet],
    *,
    pictures: Mapping[str, bytes] | None = None,
    notes: Sequence[str] = (),
    commands: Sequence[str] = (),
    data: Sequence[Sheet] | None = None,
) -> None:
    """Write <stem>.md, <stem>.tex, <stem>.html, a csv a sheet and the pictures.

    Each file is written beside and renamed. White space within a cell becomes one blank. The tex
    is a whole document that shows the png beside it where they are; it cannot show an svg.

    Args:
        folder: Made where it is not there.
        stem: Name of the files without suffix.
        pictures: File name to the bytes of a png or svg; inside the html as data addresses.
        notes: Sentences below the title.
        commands: Command lines below the title.
        data: What the csv files hold, where the pages show less of it; by default `sheets`.

    Raises:
        ValueError: a row has another number of cells than its header, or a file would have a name
            twice or one that is not safe everywhere.
    """
    from ferkit.reports.tex import render_tex

    document = Document(
        _one_line(title),
        tuple(map(_tidy, sheets)),
        dict(pictures or {}),
        tuple(map(_one_line, notes)),
        tuple(commands),
    )
    held = document.sheets if data is None else tuple(map(_tidy, data))
    made = [
        (f"{stem}.md", _render_markdown(document).encode()),
        (f"{stem}.tex", render_tex(document).encode("ascii")),
        (f"{stem}.html", _render_page(document).encode()),
        *((f"{sheet.name}.csv", _render_csv(sheet).encode()) for sheet in held),
        *document.pictures.items(),
    ]
    _check_names([name for name, _ in made])
    write_files(folder, made)


def write_files(folder: Path, made: Iterable[tuple[str, bytes]]) -> None:
    """Write each file beside and rename, so that no reader meets a half-written one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made:
        write_bytes(folder / name, content)


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _tidy(sheet: Sheet) -> Sheet:
    rows = tuple(tuple(map(_one_line, row)) for row in sheet.rows)
    for row in rows:
        if len(row) != len(sheet.columns):
            raise ValueError(f"sheet {sheet.name}: {row} has not {len(sheet.columns)} cells")
    return replace(
        sheet,
        title=_one_line(sheet.title),
        columns=tuple(map(_one_line, sheet.columns)),
        rows=rows,
        notes=tuple(map(_one_line, sheet.notes)),
    )


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no safe name of a file")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"two files would be called {', '.join(sorted(twice))}")


def is_words(cells: Sequence[str]) -> bool:
    """Whether a column is set to the left: most of its cells are words, not figures."""
    said = [cell for cell in cells if cell]
    return 2 * sum(map(_is_word, said)) > len(said)


def _is_word(cell: str) -> bool:
    # "tie: +0.002 [-0.012, +0.016]" is a figure
    return cell[0].isalpha() and sum(map(str.isalpha, cell)) > sum(map(str.isdigit, cell))


def is_long(cells: Sequence[str]) -> bool:
    """Whether a column is of words that may be broken over lines."""
    return max(map(len, cells), default=0) > _LONG


def caption(name: str) -> str:
    """What a picture's file name says."""
    return name.rpartition(".")[0].replace("_", " ")


def is_wide(picture: bytes) -> bool:
    """Whether a picture gets a row of its own: a png one and a half times as wide as high."""
    if not picture.startswith(b"\x89PNG"):
        return False
    width, height = struct.unpack(">II", picture[16:24])
    return bool(width > 1.5 * height)


def _render_csv(sheet: Sheet) -> str:
    stream = StringIO()
    lines = ([csv_cell(cell) for cell in row] for row in (sheet.columns, *sheet.rows))
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue()


def _render_markdown(document: Document) -> str:
    parts = [f"# {plain(document.title)}", _list(document.notes), _code(document.commands)]
    for sheet in document.sheets:
        parts += [f"## {plain(sheet.title)}", write_table(Table(sheet.columns, sheet.rows))]
        parts += [_code(sheet.commands), _list(sheet.notes)]
    parts += [f"![{plain(caption(name))}]({name})" for name in document.pictures]
    return "\n\n".join(part for part in parts if part) + "\n"


def _code(commands: Sequence[str]) -> str:
    return "\n".join(["```", *commands, "```"]) if commands else ""


def _list(notes: Sequence[str]) -> str:
    return "\n".join(f"- {plain(_one_line(note))}" for note in notes)


def _render_page(document: Document) -> str:
    from jinja2 import Environment, StrictUndefined

    from ferkit.reports.page import picture

    templates = files("ferkit.reports")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"picture": picture, "caption": caption, "is_wide": is_wide}
    environment.filters["breakable"] = _breakable
    source = (templates / "document.html.jinja").read_text(encoding="utf-8")
    page: str = environment.from_string(source).render(
        document=document,
        style=(templates / "page.css").read_text(encoding="utf-8"),
        kind=_html_class,
    )
    return page


def _breakable(cell: str) -> "Markup":
    # long names would push a table's last columns off the page
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([_/=])(?=\w)", r"\1<wbr>", str(escape(cell))))


def _html_class(sheet: Sheet, number: int) -> str:
    cells = sheet.column(number)
    if is_long(cells):
        return "words"
    return "left" if number == 0 or is_words(cells) else ""
