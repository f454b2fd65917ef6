"""Whether a method's confidences are honest: a table and one picture per method."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ferkit.evaluation.calibration import fit_temperature, measure_temperature
from ferkit.evaluation.intervals import calibration_sums
from ferkit.evaluation.outcomes import read_outcomes
from ferkit.printable import in_words
from ferkit.reports.comparison.compare import show_mean, show_signed
from ferkit.reports.comparison.methods import Method, plain_name
from ferkit.reports.document import Sheet
from ferkit.reports.plots import draw_reliability, render

_LEAST = 1e-12  # a probability that float32 rounded to 0
_NOTES = (
    "Too sure: mean confidence minus accuracy. ECE: expected calibration error of the top class, "
    "15 equal bins; noise adds to it on few rows. NLL: mean negative log-likelihood.",
    "The temperature is fitted on val, a run each, and judged on {view}; it changes no prediction.",
)


def calibration_sheet(methods: Sequence[Method], view: str) -> Sheet:
    """Calibration of every method, and what a temperature fitted on val makes of it."""
    fitted = view != "val" and all(run.view("val") is not None for m in methods for run in m.runs)
    rows = tuple((method.name, *_cells(method, view, fitted)) for method in methods)
    header: tuple[str, ...] = ("Method", "Too sure", "ECE", "NLL")
    notes: tuple[str, ...] = _NOTES[:1]
    if fitted:
        header += ("Temperature", "ECE after", "NLL after")
        notes += (_NOTES[1].format(view=view),)
    return Sheet("calibration", f"Calibration on {in_words(view)}", header, rows, notes)


def _cells(method: Method, view: str, fitted: bool) -> list[str]:
    gaps, found = [], []
    vals = method.frames("val") if fitted else [None] * len(method.runs)
    for frame, val in zip(method.frames(view), vals, strict=True):
        scores, class_ids = _scores(frame)
        gaps.append(_confidence_gap(scores, class_ids))
        temperature = 1.0 if val is None else fit_temperature(*_scores(val))
        found.append(measure_temperature(scores, class_ids, temperature))
    cells = [show_signed(float(np.mean(gaps)))]
    cells += [show_mean([c.ece[0] for c in found]), show_mean([c.nll[0] for c in found])]
    if fitted:
        cells.append(show_mean([c.temperature for c in found]))
        cells += [show_mean([c.ece[1] for c in found]), show_mean([c.nll[1] for c in found])]
    return cells


def _scores(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    # the logarithm of a softmax is its scores, but for a constant of the row
    outcomes = read_outcomes(frame)
    known = outcomes.truth < outcomes.outputs  # a label that is no output has no likelihood
    return np.log(np.maximum(outcomes.probabilities[known], _LEAST)), outcomes.truth[known]


def _confidence_gap(scores: np.ndarray, class_ids: np.ndarray) -> float:
    return float(np.exp(scores.max(axis=1)).mean() - (scores.argmax(axis=1) == class_ids).mean())


def reliability_pictures(
    methods: Sequence[Method], view: str
) -> tuple[dict[str, bytes], dict[str, str]]:
    """A reliability diagram a method, and its caption; of several seeds the mean counts."""
    pictures, captions = {}, {}
    for number, method in enumerate(methods, start=1):
        sums = sum(calibration_sums(read_outcomes(frame)) for frame in method.frames(view))
        mean = np.asarray(sums) / len(method.runs)
        rows = np.round(mean[:, :1])  # Wilson counts whole faces
        share = np.divide(mean, mean[:, :1], out=np.zeros_like(mean), where=mean[:, :1] > 0)
        whole = np.concatenate([rows, share[:, 1:2] * rows, np.round(share[:, 2:] * rows)], axis=1)
        name = re.sub(r"[^A-Za-z0-9]+", "_", method.name).strip("_")[:60]
        file = f"reliability_{number}_{name}.png"
        pictures[file] = render(draw_reliability(whole), "png")
        captions[file] = f"Calibration on {in_words(view)}: {plain_name(method.name)}"
    return pictures, captions
