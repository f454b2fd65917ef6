"""balanescu2020: what its tables and its pictures are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ferkit.studies.document import Subject
from ferkit.studies.measures import ViewFigures
from ferkit.studies.tables import measured

SETS = {"ckplus": "CK+", "public": "public", "private": "private"}


@dataclass(frozen=True)
class Results:
    """Our figures of every trial over the trial's own classes.

    Attributes:
        subject: The study and its runs.
        figures: (trial, variant, view) to its figures.
    """

    subject: Subject
    figures: Mapping[tuple[str, str, str], ViewFigures | None]

    def of(self, trial: str, variant: str, view: str) -> ViewFigures | None:
        """The figures of a view; None where it was not run or predicted."""
        return self.figures.get((trial, variant, view))


def measure_trials(subject: Subject) -> Results:
    """Measure every trial and variant on val and the three test sets."""
    figures = {
        (trial, variant, view): measured(
            subject, trial, variant, view, subject.trials[trial]["labels"]
        )
        for trial, variant in subject.rows()
        if trial in subject.trials
        for view in ("val", *SETS)
    }
    return Results(subject, figures)


def printed_matrices(own: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """View to the printed shares of a trial, the true class in rows."""
    labels = own["labels"]
    return {
        view: pd.DataFrame(printed["shares"], index=labels, columns=labels)
        for view, printed in own.get("confusion", {}).items()
    }


def training_counts(subject: Subject, trial: str, variant: str) -> dict[str, int]:
    """The images of a trial before the random 80/20, copies included, by class."""
    for run in subject.runs.of(trial, variant):
        counts = run.record.data.get("counts") or {}
        both = [counts.get(view) or {} for view in ("train", "val")]
        return {label: sum(c.get(label, 0) for c in both) for label in both[0]}
    return {}
