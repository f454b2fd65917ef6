"""Temperature scaling: one number, fitted on val, that makes confidences honest."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ferkit.errors import DataError
from ferkit.evaluation.intervals import calibration_error, calibration_sums
from ferkit.evaluation.outcomes import Outcomes

RANGE = (0.01, 100.0)  # of the temperature


@dataclass(frozen=True)
class Calibration:
    """What a temperature did to the rows that it is measured on.

    Attributes:
        temperature: What the scores are divided by.
        nll: Mean negative log-likelihood before and after.
        ece: Expected calibration error (top label, 15 equal bins) before and after.
    """

    temperature: float
    nll: tuple[float, float]
    ece: tuple[float, float]


def fit_temperature(scores: np.ndarray, class_ids: np.ndarray) -> float:
    """The temperature of least negative log-likelihood (Guo et al. 2017, arXiv:1706.04599).

    Scores divided by it keep their order, so no prediction changes. There is a single best
    temperature, looked for within `RANGE`; for scores without a mistake, for which it would be 0,
    one is given that makes them as good as certain.

    Args:
        scores: Logits of the val view, [N, K].
        class_ids: Its labels, [N], 0..K-1.

    Returns:
        Above 1 for over-confident scores.

    Raises:
        DataError: there is no row, or a score is not a number.
    """
    if not len(scores) or not np.isfinite(scores).all():
        raise DataError(
            f"No temperature can be fitted to {len(scores)} rows of scores, all of which must be "
            "finite numbers; check the val view and that the training did not diverge."
        )
    low, high = np.log(RANGE)
    best = minimize_scalar(
        lambda log_t: negative_log_likelihood(scores / np.exp(log_t), class_ids),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return float(np.exp(best.x))


def measure_temperature(
    scores: np.ndarray, class_ids: np.ndarray, temperature: float
) -> Calibration:
    """Likelihood and calibration error of scores [N, K], as they are and divided."""
    cooled = scores / temperature
    return Calibration(
        temperature,
        (negative_log_likelihood(scores, class_ids), negative_log_likelihood(cooled, class_ids)),
        (_calibration_error(scores, class_ids), _calibration_error(cooled, class_ids)),
    )


def negative_log_likelihood(scores: np.ndarray, class_ids: np.ndarray) -> float:
    """The mean of -log p[label] under the softmax of scores [N, K]."""
    return float(
        -log_softmax(scores.astype(np.float64), axis=1)[np.arange(len(class_ids)), class_ids].mean()
    )


def _calibration_error(scores: np.ndarray, class_ids: np.ndarray) -> float:
    probabilities = softmax(scores.astype(np.float64), axis=1)
    names = tuple(map(str, range(probabilities.shape[1])))
    outcomes = Outcomes(names, len(names), class_ids, probabilities.argmax(axis=1), probabilities)
    return float(calibration_error(calibration_sums(outcomes)))
