"""What a report shows of one view, measured once for its pages and its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ferkit.colours import overlay
from ferkit.evaluation.examples import choose_examples, frequent_confusions
from ferkit.evaluation.intervals import calibration_sums
from ferkit.evaluation.metrics import compute_metrics, confusion_frame
from ferkit.evaluation.outcomes import read_outcomes
from ferkit.printable import csv_frame, in_words
from ferkit.reports.blocks import Beside, Block, Face, Gallery, Heading, Picture, Sentences
from ferkit.reports.folds import folds_table, measure_folds
from ferkit.reports.plots import draw_confusion, draw_reliability, render
from ferkit.reports.tables import (
    confusion_shares,
    confusion_table,
    format_metric,
    per_class_frame,
    per_class_table,
    rounded,
)
from ferkit.reports.videos import measure_videos, video_tables
from ferkit.runs.record import RunRecord

_METHODS = {"grad_cam": "Grad-CAM", "guided_backprop": "guided back-propagation"}


@dataclass(frozen=True)
class View:
    """A view with its metrics.

    Attributes:
        name: As in predictions/<name>.parquet.
        suffix: Of its files; empty for the first view.
        metrics: As in metrics.json.
        matrix: Counts, true class in rows.
    """

    name: str
    suffix: str
    predictions: pd.DataFrame
    metrics: dict[str, Any]
    matrix: pd.DataFrame


def measure_view(name: str, suffix: str, predictions: pd.DataFrame) -> View:
    """Compute what stands in metrics.json and in the confusion matrix."""
    metrics = rounded(
        compute_metrics(predictions) | measure_folds(predictions) | measure_videos(predictions)
    )
    return View(name, suffix, predictions, metrics, confusion_frame(predictions))


def view_files(view: View) -> dict[str, bytes]:
    """The csv files of a view, file name to content."""
    return {
        f"per_class{view.suffix}.csv": _csv(per_class_frame(view.metrics), index=False),
        f"confusion_matrix{view.suffix}.csv": _csv(view.matrix),
        f"confusion_shares{view.suffix}.csv": _csv(confusion_shares(view.matrix)),
    }


def _csv(frame: pd.DataFrame, *, index: bool = True) -> bytes:
    label = "true \\ predicted" if index else None
    text: str = csv_frame(frame).to_csv(index=index, index_label=label, lineterminator="\n")
    return text.encode()


def view_blocks(view: View, record: RunRecord, *, faces: bool) -> list[Block]:
    """A view's section: class by class, confusions, calibration, example faces.

    Args:
        faces: Whether to show the thumbnails that the run kept.
    """
    further = folds_table(view.metrics) | video_tables(view.metrics)
    name = in_words(view.name)
    tables = ((Heading(title, level=3), table) for title, table in further.items())
    return [
        Heading(f"{name}: class by class", anchor=f"view-{view.name}", short=name),
        per_class_table(view.metrics),
        Beside(((_confusion_plot(view),), (_reliability_plot(view),)), wide_first=True),
        confusion_table(view.matrix),
        *(block for pair in tables for block in pair),
        *_confusions(view, record, faces),
    ]


def _confusion_plot(view: View) -> Picture:
    drawn = draw_confusion(view.matrix, f"Confusion matrix, {in_words(view.name)}")
    return Picture(
        f"confusion_matrix{view.suffix}.png",
        render(drawn, "png"),
        f"Confusion matrix, {in_words(view.name)}",
        "Rows: the true class. In each cell the share of the row in percent, below it the number "
        "of faces.",
        svg=render(drawn, "svg"),
    )


def _reliability_plot(view: View) -> Picture:
    drawn = draw_reliability(calibration_sums(read_outcomes(view.predictions)))
    return Picture(
        "",
        render(drawn, "svg"),
        f"Reliability, {in_words(view.name)}",
        "Calibration: how often a confidence is right, in 15 equal bins with Wilson intervals; "
        f"ECE {format_metric(view.metrics['ece'])}. Below: how many faces.",
    )


def _confusions(view: View, record: RunRecord, show: bool) -> list[Block]:
    examples = choose_examples(view.predictions)
    rows = []
    for label, predicted, count, share in frequent_confusions(view.predictions).itertuples(
        index=False, name=None
    ):
        chosen = examples[(examples["label"] == label) & (examples["predicted"] == predicted)]
        words = (f"{label} taken for {predicted}", f"{count:,}", f"{100 * share:.1f}%")
        rows.append((words, _faces(view.name, chosen, record) if show else ()))
    if not rows:
        return []
    shown = any(faces for _, faces in rows)
    return [
        Heading("Most frequent confusions", level=3),
        Sentences((_words_on_faces(record) if shown else _NO_FACES,), "note"),
        Gallery(("Confusion", "Faces", "Share of the true class"), tuple(rows)),
    ]


_NO_FACES = "The run keeps or shows no example faces."


def _words_on_faces(record: RunRecord) -> str:
    sentence = "The page shows the surest mistakes, each with the confidence of the wrong class"
    if not record.saliency:
        return f"{sentence}."
    method = str((record.config.get("report") or {}).get("saliency", ""))
    return f"{sentence}; below, where {_METHODS.get(method, method)} sees what supported it."


def _faces(view: str, chosen: pd.DataFrame, record: RunRecord) -> tuple[Face, ...]:
    keys = [key for key in chosen["key"].map(str) if (view, key) in record.faces]
    confidences: Mapping[str, float] = dict(
        zip(chosen["key"].map(str), chosen["confidence"].map(float), strict=True)
    )
    return tuple(
        Face(record.faces[view, key], f"{confidences[key]:.2f}", key, _overlay(record, view, key))
        for key in keys
    )


def _overlay(record: RunRecord, view: str, key: str) -> Any:
    heat = record.saliency.get((view, key))
    return None if heat is None else overlay(record.faces[view, key], heat)
