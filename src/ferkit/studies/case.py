"""What one row, bar or panel of a study is about: its published value and ours."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ferkit.errors import ConfigError, DataError, unknown
from ferkit.evaluation.outcomes import output_classes
from ferkit.evaluation.videos import video_predictions
from ferkit.studies.document import Subject
from ferkit.studies.measures import OVERALL, PER_CLASS, Measured, ViewMetrics, measure, over_seeds
from ferkit.studies.published import pick
from ferkit.studies.runs import AS_PUBLISHED

MAIN = "main"  # the view on which the study gives its results
POOLED = ("majority_vote", "mean_scores")
_CHOICES = {"metric": (*OVERALL, *PER_CLASS), "whose": ("ours", "published", "difference")}


@dataclass(frozen=True)
class Case:
    """What a value is of; a field that is empty says nothing.

    Attributes:
        trial: Of the study.
        variant: Of the trial.
        view: Of the predictions; "main" is the study's own test view.
        rule: How the frames of a video are pooled.
        label: A class; empty for all classes together.
        other: The class that a matrix sets across.
        metric: Of `measures.OVERALL`, or with a label of `measures.PER_CLASS`.
        curve: A column of metrics.jsonl, in place of a metric.
        at: Which row of metrics.jsonl, as an index.
        tail: Of how many last rows of metrics.jsonl; 0 for all.
        epoch: Which row of metrics.jsonl, by its epoch; goes before `at`.
        named: The words for it, where the fields do not say them.
        published: Where its published value stands: keys of the yaml set apart by dots, which may
            hold `{trial}` and the other fields.
        only_published: Leave it out where nothing is published.
        whose: "ours", "published" or "difference", where whole rows are one of them.
        counts: Our images of each class, in place of a metric.
        fill: The command that fills it, where it does not follow from the run and the view.
    """

    trial: str = ""
    variant: str = ""
    view: str = ""
    rule: str = ""
    label: str = ""
    other: str = ""
    metric: str = ""
    curve: str = ""
    at: int = -1
    tail: int = 0
    epoch: int | None = None
    named: str = ""
    published: str = ""
    only_published: bool = False
    whose: str = "ours"
    counts: Mapping[str, int] | None = None
    fill: str | None = None


def with_fields(case: Case, given: Mapping[str, Any]) -> Case:
    """The case with other fields.

    Raises:
        ConfigError: a case has no such field, or a field no such value.
    """
    for name, value in given.items():
        pick("field", name, vars(case))
        if name in _CHOICES:
            pick(name, value, dict.fromkeys(_CHOICES[name]))
    return replace(case, **given)


def fill_in(text: str, case: Case, subject: Subject) -> str:
    """A text with the fields of a case.

    `{own[...]}` is what the yaml says of its trial; `{_variant}` and `{of_variant}` are empty for
    the variant as published.

    Raises:
        ConfigError: the text names another field.
    """
    other = case.variant if case.variant != AS_PUBLISHED else ""
    known = vars(case) | {
        "own": defaultdict(str, subject.trials.get(case.trial, {})),
        "_variant": f"_{other}" if other else "",
        "of_variant": f", variant {other}" if other else "",
    }
    try:
        return text.format_map(known)
    except KeyError as error:
        raise ConfigError(unknown("field", error.args[0], known)) from None


def look_up(case: Case, subject: Subject) -> Any:
    """What the yaml has where the published value of a case stands, or None.

    Raises:
        ConfigError: the place begins with no key of the yaml.
    """
    if not case.published:
        return None
    start, *words = fill_in(case.published, case, subject).split(".")
    found: Any = pick("place", start, subject.published)
    for word in words:
        if isinstance(found, Mapping):
            found = found.get(word, found.get(int(word)) if word.isdigit() else None)
        elif isinstance(found, list):
            found = found[int(word)]
        else:
            return None
    return found


def published_value(case: Case, subject: Subject) -> float | None:
    """The published value; without a label, of all classes together where each has its own."""
    if case.label or "{label}" not in case.published:
        value: float | None = look_up(case, subject)
        return value
    each = [look_up(replace(case, label=label), subject) for label in subject.classes(case.trial)]
    known = [value for value in each if value is not None]
    return sum(known) if known else None


def settle(case: Case, subject: Subject) -> Case:
    """The case with the name of the view that "main" stands for."""
    if case.view != MAIN:
        return case
    return replace(case, view=subject.main_view(case.trial, case.variant))


def metrics(case: Case, subject: Subject) -> ViewMetrics | None:
    """Our metrics of the view of a case over its seeds.

    Returns:
        The metrics, or None where a run or the view is missing or cannot be measured.
    """
    if case.rule and case.rule not in POOLED:
        return None  # published without saying how videos were pooled
    classes = _classes(case, subject)
    place = f"{case.view} by {case.rule}" if case.rule else case.view
    key = case.trial, case.variant, place, classes
    if key not in subject.measured:
        try:
            subject.measured[key] = measure(_frames(case, subject), classes)
        except DataError as error:  # a network that diverged leaves the other tables whole
            subject.measured[key] = None
            subject.faults.append(f"{case.trial} ({case.variant}), {place}: {error}")
    return subject.measured[key]


def _classes(case: Case, subject: Subject) -> tuple[str, ...]:
    # a trial on other data than the study's has the classes that its network answers
    if subject.trials.get(case.trial, {}).get("labels") == "outputs":
        runs = subject.runs.of(case.trial, case.variant)
        frame = next((frame for run in runs for frame in run.views.values()), None)
        return subject.labels if frame is None else tuple(output_classes(frame))
    return subject.classes(case.trial)


def _frames(case: Case, subject: Subject) -> list[pd.DataFrame]:
    found = subject.runs.of(case.trial, case.variant)
    frames = [run.views[case.view] for run in found if case.view in run.views]
    if len(frames) < len(found):
        return []
    return [video_predictions(f, case.rule) for f in frames] if case.rule else frames  # type: ignore[arg-type]


def shares(case: Case, subject: Subject) -> pd.DataFrame | None:
    """The confusion matrix of a case, the true class in rows, as shares of each true class.

    Returns:
        By `whose`: ours, the published one or ours less that; None where there is none.
    """
    found = metrics(case, subject) if case.whose != "published" else None
    if case.whose == "ours":
        return found.shares if found else None
    typed, labels = look_up(case, subject), list(subject.classes(case.trial))
    if not typed:
        return None
    published = pd.DataFrame(typed, index=labels, columns=labels)
    if case.whose == "published":
        return published
    return found.shares[labels] - published if found else None


def our_value(case: Case, subject: Subject) -> Measured | None:
    """Our value over the seeds, or None where there is none.

    Raises:
        ConfigError: the case has neither a metric nor a curve.
    """
    if case.curve:
        return _curve_value(case, subject)
    if not case.metric:
        raise ConfigError("A value of ours needs the field `metric` or `curve`.")
    found = metrics(case, subject)
    return found.values.get((case.label, case.metric)) if found else None


def _curve_value(case: Case, subject: Subject) -> Measured | None:
    known = []
    for run in subject.runs.of(case.trial, case.variant):
        epochs = run.record.epochs
        if case.curve not in epochs or epochs.empty:
            continue
        values = pd.to_numeric(epochs[case.curve], errors="coerce")
        if case.epoch is not None:  # a text that counts from 0 begins with the first epoch
            at_epoch = epochs["epoch"] == max(case.epoch, 1)
            known += [Measured(float(value)) for value in values[at_epoch].dropna()[-1:]]
        else:
            known.append(Measured(float(values.iloc[-case.tail :].iloc[case.at])))
    return over_seeds(known) if known else None
