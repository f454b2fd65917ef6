"""balanescu2020: precision per class of eleven trials on three test sets, and its matrices."""

from collections.abc import Mapping, Sequence
from typing import Any

from ferkit.reports.document import Sheet
from ferkit.studies.balanescu2020_data import (
    SETS,
    Results,
    measure_trials,
    published_matrices,
    training_counts,
)
from ferkit.studies.balanescu2020_pictures import draw_pictures
from ferkit.studies.cells import (
    COMPARED,
    compare,
    show_count,
    show_interval,
    show_ours,
    show_published,
)
from ferkit.studies.document import (
    TO_FILL,
    StudyDocument,
    Subject,
    make_sheet,
    others_sheet,
    runs_sheet,
)
from ferkit.studies.tables import (
    left_out_notes,
    matrix_columns,
    matrix_rows,
    our_matrix_rows,
    precision_cells,
)

_COPIES = ("trial08", "trial10")


def make_document(subject: Subject) -> StudyDocument:
    """Every table of the report with the trials' runs beside it."""
    results = measure_trials(subject)
    sheets = [_validation(results), _ckplus(results), _fer2013(results)]
    sheets += [_precision(results, trial) for trial in subject.trials]
    sheets += [_confusion(results, t) for t, own in subject.trials.items() if "confusion" in own]
    sheets += [_counts(subject), runs_sheet(subject), others_sheet(subject)]
    return StudyDocument(tuple(sheets), draw_pictures(results))


def _rows(results: Results) -> list[tuple[str, str, Mapping[str, Any]]]:
    trials = results.subject.trials
    return [(t, variant, trials[t]) for t, variant in results.subject.rows() if t in trials]


def _validation(results: Results) -> Sheet:
    rows = []
    for trial, variant, own in _rows(results):
        found = results.of(trial, variant, "val")
        ours = found.overall["accuracy"] if found else None
        rows.append(
            (trial, variant, own["loss"], str(own["learning_rate"]),
             *compare(own["validation_accuracy"], ours),
             results.subject.to_fill(trial, variant, "val"))
        )  # fmt: skip
    columns = ("Trial", "Variant", "Loss", "Learning rate", *COMPARED, TO_FILL)
    notes = (
        "Accuracy on the validation fifth of the training images. Ours is of the epoch that this "
        "very view chose.",
        *results.subject.caveats("learning_rate", "copies_across_split", "trained_on_tests",
                                "trial_11_images"),
        *results.subject.quick(results.subject.rows()),
    )  # fmt: skip
    return make_sheet("validation", "Validation accuracy of the trials", columns, rows, notes)


def _ckplus(results: Results) -> Sheet:
    rows = []
    for trial, variant, own in _rows(results):
        found = results.of(trial, variant, "ckplus")
        overall = found.overall if found else {}
        accuracy = overall.get("accuracy")
        rows.append(
            (trial, variant, *compare(own["ckplus_called_accuracy"],
                                      overall.get("weighted_precision")),
             show_ours(accuracy), show_interval(accuracy),
             results.subject.to_fill(trial, variant, "ckplus"))
        )  # fmt: skip
    columns = ("Trial", "Variant", *COMPARED, "Our accuracy", "95% interval of it", TO_FILL)
    notes = (
        *results.subject.caveats("precision_called_accuracy", "learning_rate"),
        *_left_out(results, "ckplus"),
        *results.subject.quick(results.subject.rows()),
    )
    title = "CK+: weighted precision, which the report calls accuracy"
    return make_sheet("ckplus", title, columns, rows, notes)


def _left_out(results: Results, view: str) -> tuple[str, ...]:
    return left_out_notes(
        {f"{t}, {variant}": results.of(t, variant, view) for t, variant, _ in _rows(results)}
    )


def _fer2013(results: Results) -> Sheet:
    rows = []
    for trial, variant, own in _rows(results):
        for view in [view for view in ("public", "private") if view in own["precision"]]:
            found = results.of(trial, variant, view)
            overall = found.overall if found else {}
            accuracy = overall.get("accuracy")
            published = own["precision"][view]["weighted"]
            rows.append(
                (trial, variant, view, *compare(published, overall.get("weighted_precision")),
                 show_ours(accuracy), show_interval(accuracy),
                 results.subject.to_fill(trial, variant, view))
            )  # fmt: skip
    columns = ("Trial", "Variant", "Test set", *COMPARED, "Our accuracy", "95% interval of it",
               TO_FILL)  # fmt: skip
    notes = (
        "Trial 1 has no table: it trained on images of both sets.",
        *results.subject.caveats("private_supports"),
        *results.subject.quick(results.subject.rows()),
    )
    return make_sheet("fer2013", "FER-2013's two test sets: weighted precision", columns, rows,
                      notes)  # fmt: skip


