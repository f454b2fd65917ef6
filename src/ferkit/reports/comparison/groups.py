"""Tables of groups: sex, age, pose and subject, where the predictions know them."""

from collections.abc import Sequence

from ferkit.evaluation.groups import (
    METRICS,
    known_groups,
    measure_groups,
    subject_accuracies,
)
from ferkit.evaluation.outcomes import labelled
from ferkit.reports.comparison.compare import metric_name
from ferkit.reports.comparison.methods import Method
from ferkit.reports.document import Sheet
from ferkit.reports.tables import format_metric

_GROUPS = (
    "Mean over seeds with a 95% interval from resampling people where they are known. The gap is "
    "between the groups with the highest and the lowest metric; as they are chosen after looking, "
    "among many groups it is too large and its interval too kind. Groups may differ in their "
    "emotions, which accuracy feels and balanced accuracy hardly."
)


def group_sheets(methods: Sequence[Method], view: str) -> list[Sheet]:
    """A sheet a known column, and one of the subjects; none where nothing is known."""
    rows = labelled(methods[0].frames(view)[0])
    sheets = [_group_sheet(methods, view, column) for column in known_groups(rows)]
    return sheets + _subjects_sheet(methods, view)


def _group_sheet(methods: Sequence[Method], view: str, column: str) -> Sheet:
    rows = []
    for method in methods:
        measured = [measure_groups(method.frames(view), column, metric) for metric in METRICS]
        for each in zip(*(groups for groups, _ in measured), strict=True):
            cells = (format_metric(found.value, found.interval) for found in each)
            rows.append((method.name, each[0].group, f"{each[0].rows:,}", *cells))
        gaps = (
            f"{format_metric(g.value, g.interval)} ({g.highest}, {g.lowest})" for _, g in measured
        )
        rows.append((method.name, "gap", "", *gaps))
    header = ("Method", column.capitalize(), "Faces", *map(metric_name, METRICS))
    return Sheet(f"groups_{column}", f"By {column}", header, tuple(rows), (_GROUPS,))


def _subjects_sheet(methods: Sequence[Method], view: str) -> list[Sheet]:
    rows = []
    for method in methods:
        found = subject_accuracies(method.frames(view))
        if len(found) < 2:
            continue
        accuracy = found["accuracy"]
        ends = [f"{accuracy[i]:.3f} ({found['subject'][i]})" for i in (0, len(found) - 1)]
        middle = (f"{accuracy.mean():.3f}", f"{accuracy.median():.3f}", f"{accuracy.std():.3f}")
        rows.append((method.name, str(len(found)), *middle, *ends))
    if not rows:
        return []
    header = ("Method", "Subjects", "Mean", "Median", "Spread", "Lowest", "Highest")
    note = "Accuracy of each subject's faces, then over subjects; the spread is between subjects."
    return [Sheet("subjects", "By subject", header, tuple(rows), (note,))]
