"""The tables of a report, once, for the page, the terminal and the csv files alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ferkit.evaluation.metrics import METRICS
from ferkit.printable import in_words
from ferkit.reports.blocks import Table

METRIC_NAMES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "weighted_f1": "Weighted F1",
    "weighted_precision": "Weighted precision",
    "top2_accuracy": "Top-2 accuracy",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC AUC (one vs rest)",
    "ece": "Calibration error (ECE)",
}
MARKS = {
    "absent": "no face with this label",
    "never_predicted": "never predicted",
    "out_of_vocabulary": "no output of the network",
}
_PER_CLASS = ("precision", "recall", "f1")
_DIGITS = 6  # of every metric that is written; the last bits depend on the machine


def rounded(metrics: Any) -> Any:
    """Round every number of nested metrics to what is written everywhere."""
    if isinstance(metrics, Mapping):
        return {name: rounded(value) for name, value in metrics.items()}
    if isinstance(metrics, list):
        return [rounded(value) for value in metrics]
    return round(metrics, _DIGITS) if isinstance(metrics, float) else metrics


def format_metric(value: float | None, interval: Sequence[float] | None = None) -> str:
    """Write a metric and its interval.

    >>> format_metric(0.6134, [0.5974, 0.6289])
    '0.613 [0.597, 0.629]'
    """
    if value is None:
        return "—"
    shown = f"{value:.3f}"
    return shown + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def headlines(views: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each view's accuracy with its interval, balanced accuracy and macro F1, in a line.

    Args:
        views: View to metrics, as in metrics.json.
    """
    return [
        f"{view}: accuracy {format_metric(found['accuracy'], found['intervals'].get('accuracy'))}  "
        f"balanced {found['balanced_accuracy']:.3f}  macro F1 {found['macro_f1']:.3f}  "
        f"(n={found['n']:,})"
        for view, found in views.items()
    ]


def metrics_table(views: Mapping[str, Mapping[str, Any]]) -> Table:
    """Every overall metric with its interval: one row per metric, one column per view."""
    columns = _with_shared(views)
    rows = [("Faces", *(f"{metrics['n']:,}" for metrics in columns.values()))]
    for name in METRICS:
        cells = (
            format_metric(metrics[name], metrics.get("intervals", {}).get(name))
            for metrics in columns.values()
        )
        rows.append((METRIC_NAMES[name], *cells))
    return Table(("Metric", *columns), tuple(rows))


