"""The ease of faces as tables: the share easy a class, and models on either half."""

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


def difficulty_sheets(ease: pd.DataFrame, threshold: float) -> list[Sheet]:
    """The share that is easy, by class, and how many faces have each R(x)."""
    times = int(ease["times"].iloc[0])
    note = _NOTE.format(times=times, s="" if times == 1 else "s", threshold=threshold)
    shares = easy_fractions(ease, threshold).set_index("label")
    whole = easy_fractions(ease.assign(label="all"), threshold).set_index("label")
    shares = pd.concat([shares.loc[list(order(list(shares.index)))], whole])
    rows = tuple(
        (
            str(label),
            f"{row['faces']:,.0f}",
            f"{row['easy']:,.0f}",
            format_metric(row["share"], [row["low"], row["high"]]),
            f"{row['mean_difficulty']:.3f}",
        )
        for label, row in shares.iterrows()
    )
    header = ("Emotion", "Faces", "Easy", "Share easy", "Mean R(x)")
    counts = ease["right"].value_counts().sort_index()
    levels = tuple(
        (f"{right}/{times}", f"{n:,}", f"{100 * n / len(ease):.1f}%") for right, n in counts.items()
    )
    return [
        Sheet("easy_by_class", "Share of easy faces", header, rows, (note,)),
        Sheet("difficulty_levels", "Faces by R(x)", ("R(x)", "Faces", "Share"), levels),
    ]


def halves_sheet(
    predictions: Mapping[str, pd.DataFrame], ease: pd.DataFrame, threshold: float
) -> Sheet:
    """Accuracy of further runs on the easy and on the difficult faces.

    Args:
        predictions: Name to frame.
    """
    rows = []
    for name, frame in predictions.items():
        halves = accuracy_by_difficulty(frame, ease, threshold)
        rows.append((name, *_cells(halves["easy"]), *_cells(halves["difficult"])))
    header = ("Run", "Easy faces", "Accuracy on easy", "Difficult faces", "Accuracy on difficult")
    note = "Wilson intervals. Only faces that a run predicted and whose ease is known are counted."
    return Sheet("halves", "Accuracy on easy and difficult faces", header, tuple(rows), (note,))


def _cells(half: Sequence[int]) -> tuple[str, str]:
    right, faces = half
    return f"{faces:,}", format_metric(right / faces, wilson(right, faces)) if faces else NONE
