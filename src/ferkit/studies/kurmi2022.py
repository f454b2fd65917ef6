"""kurmi2022: final accuracies, the classification reports beside chance, the class counts."""

from collections.abc import Iterator, Mapping, Sequence

from ferkit.reports.document import Sheet
from ferkit.studies.cells import (
    COMPARED,
    Style,
    compare,
    metric_name,
    show_count,
    show_difference,
    show_ours,
    show_published,
)
from ferkit.studies.counting import find_counts
from ferkit.studies.document import (
    TO_FILL,
    StudyDocument,
    Subject,
    make_sheet,
    others_sheet,
    runs_sheet,
)
from ferkit.studies.drawings import Bars, Curves, draw_bars, draw_curves, draw_matrices
from ferkit.studies.measures import PER_CLASS
from ferkit.studies.runs import AS_PUBLISHED
from ferkit.studies.tables import (
    counts_rows,
    last_values,
    matrix_columns,
    measured,
    our_matrix_rows,
    precision_cells,
    shares,
)

_TEST = "public_and_private"
_RESULT = Style(published=4, ours=4)
_CODED = "sequential_cnn_as_coded"


def make_document(subject: Subject) -> StudyDocument:
    """Every table of the dissertation with the trials' runs beside it."""
    sheets = [_results(subject), _test(subject), _chance(subject)]
    sheets += [_report(subject, trial) for trial in subject.trials]
    sheets += [_train_report(subject), _confusion(subject), _counts(subject)]
    sheets += [runs_sheet(subject), others_sheet(subject, ("text_and_summary", "live_scale"))]
    return StudyDocument(tuple(sheets), _pictures(subject))


def _results(subject: Subject) -> Sheet:
    columns = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    rows = []
    for trial, variant in subject.rows():
        for number, (column, words, value) in enumerate(_published_results(subject, trial, columns)):
            ours = last_values(subject.runs.of(trial, variant), column)
            rows.append(
                (trial, variant, words, show_published(value, _RESULT),
                 show_ours(ours, _RESULT), show_difference(value, ours, _RESULT),
                 subject.to_fill(trial, variant) if number == 0 else "")
            )  # fmt: skip
    header = ("Trial", "Variant", "Figure", "Published", "Ours, last epoch", "Difference", TO_FILL)
    notes = (
        *subject.caveats(
            "text_and_log", "validated_on_test", "borrowed_metrics", "text_and_summary"
        ),
        f"Only {_CODED} validates on the test set as the published code does; the val of the others "
        "is held out of the training images.",
        *subject.quick(subject.rows()),
    )
    return make_sheet("results", "Loss and accuracy at the end of training", header, rows, notes)


def _published_results(
    subject: Subject, trial: str, columns: Sequence[str]
) -> Iterator[tuple[str, str, float | None]]:
    own = subject.trials.get(trial, {})
    for column in columns:
        words = column.replace("_", " ")
        yield column, words, own.get("results", {}).get(column)
        if column in own.get("text", {}):
            yield column, f"{words}, in the text", own["text"][column]


