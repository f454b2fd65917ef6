"""What a report adds where the faces are frames of films: films, and events within them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ferkit.evaluation.events import event_figures, has_events
from ferkit.evaluation.metrics import FIGURES
from ferkit.evaluation.videos import film_figures, has_films
from ferkit.reports.document import Table
from ferkit.reports.tables import FIGURE_NAMES, show_figure

_RULES = {"majority_vote": "Majority vote", "mean_scores": "Mean of scores"}


def measure_films(predictions: pd.DataFrame) -> dict[str, Any]:
    """What metrics.json holds beside a view's own figures.

    Returns:
        `films`, rule to figures, where a film has more than one frame; `events` where besides a
        sequence has more than one labelled segment; nothing elsewhere.
    """
    if not has_films(predictions):
        return {}
    films = {"films": film_figures(predictions)}
    return films | ({"events": event_figures(predictions)} if has_events(predictions) else {})


def film_tables(figures: Mapping[str, Any]) -> dict[str, Table]:
    """The tables of a view, by their headings; none without films."""
    tables = {}
    if "films" in figures:
        tables["Frame by frame, and film by film"] = films_table(figures)
    if "events" in figures:
        overlap = figures["events"]["overlap"]
        tables[f"Events: segments overlapped by {overlap:g} or more"] = events_table(figures)
    return tables


def films_table(figures: Mapping[str, Any]) -> Table:
    """Every overall figure of the frames, and of the films under each rule."""
    films = figures["films"]
    columns = {"Frames": figures} | {words: films[rule] for rule, words in _RULES.items()}
    rows = [("Answers", *(f"{each['n']:,}" for each in columns.values()))]
    for name in FIGURES:
        cells = (
            show_figure(each[name], each.get("intervals", {}).get(name))
            for each in columns.values()
        )
        rows.append((FIGURE_NAMES[name], *cells))
    return Table(("Figure", *columns), tuple(rows))


def events_table(figures: Mapping[str, Any]) -> Table:
    """F1 per frame beside F1 per event, class by class."""
    events, frames = figures["events"], figures["per_class"]
    rows = [
        (name, f"{each['support']:,}", f"{each['detected']:,}", show_figure(frames[name]["f1"]),
         show_figure(each["f1"]))
        for name, each in events["per_class"].items()
    ]  # fmt: skip
    per_frame, per_event = (
        show_figure(part["macro_f1"], part.get("intervals", {}).get("macro_f1"))
        for part in (figures, events)
    )
    rows.append(("macro", f"{events['n']:,}", f"{events['detected']:,}", per_frame, per_event))
    return Table(("Emotion", "Events", "Detected", "F1 per frame", "F1 per event"), tuple(rows))
