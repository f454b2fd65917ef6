"""report.md: the report for a terminal and a repository."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from ferkit.printable import printable
from ferkit.reports.content import Confusion, Content, View
from ferkit.reports.document import Table
from ferkit.reports.tables import confusion_table

_DATA = ("counts", "leaks", "dropped", "lost")
_SIGNS = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)|[`*~$]|<(?=[\w/!?])|&(?=[\w#])|(?<!\w)_|_(?!\w)"
)  # a _ inside a word and a \ before a blank are plain text


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


def write_list(parts: Sequence[tuple[str, str]]) -> str:
    """Write a word and its sentences, one item each."""
    return "\n".join(f"- **{word}.** {plain(sentence)}" for word, sentence in parts)


def render_markdown(content: Content) -> str:
    """Write the whole report."""
    tables = content.tables
    parts = [f"# {plain(content.title)}", write_table(content.metrics)]
    parts += ["## Protocol", write_list(content.protocol)]
    parts += [f"> {sentence}" for sentence in content.warnings]
    parts += ["\n".join(f"- {sentence}" for sentence in content.notes)] if content.notes else []
    parts += ["## Data"] if set(_DATA) & tables.keys() else []
    parts += [write_table(tables[n]) for n in _DATA if n in tables]
    if content.synthetic:
        parts.append("![Faces that resampling made, between their parents](synthetic_faces.png)")
    for view in content.views:
        parts += _write_view(view)
    if content.curves:
        parts += ["## Training", "![Loss and accuracy over the epochs](curves.png)"]
    parts += [write_table(tables[n]) for n in ("setup", "environment") if n in tables]
    return "\n\n".join(parts) + "\n"


def _confusions_table(confusions: Sequence[Confusion]) -> Table:
    rows = tuple((c.words, f"{c.count:,}", f"{100 * c.share:.1f}%") for c in confusions)
    return Table(("Most frequent confusions", "Faces", "Share of the true class"), rows)


def _write_view(view: View) -> list[str]:
    parts = [
        f"## {plain(view.name)}: class by class",
        write_table(view.per_class),
        write_table(confusion_table(view.matrix)),
    ]
    picture = f"confusion_matrix{quote(view.suffix)}.png"
    parts.append(f"![Confusion matrix, {plain(view.name)}]({picture})")
    for heading, table in view.further.items():
        parts += [f"### {plain(heading)}", write_table(table)]
    if view.confusions:
        parts.append(write_table(_confusions_table(view.confusions)))
    return parts
