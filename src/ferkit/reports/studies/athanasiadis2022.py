"""athanasiadis2022: films by majority vote and by mean scores, under four implementations."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, get_args

from ferkit.evaluation.films import Rule
from ferkit.reports.formats import Sheet
from ferkit.reports.studies.cells import (
    COMPARED,
    PERCENT,
    compare,
    show_count,
    show_interval,
    show_ours,
)
from ferkit.reports.studies.document import (
    TO_FILL,
    StudyDocument,
    Subject,
    make_sheet,
    others_sheet,
    runs_sheet,
)
from ferkit.reports.studies.drawings import Bars, Curves, draw_bars, draw_curves, draw_matrices
from ferkit.reports.studies.runs import AS_PRINTED, StudyRun
from ferkit.reports.studies.tables import (
    counts_rows,
    matrix_columns,
    measured,
    our_matrix_rows,
    shares,
)

_RULES: tuple[Rule, ...] = get_args(Rule)
_WORDS = {"majority_vote": "majority vote", "mean_scores": "mean scores"}
_IMPLEMENTATIONS = ("first", "second", "third", "fourth")


def make_document(subject: Subject) -> StudyDocument:
    """Every table of the thesis with the trials' runs beside it."""
    sheets = [_films(subject), _classes(subject), _confusion(subject), _frames(subject)]
    sheets += [_film_counts(subject), _frame_counts(subject), runs_sheet(subject)]
    sheets += [others_sheet(subject, ("participants", "mistyped_mean", "smaller_layer"))]
    return StudyDocument(tuple(sheets), _pictures(subject))


def _pairs(subject: Subject) -> list[tuple[str, str]]:
    return [(t, v) for t, v in subject.rows() if t in _IMPLEMENTATIONS]


