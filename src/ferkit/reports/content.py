"""What a report says, before it is a page or a text."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from ferkit.colours import overlay
from ferkit.evaluation.examples import choose_examples, frequent_confusions
from ferkit.evaluation.intervals import calibration_sums
from ferkit.evaluation.metrics import compute_metrics, confusion_frame
from ferkit.evaluation.outcomes import read_outcomes
from ferkit.reports import tables
from ferkit.reports.document import Table
from ferkit.reports.folds import folds_table, measure_folds
from ferkit.reports.plots import draw_confusion, draw_curves, draw_reliability, render
from ferkit.reports.protocol import best_epoch, describe_protocol, title
from ferkit.reports.synthetic import draw_examples
from ferkit.reports.videos import measure_videos, video_tables
from ferkit.runs.record import RunRecord


@dataclass(frozen=True)
class Confusion:
    """One of the most frequent confusions and faces that show it.

    Attributes:
        words: Which class was taken for which.
        count: Of how many faces.
        share: Of the true class, 0..1.
        faces: Image, confidence 0..1, key and the image under its saliency map (None without
            one); empty where the run keeps no thumbnails.
    """

    words: str
    count: int
    share: float
    faces: list[tuple[NDArray[Any], float, str, NDArray[Any] | None]]


@dataclass(frozen=True)
class View:
    """What is said of one view.

    Attributes:
        name: As in predictions/<name>.parquet.
        suffix: Of its files; empty for the first view.
        metrics: As in metrics.json.
        matrix: Counts, true class in rows.
        further: Heading to table, where the faces are frames of videos or held out by folds.
        confusions: The most frequent, first.
        pictures: "confusion_matrix" (png and svg) and "reliability" (svg), as bytes.
    """

    name: str
    suffix: str
    metrics: dict[str, Any]
    matrix: pd.DataFrame
    per_class: Table
    further: dict[str, Table]
    confusions: list[Confusion]
    pictures: dict[str, bytes]


@dataclass(frozen=True)
class Content:
    """The whole report.

    Attributes:
        tables: counts, dropped, lost, leaks, setup, environment; those that the run knows.
        curves: "curves.png" and "curves.svg", or nothing without epochs.
        synthetic: A sheet of faces that resampling made, as a png; None where there are none.
        saliency: The method of the maps over the example faces, "" without any.
    """

    title: str
    protocol: list[tuple[str, str]]
    warnings: list[str]
    notes: list[str]
    views: list[View]
    metrics: Table
    tables: dict[str, Table]
    curves: dict[str, bytes]
    synthetic: bytes | None
    saliency: str
    settings: str


def gather(record: RunRecord, *, faces: bool) -> Content:
    """Measure every view of a run and draw its pictures.

    Args:
        record: What the run left behind.
        faces: Whether to show the thumbnails that the run kept.
    """
    views = [
        _gather_view(name, "" if number == 0 else f"_{name}", frame, record, faces)
        for number, (name, frame) in enumerate(record.predictions.items())
    ]
    metrics = {view.name: view.metrics for view in views}
    dataset, split = (record.data.get(part) or {} for part in ("dataset", "split"))
    found = {
        "counts": tables.counts_table(record.data),
        "dropped": tables.dropped_table(record.data),
        "lost": tables.lost_table(record.data),
        "leaks": tables.leaks_table(record.data),
        "setup": tables.setup_table(record.config),
        "environment": tables.environment_table(record.env),
    }
    return Content(
        title=title(record),
        protocol=describe_protocol(record, metrics),
        warnings=list(dataset.get("warnings") or ()),
        notes=[*(dataset.get("notes") or ()), *(split.get("notes") or ())],
        views=views,
        metrics=tables.metrics_table(metrics),
        tables={name: table for name, table in found.items() if table},
        curves=_draw_curves(record),
        synthetic=_draw_synthetic(record) if faces else None,
        saliency=_saliency(record) if faces and record.saliency else "",
        settings=record.settings,
    )


def _gather_view(
    name: str, suffix: str, predictions: pd.DataFrame, record: RunRecord, faces: bool
) -> View:
    metrics = tables.rounded(
        compute_metrics(predictions) | measure_folds(predictions) | measure_videos(predictions)
    )
    matrix = confusion_frame(predictions)
    drawn = draw_confusion(matrix, f"Confusion matrix, {name}")
    reliability = draw_reliability(calibration_sums(read_outcomes(predictions)))
    return View(
        name=name,
        suffix=suffix,
        metrics=metrics,
        matrix=matrix,
        per_class=tables.per_class_table(metrics),
        further=folds_table(metrics) | video_tables(metrics),
        confusions=_confusions(name, predictions, record, faces),
        pictures={
            "confusion_matrix.png": render(drawn, "png"),
            "confusion_matrix.svg": render(drawn, "svg"),
            "reliability.svg": render(reliability, "svg"),
        },
    )


def _confusions(
    view: str, predictions: pd.DataFrame, record: RunRecord, show: bool
) -> list[Confusion]:
    examples = choose_examples(predictions)
    found = []
    for label, predicted, count, share in frequent_confusions(predictions).itertuples(
        index=False, name=None
    ):
        chosen = examples[(examples["label"] == label) & (examples["predicted"] == predicted)]
        faces = [
            (record.faces[view, key], float(confidence), key, _explained(record, view, key))
            for key, confidence in zip(chosen["key"].map(str), chosen["confidence"], strict=True)
            if show and (view, key) in record.faces
        ]
        found.append(Confusion(f"{label} taken for {predicted}", int(count), float(share), faces))
    return found


def _explained(record: RunRecord, view: str, key: str) -> NDArray[Any] | None:
    heat = record.saliency.get((view, key))
    return None if heat is None else overlay(record.faces[view, key], heat)


def _saliency(record: RunRecord) -> str:
    method = str((record.config.get("report") or {}).get("saliency", ""))
    return {"grad_cam": "Grad-CAM", "guided_backprop": "guided back-propagation"}.get(
        method, method
    )


def _draw_synthetic(record: RunRecord) -> bytes | None:
    if record.synthetic is None or not len(record.synthetic.class_ids):
        return None
    emotions = record.data.get("emotions") or ()
    return render(draw_examples(record.synthetic, emotions), "png")


def _draw_curves(record: RunRecord) -> dict[str, bytes]:
    if "epoch" not in record.epochs:
        return {}
    drawn = draw_curves(record.epochs, best_epoch(record))
    return {"curves.png": render(drawn, "png"), "curves.svg": render(drawn, "svg")}
