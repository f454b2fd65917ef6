"""The difficulty of faces as tables: the easy fraction of each class, and models on either half."""

from collections.abc import Mapping, Sequence

import pandas as pd

from ferkit.emotions import order
from ferkit.evaluation.difficulty import accuracy_by_difficulty, easy_fractions
from ferkit.evaluation.intervals import wilson
from ferkit.reports.comparison.compare import NONE
from ferkit.reports.document import Sheet
from ferkit.reports.tables import format_metric

_NOTE = (
    "R(x): how often a face was classified correctly by networks that did not see it, over {times} "
    "cross-validation{s}; easy where R(x) is at least {threshold:g} (kurmi2022)."
)


def difficulty_sheets(difficulty: pd.DataFrame, threshold: float) -> list[Sheet]:
    """The fraction that is easy, by class, and how many faces have each R(x)."""
    times = int(difficulty["times"].iloc[0])
    note = _NOTE.format(times=times, s="" if times == 1 else "s", threshold=threshold)
    fractions = easy_fractions(difficulty, threshold).set_index("label")
    whole = easy_fractions(difficulty.assign(label="all"), threshold).set_index("label")
    fractions = pd.concat([fractions.loc[list(order(list(fractions.index)))], whole])
    rows = tuple(
        (
            str(label),
            f"{row['faces']:,.0f}",
            f"{row['easy']:,.0f}",
            format_metric(row["fraction_easy"], [row["low"], row["high"]]),
            f"{row['mean_fraction_right']:.3f}",
        )
        for label, row in fractions.iterrows()
    )
    header = ("Emotion", "Faces", "Easy", "Fraction easy", "Mean R(x)")
    counts = difficulty["right"].value_counts().sort_index()
    levels = tuple(
        (f"{right}/{times}", f"{n:,}", f"{100 * n / len(difficulty):.1f}%")
        for right, n in counts.items()
    )
    return [
        Sheet("easy_by_class", "Fraction of easy faces", header, rows, (note,)),
        Sheet("difficulty_levels", "Faces by R(x)", ("R(x)", "Faces", "Fraction"), levels),
    ]


def halves_sheet(
    predictions: Mapping[str, pd.DataFrame], difficulty: pd.DataFrame, threshold: float
) -> Sheet:
    """Accuracy of further runs on the easy and on the difficult faces.

    Args:
        predictions: Name to frame.
    """
    rows = []
    for name, frame in predictions.items():
        halves = accuracy_by_difficulty(frame, difficulty, threshold)
        rows.append((name, *_cells(halves["easy"]), *_cells(halves["difficult"])))
    header = ("Run", "Easy faces", "Accuracy on easy", "Difficult faces", "Accuracy on difficult")
    note = "Wilson intervals. Only faces that a run predicted and whose R(x) is known are counted."
    return Sheet("halves", "Accuracy on easy and difficult faces", header, tuple(rows), (note,))


def _cells(half: Sequence[int]) -> tuple[str, str]:
    right, faces = half
    return f"{faces:,}", format_metric(right / faces, wilson(right, faces)) if faces else NONE