def _films(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in _pairs(subject):
        for rule in _RULES:
            found = measured(subject, trial, variant, "test", rule=rule)
            overall = found.overall if found else {}
            accuracy, balanced = (overall.get(f) for f in ("accuracy", "balanced_accuracy"))
            printed = subject.trials[trial]["films"].get(rule)
            rows.append(
                (trial, variant, _WORDS[rule], *compare(printed, accuracy, PERCENT),
                 *compare(printed, balanced, PERCENT)[1:],
                 subject.to_fill(trial, variant, "test") if rule == _RULES[0] else "")
            )  # fmt: skip
    columns = (
        "Implementation", "Variant", "Film by", "Published", "Our accuracy", "95% interval",
        "Difference", "Our balanced accuracy", "95% interval of it", "Difference of it", TO_FILL,
    )  # fmt: skip
    notes = (
        *(f"{t}: {subject.trials[t]['what']}." for t in _IMPLEMENTATIONS),
        *subject.doubts("average_accuracy", "epoch_by_eye", "smaller_layer"),
        *subject.quick(_pairs(subject)),
    )
    title = "Test films in percent: majority vote against mean scores"
    return make_sheet("films", title, columns, rows, notes)


def _classes(subject: Subject) -> Sheet:
    rows = []
    pairs = [(t, v) for t in _IMPLEMENTATIONS for v in subject.runs.variants(t, run=True)]
    for trial, variant in pairs:
        fill = subject.to_fill(trial, variant, "test")
        named = subject.trials[trial]["classes"]
        for label, (number, rule) in product(subject.labels, enumerate(_RULES)):
            found = measured(subject, trial, variant, "test", rule=rule)
            printed = named[label][number] if label in named else None
            ours = found.classes[label]["recall"] if found else None
            cells = compare(printed, ours, PERCENT)
            faces = show_count(found.support[label]) if found else ""
            rows.append((trial, variant, label, _WORDS[rule], faces, *cells, fill))
            fill = ""
    notes = (
        "The text calls these accuracies of a class and names some alone; ours are the share of "
        "the class' films that is right (recall).",
        *subject.doubts("average_accuracy"),
        *subject.quick(pairs),
    )
    columns = ("Implementation", "Variant", "Class", "Film by", "Films, ours", *COMPARED, TO_FILL)
    return make_sheet("classes", "Test films of each class in percent", columns, rows, notes)


def _confusion(subject: Subject) -> Sheet:
    rows: list[tuple[str, ...]] = []
    for trial, variant in _pairs(subject):
        fill = subject.to_fill(trial, variant, "test")
        for rule in _RULES:
            found = measured(subject, trial, variant, "test", rule=rule)
            if found:
                made = our_matrix_rows(found, trial, variant, _WORDS[rule])
                rows += [(*row, "") for row in made]
            else:
                blank = [""] * (len(subject.labels) + 3)
                rows.append((trial, variant, _WORDS[rule], *blank, fill))
    columns = ("Implementation", "Variant", "Film by", "True class",
               *matrix_columns(subject.labels), TO_FILL)  # fmt: skip
    notes = (
        "Shares of each true class; the true class is in rows. The thesis' own matrices are drawn "
        "only.",
        *subject.quick(_pairs(subject)),
    )
    return make_sheet("confusion", "Confusion matrices of the test films", columns, rows, notes)


def _frames(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in subject.rows():
        found = subject.runs.of(trial, variant)
        views = [v for v in ("val", "test") if any(v in run.views for run in found)] or ["test"]
        for view in views:
            labels = None if trial in _IMPLEMENTATIONS else _outputs(found)
            figures = measured(subject, trial, variant, view, labels)
            overall = figures.overall if figures else {}
            cells = [
                cell
                for f in ("accuracy", "balanced_accuracy", "macro_f1")
                for cell in (show_ours(overall.get(f), PERCENT),
                             show_interval(overall.get(f), PERCENT))
            ]  # fmt: skip
            rows.append(
                (trial, variant, view, show_count(figures.n if figures else None), *cells,
                 subject.to_fill(trial, variant, view))
            )  # fmt: skip
    words = [w for f in ("Accuracy", "Balanced accuracy", "Macro F1") for w in
             (f, f"{f}: 95% interval")]  # fmt: skip
    columns = ("Trial", "Variant", "View", "Rows, ours", *words, TO_FILL)
    notes = (
        "Row by row as the network answers: a frame for the implementations, a film for frame "
        "attention, a face for ferplus_resnet18; in percent.",
        *subject.doubts("frames_and_films", "other_network"),
        *subject.quick(subject.rows()),
    )
    return make_sheet(
        "frames", "Frames, and the trials of the appendix, ours", columns, rows, notes
    )


def _outputs(runs: Sequence[StudyRun]) -> tuple[str, ...] | None:
    from ferkit.evaluation.outcomes import output_classes

    for run in runs:
        for frame in run.views.values():
            return output_classes(frame)
    return None


def _film_counts(subject: Subject) -> Sheet:
    printed, rows = subject.published["films"], []
    for variant in subject.runs.variants("first"):
        for view in ("train", "test", "val"):
            ours = _count_films(subject, variant, view)
            fill = subject.to_fill("first", variant, None if view == "train" else view)
            for cells in counts_rows(printed[view], ours, subject.labels):
                rows.append((variant, view, *cells, fill))
                fill = ""
    columns = ("Variant", "View", "Class", "Published", "Ours", "Difference", TO_FILL)
    notes = (
        "Ours are counted from the predictions of the first implementation; a run does not "
        "predict its training films, so those cells fill with view=train alone.",
        *subject.doubts("participants"),
        *subject.quick([("first", AS_PRINTED)]),
    )
    return make_sheet("film_counts", f"Films of each class, {printed['place']}", columns, rows,
                      notes)  # fmt: skip


def _count_films(subject: Subject, variant: str, view: str) -> dict[str, int] | None:
    from ferkit.evaluation.films import film_predictions

    for run in subject.runs.of("first", variant):
        if view in run.views:
            films = film_predictions(run.views[view], "mean_scores")
            return {label: int((films["label"] == label).sum()) for label in subject.labels}
    return None


def _frame_counts(subject: Subject) -> Sheet:
    printed, rows = subject.published["train_frames"], []
    for variant in subject.runs.variants("first"):
        run = next(iter(subject.runs.of("first", variant)), None)
        counts: Mapping[str, Any] = (run.record.data.get("counts") or {}) if run else {}
        fill = subject.to_fill("first", variant)
        for cells in counts_rows(printed["train"], counts.get("train"), subject.labels):
            rows.append((variant, *cells, fill))
            fill = ""
    columns = ("Variant", "Class", "Published", "Ours", "Difference", TO_FILL)
    title = f"Training frames of each class, {printed['place']}"
    notes = subject.quick([("first", AS_PRINTED)])
    return make_sheet("frame_counts", title, columns, rows, notes)


def _pictures(subject: Subject) -> dict[str, bytes]:
    made = {"majority_vote_and_mean_scores.png": _draw_rules(subject)}
    for trial, variant in _pairs(subject):
        found = {rule: measured(subject, trial, variant, "test", rule=rule) for rule in _RULES}
        shown = {
            f"{trial}, {variant}: {_WORDS[rule]}": shares(figures.confusion)
            for rule, figures in found.items()
            if figures
        }
        if shown:
            made[f"confusion_{trial}_{variant}.png"] = draw_matrices(shown)
    panels = [
        Curves(subject.name(run), run.record.epochs)
        for run in subject.runs.chosen()
        if "epoch" in run.record.epochs
    ]
    for what in ("loss", "accuracy") if panels else ():
        words = {f"train_{what}": "train", f"val_{what}": "val"}
        made[f"curves_{what}.png"] = draw_curves(panels, words, what)
    return made


def _draw_rules(subject: Subject) -> bytes:
    panels = []
    for title, figure in (("accuracy", "accuracy"), ("balanced accuracy", "balanced_accuracy")):
        series: dict[str, dict[str, float]] = {}
        for rule in _RULES:
            series[f"published, {_WORDS[rule]}"] = {
                t: subject.trials[t]["films"][rule] for t in _IMPLEMENTATIONS
            }
        for rule in _RULES:
            ours = {
                t: measured(subject, t, AS_PRINTED, "test", rule=rule) for t in _IMPLEMENTATIONS
            }
            series[f"ours, {_WORDS[rule]}"] = {
                t: 100 * found.overall[figure].value for t, found in ours.items() if found
            }
        printed = frozenset(name for name in series if name.startswith("published"))
        panels.append(Bars(f"ours: {title}", series, printed))
    return draw_bars(panels, "percent of the test films")
