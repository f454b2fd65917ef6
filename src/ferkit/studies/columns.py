"""The columns of a sheet: the yaml's `columns` is a list of headers, each with what stands below.

An entry is a word of `GROUPS`, which makes several columns, or a mapping of one header to a word
of `CELLS`, to a text with fields such as "{trial}" and "{own[loss]}", or to a mapping of `cell`
and of the fields in which the cell's case differs from that of its row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ferkit.studies.case import Case, figures, fill_in, look_up, our_value, published_value, settle
from ferkit.studies.cells import (
    Style,
    show_count,
    show_count_difference,
    show_difference,
    show_interval,
    show_ours,
    show_published,
    signed,
)
from ferkit.studies.document import Subject

_DIAGONAL = Style(ours=2)


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        header: Its name.
        cell: A word of `CELLS`, or a text with fields.
        fields: In which its case differs from that of the row.
    """

    header: str
    cell: str
    fields: Mapping[str, Any]

    def case(self, row: Case, subject: Subject) -> Case:
        """What the cell of a row is about."""
        return settle(replace(row, **self.fields), subject)

    def show(self, row: Case, subject: Subject, style: Style) -> str:
        """The cell of a row."""
        case = self.case(row, subject)
        if self.cell not in CELLS:
            return fill_in(self.cell, case, subject)
        return CELLS[self.cell](case, subject, style)


def read_columns(entries: Sequence[Any], labels: Sequence[str]) -> list[Column]:
    """The columns that the yaml names.

    Args:
        entries: Of the yaml.
        labels: The classes, each of which may have a column.
    """
    columns = []
    for entry in entries:
        named = GROUPS[entry](labels) if isinstance(entry, str) else entry
        columns += [_read_column(header, what) for header, what in named.items()]
    return columns


def _read_column(header: str, what: str | Mapping[str, Any]) -> Column:
    if isinstance(what, str):
        return Column(header, what, {})
    fields = {key: value for key, value in what.items() if key != "cell"}
    return Column(header, what["cell"], fields)


def _name(field: str) -> Callable[[Case, Subject, Style], str]:
    def show(case: Case, subject: Subject, _: Style) -> str:
        return subject.words(getattr(case, field))

    return show


def _label(case: Case, _: Subject, __: Style) -> str:
    return case.label or case.named


def _curve(case: Case, subject: Subject, _: Style) -> str:
    return case.named or subject.words(case.curve)


def _published(case: Case, subject: Subject, style: Style) -> str:
    return show_published(published_value(case, subject), style)


def _ours(case: Case, subject: Subject, style: Style) -> str:
    return show_ours(our_value(case, subject), style)


def _interval(case: Case, subject: Subject, style: Style) -> str:
    found = figures(case, subject)
    if case.label and case.metric == "precision" and found and not found.predicted[case.label]:
        return "never predicted"
    return show_interval(our_value(case, subject), style)


def _difference(case: Case, subject: Subject, style: Style) -> str:
    return show_difference(published_value(case, subject), our_value(case, subject), style)


def _text(case: Case, subject: Subject, _: Style) -> str:
    found = look_up(case, subject)
    return "" if found is None else str(found)


def _faces(case: Case, subject: Subject, _: Style) -> str:
    found = figures(case, subject)
    if found is None:
        return ""
    return show_count(found.support[case.label] if case.label else found.n)


def _count(case: Case, subject: Subject, _: Style) -> str:
    return show_count(published_value(case, subject))


def count_ours(case: Case, subject: Subject) -> int | None:
    """Our images of a class, or of all classes of the study together."""
    if not case.counts:
        return None
    if case.label:
        return case.counts.get(case.label)
    return sum(case.counts.get(label, 0) for label in subject.classes(case.trial))


def _our_count(case: Case, subject: Subject, _: Style) -> str:
    return show_count(count_ours(case, subject))


def _count_difference(case: Case, subject: Subject, _: Style) -> str:
    return show_count_difference(published_value(case, subject), count_ours(case, subject))


def _published_share(case: Case, subject: Subject, _: Style) -> str:
    value, total = (published_value(c, subject) for c in (case, replace(case, label="")))
    return "" if value is None or not total else f"{value / total:.2f}"


def _share(case: Case, subject: Subject, _: Style) -> str:
    return _show_share((case.label, case.other), case, subject)


def _share_turned(case: Case, subject: Subject, _: Style) -> str:
    return _show_share((case.other, case.label), case, subject)


