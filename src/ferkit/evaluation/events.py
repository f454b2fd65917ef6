"""F1 per event: whether segments of a video are found, not how many frames are right.

An event is a longest run of frames of one sequence with one label; a detected event is the same of
the predictions. Ding et al. 2013, "Facial Action Unit Event Detection by Cascade of Tasks"
(doi:10.1109/ICCV.2013.298), count events beside frames: recall is the share of true events that
are found, precision the share of detected ones that are right, F1 their harmonic mean. An event is
found when a detected one of the same class overlaps it by an intersection over union of at least
one half, the criterion of the spotting challenges (Li et al. 2019, arXiv:1812.10306). kurmi2022
names F1 per event without defining it.

Length is counted in the frames that were predicted. Frames without a label end an event and are
judged by neither count.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ferkit.errors import ConfigError
from ferkit.evaluation.confusion import divide
from ferkit.evaluation.intervals import draw_counts, percentile_interval, resampling_units
from ferkit.evaluation.outcomes import output_classes
from ferkit.evaluation.videos import changed, find_positions

_LEAST = 0.5  # from here on no two detected events can overlap one true event enough
Counts = NDArray[np.float64]


def has_events(predictions: pd.DataFrame) -> bool:
    """Whether any sequence holds more than one labelled segment."""
    rows = _in_order(predictions)
    label = rows["label"].to_numpy(dtype=object)
    starts = rows[changed(_sequences(rows), label) & (label != "")]
    return bool(starts.duplicated(["dataset", "sequence"]).any())


def event_metrics(
    predictions: pd.DataFrame, *, overlap: float = 0.5, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Count events of each class that exist, are detected, and are both.

    Args:
        predictions: One row per frame; rows that are no frame of a sequence are passed over.
        overlap: Least intersection over union, 0.5 to 1.
        resamples: Of the bootstrap, over people where they are known, else sequences.
        seed: Of the bootstrap.

    Returns:
        `n` (true events), `detected`, `found`, `overlap`, `macro_f1` (over classes with a true
        event), `micro_f1`, `per_class.<emotion>.{precision,recall,f1,support,detected}`, and
        `intervals` of the two, where there is more than one unit to draw.

    Raises:
        ConfigError: `overlap` is out of its range.
    """
    if not _LEAST <= overlap <= 1:
        raise ConfigError(f"overlap is {overlap}; give {_LEAST} to 1.")
    rows = _in_order(predictions)
    names = [*output_classes(rows), *sorted(set(rows["label"]) - {"", *output_classes(rows)})]
    units = resampling_units(rows)
    counts = _counts(rows, names, units.class_ids, units.count, overlap)  # [U, 3, K]
    total = counts.sum(axis=0)  # [3, K]
    metrics = _metrics(total)
    samples = [
        _metrics(np.tensordot(drawn, counts, axes=1))
        for drawn in draw_counts(units.count, resamples if units.count > 1 else 0, seed)
    ]
    found = {
        name: percentile_interval(np.concatenate([part[name] for part in samples]))
        for name in ("macro_f1", "micro_f1")
        if samples
    }
    support, detected, hits = (int(each.sum()) for each in total)
    return {
        "n": support,
        "detected": detected,
        "found": hits,
        "overlap": overlap,
        "macro_f1": float(metrics["macro_f1"]),
        "micro_f1": float(metrics["micro_f1"]),
        "per_class": _per_class(total, metrics["f1"], names),
        "intervals": {name: interval for name, interval in found.items() if interval},
    }


def _in_order(predictions: pd.DataFrame) -> pd.DataFrame:
    rows = predictions.assign(label=predictions["label"].fillna(""))
    return rows.iloc[find_positions(rows).positions].reset_index(drop=True)


def _sequences(rows: pd.DataFrame) -> NDArray[Any]:
    return np.asarray(rows.groupby(["dataset", "sequence"], sort=False).ngroup())


def _counts(
    rows: pd.DataFrame, names: list[str], units: NDArray[np.int64], count: int, overlap: float
) -> Counts:
    """True, detected and found events a unit and class, [U, 3, K]."""
    class_ids = {name: code for code, name in enumerate(names)}
    truth = rows["label"].map(class_ids).fillna(-1).to_numpy(np.int64)
    said = np.where(truth >= 0, rows["predicted"].map(class_ids).to_numpy(np.int64), -1)
    sequences = _sequences(rows)
    true_event = np.cumsum(changed(sequences, truth)) - 1  # [M] number of the run
    said_event = np.cumsum(changed(sequences, said)) - 1
    counts = np.zeros((count, 3, len(names)))
    for column, (events, classes) in enumerate(((true_event, truth), (said_event, said))):
        first = np.flatnonzero(changed(events) & (classes >= 0))
        np.add.at(counts[:, column], (units[first], classes[first]), 1)
    both = pd.DataFrame({"true": true_event, "said": said_event, "unit": units, "class": truth})
    shared = both[(truth == said) & (truth >= 0)].groupby(["true", "said"], as_index=False)
    pairs = shared.agg(unit=("unit", "first"), code=("class", "first"), frames=("unit", "size"))
    lengths = [np.bincount(events) for events in (true_event, said_event)]
    union = lengths[0][pairs["true"]] + lengths[1][pairs["said"]] - pairs["frames"]
    hit = pairs[pairs["frames"] >= overlap * union]
    np.add.at(counts[:, 2], (hit["unit"].to_numpy(), hit["code"].to_numpy()), 1)
    return counts


def _metrics(counts: Counts) -> dict[str, Counts]:
    support, detected, hits = np.moveaxis(counts, -2, 0)  # [..., K] each
    f1 = divide(2 * hits, support + detected)
    present = support > 0
    both = support.sum(axis=-1) + detected.sum(axis=-1)
    return {
        "f1": f1,
        "macro_f1": divide((f1 * present).sum(axis=-1), present.sum(axis=-1).astype(np.float64)),
        "micro_f1": divide(2 * hits.sum(axis=-1), both),
    }


def _per_class(total: Counts, f1: Counts, names: list[str]) -> dict[str, dict[str, float | int]]:
    support, detected, hits = total
    precision, recall = divide(hits, detected), divide(hits, support)
    return {
        name: {
            "precision": float(precision[code]),
            "recall": float(recall[code]),
            "f1": float(f1[code]),
            "support": int(support[code]),
            "detected": int(detected[code]),
        }
        for code, name in enumerate(names)
    }
