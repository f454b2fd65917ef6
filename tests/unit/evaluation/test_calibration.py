import numpy as np
import pytest
from scipy.special import softmax

from ferkit.errors import DataError
from ferkit.evaluation.calibration import (
    fit_temperature,
    measure_temperature,
    negative_log_likelihood,
)


def calibrated(rng, rows=20000, classes=7):
    """Scores whose softmax is the chance of every label."""
    scores = rng.normal(size=(rows, classes)) * 1.5
    shares = softmax(scores, axis=1).cumsum(axis=1)
    class_ids = (rng.random((rows, 1)) > shares).sum(axis=1).clip(max=classes - 1)
    return scores, class_ids


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_of_over_and_under_confident_scores_is_found(temperature):
    scores, class_ids = calibrated(np.random.default_rng(0))
    found = fit_temperature(scores * temperature, class_ids)
    assert found == pytest.approx(temperature, rel=0.03)
    grid = [
        negative_log_likelihood(scores * temperature / t, class_ids)
        for t in found * np.linspace(0.9, 1.1, 21)
    ]
    assert np.argmin(grid) == 10


def test_it_lowers_calibration_error_and_changes_no_prediction():
    scores, class_ids = calibrated(np.random.default_rng(1))
    measured = measure_temperature(scores * 3, class_ids, fit_temperature(scores * 3, class_ids))
    assert measured.nll[1] < measured.nll[0]
    assert measured.ece[0] > 0.1
    assert measured.ece[1] < 0.02
    cooled = scores * 3 / measured.temperature
    assert (cooled.argmax(1) == scores.argmax(1)).all()


def test_scores_without_a_mistake_become_as_good_as_certain():
    found = fit_temperature(np.eye(3) * 5, np.arange(3))
    assert 0.01 <= found < 0.2
    assert negative_log_likelihood(np.eye(3) * 5 / found, np.arange(3)) < 1e-9


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(DataError, match="finite numbers"):
        fit_temperature(np.full((2, 3), np.nan), np.zeros(2, dtype=int))
