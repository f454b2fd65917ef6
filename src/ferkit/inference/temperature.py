"""calibration.json: the temperature of a run, fitted once on its val view."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ferkit.errors import DataError
from ferkit.evaluation.calibration import fit_temperature, measure_temperature
from ferkit.log import log
from ferkit.runs.folder import RunFolder

_FILE = "calibration.json"
_SHAPE = {"temperatures": {str: {"temperature": int | float}}}


def temperature_of(
    run: RunFolder, tta: str, class_ids: np.ndarray, val_scores: Callable[[], np.ndarray]
) -> float:
    """The temperature of a run under a kind of test-time augmentation.

    It is fitted on val where it is not yet known, and kept with what it did there, so that every
    later look divides by the very same number.

    Args:
        run: Whose network it is.
        tta: The kind; scores pooled over views are less sure than those of one.
        class_ids: Labels of the val view, [N].
        val_scores: Makes its scores, [N, K].
    """
    known = run.read_json(_FILE, _SHAPE).get("temperatures") or {}
    if tta not in known:
        scores = val_scores()
        found = measure_temperature(scores, class_ids, fit_temperature(scores, class_ids))
        known[tta] = asdict(found)
        run.write_json(_FILE, {"fitted_on": "val", "temperatures": known})
        log.info(
            f"temperature {found.temperature:.3f}, fitted on val: ECE {found.ece[0]:.3f} to "
            f"{found.ece[1]:.3f}"
        )
    return _checked(run, known[tta])


def known_temperature(run: RunFolder, tta: str) -> float:
    """The temperature of a run, for data that it must not be fitted on.

    Raises:
        DataError: it was not fitted yet under this kind of test-time augmentation.
    """
    known = run.read_json(_FILE).get("temperatures", {})
    if tta not in known:
        asked = "" if tta == "none" else f" tta={tta}"
        raise DataError(
            f"{run.folder} has no temperature for tta={tta}, and it is fitted on the run's own val "
            f"alone; first type `ferkit eval run={run.folder} view=val{asked}`."
        )
    return _checked(run, known[tta])


def _checked(run: RunFolder, found: Mapping[str, Any]) -> float:
    temperature = float(found.get("temperature") or 0)
    if not 0 < temperature < math.inf:
        raise DataError(f"{run.folder / _FILE} has the temperature {temperature}; restore it.")
    return temperature
