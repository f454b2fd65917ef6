"""Counts of classes, from whichever run has them: trials of one study share data and splits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ferkit.evaluation.videos import film_predictions
from ferkit.studies.case import Case
from ferkit.studies.document import Subject
from ferkit.studies.runs import AS_PUBLISHED, StudyRun, eval_command
from ferkit.studies.shortened import quick


def count_images(axis: Mapping[str, Any], case: Case, subject: Subject) -> list[Case]:
    """A case for each view, with our counts before any resampling and the run that has them.

    Args:
        axis: `views`, each to its sources; `same`, the fields in which a run must agree with the
            case; `first`, the trial to run where there is none. A source is a mapping of `views`
            (train and val, where the study holds nothing out) or `films` (a view), and of
            `trials` or `without` (trials); the first that a run has is taken.
        case: What the counts are of.
        subject: The study and its runs.
    """
    fields = axis.get("same", ())
    runs = [
        run
        for run in _whole_first(subject.runs.chosen())
        if all(getattr(run, field) == getattr(case, field) for field in fields)
    ]
    default = replace(case, trial=case.trial or axis["first"], variant=case.variant or AS_PUBLISHED)
    return [
        _count_view(replace(default, view=view), sources, runs, subject)
        for view, sources in axis["views"].items()
    ]


def _whole_first(runs: Iterable[StudyRun]) -> list[StudyRun]:
    # those that saw every image are trusted before those that did not
    return sorted(runs, key=lambda run: (bool(quick(run, None)), run.variant != AS_PUBLISHED))


def _count_view(
    case: Case, sources: Sequence[Mapping[str, Any]], runs: Sequence[StudyRun], subject: Subject
) -> Case:
    labels = subject.classes(case.trial)
    fitting = [(run, source) for source in sources for run in runs if _fits(run, source)]
    for run, source in fitting:
        if counts := _count(run, source, labels):
            return replace(_of(case, run), counts=counts, fill="")
    asked = [(run, source["films"]) for run, source in fitting if "films" in source]
    if asked:  # a run can predict the view that it is counted in
        return replace(_of(case, asked[0][0]), fill=eval_command(*asked[0]))
    return replace(case, fill=subject.runs.command(case.trial, case.variant))


def _fits(run: StudyRun, source: Mapping[str, Any]) -> bool:
    wanted = run.trial in source.get("trials", [run.trial])
    return wanted and run.trial not in source.get("without", ())


def _of(case: Case, run: StudyRun) -> Case:
    return replace(case, trial=run.trial, variant=run.variant)


def _count(
    run: StudyRun, source: Mapping[str, Any], labels: Sequence[str]
) -> dict[str, int] | None:
    if "films" in source:
        return _count_films(run, source["films"], labels)
    counts: dict[str, Any] = run.record.data.get("counts") or {}
    views = source["views"]
    if not counts.get(views[0]):
        return None
    return {label: sum((counts.get(v) or {}).get(label, 0) for v in views) for label in labels}


def _count_films(run: StudyRun, view: str, labels: Sequence[str]) -> dict[str, int] | None:
    if view not in run.views:
        return None
    films = film_predictions(run.views[view], "mean_scores")
    return {label: int((films["label"] == label).sum()) for label in labels}
