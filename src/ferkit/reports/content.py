"""The report of a run as a document."""

from collections.abc import Mapping, Sequence
from typing import Any

from ferkit.printable import in_words
from ferkit.reports import tables
from ferkit.reports.blocks import (
    Beside,
    Block,
    Heading,
    Headline,
    Picture,
    Sentences,
    Table,
    Terms,
    Verbatim,
)
from ferkit.reports.document import Document
from ferkit.reports.plots import draw_curves, render
from ferkit.reports.protocol import best_epoch, describe_protocol, title
from ferkit.reports.synthetic import draw_examples
from ferkit.reports.tables import METRIC_NAMES, format_metric
from ferkit.reports.views import View, view_blocks
from ferkit.runs.record import RunRecord
from ferkit.training.captions import CAPTION

_HEADLINE = ("accuracy", "balanced_accuracy", "macro_f1")
_SHOWN_FIRST = 3  # views whose metrics stand in the headline
_SUBTITLE = "Facial emotion recognition: report of a run, made by ferkit from its folder alone."


def report_document(record: RunRecord, views: Sequence[View], *, faces: bool) -> Document:
    """Headline, protocol, data, every view, training, settings.

    Args:
        record: What the run left behind.
        views: Its views, measured.
        faces: Whether to show the thumbnails that the run kept.
    """
    metrics = {in_words(view.name): view.metrics for view in views}
    protocol = describe_protocol(record, metrics)
    blocks: list[Block] = [
        *_headline(metrics),
        tables.metrics_table(metrics),
        Heading("Protocol", anchor="protocol"),
        Terms(tuple((word, (sentence,)) for word, sentence in protocol)),
        *_remarks(record),
        *_data(record.data),
        *(_synthetic(record) if faces else ()),
        *(block for view in views for block in view_blocks(view, record, faces=faces)),
        *_training(record),
        *(_augmented(record) if faces else ()),
        *_settings(record),
    ]
    return Document(title(record), tuple(blocks), _SUBTITLE)


def _headline(metrics: Mapping[str, Mapping[str, Any]]) -> list[Block]:
    groups = tuple(
        (view, f"{found['n']:,} faces", tuple(_shown(found, name) for name in _HEADLINE))
        for view, found in list(metrics.items())[:_SHOWN_FIRST]
    )
    units = "; ".join(f"{view}, {each['resampled']['units']}" for view, each in metrics.items())
    note = f"In brackets: 95% intervals; resampled: {units}."
    return [Headline(groups), Sentences((note,), "note"), Heading("All metrics", level=3)]


def _shown(found: Mapping[str, Any], name: str) -> tuple[str, str, str]:
    value, _, span = format_metric(found[name], found["intervals"].get(name)).partition(" ")
    return METRIC_NAMES[name], value, span


def _remarks(record: RunRecord) -> list[Block]:
    dataset, split = (record.data.get(part) or {} for part in ("dataset", "split"))
    notes = (*(dataset.get("notes") or ()), *(split.get("notes") or ()))
    return [Sentences(tuple(dataset.get("warnings") or ()), "warning"), Sentences(notes)]


def _data(data: Mapping[str, Any]) -> list[Block]:
    counts = tables.counts_table(data)
    found = (tables.leaks_table(data), tables.dropped_table(data), tables.lost_table(data))
    left_out = [table for table in found if table]
    parts: list[tuple[Block, ...]] = []
    if counts:
        parts.append((Heading("Faces per class", level=3), counts))
    if left_out:
        parts.append((Heading("Leaks and what was left out", level=3), *left_out))
    return [Heading("Data", anchor="data"), Beside(tuple(parts))] if parts else []


def _synthetic(record: RunRecord) -> list[Block]:
    if record.synthetic is None or not len(record.synthetic.class_ids):
        return []
    drawn = draw_examples(record.synthetic, record.data.get("emotions") or ())
    caption = (
        "Each made face stands between its parents, above it how far it lies from the first to "
        "the second. They train and are in no other view."
    )
    alt = "Faces that resampling made, between their parents"
    return [
        Heading("Faces that resampling made", level=3),
        Picture("synthetic_faces.png", render(drawn, "png"), alt, caption, full=True),
    ]


def _training(record: RunRecord) -> list[Block]:
    if "epoch" not in record.epochs:
        return []
    drawn = draw_curves(record.epochs, best_epoch(record))
    caption = (
        "The metrics of train are running means while the weights change and the images are "
        "augmented. The line marks the epoch whose weights were kept."
    )
    alt = "Loss, accuracy and macro F1 over the epochs"
    curves = Picture(
        "curves.png", render(drawn, "png"), alt, caption, svg=render(drawn, "svg"), full=True
    )
    return [Heading("Training", anchor="training"), curves]


def _augmented(record: RunRecord) -> list[Block]:
    if not record.augmented:
        return []
    alt = "Training faces beside what augmentation makes of them"
    picture = Picture("augmented.png", record.augmented, alt, CAPTION, full=True)
    return [Heading("What the network sees", level=3), picture]


def _settings(record: RunRecord) -> list[Block]:
    found: tuple[Table | None, ...] = (
        tables.setup_table(record.config),
        tables.environment_table(record.env),
    )
    shown: list[Block] = [table for table in found if table]
    if record.settings:
        shown.append(Verbatim("config.yaml, as resolved", record.settings))
    heading = Heading("Settings and environment", anchor="settings", short="Settings")
    return [heading, *shown] if shown else []
