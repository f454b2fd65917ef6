"""The tables of a comparison: mean and spread over seeds, differences, tests, every run."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from ferkit.evaluation.intervals import percentile_interval
from ferkit.evaluation.seeds import (
    CORRECTIONS,
    RECALL,
    Difference,
    Measured,
    benjamini_hochberg,
    difference,
    holm,
    mcnemar_over_seeds,
)
from ferkit.reports.comparison.disagreements import disagreement_notes
from ferkit.reports.comparison.methods import Method, plain_name
from ferkit.reports.document import Sheet
from ferkit.reports.tables import METRIC_NAMES, format_metric

NONE = "—"
_MATRIX = 12  # methods up to which every pair is shown
_SEEDS = "Mean ± sample standard deviation over seeds; from one run no spread is given."
_TIES = (
    "Tie: the 95% interval holds 0. It is of the paired difference of the means over seeds, from "
    "resampling the same {units} for all runs; it does not cover the choice of seeds.",
    "After ±, where both have several seeds: the sample standard deviation of the differences "
    "between networks of the same seed.",
)
_COMPARED = "Not corrected: among many comparisons some intervals miss 0 by luck; see the tests."
_TESTS = (
    "Paired bootstrap: two-sided p-value of the difference of the means over seeds. McNemar: "
    "exact, networks of the same seed paired, their one-sided p-values joined by twice their mean "
    "(valid however they depend on each other), the two sides by twice the smaller.",
    "Holm and Benjamini-Hochberg (BH) correct over the methods of a column, each metric by itself.",
)
_SUBJECTS = (
    "McNemar's test takes faces as independent; the {units} were not, so trust the bootstrap."
)


def metric_name(metric: str) -> str:
    """A metric in words, e.g. "Recall of disgust"."""
    if metric.startswith(RECALL):
        return f"Recall of {metric.removeprefix(RECALL)}"
    return METRIC_NAMES[metric]


def show_mean(values: Sequence[float], digits: int = 3) -> str:
    """Mean and spread over seeds, or that there is one run.

    >>> show_mean([0.61, 0.63]), show_mean([0.6134])
    ('0.620 ± 0.014', '0.613 (one run)')
    """
    if len(values) == 1:
        return f"{values[0]:.{digits}f} (one run)"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def show_signed(value: float) -> str:
    """A difference with its sign; a minus sign, not a hyphen.

    >>> show_signed(0.0123)
    '+0.012'
    """
    shown = f"{abs(value):.3f}"
    if not float(shown):
        return shown
    return ("+" if value > 0 else "\N{MINUS SIGN}") + shown


def show_difference(found: Difference) -> str:
    """A difference with its interval, said to be a tie where that holds 0, ± its spread."""
    seeds = f" ± {np.std(found.per_seed, ddof=1):.3f}" if len(found.per_seed) > 1 else ""
    if found.interval is None:
        return f"{show_signed(found.value)} (no interval){seeds}"
    low, high = map(show_signed, found.interval)
    shown = f"{show_signed(found.value)} [{low}, {high}]{seeds}"
    return f"tie: {shown}" if found.is_tie else shown


def show_p(value: float | None) -> str:
    """A p-value."""
    if value is None:
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def means_sheet(methods: Sequence[Method], measured: Mapping[str, Sequence[Measured]]) -> Sheet:
    """The main table: one row per method, mean and spread over seeds of every metric."""
    metrics = _metrics(measured)
    rows = []
    for method in methods:
        runs = measured[method.name]
        cells = (show_mean([run.metrics[metric] for run in runs]) for metric in metrics)
        rows.append((method.name, _seeds(method), *cells))
    header = ("Method", "Seeds", *map(metric_name, metrics))
    return Sheet("methods", "Mean and spread over seeds", header, tuple(rows), (_SEEDS,))


def _metrics(measured: Mapping[str, Sequence[Measured]]) -> list[str]:
    # those that every run has: a network without a class has no recall of it
    every = [run.metrics for runs in measured.values() for run in runs]
    return [name for name in every[0] if all(name in metrics for metrics in every)]


def _seeds(method: Method) -> str:
    if len(method.runs) == 1:
        return "one run"
    known = [str(seed) for seed in method.seeds if seed is not None]
    return f"{len(method.runs)} ({', '.join(known)})" if known else str(len(method.runs))


def differences_sheet(
    reference: Method,
    methods: Sequence[Method],
    measured: Mapping[str, Sequence[Measured]],
    units: str,
) -> Sheet:
    """Paired differences from the baseline, one row per method."""
    rows = [
        (name, *map(show_difference, row.values()))
        for name, row in differences(reference, methods, measured).items()
    ]
    header = ("Method", *map(metric_name, _metrics(measured)))
    notes = (_TIES[0].format(units=units), _TIES[1], *([_COMPARED] if len(rows) > 1 else []))
    title = f"Difference to {plain_name(reference.name)}"
    return Sheet("differences", title, header, tuple(rows), notes)


def differences(
    reference: Method, methods: Sequence[Method], measured: Mapping[str, Sequence[Measured]]
) -> dict[str, dict[str, Difference]]:
    """Method to metric to its paired difference from the baseline."""
    metrics = _metrics(measured)
    return {
        method.name: {
            metric: difference(measured[reference.name], measured[method.name], metric)
            for metric in metrics
        }
        for method in _others(reference, methods)
    }


def _others(reference: Method, methods: Sequence[Method]) -> list[Method]:
    return [method for method in methods if method.name != reference.name]


def p_values_sheet(
    reference: Method,
    methods: Sequence[Method],
    measured: Mapping[str, Sequence[Measured]],
    units: str,
) -> Sheet:
    """p-values of the tests against the baseline, raw and corrected: a row per method, test."""
    others = _others(reference, methods)
    rows = []
    for metric in [*_metrics(measured), ""]:
        values = [
            _p_value(measured[reference.name], measured[method.name], metric) for method in others
        ]
        known = [value for value in values if value is not None]
        corrected = iter(zip(holm(known), benjamini_hochberg(known), strict=True))
        for method, value in zip(others, values, strict=True):
            strict, lenient = next(corrected) if value is not None else (None, None)
            test = metric_name(metric) if metric else "Accuracy, McNemar"
            rows.append((test, method.name, show_p(value), show_p(strict), show_p(lenient)))
    disagree = disagreement_notes(reference, methods, measured, units)
    notes = (
        *_TESTS,
        *disagree,
        *([] if units.endswith("images") else [_SUBJECTS.format(units=units)]),
    )
    name = plain_name(reference.name)
    header = ("Metric", f"{name} against", "p", "p, Holm", "p, BH")
    return Sheet("tests", f"Tests against {name}", header, tuple(rows), notes)


def _p_value(first: Sequence[Measured], second: Sequence[Measured], metric: str) -> float | None:
    if not metric:
        return mcnemar_over_seeds(first, second)
    return difference(first, second, metric).p_value


def pairs_sheets(
    methods: Sequence[Method], measured: Mapping[str, Sequence[Measured]], correction: str
) -> list[Sheet]:
    """Corrected p-values of every pair of methods; none for two methods or for too many."""
    if not 2 < len(methods) <= _MATRIX:
        return []
    words = "Holm" if correction == "holm" else "Benjamini-Hochberg"
    pairs = list(combinations(range(len(methods)), 2))
    sheets = []
    for metric, test in (("", "accuracy, McNemar"), ("macro_f1", "macro F1, paired bootstrap")):
        values = [
            _p_value(measured[methods[a].name], measured[methods[b].name], metric) for a, b in pairs
        ]
        if None in values:
            continue
        corrected = CORRECTIONS[correction]([value for value in values if value is not None])
        cells = dict(zip(pairs, map(show_p, corrected), strict=True))
        rows = tuple(
            (method.name, *(cells.get((min(a, b), max(a, b)), "") for b in range(len(methods))))
            for a, method in enumerate(methods)
        )
        header = ("Method", *(method.name for method in methods))
        note = f"p-values corrected by {words} over all {len(pairs)} pairs."
        name = f"pairs_{metric or 'accuracy'}"
        sheets.append(Sheet(name, f"Every pair: {test}", header, rows, (note,)))
    return sheets


def runs_sheet(methods: Sequence[Method], measured: Mapping[str, Sequence[Measured]]) -> Sheet:
    """Every run by itself, with 95% intervals over rows."""
    metrics = _metrics(measured)
    rows = []
    for method in methods:
        for run, metric_of in zip(method.runs, measured[method.name], strict=True):
            cells = (
                format_metric(metric_of.metrics[f], percentile_interval(metric_of.resampled[f]))
                for f in metrics
            )
            seed = NONE if run.seed is None else str(run.seed)
            rows.append((str(run.folder), method.name, seed, *cells))
    header = ("Run", "Method", "Seed", *map(metric_name, metrics))
    note = "In brackets: 95% intervals over rows (percentile bootstrap)."
    return Sheet("runs", "Every run", header, tuple(rows), (note,))
