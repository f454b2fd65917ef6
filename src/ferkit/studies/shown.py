"""What the pages show of a study's tables; the csv files hold them whole.

A page has no column and, before any run, no row that says nothing, so that the published metrics
lead and a table fits a page. Commands stand below a table, ready to paste.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ferkit.reports.document import Sheet
from ferkit.studies.document import RUNS, TO_FILL

# columns that say what a row is of, and hold no metric
_NAMES = {
    "Trial",
    "Variant",
    "View",
    "Test set",
    "Seed",
    "Implementation",
    "Video by",
    "Class",
    "Metric",
    "True class",
    "Predicted",
    "Network",
    "Whose",
    "Table",
    "Curve",
    "Epoch",
    "Loss",
    "Learning rate",
    TO_FILL,
}
_MOST = 3  # commands below a table


def show_pages(sheets: Sequence[Sheet], *, run: bool) -> list[Sheet]:
    """The sheets as the pages have them.

    Args:
        sheets: All.
        run: Whether there is a run; without one, tables of ours alone become a list at the end.
    """
    shown = [_show(sheet, run=run) for sheet in sheets]
    kept = [sheet for sheet in shown if run or sheet.name == RUNS or sheet.rows]
    return [*kept, *_list_others([sheet for sheet in shown if sheet not in kept])]


def _show(sheet: Sheet, *, run: bool) -> Sheet:
    every = [row[-1] for row in sheet.rows] if sheet.columns[-1] == TO_FILL else []
    rows = sheet.rows if run or sheet.name == RUNS else _drop_empty_rows(sheet)
    numbers = [
        i for i, name in enumerate(sheet.columns) if name != TO_FILL and any(row[i] for row in rows)
    ]
    commands = list(dict.fromkeys(c for cell in every for c in cell.split("; ") if c))
    limit = len(commands) if sheet.name == RUNS else _MOST if run else 1
    left = len(commands) - limit if run else 0  # before any run, the sheet of the runs has them
    more = (f"{left} more in the column {TO_FILL} of {sheet.name}.csv.",) if left > 0 else ()
    return replace(
        sheet,
        columns=tuple(sheet.columns[i] for i in numbers),
        rows=tuple(tuple(row[i] for i in numbers) for row in rows),
        notes=(*more, *sheet.notes),
        commands=tuple(commands[:limit]),
    )


def _drop_empty_rows(sheet: Sheet) -> Sequence[tuple[str, ...]]:
    metrics = [i for i, name in enumerate(sheet.columns) if name not in _NAMES]
    return [row for row in sheet.rows if any(row[i] for i in metrics)]


def _list_others(sheets: Iterable[Sheet]) -> list[Sheet]:
    found = list(sheets)
    notes = dict.fromkeys(note for sheet in found for note in sheet.notes)
    rows = tuple((sheet.title,) for sheet in found)
    title = "Tables of our metrics alone, empty so far"
    return [Sheet("ours_alone", title, ("Table",), rows, tuple(notes))] if found else []
