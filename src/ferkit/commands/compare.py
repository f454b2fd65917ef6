"""`ferkit eval runs=...`: one document over runs, made from their folders alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from ferkit.config import as_words
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.evaluation.difficulty import difficulty_of_faces
from ferkit.evaluation.outcomes import labelled
from ferkit.evaluation.seeds import CORRECTIONS, RESAMPLES, Measured, measure_runs
from ferkit.files import FORMAT, usable_folder
from ferkit.log import log
from ferkit.printable import csv_frame, in_words
from ferkit.reports.comparison.calibration import calibration_sheet, reliability_pictures
from ferkit.reports.comparison.compare import (
    differences,
    differences_sheet,
    means_sheet,
    p_values_sheet,
    pairs_sheets,
    runs_sheet,
)
from ferkit.reports.comparison.difficulty import difficulty_sheets, halves_sheet
from ferkit.reports.comparison.groups import group_sheets
from ferkit.reports.comparison.methods import (
    HELD_OUT,
    Method,
    find_method,
    find_runs,
    group_runs,
    plain_name,
    read_saved,
)
from ferkit.reports.comparison.plots import draw_differences
from ferkit.reports.comparison.transfer import transfer_sheets
from ferkit.reports.document import Sheet
from ferkit.reports.formats import write_document, write_files
from ferkit.reports.plots import render

STEM, DIFFICULTY = "comparison", "difficulty"
_VIEWS = ("test", "val", HELD_OUT)  # the first that every run has
_ON_TEST = (
    "These are metrics of test: choosing among the methods by them would be selection on test; "
    "choose with view=val."
)
_OTHERS = "Runs trained on {} are in the matrix alone: paired tests need the same faces."
_DIFFERENCES = "Differences to {} with their 95% intervals; hollow and grey: a tie"
_NOT_PAIRED = "No paired tests: {} Means and spreads are over different faces."


def compare_runs(config: DictConfig, command: str) -> int:
    """Compare the runs that `runs` names, or judge the difficulty of faces by them."""
    asked = as_words(config.runs)
    if config.correction not in CORRECTIONS:
        raise ConfigError(unknown("correction", config.correction, CORRECTIONS))
    folders, left_out = find_runs(asked)
    out = Path(config.out or Path("outputs/eval") / (Path(asked[0]).name or "runs"))
    usable_folder(out, "out")
    methods = group_runs([read_saved(folder) for folder in folders])
    if config.difficulty:
        _report_difficulty(config, methods, out, [f"Made by: {command}", *left_out])
        stem = DIFFICULTY
    else:
        _report_comparison(config, methods, out, command, left_out)
        stem = STEM
    print((out / f"{stem}.md").read_text(encoding="utf-8"))
    log.info(f"written: {out / stem}.html, .md, .tex and one csv per table")
    return 0


def _report_comparison(
    config: DictConfig, methods: Sequence[Method], out: Path, command: str, left_out: Sequence[str]
) -> None:
    view = config.view or _common_view(methods)
    pooled = _cross_validated(methods, view)
    methods, lacking = _with_view(methods, view)
    reference = find_method(methods, config.baseline)
    pooled = [method for method in pooled if method.dataset != reference.dataset]
    same = [method for method in methods if method.dataset == reference.dataset]
    same.sort(key=lambda method: method is not reference)  # the reference first
    in_matrix = {run.folder for method in pooled for run in method.runs}
    others = sorted({m.dataset for m in (*methods, *pooled)} - {reference.dataset})
    paired = _measure_paired(same, view, as_words(config.recall))
    sheets = _sheets(reference, same, paired, config.correction)
    sheets += transfer_sheets([*methods, *pooled], view)
    sheets += [] if paired.why_not else group_sheets(same, view)
    sheets += [calibration_sheet(same, view), runs_sheet(same, paired.measured)]
    notes = [
        f"{paired.words}; made by: {command}",
        *([_ON_TEST] if view == "test" and len(same) > 1 else []),
        *([_OTHERS.format(", ".join(others))] if others else []),
        *([_NOT_PAIRED.format(paired.why_not)] if paired.why_not else []),
        *left_out,
        *(sentence for folder, sentence in lacking.items() if folder not in in_matrix),
    ]
    count = len(methods) + len(pooled)
    many = f"{count} methods" if count > 1 else plain_name(methods[0].name)
    title = f"{many} on {reference.dataset}, {in_words(view)}"
    pictures, captions = reliability_pictures(same, view)
    if len(same) > 1 and not paired.why_not:
        drawn = draw_differences(differences(reference, same, paired.measured), reference.name)
        pictures = {"differences.png": render(drawn, "png")} | pictures
        captions["differences.png"] = _DIFFERENCES.format(plain_name(reference.name))
    write_document(out, STEM, title, sheets, pictures=pictures, captions=captions, notes=notes)
    _write_numbers(out, view, same, paired.measured)


def _sheets(
    reference: Method, methods: Sequence[Method], paired: "Paired", correction: str
) -> list[Sheet]:
    sheets = [means_sheet(methods, paired.measured)]
    if len(methods) > 1 and not paired.why_not:
        given = (reference, methods, paired.measured, paired.units)
        sheets += [differences_sheet(*given), p_values_sheet(*given)]
        sheets += pairs_sheets(methods, paired.measured, correction)
    return sheets


@dataclass(frozen=True)
class Paired:
    """Measured methods of one dataset.

    Attributes:
        measured: Method to a measurement a run.
        units: What was resampled, e.g. "3,589 images".
        words: What was measured, for the reader.
        why_not: Why the runs cannot be paired; empty where they can.
    """

    measured: Mapping[str, Sequence[Measured]]
    units: str
    words: str
    why_not: str = ""


def _measure_paired(methods: Sequence[Method], view: str, recall: Sequence[str]) -> Paired:
    frames = [frame for method in methods for frame in method.frames(view)]
    seeds = [seed for method in methods for seed in method.seeds]
    labels = labelled(frames[0])["label"].value_counts()
    recall = recall or [str(labels.index[-1])]
    missing = [name for name in recall if name not in labels.index]
    if missing:
        raise ConfigError(unknown("emotion in recall=", missing[0], list(labels.index)))
    why_not = ""
    try:
        runs, units = measure_runs(frames, seeds, recall=recall)
    except DataError as error:  # other rows: each run stands alone
        why_not = str(error)
        each = [measure_runs([f], [s], recall=recall) for f, s in zip(frames, seeds, strict=True)]
        runs, units = [run for found, _ in each for run in found], each[0][1]
    rest = iter(runs)
    measured = {method.name: [next(rest) for _ in method.runs] for method in methods}
    words = f"{labels.sum():,} faces a run, {RESAMPLES:,} resamples of {units.words}"
    return Paired(measured, units.words, words, why_not)


def _report_difficulty(
    config: DictConfig, methods: Sequence[Method], out: Path, notes: Sequence[str]
) -> None:
    repeats = [frame for method in methods for frame in method.frames("held_out")]
    if not repeats:
        raise DataError(
            "difficulty=true needs cross-validations (predictions/held_out.parquet): train some "
            "with split=subject_kfold split.fold=all and other seeds."
        )
    if len(methods) > 1:
        notes = [
            *notes,
            f"Pooled over {len(methods)} methods: {', '.join(m.name for m in methods)}",
        ]
    difficulty = difficulty_of_faces(repeats)
    sheets = difficulty_sheets(difficulty, config.threshold)
    if config.of is not None:
        frames = {}
        for folder in find_runs(as_words(config.of))[0]:
            run = read_saved(folder)
            for view in [config.view] if config.view else ["val", "test"]:
                frame = run.view(view)
                if frame is not None:
                    frames[f"{folder}, {view}"] = labelled(frame)
        sheets.append(halves_sheet(frames, difficulty, config.threshold))
    faces = "Difficulty of the faces of " + methods[0].dataset
    write_document(out, DIFFICULTY, faces, sheets, notes=notes)
    write_files(
        out, [("difficulty_of_faces.csv", csv_frame(difficulty).to_csv(index=False).encode())]
    )


def _write_numbers(
    out: Path, view: str, methods: Sequence[Method], measured: Mapping[str, Sequence[Measured]]
) -> None:
    """comparison.json: the metrics of every run, for programs."""
    numbers = {
        method.name: [
            {"run": str(run.folder), "seed": run.seed, "metrics": dict(found.metrics)}
            for run, found in zip(method.runs, measured[method.name], strict=True)
        ]
        for method in methods
    }
    text = json.dumps({"format": FORMAT, "view": view, "methods": numbers}, indent=1) + "\n"
    write_files(out, [(f"{STEM}.json", text.encode())])


def _common_view(methods: Sequence[Method]) -> str:
    runs = [run for method in methods for run in method.runs]
    for view in _VIEWS:
        if all(run.view(view) is not None for run in runs):
            return view
    return "val"


def _cross_validated(methods: Sequence[Method], view: str) -> list[Method]:
    """The methods that have no such view, since every fold held out a part of their dataset."""
    pooled = []
    for method in methods:
        runs = tuple(
            r for r in method.runs if r.view(view) is None and r.view(HELD_OUT) is not None
        )
        pooled += [Method(method.name, runs)] if runs else []
    return pooled


def _with_view(methods: Sequence[Method], view: str) -> tuple[list[Method], dict[Path, str]]:
    """The methods, less the runs without the view; the folder of each to a sentence."""
    kept = []
    lacking = [run for method in methods for run in method.runs if run.view(view) is None]
    for method in methods:
        runs = tuple(run for run in method.runs if run.view(view) is not None)
        kept += [Method(method.name, runs)] if runs else []
    if not kept:
        known = sorted({name for run in lacking for _, name in run.predictions})
        raise ConfigError(unknown("view", view, known))
    words = "{0} is left out: it has not predicted {1}; `ferkit eval run={0} view={1}` does"
    return kept, {run.folder: words.format(run.folder, view) for run in lacking}
