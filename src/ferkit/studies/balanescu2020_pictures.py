"""balanescu2020: its pictures."""

from typing import Any

from ferkit.studies.balanescu2020_data import (
    SETS,
    Results,
    published_matrices,
    training_counts,
)
from ferkit.studies.document import Subject
from ferkit.studies.drawings import (
    Bars,
    Curves,
    draw_bars,
    draw_curves,
    draw_matrices,
    draw_trials,
)
from ferkit.studies.runs import AS_PUBLISHED
from ferkit.studies.tables import shares


def draw_pictures(results: Results) -> dict[str, bytes]:
    """File name to png: every trial at a glance, matrices, curves, class counts."""
    subject = results.subject
    made = {"trials.png": _draw_overview(results)}
    for trial, own in subject.trials.items():
        for view, frame in published_matrices(own).items():
            place = own["confusion"][view]["place"].replace("table ", "table_").replace(".", "-")
            shown = {f"Trial {int(trial[5:])}, {view}: published": frame}
            for variant in subject.runs.variants(trial, run=True):
                if found := results.of(trial, variant, view):
                    shown[f"ours, {variant}"] = shares(found.confusion)
            made[f"confusion_{place}.png"] = draw_matrices(shown)
    panels = [
        Curves(subject.name(run), run.record.epochs, _marks(subject, run.trial))
        for run in subject.runs.chosen()
        if "epoch" in run.record.epochs
    ]
    if panels:
        words = {"train_accuracy": "train", "val_accuracy": "val"}
        made["curves_accuracy.png"] = draw_curves(panels, words, "accuracy")
        words = {"train_loss": "train", "val_loss": "val"}
        made["curves_loss.png"] = draw_curves(panels, words, "loss")
    counts = training_counts(subject, "trial02", AS_PUBLISHED)
    if counts:
        bars = Bars("Training images, trial 2", {"ours": counts})
        made["class_counts_figure_5-9.png"] = draw_bars([bars], "images")
    return made


def _marks(subject: Subject, trial: str) -> dict[str, list[tuple[float, float]]]:
    published = subject.trials.get(trial, {}).get("validation_accuracy")
    return {"val_accuracy": [(subject.published["epochs"], published)]} if published else {}


def _draw_overview(results: Results) -> bytes:
    panels: dict[str, Any] = {}
    metrics = {"val": "accuracy", **dict.fromkeys(SETS, "weighted_precision")}
    for view, figure in metrics.items():
        title = "validation accuracy" if view == "val" else f"{SETS[view]}: weighted precision"
        panels[title] = {}
        for trial, own in results.subject.trials.items():
            published = own["precision"].get(view, {}).get("weighted")
            ours = {
                variant: found.overall[figure]
                for variant in results.subject.runs.variants(trial)
                if (found := results.of(trial, variant, view))
            }
            shown = own["validation_accuracy"] if view == "val" else published
            panels[title][trial] = (shown, ours)
    return draw_trials(panels, "")
