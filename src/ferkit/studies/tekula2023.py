"""tekula2023: what its yaml cannot say: the gain of test-time augmentation, ten epochs, a sweep."""

import numpy as np

from ferkit.evaluation.compare import align
from ferkit.evaluation.intervals import draw_counts, percentile_interval, resampling_units
from ferkit.reports.document import Sheet
from ferkit.studies.case import Case, our_value
from ferkit.studies.cells import Style, show_interval, signed
from ferkit.studies.document import TO_FILL, Subject, make_sheet
from ferkit.studies.measures import Measured
from ferkit.studies.runs import AS_PUBLISHED, StudyRun, eval_command

_RESULT = Style(published=4, ours=4)
_TTA = "random_k"
_SHOWN = 10  # epochs of the log
_EPOCHS = range(1, _SHOWN + 1)


def tta_gain(subject: Subject) -> Sheet:
    """The same network without and with test-time augmentation."""
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
        rows.append(("tta", AS_PUBLISHED, *[""] * 5, "about 0.02", subject.runs.command("tta")))
    columns = (
        "Trial",
        "Variant",
        "Seed",
        "Without",
        "With",
        "Gain",
        "95% interval",
        "Published",
        TO_FILL,
    )
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


def log_epochs(subject: Subject) -> Sheet:
    """The ten epochs of the log, and the last ten of every run."""
    log = subject.published["log"]
    rows = [("published", "", _words(c), *(_show(c, v) for v in vs)) for c, vs in log.items()]
    ran = [pair for pair in subject.rows() if subject.runs.of(*pair)]
    for trial, variant in ran:
        runs = subject.runs.of(trial, variant)
        start = max(min(len(run.record.epochs) for run in runs) - _SHOWN, 0)
        for column in log:
            cases = (Case(trial, variant, curve=column, epoch=start + e) for e in _EPOCHS)
            found = [our_value(case, subject) for case in cases]
            cells = (_show(column, f.value) if f else "" for f in found)
            rows.append((trial, variant, _words(column), *cells))
    columns = ("Whose", "Variant", "Curve", *map(str, _EPOCHS))
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


def sweep(subject: Subject) -> Sheet | None:
    """The best accuracy of every learning rate and batch size; None for fewer than two."""
    rows = [cells for run in subject.runs.every if (cells := _sweep_row(run))]
    if len({row[2:4] for row in rows}) < 2:
        return None
    columns = (
        "Trial",
        "Variant",
        "Learning rate",
        "Batch",
        "Seed",
        "Epochs",
        "Best val accuracy",
        "Folder",
    )
    notes = ("Of every run that was found, also of those that a newer one replaces in the tables.",)
    title = "Learning rate and batch size"
    return make_sheet("sweep", title, columns, sorted(rows), notes)


def _sweep_row(run: StudyRun) -> tuple[str, ...] | None:
    epochs = run.record.epochs
    if "val_accuracy" not in epochs:
        return None
    lr = (run.config.get("optimizer") or {}).get("lr")
    batch = (run.config.get("trainer") or {}).get("batch_size")
    best = f"{epochs['val_accuracy'].max():.4f}"
    return (
        run.trial,
        run.variant,
        str(lr),
        str(batch),
        str(run.seed),
        str(len(epochs)),
        best,
        run.folder.as_posix(),
    )
