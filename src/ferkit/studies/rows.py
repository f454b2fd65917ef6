"""The rows of a sheet: the yaml's `rows` is a list of axes, each of which multiplies the cases.

An axis is a word of `AXES`; a mapping of the fields of a case; a mapping with the one key
`counted` (see `counting`); or a list of these, one after the other.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ferkit.studies.case import Case, figures, look_up, settle
from ferkit.studies.counting import count_images
from ferkit.studies.document import Subject
from ferkit.studies.runs import AS_PUBLISHED

Axis = str | Mapping[str, Any] | list[Any]


def make_cases(axes: Iterable[Axis], start: Case, subject: Subject) -> list[Case]:
    """The cases that some axes make of one, each once."""
    kept: dict[Case, Case] = {}
    for case in (settle(c, subject) for c in expand(axes, start, subject)):
        if not case.only_published or look_up(case, subject) is not None:
            kept.setdefault(replace(case, published="", counts=None, fill=None), case)
    return list(kept.values())


def expand(axes: Iterable[Axis], start: Case, subject: Subject) -> list[Case]:
    """The cases that some axes make of one, before "main" is given its name."""
    cases = [start]
    for axis in axes:
        cases = [more for case in cases for more in _expand(axis, case, subject)]
    return cases


def _expand(axis: Axis, case: Case, subject: Subject) -> list[Case]:
    if isinstance(axis, list):
        return [more for part in axis for more in _expand(part, case, subject)]
    if isinstance(axis, str):
        return AXES[axis](case, subject)
    if "counted" in axis:
        return count_images(axis["counted"], case, subject)
    return [replace(case, **axis)]


def _every(case: Case, subject: Subject) -> list[Case]:
    """Every trial and variant: published, planned or run."""
    return [replace(case, trial=trial, variant=variant) for trial, variant in subject.rows()]


def _trials(case: Case, subject: Subject) -> list[Case]:
    """The published trials."""
    return [replace(case, trial=trial) for trial in subject.trials]


def _variants(case: Case, subject: Subject) -> list[Case]:
    """The variants of the trial, planned or run."""
    return [replace(case, variant=v) for v in subject.runs.variants(case.trial)]


def _variants_run(case: Case, subject: Subject) -> list[Case]:
    """The variant as published, and those of the trial that a run is of."""
    return [replace(case, variant=v) for v in subject.runs.variants(case.trial, run=True)]


def _all_variants(case: Case, subject: Subject) -> list[Case]:
    """The variants of any trial."""
    return [replace(case, variant=v) for v in dict.fromkeys(v for _, v in subject.rows())]


def _variants_of_pair(case: Case, subject: Subject) -> list[Case]:
    """The variant as published, and those that a run is of, of the trial or of what follows it."""
    names = [trial for trial in subject.trials if trial.startswith(case.trial)]
    found = {v for trial in names for v in subject.runs.variants(trial, run=True)}
    ordered = (AS_PUBLISHED, *sorted(found - {AS_PUBLISHED}))
    return [replace(case, variant=variant) for variant in ordered]


def _classes(case: Case, subject: Subject) -> list[Case]:
    return [replace(case, label=label) for label in subject.classes(case.trial)]


def _measured_classes(case: Case, subject: Subject) -> list[Case]:
    """The classes where the view is measured, else one row that says what is missing."""
    found = figures(settle(case, subject), subject)
    return _classes(case, subject) if found else [case]


def _predicted(case: Case, subject: Subject) -> list[Case]:
    """The case with how many faces were given to each class."""
    found = figures(settle(case, subject), subject)
    return [replace(case, counts=dict(found.predicted) if found else None)]


def _predicted_views(case: Case, subject: Subject) -> list[Case]:
    """Val and test where any run predicted them, else test."""
    runs = subject.runs.of(case.trial, case.variant)
    views = [view for view in ("val", "test") if any(view in run.views for run in runs)]
    return [replace(case, view=view) for view in views or ["test"]]


def _whose(case: Case, subject: Subject) -> list[Case]:
    """A published matrix, ours of every variant that ran, and their differences."""
    cases = [replace(case, whose="published", named="published", fill="")]
    for ours in _variants_run(case, subject):
        words = f"ours, {ours.variant}"
        cases.append(replace(ours, named=words))
        if figures(settle(ours, subject), subject):
            named = f"difference of {words}"
            cases.append(replace(ours, whose="difference", named=named))
    return cases


def _matrix_classes(case: Case, subject: Subject) -> list[Case]:
    """The classes of a matrix that is published or measured."""
    known = case.whose == "published"
    return _classes(case, subject) if known else _measured_classes(case, subject)


AXES: Mapping[str, Callable[[Case, Subject], list[Case]]] = {
    "every": _every,
    "trials": _trials,
    "variants": _variants,
    "variants_run": _variants_run,
    "all_variants": _all_variants,
    "variants_of_pair": _variants_of_pair,
    "classes": _classes,
    "measured_classes": _measured_classes,
    "predicted": _predicted,
    "predicted_views": _predicted_views,
    "whose": _whose,
    "matrix_classes": _matrix_classes,
}
