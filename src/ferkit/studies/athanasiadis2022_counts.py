"""athanasiadis2022: how many films and frames of each class there are."""

from collections.abc import Mapping

from ferkit.reports.document import Sheet
from ferkit.studies.document import TO_FILL, Subject, make_sheet
from ferkit.studies.old_counting import find_counts, whole_first
from ferkit.studies.runs import AS_PRINTED, StudyRun, eval_command
from ferkit.studies.tables import counts_rows

_COLUMNS = ("Trial", "Variant", "View", "Class", "Published", "Ours", "Difference", TO_FILL)


def film_counts(subject: Subject, trials: tuple[str, ...]) -> Sheet:
    """Table 3.2, ours from any variant of any of the trials that predicted the view."""
    printed, rows = subject.published["films"], []
    runs, used = _runs_of(subject, trials), []
    for view in ("train", "test", "val"):
        found = next((run for run in runs if view in run.views), None)
        ours = _count_films(found, view, subject) if found else None
        used += [(found.trial, found.variant)] if found else []
        fill = "" if found else _fill(subject, trials, runs, view)
        rows += _counted(subject, found or next(iter(runs), None), view, printed[view], ours, fill)
    notes = (
        "Ours are counted from the predictions of any implementation and variant that ran: all "
        "have the same films. A run does not predict its training films unless it is asked for "
        "them.",
        *subject.doubts("participants"),
        *subject.quick(used),
    )
    title = f"Films of each class, {printed['place']}"
    return make_sheet("film_counts", title, _COLUMNS, rows, notes)


def frame_counts(subject: Subject, trials: tuple[str, ...]) -> Sheet:
    """Table 4.2, ours from any variant of any of the trials."""
    printed = subject.published["train_frames"]
    runs = _runs_of(subject, trials)
    found = find_counts(runs, ("train",), subject.labels)
    run, ours = found or (None, None)
    fill = "" if found else subject.runs.command(trials[0])
    rows = _counted(subject, run, "train", printed["train"], ours, fill)
    title = f"Training frames of each class, {printed['place']}"
    notes = subject.quick([(run.trial, run.variant)] if run else [])
    return make_sheet("frame_counts", title, _COLUMNS, rows, notes)


def _runs_of(subject: Subject, trials: tuple[str, ...]) -> list[StudyRun]:
    return whole_first(run for run in subject.runs.chosen() if run.trial in trials)


def _fill(subject: Subject, trials: tuple[str, ...], runs: list[StudyRun], view: str) -> str:
    return eval_command(runs[0], view) if runs else subject.runs.command(trials[0])


def _counted(
    subject: Subject,
    run: StudyRun | None,
    view: str,
    printed: Mapping[str, int],
    ours: Mapping[str, int] | None,
    fill: str,
) -> list[tuple[str, ...]]:
    lead = (run.trial, run.variant) if run else ("first", AS_PRINTED)
    counted = counts_rows(printed, ours, subject.labels)
    return [(*lead, view, *cells, fill if i == 0 else "") for i, cells in enumerate(counted)]


def _count_films(run: StudyRun, view: str, subject: Subject) -> dict[str, int]:
    from ferkit.evaluation.videos import film_predictions

    films = film_predictions(run.views[view], "mean_scores")
    return {label: int((films["label"] == label).sum()) for label in subject.labels}
