"""athanasiadis2022: how many videos and frames of each class there are."""

from collections.abc import Mapping

from ferkit.reports.document import Sheet
from ferkit.studies.counting import find_counts, whole_first
from ferkit.studies.document import TO_FILL, Subject, make_sheet
from ferkit.studies.runs import AS_PUBLISHED, StudyRun, eval_command
from ferkit.studies.tables import counts_rows

_COLUMNS = ("Trial", "Variant", "View", "Class", "Published", "Ours", "Difference", TO_FILL)


def video_counts(subject: Subject, trials: tuple[str, ...]) -> Sheet:
    """Table 3.2, ours from any variant of any of the trials that predicted the view."""
    published, rows = subject.published["videos"], []
    runs, used = _runs_of(subject, trials), []
    for view in ("train", "test", "val"):
        found = next((run for run in runs if view in run.views), None)
        ours = _count_videos(found, view, subject) if found else None
        used += [(found.trial, found.variant)] if found else []
        fill = "" if found else _fill(subject, trials, runs, view)
        rows += _counted(subject, found or next(iter(runs), None), view, published[view], ours, fill)
    notes = (
        "Ours are counted from the predictions of any implementation and variant that ran: all "
        "have the same videos. A run does not predict its training videos unless it is asked for "
        "them.",
        *subject.caveats("participants"),
        *subject.quick(used),
    )
    title = f"Videos of each class, {published['place']}"
    return make_sheet("video_counts", title, _COLUMNS, rows, notes)


def frame_counts(subject: Subject, trials: tuple[str, ...]) -> Sheet:
    """Table 4.2, ours from any variant of any of the trials."""
    published = subject.published["train_frames"]
    runs = _runs_of(subject, trials)
    found = find_counts(runs, ("train",), subject.labels)
    run, ours = found or (None, None)
    fill = "" if found else subject.runs.command(trials[0])
    rows = _counted(subject, run, "train", published["train"], ours, fill)
    title = f"Training frames of each class, {published['place']}"
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
    published: Mapping[str, int],
    ours: Mapping[str, int] | None,
    fill: str,
) -> list[tuple[str, ...]]:
    lead = (run.trial, run.variant) if run else ("first", AS_PUBLISHED)
    counted = counts_rows(published, ours, subject.labels)
    return [(*lead, view, *cells, fill if i == 0 else "") for i, cells in enumerate(counted)]


def _count_videos(run: StudyRun, view: str, subject: Subject) -> dict[str, int]:
    from ferkit.evaluation.videos import video_predictions

    videos = video_predictions(run.views[view], "mean_scores")
    return {label: int((videos["label"] == label).sum()) for label in subject.labels}
