"""tekula2023: sizes of the views, the log's ten epochs, what test-time augmentation gains."""

from collections.abc import Sequence

import numpy as np

from ferkit.evaluation.compare import align
from ferkit.evaluation.intervals import draw_counts, percentile_interval, resampling_units
from ferkit.reports.document import Sheet
from ferkit.studies.cells import (
    COMPARED,
    Style,
    compare,
    metric_name,
    show_count,
    show_interval,
    show_ours,
    signed,
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
from ferkit.studies.measures import PER_CLASS, Measured
from ferkit.studies.runs import AS_PUBLISHED, StudyRun, eval_command
from ferkit.studies.tables import (
    compare_counts,
    curves_sheet,
    matrix_columns,
    measured,
    our_matrix_rows,
    shares,
    value_at,
)

_RESULT = Style(published=4, ours=4)
_TTA = "random_k"
_CURVES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


def make_document(subject: Subject) -> StudyDocument:
    """Every table of the report with the trials' runs beside it."""
    sheets = [_test(subject), _gain(subject), _log(subject), _log_epochs(subject)]
    sheets += [_classes(subject), _confusion(subject), _sizes(subject), _counts(subject)]
    sheets += _sweep(subject)
    sheets += [runs_sheet(subject), others_sheet(subject, ("unsaid",))]
    return StudyDocument(tuple(sheets), _pictures(subject))


def _test(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in subject.rows():
        published = subject.trials.get(trial, {}).get("results", {}).get("test_accuracy")
        found = measured(subject, trial, variant, "test")
        for number, metric in enumerate(("accuracy", "balanced_accuracy", "macro_f1")):
            ours = found.overall[metric] if found else None
            value = published if metric == "accuracy" else None
            rows.append(
                (trial, variant, metric_name(metric), show_count(found.n) if found else "",
                 *compare(value, ours, _RESULT),
                 subject.to_fill(trial, variant, "test") if number == 0 else "")
            )  # fmt: skip
    columns = ("Trial", "Variant", "Figure", "Faces, ours", *COMPARED, TO_FILL)
    notes = (*subject.caveats("pooled_split", "short_test"), *subject.quick(subject.rows()))
    return make_sheet("test", "Accuracy on the test view", columns, rows, notes)


def _gain(subject: Subject) -> Sheet:
    rows = []
    for run in subject.runs.chosen():
        pair = {tta: run.predictions("test", tta) for tta in ("none", _TTA)}
        lead = run.trial, run.variant, str(run.seed)
        if any(frame is None for frame in pair.values()):
            fills = [eval_command(run, "test", t) for t, frame in pair.items() if frame is None]
            rows.append((*lead, *[""] * 4, "about 0.02", "; ".join(fills)))
        else:
            rows.append((*lead, *_gain_cells(run), "about 0.02", ""))
    if not rows:
        rows.append(
            ("tta", AS_PUBLISHED, *[""] * 5, "about 0.02", subject.runs.command("tta"))
        )  # fmt: skip
    columns = ("Trial", "Variant", "Seed", "Without", "With", "Gain", "95% interval",
               "Published", TO_FILL)  # fmt: skip
    notes = (
        "The same network on the same rows, without and with the mean of random views; the "
        "interval is of the paired difference.",
        *subject.caveats("gain_over_validation"),
        *subject.quick(subject.rows()),
    )
    title = "What test-time augmentation gains in accuracy"
    return make_sheet("tta_gain", title, columns, rows, notes)


def _gain_cells(run: StudyRun) -> tuple[str, str, str, str]:
    without, with_tta = (run.predictions("test", tta) for tta in ("none", _TTA))
    assert without is not None and with_tta is not None
    left, right = align(without, with_tta)
    hits = [np.asarray(f["label"] == f["predicted"], dtype=float) for f in (left, right)]
    units = resampling_units(left)
    gains = np.bincount(units.class_ids, hits[1] - hits[0], units.count)
    sizes = np.bincount(units.class_ids, minlength=units.count)
    drawn = [d @ np.stack([gains, sizes], 1) for d in draw_counts(units.count, 1000, seed=0)]
    sums = np.concatenate(drawn)  # [1000, 2]
    span = percentile_interval(sums[:, 0] / sums[:, 1]) if units.count > 1 else None
    before, after = (float(h.mean()) for h in hits)
    shown = show_interval(Measured(after - before, (span[0], span[1]) if span else None), _RESULT)
    return f"{before:.4f}", f"{after:.4f}", signed(after - before, 4), shown


def _log(subject: Subject) -> Sheet:
    shown = [c for c in subject.published["log"] if c in _CURVES]
    ends = {c: (subject.published["log"][c][0], subject.published["log"][c][-1]) for c in shown}
    lines = dict.fromkeys(subject.trials, ends)
    notes = (
        "Published are the first and the last of the ten epochs that the log shows; which network "
        "it is of, and whether epochs came before, is not said. Ours are the first and the last "
        "of the last ten epochs of the run.",
        *subject.caveats("pooled_split", "unsaid"),
    )
    title = f"First and last epoch of the log, {subject.published['places']['log']}"
    return curves_sheet(subject, "log", title, lines, notes, last=10)


def _log_epochs(subject: Subject) -> Sheet:
    log = subject.published["log"]
    rows = [("published", "", _words(c), *(_show(c, v) for v in vs)) for c, vs in log.items()]
    ran = [pair for pair in subject.rows() if subject.runs.of(*pair)]
    for trial, variant in ran:
        runs = subject.runs.of(trial, variant)
        start = max(min(len(run.record.epochs) for run in runs) - 10, 0)
        for column in log:
            found = [value_at(runs, column, start + e) for e in range(1, 11)]
            cells = (_show(column, f.value) if f else "" for f in found)
            rows.append((trial, variant, _words(column), *cells))
    columns = ("Whose", "Variant", "Curve", *map(str, range(1, 11)))
    notes = (
        "Ours are the last ten epochs of a run, the mean over its seeds; seconds are those of the "
        "machine at hand.",
        *subject.quick(ran),
    )
    title = f"The log's ten epochs, {subject.published['places']['log']}"
    return make_sheet("log_epochs", title, columns, rows, notes)


def _words(column: str) -> str:
    return "seconds an epoch" if column == "seconds" else column.replace("_", " ")


def _show(column: str, value: float) -> str:
    return f"{value:.0f}" if column == "seconds" else f"{value:.4f}"


def _classes(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in subject.rows():
        found = measured(subject, trial, variant, "test")
        fill = subject.to_fill(trial, variant, "test")
        for label in subject.labels if found else ("",):
            cells: list[str] = [show_count(found.support[label])] if found else [""]
            for metric in PER_CLASS:
                ours = found.classes[label][metric] if found else None
                cells += [show_ours(ours), show_interval(ours)]
            rows.append((trial, variant, label, *cells, fill))
    words = [word for f in ("Precision", "Recall", "F1") for word in (f, f"{f}: 95% interval")]
    columns = ("Trial", "Variant", "Class", "Faces", *words, TO_FILL)
    notes = ("The report prints no metrics of single classes.", *subject.quick(subject.rows()))
    return make_sheet("per_class", "The test view class by class, ours", columns, rows, notes)


def _confusion(subject: Subject) -> Sheet:
    rows: list[tuple[str, ...]] = []
    for trial, variant in subject.rows():
        found = measured(subject, trial, variant, "test")
        if found:
            rows += [(*row, "") for row in our_matrix_rows(found, trial, variant)]
        else:
            fill = subject.to_fill(trial, variant, "test")
            rows.append((trial, variant, *[""] * (len(subject.labels) + 3), fill))
    columns = ("Trial", "Variant", "True class", *matrix_columns(subject.labels), TO_FILL)
    notes = (
        "Shares of each true class; the true class is in rows. The report's own matrices are drawn "
        "only.",
        *subject.quick(subject.rows()),
    )
    return make_sheet("confusion", "Confusion matrices of the test view", columns, rows, notes)


def _sizes(subject: Subject) -> Sheet:
    rows = []
    for variant in subject.runs.variants("base"):
        ours = _view_counts(subject, variant)
        for view, published in subject.published["view_sizes"].items():
            count = sum(ours[view].values()) if view in ours else None
            fill = "" if ours.get(view) else subject.runs.command("base", variant)
            rows.append((variant, view, *compare_counts(published, count), fill))
    columns = ("Variant", "View", "Published", "Ours", "Difference", TO_FILL)
    notes = (*subject.caveats("pooled_split"), *subject.quick(subject.rows()))
    return make_sheet("view_sizes", "Images of each view", columns, rows, notes)


def _view_counts(subject: Subject, variant: str) -> dict[str, dict[str, int]]:
    # the trials of a variant share its split, so any of them counts
    runs = [run for run in subject.runs.chosen() if run.variant == variant]
    found = {view: find_counts(runs, (view,), subject.labels) for view in ("train", "val", "test")}
    return {view: counted[1] for view, counted in found.items() if counted}


def _counts(subject: Subject) -> Sheet:
    rows = []
    for variant in subject.runs.variants("base"):
        ours = _view_counts(subject, variant)
        for view in ("train", "val", "test"):
            counts = ours.get(view, {})
            fill = "" if counts else subject.runs.command("base", variant)
            cells = (show_count(counts.get(label)) for label in subject.labels)
            rows.append((variant, view, *cells, show_count(sum(counts.values()) or None), fill))
    columns = ("Variant", "View", *subject.labels, "Total", TO_FILL)
    notes = ("The report draws the classes of train and test and prints no counts.",
             *subject.quick(subject.rows()))  # fmt: skip
    return make_sheet("class_counts", "Images of each class, ours", columns, rows, notes)


def _sweep(subject: Subject) -> list[Sheet]:
    rows = [cells for run in subject.runs.every if (cells := _sweep_row(run))]
    if len({row[2:4] for row in rows}) < 2:
        return []
    columns = ("Trial", "Variant", "Learning rate", "Batch", "Seed", "Epochs",
               "Best val accuracy", "Folder")  # fmt: skip
    notes = ("Of every run that was found, also of those that a newer one replaces in the tables.",)
    title = "Learning rate and batch size"
    return [make_sheet("sweep", title, columns, sorted(rows), notes)]


def _sweep_row(run: StudyRun) -> tuple[str, ...] | None:
    epochs = run.record.epochs
    if "val_accuracy" not in epochs:
        return None
    lr = (run.config.get("optimizer") or {}).get("lr")
    batch = (run.config.get("trainer") or {}).get("batch_size")
    best = f"{epochs['val_accuracy'].max():.4f}"
    return (run.trial, run.variant, str(lr), str(batch), str(run.seed), str(len(epochs)), best,
            run.folder.as_posix())  # fmt: skip


def _pictures(subject: Subject) -> dict[str, bytes]:
    made = {}
    for variant in subject.runs.variants("base", run=True):
        if counts := _view_counts(subject, variant):
            bars = [Bars(f"{v}, {variant}", {"ours": counts.get(v, {})}) for v in ("train", "test")]
            made[f"class_counts_{variant}.png"] = draw_bars(bars, "images")
    matrices = {
        f"{trial}, {variant}": shares(found.confusion)
        for trial, variant in subject.rows()
        if (found := measured(subject, trial, variant, "test"))
    }
    if matrices:
        made["confusion.png"] = draw_matrices(matrices)
    return made | _draw_curves([r for r in subject.runs.chosen() if "epoch" in r.record.epochs],
                               subject)  # fmt: skip


def _draw_curves(runs: Sequence[StudyRun], subject: Subject) -> dict[str, bytes]:
    made = {}
    panels = []
    for run in runs:
        start = max(int(run.record.epochs["epoch"].max()) - 9, 1)
        published = {c: list(enumerate(v, start)) for c, v in subject.published["log"].items()}
        panels.append(Curves(subject.name(run), run.record.epochs, published))
    for what in ("loss", "accuracy") if panels else ():
        words = {f"train_{what}": "train", f"val_{what}": "val"}
        made[f"curves_{what}.png"] = draw_curves(panels, words, what)
    return made
