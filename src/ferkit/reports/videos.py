"""What a report adds where the faces are frames of videos: videos, and events within them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ferkit.evaluation.events import event_metrics, has_events
from ferkit.evaluation.metrics import METRICS
from ferkit.evaluation.videos import has_videos, video_metrics
from ferkit.reports.blocks import Table
from ferkit.reports.tables import METRIC_NAMES, format_metric

_RULES = {"majority_vote": "Majority vote", "mean_scores": "Mean of scores"}


def measure_videos(predictions: pd.DataFrame) -> dict[str, Any]:
    """What metrics.json holds beside a view's own metrics.

    Returns:
        `videos`, rule to metrics, where a video has more than one frame; `events` where besides a
        sequence has more than one labelled segment; nothing elsewhere.
    """
    if not has_videos(predictions):
        return {}
    videos = {"videos": video_metrics(predictions)}
    return videos | ({"events": event_metrics(predictions)} if has_events(predictions) else {})


def video_tables(metrics: Mapping[str, Any]) -> dict[str, Table]:
    """The tables of a view, by their headings; none without videos."""
    tables = {}
    if "videos" in metrics:
        tables["Frame by frame, and video by video"] = videos_table(metrics)
    if "events" in metrics:
        overlap = metrics["events"]["overlap"]
        tables[f"Events: segments overlapped by {overlap:g} or more"] = events_table(metrics)
    return tables


def videos_table(metrics: Mapping[str, Any]) -> Table:
    """Every overall metric of the frames, and of the videos under each rule."""
    videos = metrics["videos"]
    columns = {"Frames": metrics} | {words: videos[rule] for rule, words in _RULES.items()}
    rows = [("Answers", *(f"{each['n']:,}" for each in columns.values()))]
    for name in METRICS:
        cells = (
            format_metric(each[name], each.get("intervals", {}).get(name))
            for each in columns.values()
        )
        rows.append((METRIC_NAMES[name], *cells))
    return Table(("Metric", *columns), tuple(rows))


def events_table(metrics: Mapping[str, Any]) -> Table:
    """F1 per frame beside F1 per event, class by class."""
    events, frames = metrics["events"], metrics["per_class"]
    rows = [
        (
            name,
            f"{each['support']:,}",
            f"{each['detected']:,}",
            format_metric(frames[name]["f1"]),
            format_metric(each["f1"]),
        )
        for name, each in events["per_class"].items()
    ]
    per_frame, per_event = (
        format_metric(part["macro_f1"], part.get("intervals", {}).get("macro_f1"))
        for part in (metrics, events)
    )
    rows.append(("macro", f"{events['n']:,}", f"{events['detected']:,}", per_frame, per_event))
    return Table(("Emotion", "Events", "Detected", "F1 per frame", "F1 per event"), tuple(rows))
