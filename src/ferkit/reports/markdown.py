"""A document for a terminal and a repository."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from ferkit.printable import printable
from ferkit.reports.blocks import (
    Block,
    Commands,
    Gallery,
    Heading,
    Picture,
    Sentences,
    Table,
    Terms,
)
from ferkit.reports.document import Document, one_line, walk

_SIGNS = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)|[`*~$]|<(?=[\w/!?])|&(?=[\w#])|(?<!\w)_|_(?!\w)"
)  # a _ inside a word and a \ before a blank are plain text


def render_markdown(document: Document) -> str:
    """Write the whole document; what pages alone show is left out."""
    parts = [f"# {plain(document.title)}", *map(_block, walk(document.blocks))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {plain(block.text)}"
        case Sentences():
            return _sentences(block)
        case Terms():
            return "\n".join(f"- **{plain(t)}.** {plain(' '.join(s))}" for t, s in block.pairs)
        case Commands():
            return "\n".join(["```", *block.lines, "```"]) if block.lines else ""
        case Table():
            return write_table(block)
        case Picture():
            return f"![{plain(block.alt)}]({quote(block.name)})" if block.name else ""
        case Gallery():
            return write_table(block.words) if block.words else ""
        case _:
            return ""


def _sentences(block: Sentences) -> str:
    lines = [plain(one_line(sentence)) for sentence in block.sentences]
    if block.style == "list":
        return "\n".join(f"- {line}" for line in lines)
    return "\n\n".join(f"> {line}" if block.style == "warning" else line for line in lines)


def plain(text: str) -> str:
    r"""Text that markdown shows as it stands, on one line and harmless for a terminal.

    >>> print(plain("<b>*sad*</b> a_b [x](y)"))
    \<b>\*sad\*\</b> a_b [x]\(y)
    """
    # a bracket is a link only before another; intervals stay readable in the source
    return _SIGNS.sub(r"\\\g<0>", printable(" ".join(text.split()))).replace("](", "]\\(")


def write_table(table: Table) -> str:
    """Write a pipe table whose columns line up in a terminal too.

    >>> print(write_table(Table(("Emotion", "Faces"), (("sad", "12"),))))
    | Emotion | Faces |
    | :------ | ----: |
    | sad     |    12 |
    """
    rows = [[_escape(cell) for cell in row] for row in (table.columns, *table.rows)]
    widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(table.columns))]
    left = [align != "right" for align in table.align]
    lines = [_line(row, widths, left) for row in rows]
    rule = (
        ":" + "-" * (w - 1) if to else "-" * (w - 1) + ":"
        for w, to in zip(widths, left, strict=True)
    )
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]])


def _escape(cell: str) -> str:
    return plain(cell).replace("|", "\\|")


def _line(row: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    cells = (c.ljust(w) if to else c.rjust(w) for c, w, to in zip(row, widths, left, strict=True))
    return f"| {' | '.join(cells)} |"