def _with_shared(views: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    columns: dict[str, Mapping[str, Any]] = {}
    for view, metrics in views.items():
        columns[view] = metrics
        if "shared" in metrics:
            columns[f"{view}, shared classes"] = metrics["shared"]
    return columns


def per_class_table(metrics: Mapping[str, Any]) -> Table:
    """Precision, recall and F1 of every class with their intervals, drawn as bars on a page."""
    intervals = metrics.get("intervals", {}).get("per_class", {})
    rows = []
    bars = {}
    for y, (name, each) in enumerate(metrics["per_class"].items()):
        spans = [intervals.get(name, {}).get(f) for f in _PER_CLASS]
        cells = (format_metric(each[f], s) for f, s in zip(_PER_CLASS, spans, strict=True))
        rows.append((name, f"{each['support']:,}", *cells, marks(metrics, name)))
        for x, (f, span) in enumerate(zip(_PER_CLASS, spans, strict=True), start=2):
            bars[y, x] = (each[f], *(span or (None, None)))
    header: tuple[str, ...] = ("Emotion", "Faces", "Precision", "Recall", "F1", "Remark")
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return Table(header, tuple(rows), wide=True, bars=bars)


def marks(metrics: Mapping[str, Any], name: str) -> str:
    """Say what is odd about a class, or nothing."""
    return ", ".join(words for kind, words in MARKS.items() if name in metrics.get(kind, ()))


def per_class_frame(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """per_class.csv: the numbers of metrics.json, one row a class."""
    intervals = metrics.get("intervals", {}).get("per_class", {})
    rows = []
    for name, each in metrics["per_class"].items():
        row: dict[str, Any] = {"emotion": name}
        for metric in _PER_CLASS:
            low, high = intervals.get(name, {}).get(metric, (None, None))
            row |= {metric: each[metric], f"{metric}_low": low, f"{metric}_high": high}
        rows.append(row | {"support": each["support"], "remark": marks(metrics, name)})
    return pd.DataFrame(rows)


def confusion_table(confusion: pd.DataFrame) -> Table:
    """Counts and, in brackets, the share of the true class in percent."""
    rows = []
    for name, counts in zip(confusion.index, confusion.to_numpy(), strict=True):
        total = counts.sum()
        cells = (f"{c:,} ({100 * c / total:.0f}%)" if total else "0" for c in counts)
        rows.append((str(name), *cells))
    return Table(("true \\ predicted", *map(str, confusion.columns)), tuple(rows))


def confusion_shares(confusion: pd.DataFrame) -> pd.DataFrame:
    """Every row divided by its sum; a class without faces is 0 throughout."""
    totals = confusion.sum(axis=1).replace(0, 1)
    return confusion.div(totals, axis=0).round(_DIGITS)


def counts_table(data: Mapping[str, Any]) -> Table | None:
    """Faces per class and view, those after resampling beside those before."""
    columns: dict[str, Mapping[str, int]] = {}
    for view, counts in (data.get("counts") or {}).items():
        columns[in_words(view)] = counts
        after = (data.get("counts_after") or {}).get(view)
        if after:
            columns[f"{in_words(view)} after resampling"] = after
    if not columns:
        return None
    found = [name for counts in columns.values() for name in counts]
    names = list(dict.fromkeys([*(data.get("emotions") or ()), *found]))
    rows = [(n, *(f"{counts.get(n, 0):,}" for counts in columns.values())) for n in names]
    rows.append(("all", *(f"{sum(counts.values()):,}" for counts in columns.values())))
    return Table(("Emotion", *columns), tuple(rows), total=True)


def lost_table(data: Mapping[str, Any]) -> Table | None:
    """The share of each class that was left out while the faces were prepared, if any was."""
    shares = data.get("dropped_share") or {}
    rows = tuple((name, f"{100 * share:.1f}%") for name, share in shares.items())
    return Table(("Left out", "of the class"), rows) if any(shares.values()) else None


def leaks_table(data: Mapping[str, Any]) -> Table | None:
    """How many images of a view share something with one of an earlier view."""
    kinds = {
        "subject": "Person",
        "sequence": "Video",
        "source": "Source image",
        "identical": "All pixels",
    }
    leaks = data.get("leaks") or {}
    if not leaks:
        return None
    rows = []
    for pair, counts in leaks.items():
        first, _, second = pair.partition("|")
        shared = (f"{counts.get(kind, 0):,}" for kind in kinds)
        rows.append((f"{second}, of {first}", *shared))
    return Table(("Images that share", *kinds.values()), tuple(rows))


def dropped_table(data: Mapping[str, Any]) -> Table | None:
    """What was left out of the dataset, and why."""
    dropped = (data.get("dataset") or {}).get("dropped") or {}
    rows = tuple((str(why), f"{count:,}") for why, count in dropped.items())
    return Table(("Left out", "Images"), rows) if rows else None


def setup_table(config: Mapping[str, Any]) -> Table | None:
    """What was chosen in each group, with its settings."""
    rows = []
    for group, node in config.items():
        if not isinstance(node, Mapping) or not node:
            continue
        # a node is one choice, or several slots that are each one
        slots = (
            {group: node} if "_target_" in node else {f"{group}.{k}": v for k, v in node.items()}
        )
        for name, slot in slots.items():
            if isinstance(slot, Mapping) and slot.get("_target_"):
                kept = {k: v for k, v in slot.items() if k != "_target_"}
                rows.append((name, short_name(slot), _in_words(kept)))
    return Table(("Part", "Choice", "Settings"), tuple(rows), wide=True) if rows else None


def short_name(node: Mapping[str, Any]) -> str:
    """The last part of what a node stands for."""
    return str(node.get("_target_", "")).rpartition(".")[2]


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        named = {k: v for k, v in value.items() if k != "_target_"}
        inner = ((k, _in_words(v)) for k, v in named.items() if v is not None and v != "")
        words = ", ".join(f"{k} {v}" for k, v in inner if v)
        if "_target_" not in value:
            return words
        return f"{short_name(value)} ({words})" if words else short_name(value)
    if isinstance(value, list):
        return " ".join(_in_words(v) for v in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def environment_table(env: Mapping[str, Any]) -> Table | None:
    """Where and by what the run was made."""
    rows = [
        (name.replace("_", " "), _in_words(value))
        for name, value in env.items()
        if name != "format" and value not in (None, "", {})
    ]
    return Table(("Environment", ""), tuple(rows), wide=True) if rows else None
