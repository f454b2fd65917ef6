"""The sheets of a study as its yaml describes them.

`sheets` is a list of mappings with the keys of `SheetNode`; of {odd: NAME}, a function of the
study's own module; of {others: CAVEATS}, what else is published; and of the word `runs`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ferkit.reports.document import Sheet
from ferkit.studies.case import Case, fill_in, metrics, with_fields
from ferkit.studies.cells import Style
from ferkit.studies.columns import Column, read_columns
from ferkit.studies.document import TO_FILL, Subject, make_sheet, others_sheet, runs_sheet
from ferkit.studies.published import naming, pick, read_node
from ferkit.studies.rows import Axis, expand, make_cases
from ferkit.studies.runs import AS_PUBLISHED


@dataclass(frozen=True)
class SheetNode:
    """A sheet of the yaml.

    Attributes:
        name: Of the csv file; it and the title may hold fields of `each`.
        title: What stands above.
        rows: Axes, see `rows`.
        columns: See `columns`.
        notes: Texts, with fields of `each`; words of `_NOTES`; mappings as `CaveatNode`.
        case: The fields of a case that all rows have.
        each: Axes; one sheet for each of their cases.
        style: Decimals and scale of the values.
        fill: "row" where every row says the command that fills it, not only the first of a view.
        drop: A column that is left out where there is only one variant.
    """

    name: str
    title: str
    rows: Sequence[Axis]
    columns: Sequence[Any]
    notes: Sequence[Any] = ()
    case: Mapping[str, Any] | None = None
    each: Sequence[Axis] = ()
    style: Mapping[str, Any] | None = None
    fill: str = "view"
    drop: str = ""


@dataclass(frozen=True)
class CaveatNode:
    """Caveats below a sheet.

    Attributes:
        caveats: Their words.
        trials: Those whose sheets have them; empty for all.
        other_variants: Leave them out below a sheet of the variant as published.
    """

    caveats: Sequence[str]
    trials: Sequence[str] = ()
    other_variants: bool = False


def make_sheets(subject: Subject) -> list[Sheet]:
    """Every sheet of a study, in order.

    Raises:
        ConfigError: a word of the yaml is unknown; names the file and the sheet.
    """
    made = []
    for node in subject.published["sheets"]:
        name = node.get("name") or next(iter(node)) if isinstance(node, Mapping) else node
        with naming(subject.published["study"], f"sheet {name!r}"):
            made += _make(node, subject)
    return made


def _make(node: Mapping[str, Any] | str, subject: Subject) -> list[Sheet]:
    if isinstance(node, str):
        return [pick("sheet", node, {"runs": runs_sheet})(subject)]
    if "others" in node:
        return [others_sheet(subject, node["others"])]
    if "odd" in node:
        name = f"ferkit.studies.{subject.published['study']}"
        sheet = pick(f"function of {name}", node["odd"], _odd_sheets(name))(subject)
        return [sheet] if sheet else []
    read = read_node(SheetNode, node)
    starts = expand(read.each, with_fields(Case(), read.case or {}), subject)
    return [_make_one(read, start, subject) for start in starts]


def _odd_sheets(name: str) -> dict[str, Callable[[Subject], Sheet | None]]:
    """The public functions of a study's own module, which it need not have."""
    held = vars(import_module(name)) if find_spec(name) else {}
    return {
        word: made
        for word, made in held.items()
        if getattr(made, "__module__", "") == name and not word.startswith("_")
    }


def _make_one(node: SheetNode, start: Case, subject: Subject) -> Sheet:
    cases = make_cases(node.rows, start, subject)
    columns = read_columns(node.columns, subject.classes(start.trial))
    if node.drop:
        pick("column to drop", node.drop, {column.header: column for column in columns})
    if len({case.variant for case in cases}) == 1:
        columns = [column for column in columns if column.header != node.drop]
    style = read_node(Style, node.style or {})
    used = [_used(case, columns, subject) for case in cases]
    fills = _fills(used, subject, every=pick("fill", node.fill, {"row": True, "view": False}))
    rows = [
        (*(column.show(case, subject, style) for column in columns), fill)
        for case, fill in zip(cases, fills, strict=True)
    ]
    header = [*(column.header for column in columns), TO_FILL]
    name, title = (fill_in(text, start, subject) for text in (node.name, node.title))
    of_cells = [case for row in used for case in row]
    notes = [n for entry in node.notes for n in _make_notes(entry, start, of_cells, subject)]
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


def _make_notes(
    entry: str | Mapping[str, Any], start: Case, cases: Sequence[Case], subject: Subject
) -> Iterable[str]:
    if isinstance(entry, Mapping):
        return _caveats(read_node(CaveatNode, entry), start, subject)
    if " " not in entry:
        return pick("note", entry, _NOTES)(cases, subject)
    return [fill_in(entry, start, subject)]


def _caveats(node: CaveatNode, start: Case, subject: Subject) -> tuple[str, ...]:
    for trial in node.trials:
        pick("trial", trial, subject.trials)
    found = subject.caveats(*node.caveats)
    if node.trials and start.trial not in node.trials:
        return ()
    return () if node.other_variants and start.variant == AS_PUBLISHED else found


def _quick(cases: Sequence[Case], subject: Subject) -> Iterable[str]:
    return subject.quick((case.trial, case.variant) for case in cases)


def _quick_every(_: Sequence[Case], subject: Subject) -> Iterable[str]:
    return subject.quick(subject.rows())


def _left_out(cases: Sequence[Case], subject: Subject) -> Iterable[str]:
    """How many faces of other labels are not counted."""
    for case in cases:
        found = metrics(case, subject)
        if found is not None and found.left_out:
            yield (
                f"{case.trial}, {case.variant}: {found.left_out:,} faces with labels that are none "
                "of the classes are left out."
            )


def _what(cases: Sequence[Case], subject: Subject) -> Iterable[str]:
    trials = dict.fromkeys(case.trial for case in cases)
    return [f"{trial}: {subject.trials[trial]['what']}." for trial in trials]


# shortened runs of the rows; of the study; faces of other labels; what the trials are
_NOTES = {"quick": _quick, "quick_every": _quick_every, "left_out": _left_out, "what": _what}