def _test(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in subject.rows():
        found = measured(subject, trial, variant, _TEST)
        published = subject.trials.get(trial, {}).get("results", {}).get("val_accuracy")
        for number, metric in enumerate(("accuracy", "balanced_accuracy", "macro_f1")):
            ours = found.overall[metric] if found else None
            value = published if metric == "accuracy" else None
            rows.append(
                (trial, variant, metric_name(metric), *compare(value, ours, _RESULT),
                 subject.to_fill(trial, variant, _TEST) if number == 0 else "")
            )  # fmt: skip
    notes = (*subject.caveats("validated_on_test"), *subject.quick(subject.rows()))
    header = ("Trial", "Variant", "Figure", *COMPARED, TO_FILL)
    return make_sheet("test", "The 7,178 test images", header, rows, notes)


def _chance(subject: Subject) -> Sheet:
    reports, rows = subject.published["classification_report"], []
    total = {name: sum(v[3] for v in r["classes"].values()) for name, r in reports.items()}
    for label in subject.labels:
        cells: list[str] = []
        for name in ("test", "train"):
            precision, recall, f1, support = reports[name]["classes"][label]
            cells += [show_count(support), f"{support / total[name]:.2f}"]
            cells += [f"{value:.2f}" for value in (precision, recall, f1)]
        rows.append((label, *cells))
    words = ("faces", "share of the faces", "precision", "recall", "F1")
    columns = ("Class", *(f"{when}: {word}" for when in ("Test", "Train") for word in words))
    return make_sheet(
        "chance", "The published classification reports beside the share of each class", columns,
        rows, subject.caveats("chance_report"),
    )  # fmt: skip


def _report(subject: Subject, trial: str) -> Sheet:
    rows: list[tuple[str, ...]] = []
    variants = subject.runs.variants(trial)
    published = subject.published["classification_report"]["test"]
    for variant in variants:
        rows += _report_rows(subject, trial, variant, _TEST, published["classes"])
    notes = (
        f"Published is the one published report of the test images ({published['place']}); which "
        "network it is of is not said.",
        *subject.caveats("chance_report"),
        *subject.quick((trial, variant) for variant in variants),
    )
    title = f"Classification report of the test images, {published['place']}: {trial}"
    return make_sheet(f"report_{trial}", title, _REPORT, rows, notes)


_REPORT = (
    "Variant", "Class", "Figure", "Faces, published", "Faces, ours", *COMPARED, TO_FILL
)  # fmt: skip


def _report_rows(
    subject: Subject, trial: str, variant: str, view: str, published: Mapping[str, Sequence[float]]
) -> list[tuple[str, ...]]:
    found, rows = measured(subject, trial, variant, view), []
    fill = subject.to_fill(trial, variant, view)
    for label in subject.labels:
        for number, metric in enumerate(PER_CLASS):
            value = published[label][number]
            ours = found.classes[label][metric] if found else None
            cells = list(compare(value, ours))
            if metric == "precision":
                cells[1:] = precision_cells(value, found, label)
            faces = show_count(found.support[label]) if found else ""
            rows.append(
                (
                    variant,
                    label,
                    metric_name(metric),
                    show_count(published[label][3]),
                    faces,
                    *cells,
                    fill,
                )
            )
            fill = ""
    return rows


def _train_report(subject: Subject) -> Sheet:
    published = subject.published["classification_report"]["train"]["classes"]
    rows = _report_rows(subject, _CODED, AS_PUBLISHED, "train", published)
    notes = (*subject.caveats("chance_report"), *subject.quick([(_CODED, AS_PUBLISHED)]))
    title = f"Classification report of the training images: {_CODED}"
    return make_sheet("report_train", title, _REPORT, rows, notes)


def _confusion(subject: Subject) -> Sheet:
    rows: list[tuple[str, ...]] = []
    for trial, variant in subject.rows():
        found = measured(subject, trial, variant, _TEST)
        if found:
            rows += [(*row, "") for row in our_matrix_rows(found, trial, variant)]
        else:
            fill = subject.to_fill(trial, variant, _TEST)
            rows.append((trial, variant, *[""] * (len(subject.labels) + 3), fill))
    columns = ("Trial", "Variant", "True class", *matrix_columns(subject.labels), TO_FILL)
    notes = (
        "Shares of each true class; the true class is in rows. The dissertation prints no matrix.",
        *subject.quick(subject.rows()),
    )
    return make_sheet("confusion", "Confusion matrices of the test images", columns, rows, notes)


def _our_counts(subject: Subject) -> dict[str, dict[str, int] | None]:
    runs = subject.runs.chosen()
    coded = [run for run in runs if run.trial == _CODED]  # its val is the test images
    others = [run for run in runs if run.trial != _CODED]
    found = {
        "train": find_counts(others, ("train", "val"), subject.labels)
        or find_counts(coded, ("train",), subject.labels),
        "test": find_counts(others, ("test",), subject.labels)
        or find_counts(coded, ("val",), subject.labels),
    }
    return {view: counted[1] if counted else None for view, counted in found.items()}


def _counts(subject: Subject) -> Sheet:
    ours, published = _our_counts(subject), subject.published["counts"]
    rows: list[tuple[str, ...]] = []
    for view in ("train", "test"):
        fill = "" if ours[view] else subject.runs.command("sequential_cnn")
        for cells in counts_rows(published[view], ours[view], subject.labels):
            rows.append((view, *cells, fill))
            fill = ""
    columns = ("View", "Class", "Published", "Ours", "Difference", TO_FILL)
    notes = ("Train includes what we hold out of it as val.", *subject.caveats("text_and_summary"),
             *subject.quick(subject.rows()))  # fmt: skip
    return make_sheet("class_counts", "Images of each class", columns, rows, notes)


def _pictures(subject: Subject) -> dict[str, bytes]:
    published = subject.published["counts"]
    made = {
        "class_counts.png": draw_bars(
            [
                Bars(view, {"published": published[view], "ours": ours or {}},
                     frozenset({"published"}))
                for view, ours in _our_counts(subject).items()
            ],
            "images",
        )
    }  # fmt: skip
    matrices = {
        f"{trial}, {variant}": shares(found.confusion)
        for trial, variant in subject.rows()
        if (found := measured(subject, trial, variant, _TEST))
    }
    if matrices:
        made["confusion.png"] = draw_matrices(matrices)
    panels = [
        Curves(subject.name(run), run.record.epochs, _marks(subject, run.trial))
        for run in subject.runs.chosen()
        if "epoch" in run.record.epochs
    ]
    for what in ("loss", "accuracy") if panels else ():
        words = {f"train_{what}": "train", f"val_{what}": "val"}
        made[f"curves_{what}.png"] = draw_curves(panels, words, what)
    return made


def _marks(subject: Subject, trial: str) -> dict[str, list[tuple[float, float]]]:
    at = subject.published["epochs"]
    published = subject.trials.get(trial, {}).get("results", {})
    return {column: [(at, value)] for column, value in published.items()}