def _precision(results: Results, trial: str) -> Sheet:
    subject, own = results.subject, results.subject.trials[trial]
    variants = subject.runs.variants(trial, run=True)
    rows = [
        row
        for view, published in own["precision"].items()
        for variant in variants
        for row in _precision_rows(results, trial, variant, view, published)
    ]
    columns: Sequence[str] = (
        "Variant", "Table", "Test set", "Class", "Faces, published", "Faces, ours", *COMPARED,
        TO_FILL,
    )  # fmt: skip
    if len(variants) == 1:
        columns, rows = columns[1:], [row[1:] for row in rows]
    notes = [*subject.quick((trial, v) for v in variants)]
    notes += subject.caveats("private_supports") if "private" in own["precision"] else ()
    notes += subject.caveats("trained_on_tests") if trial == "trial01" else ()
    notes += subject.caveats("copies_across_split") if trial in _COPIES else ()
    notes += subject.caveats("trial_11_images") if trial == "trial11" else ()
    numbers = [published["place"].removeprefix("table ") for published in own["precision"].values()]
    span = " to ".join(dict.fromkeys((numbers[0], numbers[-1])))
    title = f"Trial {int(trial[5:])}: precision of each class, table {span}"
    return make_sheet(f"{trial}_precision", title, columns, rows, notes)


def _precision_rows(
    results: Results, trial: str, variant: str, view: str, published: Mapping[str, Any]
) -> list[tuple[str, ...]]:
    subject, supports = results.subject, results.subject.published["supports"][view]
    found = results.of(trial, variant, view)
    fill = subject.to_fill(trial, variant, view)
    lead = variant, published["place"].removeprefix("table "), SETS[view]
    rows: list[tuple[str, ...]] = []
    for label, value in published["classes"].items():
        faces = show_count(found.support[label]) if found else ""
        cells = show_published(value), *precision_cells(value, found, label)
        rows.append((*lead, label, show_count(supports[label]), faces, *cells, fill))
        fill = ""
    cells = compare(published["weighted"], found.overall["weighted_precision"] if found else None)
    total = show_count(sum(supports[label] for label in published["classes"]))
    ours = show_count(sum(found.support[label] for label in published["classes"])) if found else ""
    return [*rows, (*lead, "weighted mean", total, ours, *cells, "")]


def _confusion(results: Results, trial: str) -> Sheet:
    subject, own = results.subject, results.subject.trials[trial]
    labels, rows = own["labels"], []
    variants = subject.runs.variants(trial, run=True)
    for view, frame in published_matrices(own).items():
        lead = own["confusion"][view]["place"].removeprefix("table "), view
        rows += [(*row, "") for row in matrix_rows(frame, *lead, "published")]
        for variant in variants:
            found, whose = results.of(trial, variant, view), f"ours, {variant}"
            if found:
                made = our_matrix_rows(found, *lead, whose, published=frame)
                rows += [(*row, "") for row in made]
            else:
                fill = subject.to_fill(trial, variant, view)
                rows.append((*lead, whose, *[""] * (len(labels) + 3), fill))
    notes = ["Shares of each true class; the true class is in rows, the predicted in columns."]
    notes += subject.caveats("disgust_row") if trial == "trial08" else ()
    notes += subject.quick((trial, v) for v in variants)
    columns = ("Table", "Test set", "Whose", "True class", *matrix_columns(labels), TO_FILL)
    title = f"Trial {int(trial[5:])}: confusion matrices"
    return make_sheet(f"{trial}_confusion", title, columns, rows, notes)


def _counts(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in subject.rows():
        ours = training_counts(subject, trial, variant)
        own = subject.trials.get(trial, {})
        rows.append(
            (trial, variant, own.get("train", ""),
             *(show_count(ours.get(c)) for c in subject.labels),
             show_count(sum(ours.values()) or None), show_count(own.get("images")),
             subject.to_fill(trial, variant))
        )  # fmt: skip
    columns = ("Trial", "Variant", "Trained on, published", *subject.labels, "Images, ours",
               "Images, published", TO_FILL)  # fmt: skip
    notes = (
        "Training and validation images together, as the trial splits them 80/20; the report's "
        "figure 5.9 draws the classes and prints no counts.",
        *subject.caveats("trial_11_images"),
        *subject.quick(subject.rows()),
    )
    return make_sheet("class_counts", "Images of each class", columns, rows, notes)
