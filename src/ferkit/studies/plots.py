"""The plots of a study as its yaml describes them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ferkit.studies import drawings
from ferkit.studies.case import (
    Case,
    fill_in,
    look_up,
    our_value,
    published_value,
    settle,
    shares,
    with_fields,
)
from ferkit.studies.columns import count_ours
from ferkit.studies.document import Subject
from ferkit.studies.drawings import Bars, Curves, TrialPanel
from ferkit.studies.published import naming, pick, read_node
from ferkit.studies.rows import Axis, expand, make_cases
from ferkit.studies.runs import StudyRun


@dataclass(frozen=True)
class PlotNode:
    """A plot of the yaml.

    Attributes:
        file: Its name; it may hold fields of `each`.
        kind: Of `_KINDS`.
        case: The fields of a case that all of it has.
        each: Axes; one plot for each of their cases.
        rows: Of bars and matrices: axes, one panel for each of their cases.
        title: Of a panel of them.
        title_published: Of a published matrix.
        turned: Of matrices: the true class is set across.
        along: Of bars: axes of the groups of a panel.
        series: Of bars: name to `cell` (of `_HEIGHTS`), `scale` and fields of its cases.
        label: Of bars and curves: what the vertical axis shows.
        names: Of curves: columns of metrics.jsonl with the words for them.
        marks: Of curves: columns with the places of their published values, as `MarkNode`.
        panels: Of trials: each a title with the fields of its cases.
    """

    file: str
    kind: str
    case: Mapping[str, Any] | None = None
    each: Sequence[Axis] = ()
    rows: Sequence[Axis] = ()
    title: str = ""
    title_published: str = ""
    turned: bool = False
    along: Sequence[Axis] = ()
    series: Mapping[str, Mapping[str, Any]] | None = None
    label: str = ""
    names: Mapping[str, str] | None = None
    marks: Mapping[str, Mapping[str, Any]] | None = None
    panels: Mapping[str, Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class MarkNode:
    """Where the published values of a curve stand.

    Attributes:
        at: Epoch to the place of its value.
        points: The place of percents by epoch.
        last: The place of the values of the last epochs.
    """

    at: Mapping[int, str] | None = None
    points: str = ""
    last: str = ""


def make_plots(subject: Subject) -> dict[str, bytes]:
    """File name to png, of every plot that has something to show.

    Raises:
        ConfigError: a word of the yaml is unknown; names the file and the plot.
    """
    made = {}
    for node in subject.published["plots"]:
        with naming(subject.published["study"], f"plot {node.get('file')!r}"):
            read = read_node(PlotNode, node)
            draw = pick("kind", read.kind, _KINDS)
            case = with_fields(Case(), read.case or {})
            for start in expand(read.each, case, subject):
                plot = draw(read, start, subject)
                if plot is not None:
                    made[fill_in(read.file, start, subject)] = plot
    return made


def _draw_matrices(node: PlotNode, start: Case, subject: Subject) -> bytes | None:
    shown = {}
    for case in make_cases(node.rows, start, subject):
        frame = shares(case, subject)
        if frame is not None:
            title = node.title_published if case.whose == "published" else node.title
            named = fill_in(title, case, subject)
            shown[named] = frame.T.reindex(list(subject.labels)) if node.turned else frame
    if not shown:
        return None
    axes = {"down": "predicted", "across": "actual"} if node.turned else {}
    return drawings.draw_matrices(shown, **axes)


def _draw_bars(node: PlotNode, start: Case, subject: Subject) -> bytes | None:
    panels, asked = [], node.series or {}
    for panel in make_cases(node.rows, start, subject):
        series = {
            name: _bars(fields, make_cases(node.along, panel, subject), subject)
            for name, fields in asked.items()
        }
        published = frozenset(n for n, f in asked.items() if f.get("cell") == "published")
        panels.append(Bars(fill_in(node.title, panel, subject), series, published))
    if not any(values for panel in panels for values in panel.series.values()):
        return None
    return drawings.draw_bars(panels, node.label)


def _bars(fields: Mapping[str, Any], cases: Iterable[Case], subject: Subject) -> dict[str, float]:
    height = pick("cell", fields.get("cell", ""), _HEIGHTS)
    own = {key: value for key, value in fields.items() if key not in ("cell", "scale")}
    found = {}
    for case in cases:
        trial = fill_in(own.get("trial", case.trial), case, subject)
        value = height(settle(with_fields(case, own | {"trial": trial}), subject), subject)
        if value is not None:
            found[case.label or case.trial] = fields.get("scale", 1) * value
    return found


def _our_height(case: Case, subject: Subject) -> float | None:
    ours = our_value(case, subject)
    return ours.value if ours else None


_HEIGHTS: Mapping[str, Callable[[Case, Subject], float | None]] = {
    "published": published_value,
    "ours": _our_height,
    "counts": count_ours,
}


def _draw_curves(node: PlotNode, _: Case, subject: Subject) -> bytes | None:
    marks = {column: read_node(MarkNode, mark) for column, mark in (node.marks or {}).items()}
    panels = [
        Curves(subject.name(run), run.record.epochs, _marks(marks, run, subject))
        for run in subject.runs.chosen()
        if "epoch" in run.record.epochs
    ]
    return drawings.draw_curves(panels, node.names or {}, node.label) if panels else None


def _marks(
    marks: Mapping[str, MarkNode], run: StudyRun, subject: Subject
) -> dict[str, list[tuple[float, float]]]:
    """Column to the (epoch, value) pairs that are published."""
    found: dict[str, list[tuple[float, float]]] = {}
    for column, where in marks.items():
        case = Case(run.trial, run.variant, curve=column)
        points = look_up(replace(case, published=where.points), subject) or {}
        pairs = {max(epoch, 1): value / 100 for epoch, value in points.items()}
        for epoch, place in (where.at or {}).items():
            value = look_up(replace(case, published=place), subject)
            pairs |= {epoch: value} if value is not None else {}
        last = look_up(replace(case, published=where.last), subject) or ()
        begin = max(int(run.record.epochs["epoch"].max()) - len(last) + 1, 1)
        pairs |= dict(enumerate(last, begin))
        if pairs:
            found[column] = sorted(pairs.items())
    return found


def _draw_trials(node: PlotNode, start: Case, subject: Subject) -> bytes:
    panels: dict[str, TrialPanel] = {}
    for title, fields in (node.panels or {}).items():
        cases = make_cases(["trials"], with_fields(start, fields), subject)
        panels[title] = {case.trial: _trial(case, subject) for case in cases}
    return drawings.draw_trials(panels)


def _trial(case: Case, subject: Subject) -> tuple[float | None, dict[str, Any]]:
    ours = {c.variant: our_value(c, subject) for c in make_cases(["variants"], case, subject)}
    found = {variant: value for variant, value in ours.items() if value}
    return published_value(case, subject), found


_KINDS: Mapping[str, Callable[[PlotNode, Case, Subject], bytes | None]] = {
    "matrices": _draw_matrices,
    "bars": _draw_bars,
    "curves": _draw_curves,
    "trials": _draw_trials,
}