def _show_share(place: tuple[str, str], case: Case, subject: Subject) -> str:
    value = _shares(case, subject).get(place)
    if value is None:
        return ""
    return signed(value, 2) if case.whose == "difference" else f"{value:.2f}"


def _sum_of_shares(case: Case, subject: Subject, _: Style) -> str:
    values = _shares(case, subject)
    if case.whose == "difference" or not case.label or not values:
        return ""
    return f"{sum(value for (true, _), value in values.items() if true == case.label):.2f}"


def _shares(case: Case, subject: Subject) -> dict[tuple[str, str], float]:
    """(True class, predicted class) to its share of the true class."""
    labels = subject.classes(case.trial)
    published = look_up(case, subject)
    typed = {
        (true, predicted): published[i][j]
        for i, true in enumerate(labels if published else ())
        for j, predicted in enumerate(labels)
    }
    if case.whose == "published":
        return typed
    found = figures(case, subject)
    if found is None:
        return {}
    shares = found.shares
    ours = {(t, p): float(shares.loc[t, p]) for t in shares.index for p in labels}
    if case.whose == "difference":
        return {key: value - typed[key] for key, value in ours.items()}
    return ours


def _published_hits(case: Case, subject: Subject, _: Style) -> str:
    """Published precision times published predictions: whole where both are of one set."""
    counts = subject.trials[case.trial]["predicted"]
    precision = look_up(case, subject)
    return f"{counts[case.label] * precision:,.2f}" if precision else ""


def _diagonal(case: Case, subject: Subject, _: Style) -> str:
    if case.whose != "ours" or not case.label:
        return ""
    return show_interval(our_value(replace(case, metric="recall"), subject), _DIAGONAL)


CELLS: dict[str, Callable[[Case, Subject, Style], str]] = {
    "trial": lambda case, _, __: case.trial,
    "variant": lambda case, _, __: case.variant,
    "view": _name("view"),
    "rule": _name("rule"),
    "metric": _name("metric"),
    "class": _label,
    "named": lambda case, _, __: case.named,
    "curve": _curve,
    "published": _published,
    "ours": _ours,
    "interval": _interval,
    "difference": _difference,
    "text": _text,
    "faces": _faces,
    "count": _count,
    "our_count": _our_count,
    "count_difference": _count_difference,
    "published_share": _published_share,
    "published_hits": _published_hits,
    "share": _share,
    "share_turned": _share_turned,
    "sum_of_shares": _sum_of_shares,
    "diagonal": _diagonal,
}


def _one(header: str, cell: str) -> Callable[[Sequence[str]], dict[str, Any]]:
    return lambda _: {header: cell}


def _compared(_: Sequence[str]) -> dict[str, Any]:
    return {
        "Published": "published",
        "Ours": "ours",
        "95% interval": "interval",
        "Difference": "difference",
    }


def _compared_counts(_: Sequence[str]) -> dict[str, Any]:
    return {"Published": "count", "Ours": "our_count", "Difference": "count_difference"}


def _ends(_: Sequence[str]) -> dict[str, Any]:
    return {
        "Published, first": {"cell": "published", "at": 0},
        "Ours, first": {"cell": "ours", "at": 0},
        "Published, last": "published",
        "Ours, last": "ours",
        "Difference, last": "difference",
    }


def _matrix(labels: Sequence[str]) -> dict[str, Any]:
    shares = {label: {"cell": "share", "other": label} for label in labels}
    return {**shares, "Sum": "sum_of_shares", "95% interval of the diagonal": "diagonal"}


def _matrix_turned(labels: Sequence[str]) -> dict[str, Any]:
    return {label: {"cell": "share_turned", "other": label} for label in labels}


def _counts_across(labels: Sequence[str]) -> dict[str, Any]:
    return {label: {"cell": "our_count", "label": label} for label in labels}


GROUPS: dict[str, Callable[[Sequence[str]], dict[str, Any]]] = {
    "trial": _one("Trial", "trial"),
    "variant": _one("Variant", "variant"),
    "view": _one("View", "view"),
    "class": _one("Class", "class"),
    "metric": _one("Figure", "metric"),
    "curve": _one("Curve", "curve"),
    "compared": _compared,
    "ends": _ends,
    "compared_counts": _compared_counts,
    "matrix": _matrix,
    "matrix_turned": _matrix_turned,
    "counts_across": _counts_across,
}
