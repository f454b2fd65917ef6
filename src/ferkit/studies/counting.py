"""Counts of classes, from whichever run has them: trials of one study share data and splits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ferkit.evaluation.videos import video_predictions
from ferkit.studies.case import Case
from ferkit.studies.document import Subject
from ferkit.studies.published import pick, read_node
from ferkit.studies.runs import AS_PUBLISHED, StudyRun, eval_command


@dataclass(frozen=True)
class CountNode:
    """The axis `counted` of the yaml.

    Attributes:
        views: Each to its sources, as `SourceNode`; the first that a run has is taken.
        same: The fields in which a run must agree with the case.
        first: The trial to run where there is none.
    """

    views: Mapping[str, Sequence[Mapping[str, Any]]]
    same: Sequence[str] = ()
    first: str = ""


@dataclass(frozen=True)
class SourceNode:
    """Where the images of a view are counted.

    Attributes:
        views: Of the run, together: train and val, where the study holds nothing out.
        videos: The view whose videos are counted, in place of images.
        trials: Those whose runs count; empty for all.
        without: Those whose runs do not.
    """

    views: Sequence[str] = ()
    videos: str = ""
    trials: Sequence[str] = ()
    without: Sequence[str] = ()


def count_images(axis: Mapping[str, Any], case: Case, subject: Subject) -> list[Case]:
    """A case for each view, with our counts before any resampling and the run that has them.

    Args:
        axis: As `CountNode`.
        case: What the counts are of.
        subject: The study and its runs.
    """
    node = read_node(CountNode, axis)
    wanted = {field: pick("field", field, vars(case)) for field in node.same}
    runs = [
        run
        for run in _whole_first(subject.runs.chosen())
        if all(getattr(run, field) == value for field, value in wanted.items())
    ]
    if not case.trial:
        pick("trial", node.first, subject.trials)
    default = replace(case, trial=case.trial or node.first, variant=case.variant or AS_PUBLISHED)
    return [
        _count_view(replace(default, view=view), _read_sources(sources, subject), runs, subject)
        for view, sources in node.views.items()
    ]


def _read_sources(nodes: Sequence[Mapping[str, Any]], subject: Subject) -> list[SourceNode]:
    sources = [read_node(SourceNode, node) for node in nodes]
    for trial in [trial for source in sources for trial in (*source.trials, *source.without)]:
        pick("trial", trial, subject.trials)
    return sources


def _whole_first(runs: Iterable[StudyRun]) -> list[StudyRun]:
    # those that saw every image are trusted before those that did not
    return sorted(runs, key=lambda run: (bool(run.shortened(None)), run.variant != AS_PUBLISHED))


def _count_view(
    case: Case, sources: Sequence[SourceNode], runs: Sequence[StudyRun], subject: Subject
) -> Case:
    labels = subject.classes(case.trial)
    fitting = [(run, source) for source in sources for run in runs if _fits(run, source)]
    for run, source in fitting:
        if counts := _count(run, source, labels):
            return replace(_of(case, run), counts=counts, fill="")
    asked = [(run, source.videos) for run, source in fitting if source.videos]
    if asked:  # a run can predict the view that it is counted in
        return replace(_of(case, asked[0][0]), fill=eval_command(*asked[0]))
    return replace(case, fill=subject.runs.command(case.trial, case.variant))


def _fits(run: StudyRun, source: SourceNode) -> bool:
    wanted = not source.trials or run.trial in source.trials
    return wanted and run.trial not in source.without


def _of(case: Case, run: StudyRun) -> Case:
    return replace(case, trial=run.trial, variant=run.variant)


def _count(run: StudyRun, source: SourceNode, labels: Sequence[str]) -> dict[str, int] | None:
    if source.videos:
        return _count_videos(run, source.videos, labels)
    counts: dict[str, Any] = run.record.data.get("counts") or {}
    if not counts.get(source.views[0]):
        return None
    known = [counts.get(view) or {} for view in source.views]
    return {label: sum(count.get(label, 0) for count in known) for label in labels}


def _count_videos(run: StudyRun, view: str, labels: Sequence[str]) -> dict[str, int] | None:
    if view not in run.views:
        return None
    videos = video_predictions(run.views[view], "mean_scores")
    return {label: int((videos["label"] == label).sum()) for label in labels}
