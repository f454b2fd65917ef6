"""The sheets of a study as its yaml describes them.

A sheet of the yaml has `name`, `title`, `rows` (see `rows`), `columns` (see `columns`) and `notes`,
and where it is needed:
    case: the fields of a case that all its rows have
    each: axes; one sheet for each of their cases, whose fields name and title may hold
    style: decimals and scale of its values
    fill: "row" where every row says the command that fills it, not only the first of a view
    drop: a column that is left out where it has only one value
    odd: a function of the study's own module, in place of rows and columns
A note is a text, with the fields of `each`; the word `quick` (shortened runs of the rows),
`quick_every` (of the study), `left_out` or `what`; or a mapping of `caveats` and, where they are of
some sheets alone, `trials` or `other_variants`.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from ferkit.reports.document import Sheet
from ferkit.studies.case import Case, figures, fill_in
from ferkit.studies.cells import Style
from ferkit.studies.columns import Column, read_columns
from ferkit.studies.document import TO_FILL, Subject, make_sheet, others_sheet, runs_sheet
from ferkit.studies.rows import expand, make_cases
from ferkit.studies.runs import AS_PUBLISHED


def make_sheets(subject: Subject) -> list[Sheet]:
    """Every sheet of a study, in order."""
    return [sheet for node in subject.published["sheets"] for sheet in _make(node, subject)]


def _make(node: Mapping[str, Any] | str, subject: Subject) -> list[Sheet]:
    if isinstance(node, str):
        return [runs_sheet(subject)]
    if "others" in node:
        return [others_sheet(subject, node["others"])]
    if "odd" in node:
        module = import_module(f"ferkit.studies.{subject.published['study']}")
        sheet: Sheet | None = getattr(module, node["odd"])(subject)
        return [sheet] if sheet else []
    starts = expand(node.get("each", ()), Case(**node.get("case", {})), subject)
    return [_make_one(node, start, subject) for start in starts]


def _make_one(node: Mapping[str, Any], start: Case, subject: Subject) -> Sheet:
    cases = make_cases(node["rows"], start, subject)
    columns = read_columns(node["columns"], subject.classes(start.trial))
    style = Style(**node.get("style", {}))
    drop = node.get("drop")
    if drop and len({case.variant for case in cases}) == 1:
        columns = [column for column in columns if column.header != drop]
    used = [_used(case, columns, subject) for case in cases]
    fills = _fills(used, subject, every=node.get("fill") == "row")
    rows = [
        (*(column.show(case, subject, style) for column in columns), fill)
        for case, fill in zip(cases, fills, strict=True)
    ]
    header = [*(column.header for column in columns), TO_FILL]
    name, title = (fill_in(node[key], start, subject) for key in ("name", "title"))
    notes = make_notes(node.get("notes", ()), start, [c for row in used for c in row], subject)
    return make_sheet(name, title, header, rows, notes)


def _used(row: Case, columns: Sequence[Column], subject: Subject) -> list[Case]:
    """What the cells of a row are about, each trial and view once."""
    cases = [column.case(row, subject) for column in columns]
    return list({(case.trial, case.variant, case.view): case for case in cases}.values())


def _fills(rows: Iterable[Sequence[Case]], subject: Subject, *, every: bool) -> list[str]:
    """The commands that fill the rows: of rows alike, the first says them."""
    fills, before = [], None
    for cases in rows:
        key = [(case.trial, case.variant, case.view) for case in cases]
        new = every or key != before
        fills.append("; ".join(filter(None, (_fill(case, subject) for case in cases if new))))
        before = key
    return fills


def _fill(case: Case, subject: Subject) -> str:
    if case.fill is not None:
        return case.fill
    return subject.to_fill(case.trial, case.variant, case.view or None) if case.trial else ""


def make_notes(
    entries: Iterable[Any], start: Case, cases: Sequence[Case], subject: Subject
) -> list[str]:
    """The sentences below a sheet.

    Args:
        entries: Of the yaml.
        start: What the sheet is of.
        cases: What its cells are about.
        subject: The study and its runs.
    """
    notes: list[str] = []
    for entry in entries:
        if isinstance(entry, Mapping):
            notes += _caveats(entry, start, subject)
        elif entry in _NOTES:
            notes += _NOTES[entry](cases, subject)
        else:
            notes.append(fill_in(entry, start, subject))
    return notes


def _caveats(entry: Mapping[str, Any], start: Case, subject: Subject) -> tuple[str, ...]:
    if start.trial not in entry.get("trials", [start.trial]):
        return ()
    if entry.get("other_variants") and start.variant == AS_PUBLISHED:
        return ()
    return subject.caveats(*entry["caveats"])


def _quick(cases: Sequence[Case], subject: Subject) -> Iterable[str]:
    return subject.quick((case.trial, case.variant) for case in cases)


def _quick_every(_: Sequence[Case], subject: Subject) -> Iterable[str]:
    return subject.quick(subject.rows())


def _left_out(cases: Sequence[Case], subject: Subject) -> Iterable[str]:
    """How many faces of other labels are not counted."""
    for case in cases:
        found = figures(case, subject)
        if found is not None and found.left_out:
            yield (
                f"{case.trial}, {case.variant}: {found.left_out:,} faces with labels that are none "
                "of the classes are left out."
            )


def _what(cases: Sequence[Case], subject: Subject) -> Iterable[str]:
    trials = dict.fromkeys(case.trial for case in cases)
    return [f"{trial}: {subject.trials[trial]['what']}." for trial in trials]


_NOTES = {"quick": _quick, "quick_every": _quick_every, "left_out": _left_out, "what": _what}
