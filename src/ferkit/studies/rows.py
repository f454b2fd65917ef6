"""The rows of a sheet: the yaml's `rows` is a list of axes, each of which multiplies the cases.

An axis is a word of `AXES`; a mapping of the fields of a case; a mapping with the one key
`counted` (see `counting`); or a list of these, one after the other.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ferkit.studies.case import Case, look_up, metrics, settle, with_fields
from ferkit.studies.counting import count_images
from ferkit.studies.document import Subject
from ferkit.studies.published import pick
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
    """The cases that some axes make of one, before "main" is given its name.

    Raises:
        ConfigError: an axis, or a field of one, is no known word.
    """
    cases = [start]
    for axis in axes:
        cases = [more for case in cases for more in _expand(axis, case, subject)]
    return cases


def _expand(axis: Axis, case: Case, subject: Subject) -> list[Case]:
    if isinstance(axis, list):
        return [more for part in axis for more in _expand(part, case, subject)]
    if isinstance(axis, str):
        return pick("axis", axis, AXES)(case, subject)
    if "counted" in axis:
        return count_images(axis["counted"], case, subject)
    return [with_fields(case, axis)]


def _vary(case: Case, field: str, values: Iterable[str]) -> list[Case]:
    return [with_fields(case, {field: value}) for value in values]


def _variants_of_pair(case: Case, subject: Subject) -> list[Case]:
    names = [trial for trial in subject.trials if trial.startswith(case.trial)]
    found = {v for trial in names for v in subject.runs.variants(trial, run=True)}
    return _vary(case, "variant", (AS_PUBLISHED, *sorted(found - {AS_PUBLISHED})))


def _classes(case: Case, subject: Subject) -> list[Case]:
    return _vary(case, "label", subject.classes(case.trial))


def _measured_classes(case: Case, subject: Subject) -> list[Case]:
    known = case.whose == "published" or metrics(settle(case, subject), subject)
    return _classes(case, subject) if known else [case]


def _predicted(case: Case, subject: Subject) -> list[Case]:
    found = metrics(settle(case, subject), subject)
    return [replace(case, counts=dict(found.predicted) if found else None)]


def _predicted_views(case: Case, subject: Subject) -> list[Case]:
    runs = subject.runs.of(case.trial, case.variant)
    views = [view for view in ("val", "test") if any(view in run.views for run in runs)]
    return _vary(case, "view", views or ["test"])


def _whose(case: Case, subject: Subject) -> list[Case]:
    cases = [replace(case, whose="published", named="published", fill="")]
    for ours in AXES["variants_run"](case, subject):
        words = f"ours, {ours.variant}"
        cases.append(replace(ours, named=words))
        if metrics(settle(ours, subject), subject):
            cases.append(replace(ours, whose="difference", named=f"difference of {words}"))
    return cases


AXES: Mapping[str, Callable[[Case, Subject], list[Case]]] = {
    # every trial and variant: published, planned or run
    "every": lambda case, subject: [
        replace(case, trial=trial, variant=variant) for trial, variant in subject.rows()
    ],
    # the published trials
    "trials": lambda case, subject: _vary(case, "trial", subject.trials),
    # the variants of the trial, planned or run
    "variants": lambda case, s: _vary(case, "variant", s.runs.variants(case.trial)),
    # the variant as published, and those of the trial that a run is of
    "variants_run": lambda case, s: _vary(case, "variant", s.runs.variants(case.trial, run=True)),
    # the variants of any trial
    "all_variants": lambda case, subject: _vary(
        case, "variant", dict.fromkeys(variant for _, variant in subject.rows())
    ),
    # the variant as published, and those that a run is of, of the trial or of what follows it
    "variants_of_pair": _variants_of_pair,
    # the classes of the trial
    "classes": _classes,
    # the classes where a matrix is published or the view is measured, else one row for what misses
    "measured_classes": _measured_classes,
    # the case with how many faces were given to each class
    "predicted": _predicted,
    # val and test where any run predicted them, else test
    "predicted_views": _predicted_views,
    # the published matrix, ours of every variant that ran, and their differences
    "whose": _whose,
}
