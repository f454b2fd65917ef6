"""Counts of classes, from whichever run has them: trials of one study share data and splits."""

from collections.abc import Iterable, Sequence
from typing import Any

from ferkit.studies.runs import AS_PUBLISHED, StudyRun
from ferkit.studies.shortened import quick


def whole_first(runs: Iterable[StudyRun]) -> list[StudyRun]:
    """Runs in the order in which their counts are to be trusted.

    Those that saw every image come first, as published before other variants.
    """
    return sorted(runs, key=lambda run: (bool(quick(run, None)), run.variant != AS_PUBLISHED))


def find_counts(
    runs: Iterable[StudyRun], views: Sequence[str], labels: Sequence[str]
) -> tuple[StudyRun, dict[str, int]] | None:
    """The images of each class in some views together, before any resampling.

    Args:
        runs: The first that counted the first of the views answers.
        views: E.g. train and val, where the published value holds nothing out.
        labels: The classes.
    """
    for run in whole_first(runs):
        counts: dict[str, Any] = run.record.data.get("counts") or {}
        known = [counts[view] for view in views if counts.get(view)]
        if counts.get(views[0]):
            return run, {label: sum(k.get(label, 0) for k in known) for label in labels}
    return None
