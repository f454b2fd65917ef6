"""ghafourian2021: precision of each class before and after SMOTETomek, and its curves."""

from collections.abc import Mapping
from typing import Any

from ferkit.reports.document import Sheet
from ferkit.studies.cells import (
    COMPARED,
    PERCENT,
    Style,
    compare,
    show_interval,
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
from ferkit.studies.measures import ViewMetrics
from ferkit.studies.runs import AS_PUBLISHED
from ferkit.studies.tables import (
    counts_rows,
    curves_sheet,
    measured,
    precision_cells,
    shares,
    value_at,
)

_NETWORKS = {"vgg16": "VGG-16", "resnet50": "ResNet-50"}
_PRECISION, _ACCURACY = Style(published=8), Style(published=4)
_TO_OURS = {"test_loss": "val_loss", "test_accuracy": "val_accuracy"}


def make_document(subject: Subject) -> StudyDocument:
    """Every table of the thesis with the trials' runs beside it."""
    sheets = [_accuracy(subject)]
    for network in _NETWORKS:
        variants = {v for t in _pair(network) for v in subject.runs.variants(t, run=True)}
        ordered = [AS_PUBLISHED, *sorted(variants - {AS_PUBLISHED})]
        sheets += [_precision(subject, network, variant) for variant in ordered]
    sheets += [_predicted(subject), _curves(subject), _points(subject), _counts(subject)]
    sheets += [*_matrices(subject)]
    sheets += [runs_sheet(subject), others_sheet(subject, ("unsaid",))]
    return StudyDocument(tuple(sheets), _pictures(subject))


def _pair(network: str) -> tuple[str, str]:
    return network, f"{network}_smotetomek"


def _view(trial: str, variant: str) -> str:
    # as published, the metrics after SMOTETomek are over a test set that it resampled too
    resampled = trial.endswith("smotetomek") and variant == AS_PUBLISHED
    return "resampled_test" if resampled else "test"


def _metrics(subject: Subject, trial: str, variant: str) -> ViewMetrics | None:
    return measured(subject, trial, variant, _view(trial, variant))


def _accuracy(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in subject.rows():
        published = subject.trials.get(trial, {}).get("curves", {}).get("test_accuracy", (None,))[-1]
        for view in dict.fromkeys((_view(trial, variant), "test")):
            found = measured(subject, trial, variant, view)
            value = published if view == _view(trial, variant) else None
            overall = found.overall if found else {}
            balanced = overall.get("balanced_accuracy")
            rows.append(
                (trial, variant, view.replace("_", " "),
                 *compare(value, overall.get("accuracy"), _ACCURACY),
                 show_ours(balanced), show_interval(balanced),
                 subject.to_fill(trial, variant, view))
            )  # fmt: skip
    columns = ("Trial", "Variant", "Test set", *COMPARED, "Our balanced accuracy",
               "95% interval of it", TO_FILL)  # fmt: skip
    notes = (
        *subject.caveats("resnet_falls", "copies_across_split"),
        "Published is the last value of the published curve. As published, the metrics after "
        "SMOTETomek are over a test set that it had balanced: ours are given over such a set "
        "(resampled test) and over the real faces alone (test).",
        *subject.quick(subject.rows()),
    )
    return make_sheet("accuracy", "Accuracy on the test set", columns, rows, notes)


def _precision(subject: Subject, network: str, variant: str) -> Sheet:
    before, after = _pair(network)
    found = {trial: _metrics(subject, trial, variant) for trial in (before, after)}
    fills = [subject.to_fill(t, variant, _view(t, variant)) for t in (before, after)]
    rows = []
    for number, label in enumerate(subject.labels):
        cells: list[str] = []
        for trial, metrics in found.items():
            published = subject.trials[trial]["precision"][label]
            cells += [show_published(published, _PRECISION)]
            cells += precision_cells(published, metrics, label, _PRECISION)
        fill = "; ".join(filter(None, fills)) if number == 0 else ""
        rows.append((label, *cells, fill))
    columns = [f"{when}: {word.lower()}" for when in ("Before", "After") for word in COMPARED]
    notes = (
        *subject.caveats("precision_called_accuracy"),
        *(() if variant == AS_PUBLISHED else subject.caveats("copies_across_split")),
        *subject.quick((t, variant) for t in (before, after)),
    )
    said = "" if variant == AS_PUBLISHED else f", variant {variant}"
    return make_sheet(
        f"precision_{network}" + ("" if variant == AS_PUBLISHED else f"_{variant}"),
        f"{_NETWORKS[network]}: precision of each class before and after SMOTETomek, "
        f"{subject.published['places']['precision']}{said}",
        ("Class", *columns, TO_FILL),
        rows,
        notes,
    )


def _predicted(subject: Subject) -> Sheet:
    rows = []
    for network, name in _NETWORKS.items():
        trial = _pair(network)[1]
        found, published = _metrics(subject, trial, AS_PUBLISHED), subject.trials[trial]
        ours = dict(found.predicted) if found else None
        fill = subject.to_fill(trial, AS_PUBLISHED, _view(trial, AS_PUBLISHED))
        counted = counts_rows(published["predicted"], ours, subject.labels)
        for number, (label, *cells) in enumerate(counted):
            share = published["precision"].get(label)
            hits = published["predicted"][label] * share if share else None
            rows.append(
                (name, label, *cells, "" if hits is None else f"{hits:,.2f}",
                 fill if number == 0 else "")
            )  # fmt: skip
    columns = ("Network", "Class", "Published", "Ours", "Difference",
               "Published precision x count", TO_FILL)  # fmt: skip
    trials = [(_pair(network)[1], AS_PUBLISHED) for network in _NETWORKS]
    notes = (*subject.caveats("predicted_not_present"), *subject.quick(trials))
    title = f"Predictions of each class, {subject.published['places']['predicted']}"
    return make_sheet("predicted_counts", title, columns, rows, notes)


def _lines(published: Mapping[str, Any]) -> dict[str, Any]:
    return {_TO_OURS.get(column, column): ends for column, ends in published["curves"].items()}


def _curves(subject: Subject) -> Sheet:
    lines = {trial: _lines(published) for trial, published in subject.trials.items()}
    notes = (
        "The published value measures its test set at every epoch and has no validation set; ours under val "
        "is a tenth of the training images.",
        *subject.caveats("unsaid"),
    )
    return curves_sheet(subject, "curves", "First and last values of the curves", lines, notes)


def _points(subject: Subject) -> Sheet:
    rows = []
    for trial, own in subject.trials.items():
        for variant in subject.runs.variants(trial) if "points" in own else ():
            runs, fill = subject.runs.of(trial, variant), subject.to_fill(trial, variant)
            for column, published in own["points"].items():
                ours = _TO_OURS.get(column, column)
                for epoch, value in published.items():
                    cells = compare(value, value_at(runs, ours, max(epoch, 1)), PERCENT)
                    words = ours.replace("_", " ")
                    rows.append((trial, variant, words, str(epoch), *cells[:2], cells[3], fill))
                    fill = ""
    columns = ("Trial", "Variant", "Curve", "Epoch", "Published", "Ours", "Difference", TO_FILL)
    notes = (
        "In percent. The published value has no validation set: its test is set beside our val, as above.",
        *subject.caveats("epochs_of_the_text"),
        *subject.quick(subject.rows()),
    )
    title = "Accuracies that the text names on its curves"
    return make_sheet("curve_points", title, columns, rows, notes)


def _counts(subject: Subject) -> Sheet:
    published, rows, used = subject.published["counts"], [], []
    variants = dict.fromkeys(variant for _, variant in subject.rows())
    for variant in variants:
        runs = [run for run in subject.runs.chosen() if run.variant == variant]
        for view, parts in {"train": ("train", "val"), "test": ("test",)}.items():
            run, ours = find_counts(runs, parts, subject.labels) or (None, None)
            used += [(run.trial, variant)] if run else []
            lead = (run.trial if run else "vgg16"), variant, view
            fill = "" if run else subject.runs.command("vgg16", variant)
            for cells in counts_rows(published[view], ours, subject.labels):
                rows.append((*lead, *cells, fill))
                fill = ""
    columns = ("Trial", "Variant", "View", "Class", "Published", "Ours", "Difference", TO_FILL)
    notes = (
        "Ours are counts before any resampling, of any trial that ran; train includes the images "
        "held out as val.",
        *subject.caveats("copies_across_split"),
        *subject.quick(used),
    )
    return make_sheet("class_counts", f"Images of each class, {published['place']}", columns, rows,
                      notes)  # fmt: skip


def _matrices(subject: Subject) -> list[Sheet]:
    rows = []
    for trial, variant in subject.rows():
        found = _metrics(subject, trial, variant)
        lead = trial, variant, _view(trial, variant).replace("_", " ")
        if found is None:
            fill = subject.to_fill(trial, variant, _view(trial, variant))
            rows.append((*lead, *[""] * (len(subject.labels) + 1), fill))
            continue
        turned = shares(found.confusion).T.reindex(list(subject.labels))
        for name, values in turned.iterrows():
            rows.append((*lead, str(name), *(f"{v:.2f}" for v in values), ""))
    columns = ("Trial", "Variant", "Test set", "Predicted", *subject.labels, TO_FILL)
    notes = (
        "Turned as in the thesis: the actual class in columns, the predicted in rows. Each column "
        "holds the shares of one actual class. The thesis' own matrices are drawn only.",
        *subject.quick(subject.rows()),
    )
    return [make_sheet("confusion", "Confusion matrices", columns, rows, notes)]


def _pictures(subject: Subject) -> dict[str, bytes]:
    made = {"precision_before_and_after.png": draw_bars(_bars(subject), "precision")}
    for network, name in _NETWORKS.items():
        shown = {}
        for when, trial in zip(("before", "after"), _pair(network), strict=True):
            for variant in subject.runs.variants(trial, run=True):
                if found := _metrics(subject, trial, variant):
                    turned = shares(found.confusion).T.reindex(list(subject.labels))
                    shown[f"{name} {when}, {variant}"] = turned
        if shown:
            made[f"confusion_{network}.png"] = draw_matrices(
                shown, down="predicted", across="actual"
            )
    return made | _draw_curves(subject)


def _bars(subject: Subject) -> list[Bars]:
    panels = []
    for network, name in _NETWORKS.items():
        pair = dict(zip(("before", "after"), _pair(network), strict=True))
        published = {
            f"published, {when}": subject.trials[trial]["precision"] for when, trial in pair.items()
        }
        ours = {}
        for when, trial in pair.items():
            found = _metrics(subject, trial, AS_PUBLISHED)
            ours[f"ours, {when}"] = (
                {c: found.classes[c]["precision"].value for c in subject.labels} if found else {}
            )
        panels.append(Bars(f"{name}, as published", published | ours, frozenset(published)))
    return panels


def _draw_curves(subject: Subject) -> dict[str, bytes]:
    panels = [
        Curves(subject.name(run), run.record.epochs, _marks(subject, run.trial))
        for run in subject.runs.chosen()
        if "epoch" in run.record.epochs and run.trial in subject.trials
    ]
    if not panels:
        return {}
    return {
        f"curves_{what}.png": draw_curves(
            panels, {f"train_{what}": "train", f"val_{what}": "val (published: test)"}, what
        )
        for what in ("loss", "accuracy")
    }


def _marks(subject: Subject, trial: str) -> dict[str, list[tuple[float, float]]]:
    at = (1, int(subject.published["epochs"]))
    own, marks = subject.trials[trial], {}
    for column, ends in _lines(own).items():
        marks[column] = {e: v for e, v in zip(at, ends, strict=True) if v is not None}
    for column, points in own.get("points", {}).items():
        there = marks[_TO_OURS.get(column, column)]
        marks[_TO_OURS.get(column, column)] = {
            max(e, 1): v / 100 for e, v in points.items()
        } | there
    return {column: sorted(values.items()) for column, values in marks.items()}
