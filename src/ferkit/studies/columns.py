"""The columns of a sheet: the yaml's `columns` is a list of headers, each with what stands below.

An entry is a word of `GROUPS`, which makes several columns, or a mapping of one header to a word
of `CELLS`, to a text with fields such as "{trial}" and "{own[loss]}", or to a mapping of `cell`
and of the fields in which the cell's case differs from that of its row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ferkit.studies.case import (
    Case,
    fill_in,
    look_up,
    metrics,
    our_value,
    published_value,
    settle,
    shares,
    with_fields,
)
from ferkit.studies.cells import (
    Style,
    show_count,
    show_difference,
    show_interval,
    show_ours,
    show_published,
    signed,
)
from ferkit.studies.document import Subject
from ferkit.studies.published import pick

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
        return settle(with_fields(row, self.fields), subject)

    def show(self, row: Case, subject: Subject, style: Style) -> str:
        """The cell of a row."""
        case = self.case(row, subject)
        if self.cell in CELLS:
            return CELLS[self.cell](case, subject, style)
        return fill_in(self.cell, case, subject)


def read_columns(entries: Sequence[Any], labels: Sequence[str]) -> list[Column]:
    """The columns that the yaml names.

    Args:
        entries: Of the yaml.
        labels: The classes, each of which may have a column.

    Raises:
        ConfigError: an entry is no known word.
    """
    columns = []
    for entry in entries:
        named = pick("column", entry, GROUPS) if isinstance(entry, str) else entry
        for header, what in named.items():
            names = labels if header == _EACH_CLASS else [header]
            columns += [_read_column(name, what) for name in names]
    return columns


def _read_column(header: str, what: str | Mapping[str, Any]) -> Column:
    given = {"cell": what} if isinstance(what, str) else what
    cell = given.get("cell", "")
    if "{" not in cell:
        pick(f"cell of {header!r}", cell, CELLS)
    fields = {name: header if v == _EACH_CLASS else v for name, v in given.items()}
    fields.pop("cell", "")
    return Column(header, cell, fields)


def count_ours(case: Case, subject: Subject) -> int | None:
    """Our images of a class, or of all classes of the study together."""
    if not case.counts:
        return None
    if case.label:
        return case.counts.get(case.label)
    return sum(case.counts.get(label, 0) for label in subject.classes(case.trial))


def _count_difference(case: Case, subject: Subject, _: Style) -> str:
    published, ours = published_value(case, subject), count_ours(case, subject)
    if published is None or ours is None:
        return ""
    return f"{ours - int(published):+,}" if ours != published else "0"


def _text(case: Case, subject: Subject, _: Style) -> str:
    found = look_up(case, subject)
    return "" if found is None else str(found)


def _interval(case: Case, subject: Subject, style: Style) -> str:
    found = metrics(case, subject)
    if case.label and case.metric == "precision" and found and not found.predicted[case.label]:
        return "never predicted"
    return show_interval(our_value(case, subject), style)


def _faces(case: Case, subject: Subject, _: Style) -> str:
    found = metrics(case, subject)
    if found is None:
        return ""
    return show_count(found.support[case.label] if case.label else found.n)


def _published_share(case: Case, subject: Subject, _: Style) -> str:
    value, total = (published_value(c, subject) for c in (case, replace(case, label="")))
    return "" if value is None or not total else f"{value / total:.2f}"


def _published_hits(case: Case, subject: Subject, _: Style) -> str:
    """Published precision times published predictions: whole where both are of one set."""
    counts = subject.trials[case.trial].get("predicted", {})
    precision = look_up(case, subject)
    return f"{counts[case.label] * precision:,.2f}" if counts and precision else ""


def _show_share(true: str, predicted: str, case: Case, subject: Subject) -> str:
    found = shares(case, subject) if true and predicted else None
    if found is None:
        return ""
    value: Any = found.loc[true, predicted]
    return signed(value, 2) if case.whose == "difference" else f"{value:.2f}"


def _sum_of_shares(case: Case, subject: Subject, _: Style) -> str:
    found = shares(case, subject) if case.label and case.whose != "difference" else None
    if found is None:
        return ""
    return f"{found.loc[case.label, list(subject.classes(case.trial))].sum():.2f}"


def _diagonal(case: Case, subject: Subject, _: Style) -> str:
    if case.whose != "ours" or not case.label:
        return ""
    return show_interval(our_value(replace(case, metric="recall"), subject), _DIAGONAL)


CELLS: dict[str, Callable[[Case, Subject, Style], str]] = {
    "trial": lambda case, _, __: case.trial,
    "variant": lambda case, _, __: case.variant,
    "view": lambda case, subject, _: subject.words(case.view),
    "rule": lambda case, subject, _: subject.words(case.rule),
    "metric": lambda case, subject, _: subject.words(case.metric),
    "curve": lambda case, subject, _: case.named or subject.words(case.curve),
    "class": lambda case, _, __: case.label or case.named,
    "named": lambda case, _, __: case.named,
    "text": _text,
    "published": lambda case, subject, s: show_published(published_value(case, subject), s),
    "ours": lambda case, subject, style: show_ours(our_value(case, subject), style),
    "interval": _interval,
    "difference": lambda case, subject, style: show_difference(
        published_value(case, subject), our_value(case, subject), style
    ),
    "faces": _faces,
    "count": lambda case, subject, _: show_count(published_value(case, subject)),
    "our_count": lambda case, subject, _: show_count(count_ours(case, subject)),
    "count_difference": _count_difference,
    "published_share": _published_share,
    "published_hits": _published_hits,
    "share": lambda case, subject, _: _show_share(case.label, case.other, case, subject),
    "share_turned": lambda case, subject, _: _show_share(case.other, case.label, case, subject),
    "sum_of_shares": _sum_of_shares,
    "diagonal": _diagonal,
}

_EACH_CLASS = "*"  # as a header, a column for each class; in a field, its class

GROUPS: dict[str, dict[str, Any]] = {
    "trial": {"Trial": "trial"},
    "variant": {"Variant": "variant"},
    "view": {"View": "view"},
    "class": {"Class": "class"},
    "metric": {"Metric": "metric"},
    "curve": {"Curve": "curve"},
    "compared": {
        "Published": "published",
        "Ours": "ours",
        "95% interval": "interval",
        "Difference": "difference",
    },
    "ends": {
        "Published, first": {"cell": "published", "at": 0},
        "Ours, first": {"cell": "ours", "at": 0},
        "Published, last": "published",
        "Ours, last": "ours",
        "Difference, last": "difference",
    },
    "compared_counts": {
        "Published": "count",
        "Ours": "our_count",
        "Difference": "count_difference",
    },
    "matrix": {
        _EACH_CLASS: {"cell": "share", "other": _EACH_CLASS},
        "Sum": "sum_of_shares",
        "95% interval of the diagonal": "diagonal",
    },
    "matrix_turned": {_EACH_CLASS: {"cell": "share_turned", "other": _EACH_CLASS}},
    "counts_across": {_EACH_CLASS: {"cell": "our_count", "label": _EACH_CLASS}},
}
