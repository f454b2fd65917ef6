"""balanescu2020: what its tables and its pictures are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ferkit.studies.document import Subject
from ferkit.studies.measures import ViewMetrics
from ferkit.studies.tables import measured

SETS = {"ckplus": "CK+", "public": "public", "private": "private"}


@dataclass(frozen=True)
class Results:
    """Our metrics of every trial over the trial's own classes.

    Attributes:
        subject: The study and its runs.
        metrics: (trial, variant, view) to its metrics.
    """

    subject: Subject
    metrics: Mapping[tuple[str, str, str], ViewMetrics | None]

    def of(self, trial: str, variant: str, view: str) -> ViewMetrics | None:
        """The metrics of a view; None where it was not run or predicted."""
        return self.metrics.get((trial, variant, view))


def measure_trials(subject: Subject) -> Results:
    """Measure every trial and variant on val and the three test sets."""
    metrics = {
        (trial, variant, view): measured(
            subject, trial, variant, view, subject.trials[trial]["labels"]
        )
        for trial, variant in subject.rows()
        if trial in subject.trials
        for view in ("val", *SETS)
    }
    return Results(subject, metrics)


def published_matrices(own: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """View to the published shares of a trial, the true class in rows."""
    labels = own["labels"]
    return {
        view: pd.DataFrame(published["shares"], index=labels, columns=labels)
        for view, published in own.get("confusion", {}).items()
    }


def training_counts(subject: Subject, trial: str, variant: str) -> dict[str, int]:
    """The images of a trial before the random 80/20, copies included, by class."""
    for run in subject.runs.of(trial, variant):
        counts = run.record.data.get("counts") or {}
        both = [counts.get(view) or {} for view in ("train", "val")]
        return {label: sum(c.get(label, 0) for c in both) for label in both[0]}
    return {}
