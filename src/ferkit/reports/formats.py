"""Documents as csv, md, tex and html at once: cells are formatted before they come here.

So one table can never say two things in two files.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

from ferkit.files import write_bytes
from ferkit.printable import csv_cell
from ferkit.reports.document import (
    SAFE_NAME,
    Document,
    Sheet,
    document_of,
    picture_files,
    tidy,
)
from ferkit.reports.html import render_html
from ferkit.reports.markdown import render_markdown
from ferkit.reports.tex import render_fragment, render_tex


def write_document(
    folder: Path,
    stem: str,
    title: str,
    sheets: Sequence[Sheet],
    *,
    pictures: Mapping[str, bytes] | None = None,
    captions: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    commands: Sequence[str] = (),
    data: Sequence[Sheet] | None = None,
) -> None:
    r"""Write <stem>.md, <stem>.tex, <stem>.html, a csv and a .tex per sheet, and the pictures.

    Each file is written atomically. White space within a cell becomes one blank. The tex
    is a whole document that shows the png beside it where they are; it cannot show an svg. A
    sheet's own .tex is a table with caption and label, for `\input`.

    Args:
        folder: Made where it is not there.
        stem: Name of the files without suffix.
        pictures: File name to the bytes of a png or svg; inside the html as data addresses.
        captions: File name to the words below it; by default the name's own.
        notes: Sentences below the title.
        commands: Command lines below the title.
        data: What the csv files hold, where the pages show less of it; by default `sheets`.

    Raises:
        ValueError: a row has another number of cells than its header, or a file would have a name
            twice or one that is not safe everywhere.
    """
    shown = tuple(map(tidy, sheets))
    document = document_of(
        title,
        shown,
        pictures=pictures or {},
        captions=captions or {},
        notes=notes,
        commands=commands,
    )
    held = shown if data is None else tuple(map(tidy, data))
    made = [
        *render(document, stem).items(),
        *((f"{sheet.name}.csv", _render_csv(sheet).encode()) for sheet in held),
        *((_fragment_name(s.name, stem), render_fragment(s, stem).encode("ascii")) for s in shown),
        *picture_files(document).items(),
    ]
    _check_names([name for name, _ in made])
    write_files(folder, made)


def render(document: Document, stem: str) -> dict[str, bytes]:
    """A document in every format, file name to content; without its pictures."""
    return {
        f"{stem}.md": render_markdown(document).encode(),
        f"{stem}.tex": render_tex(document).encode("ascii"),
        f"{stem}.html": render_html(document).encode(),
    }


def _fragment_name(name: str, stem: str) -> str:
    return f"{name}_table.tex" if name == stem else f"{name}.tex"


def write_files(folder: Path, made: Iterable[tuple[str, bytes]]) -> None:
    """Write each file beside and rename, so that no reader meets a half-written one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made:
        write_bytes(folder / name, content)


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if not SAFE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no safe name of a file")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"two files would be called {', '.join(sorted(twice))}")


def _render_csv(sheet: Sheet) -> str:
    stream = StringIO()
    lines = ([csv_cell(cell) for cell in row] for row in (sheet.columns, *sheet.rows))
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue()
