"""The plots of a study as its yaml describes them.

A plot of the yaml has `file` and `kind` (of `_KINDS`); `case` and `each` as a sheet has them; and
by its kind:
    matrices: `rows`, axes of one matrix each, and `title`, for a published one `title_published`;
        `turned` sets the true class across
    bars: `rows`, one panel each, and `title`; `along`, axes of a panel's groups; `series`, each a
        name with `cell` (published, ours or counts), `scale` and fields of its cases; `label`
    curves: `label`; `names`, columns of metrics.jsonl with the words for them; `marks`, columns
        with the places of their published values: `at` (epoch to place), `points` (the place of
        percents by epoch) or `last` (the place of the last epochs' values)
    trials: `panels`, each a title with the fields of its cases
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
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
from ferkit.studies.published import naming, pick
from ferkit.studies.rows import expand, make_cases
from ferkit.studies.runs import StudyRun


def make_plots(subject: Subject) -> dict[str, bytes]:
    """File name to png, of every plot that has something to show.

    Raises:
        ConfigError: a word of the yaml is unknown; names the file and the plot.
    """
    made = {}
    for node in subject.published["plots"]:
        with naming(subject.published["study"], f"plot {node['file']!r}"):
            draw = pick("kind", node["kind"], _KINDS)
            case = with_fields(Case(), node.get("case", {}))
            for start in expand(node.get("each", ()), case, subject):
                plot = draw(node, start, subject)
                if plot is not None:
                    made[fill_in(node["file"], start, subject)] = plot
    return made


def _draw_matrices(node: Mapping[str, Any], start: Case, subject: Subject) -> bytes | None:
    turned = node.get("turned", False)
    shown = {}
    for case in make_cases(node["rows"], start, subject):
        frame = shares(case, subject)
        if frame is not None:
            key = "title_published" if case.whose == "published" else "title"
            title = fill_in(node[key], case, subject)
            shown[title] = frame.T.reindex(list(subject.labels)) if turned else frame
    if not shown:
        return None
    axes = {"down": "predicted", "across": "actual"} if turned else {}
    return drawings.draw_matrices(shown, **axes)


def _draw_bars(node: Mapping[str, Any], start: Case, subject: Subject) -> bytes | None:
    panels = []
    for panel in make_cases(node["rows"], start, subject):
        series = {
            name: _bars(fields, make_cases(node["along"], panel, subject), subject)
            for name, fields in node["series"].items()
        }
        published = frozenset(n for n, f in node["series"].items() if f["cell"] == "published")
        panels.append(Bars(fill_in(node["title"], panel, subject), series, published))
    if not any(values for panel in panels for values in panel.series.values()):
        return None
    return drawings.draw_bars(panels, node["label"])


def _bars(fields: Mapping[str, Any], cases: Iterable[Case], subject: Subject) -> dict[str, float]:
    height = pick("cell", fields["cell"], _HEIGHTS)
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


def _draw_curves(node: Mapping[str, Any], _: Case, subject: Subject) -> bytes | None:
    marks = node.get("marks", {})
    panels = [
        Curves(subject.name(run), run.record.epochs, _marks(marks, run, subject))
        for run in subject.runs.chosen()
        if "epoch" in run.record.epochs
    ]
    return drawings.draw_curves(panels, node["names"], node["label"]) if panels else None


def _marks(
    marks: Mapping[str, Mapping[str, Any]], run: StudyRun, subject: Subject
) -> dict[str, list[tuple[float, float]]]:
    """Column to the (epoch, value) pairs that are published."""
    found: dict[str, list[tuple[float, float]]] = {}
    for column, where in marks.items():
        case = Case(run.trial, run.variant, curve=column)
        points = look_up(replace(case, published=where.get("points", "")), subject) or {}
        pairs = {max(epoch, 1): value / 100 for epoch, value in points.items()}
        for epoch, place in where.get("at", {}).items():
            value = look_up(replace(case, published=place), subject)
            pairs |= {epoch: value} if value is not None else {}
        last = look_up(replace(case, published=where.get("last", "")), subject) or ()
        begin = max(int(run.record.epochs["epoch"].max()) - len(last) + 1, 1)
        pairs |= dict(enumerate(last, begin))
        if pairs:
            found[column] = sorted(pairs.items())
    return found


def _draw_trials(node: Mapping[str, Any], start: Case, subject: Subject) -> bytes:
    panels: dict[str, TrialPanel] = {}
    for title, fields in node["panels"].items():
        cases = make_cases(["trials"], with_fields(start, fields), subject)
        panels[title] = {case.trial: _trial(case, subject) for case in cases}
    return drawings.draw_trials(panels)


def _trial(case: Case, subject: Subject) -> tuple[float | None, dict[str, Any]]:
    ours = {c.variant: our_value(c, subject) for c in make_cases(["variants"], case, subject)}
    found = {variant: value for variant, value in ours.items() if value}
    return published_value(case, subject), found


_KINDS: Mapping[str, Callable[[Mapping[str, Any], Case, Subject], bytes | None]] = {
    "matrices": _draw_matrices,
    "bars": _draw_bars,
    "curves": _draw_curves,
    "trials": _draw_trials,
}
