"""athanasiadis2022: videos by majority vote and by mean scores, under four implementations."""

from collections.abc import Sequence
from itertools import product
from typing import get_args

from ferkit.evaluation.videos import Rule
from ferkit.reports.document import Sheet
from ferkit.studies.athanasiadis2022_counts import video_counts, frame_counts
from ferkit.studies.cells import (
    COMPARED,
    PERCENT,
    compare,
    show_count,
    show_interval,
    show_ours,
)
from ferkit.studies.document import (
    TO_FILL,
    StudyDocument,
    Subject,
    make_sheet,
    others_sheet,
    runs_sheet,
)
from ferkit.studies.drawings import Bars, Curves, draw_bars, draw_curves, draw_matrices
from ferkit.studies.runs import AS_PUBLISHED, StudyRun
from ferkit.studies.tables import (
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
    sheets = [_videos(subject), _classes(subject), _confusion(subject), _frames(subject)]
    sheets += [video_counts(subject, _IMPLEMENTATIONS), frame_counts(subject, _IMPLEMENTATIONS)]
    sheets += [runs_sheet(subject)]
    sheets += [others_sheet(subject, ("participants", "mistyped_mean", "smaller_layer"))]
    return StudyDocument(tuple(sheets), _pictures(subject))


def _pairs(subject: Subject) -> list[tuple[str, str]]:
    return [(t, v) for t, v in subject.rows() if t in _IMPLEMENTATIONS]


def _videos(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in _pairs(subject):
        for rule in _RULES:
            found = measured(subject, trial, variant, "test", rule=rule)
            overall = found.overall if found else {}
            accuracy, balanced = (overall.get(f) for f in ("accuracy", "balanced_accuracy"))
            published = subject.trials[trial]["videos"].get(rule)
            rows.append(
                (trial, variant, _WORDS[rule], *compare(published, accuracy, PERCENT),
                 *compare(published, balanced, PERCENT)[1:],
                 subject.to_fill(trial, variant, "test") if rule == _RULES[0] else "")
            )  # fmt: skip
    columns = (
        "Implementation", "Variant", "Video by", "Published", "Our accuracy", "95% interval",
        "Difference", "Our balanced accuracy", "95% interval of it", "Difference of it", TO_FILL,
    )  # fmt: skip
    notes = (
        *(f"{t}: {subject.trials[t]['what']}." for t in _IMPLEMENTATIONS),
        *subject.caveats("average_accuracy", "epoch_by_eye", "smaller_layer"),
        *subject.quick(_pairs(subject)),
    )
    title = "Test videos in percent: majority vote against mean scores"
    return make_sheet("videos", title, columns, rows, notes)


def _classes(subject: Subject) -> Sheet:
    rows = []
    pairs = [(t, v) for t in _IMPLEMENTATIONS for v in subject.runs.variants(t, run=True)]
    for trial, variant in pairs:
        fill = subject.to_fill(trial, variant, "test")
        for label, rule in product(subject.labels, (None, *_RULES)):
            published = _published_of(subject.trials[trial]["classes"].get(label), rule)
            if rule is None and published is None:
                continue
            found = measured(subject, trial, variant, "test", rule=rule) if rule else None
            ours = found.classes[label]["recall"] if found else None
            cells = compare(published, ours, PERCENT)
            faces = show_count(found.support[label]) if found else ""
            words = _WORDS[rule] if rule else "not said"
            rows.append((trial, variant, label, words, faces, *cells, fill))
            fill = ""
    notes = (
        "The text calls these accuracies of a class and names some alone; ours are the share of "
        "the class' videos that is right (recall).",
        *subject.caveats("rule_not_said", "average_accuracy"),
        *subject.quick(pairs),
    )
    columns = ("Implementation", "Variant", "Class", "Video by", "Videos, ours", *COMPARED, TO_FILL)
    return make_sheet("classes", "Test videos of each class in percent", columns, rows, notes)


def _published_of(named: list[float] | float | None, rule: Rule | None) -> float | None:
    # two metrics are of the two rules; one is of a rule that is not said
    if isinstance(named, list):
        return named[_RULES.index(rule)] if rule else None
    return None if rule else named


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
    columns = ("Implementation", "Variant", "Video by", "True class",
               *matrix_columns(subject.labels), TO_FILL)  # fmt: skip
    notes = (
        "Shares of each true class; the true class is in rows. The thesis' own matrices are drawn "
        "only.",
        *subject.quick(_pairs(subject)),
    )
    return make_sheet("confusion", "Confusion matrices of the test videos", columns, rows, notes)


def _frames(subject: Subject) -> Sheet:
    rows = []
    for trial, variant in subject.rows():
        found = subject.runs.of(trial, variant)
        views = [v for v in ("val", "test") if any(v in run.views for run in found)] or ["test"]
        for view in views:
            labels = None if trial in _IMPLEMENTATIONS else _outputs(found)
            metrics = measured(subject, trial, variant, view, labels)
            overall = metrics.overall if metrics else {}
            cells = [
                cell
                for f in ("accuracy", "balanced_accuracy", "macro_f1")
                for cell in (show_ours(overall.get(f), PERCENT),
                             show_interval(overall.get(f), PERCENT))
            ]  # fmt: skip
            rows.append(
                (trial, variant, view, show_count(metrics.n if metrics else None), *cells,
                 subject.to_fill(trial, variant, view))
            )  # fmt: skip
    words = [w for f in ("Accuracy", "Balanced accuracy", "Macro F1") for w in
             (f, f"{f}: 95% interval")]  # fmt: skip
    columns = ("Trial", "Variant", "View", "Rows, ours", *words, TO_FILL)
    notes = (
        "Row by row as the network answers: a frame for the implementations, a video for frame "
        "attention, a face for ferplus_resnet18; in percent.",
        *subject.caveats("frames_and_videos", "other_network"),
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


def _pictures(subject: Subject) -> dict[str, bytes]:
    made = {"majority_vote_and_mean_scores.png": _draw_rules(subject)}
    for trial, variant in _pairs(subject):
        found = {rule: measured(subject, trial, variant, "test", rule=rule) for rule in _RULES}
        shown = {
            f"{trial}, {variant}: {_WORDS[rule]}": shares(metrics.confusion)
            for rule, metrics in found.items()
            if metrics
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
    for title, metric in (("accuracy", "accuracy"), ("balanced accuracy", "balanced_accuracy")):
        series: dict[str, dict[str, float]] = {}
        for rule in _RULES:
            series[f"published, {_WORDS[rule]}"] = {
                t: subject.trials[t]["videos"][rule] for t in _IMPLEMENTATIONS
            }
        for rule in _RULES:
            ours = {
                t: measured(subject, t, AS_PUBLISHED, "test", rule=rule) for t in _IMPLEMENTATIONS
            }
            series[f"ours, {_WORDS[rule]}"] = {
                t: 100 * found.overall[metric].value for t, found in ours.items() if found
            }
        published = frozenset(name for name in series if name.startswith("published"))
        panels.append(Bars(f"ours: {title}", series, published))
    return draw_bars(panels, "percent of the test videos")
