"""Smoothing by time, hysteresis of the label, and the state of being unsure."""

import numpy as np
import pytest

from ferkit.errors import ConfigError
from ferkit.video.smooth import UNSURE, Smoother, SmoothSettings, steady_label

ONE, OTHER = np.array([1.0, 0.0]), np.array([0.0, 1.0])


@pytest.mark.parametrize("rate", [5, 25, 240])
def test_a_step_has_gone_63_percent_after_the_time_constant_at_any_rate(rate):
    smoother = Smoother(SmoothSettings(seconds=0.4))
    smoother.update(0, ONE, 0.0)
    for frame in range(1, round(0.4 * rate) + 1):
        state = smoother.update(0, OTHER, frame / rate)
    assert state.probabilities[1] == pytest.approx(1 - np.exp(-1), abs=1e-9)
    assert state.probabilities.sum() == pytest.approx(1)


def test_zero_seconds_switches_smoothing_off_and_a_first_frame_is_taken_as_it_is():
    smoother = Smoother(SmoothSettings(seconds=0))
    assert np.array_equal(smoother.update(0, ONE, 0.0).probabilities, ONE)
    assert np.array_equal(smoother.update(0, OTHER, 0.01).probabilities, OTHER)


def test_the_same_time_twice_and_a_clock_set_back_change_nothing():
    smoother = Smoother()
    smoother.update(0, ONE, 1.0)
    for time in (1.0, 0.5):
        assert np.array_equal(smoother.update(0, OTHER, time).probabilities, ONE)


def test_tracks_are_smoothed_by_themselves_and_forgotten():
    smoother = Smoother()
    smoother.update(0, ONE, 0.0)
    assert np.array_equal(smoother.update(1, OTHER, 0.1).probabilities, OTHER)
    smoother.keep({1})
    assert np.array_equal(smoother.update(0, OTHER, 0.2).probabilities, OTHER)
    assert smoother.update(1, ONE, 0.2).probabilities[1] > 0.5


@pytest.mark.parametrize(
    ("before", "probabilities", "after"),
    [
        (0, [0.45, 0.50, 0.05], 0),  # the other leads by less than the margin
        (0, [0.40, 0.52, 0.08], 1),
        (0, [0.36, 0.33, 0.31], 0),
        (0, [0.34, 0.33, 0.33], UNSURE),
        (UNSURE, [0.40, 0.30, 0.30], UNSURE),  # not enough to come back
        (UNSURE, [0.46, 0.30, 0.24], 0),
    ],
)
def test_hysteresis(before, probabilities, after):
    settings = SmoothSettings(margin=0.1, unsure=0.35)
    assert steady_label(before, np.array(probabilities), settings) == after


def test_alternating_classes_do_not_make_the_label_flicker():
    smoother = Smoother()
    labels = [
        smoother.update(0, np.array([0.55, 0.45] if n % 2 else [0.45, 0.55]), n / 25).label
        for n in range(50)
    ]
    assert len(set(labels)) == 1


def test_unsure_of_zero_always_gives_a_label():
    settings = SmoothSettings(unsure=0, margin=0.9)
    assert steady_label(UNSURE, np.full(10, 0.1), settings) == 0


@pytest.mark.parametrize("wrong", [{"seconds": -1}, {"margin": 2}, {"unsure": -0.1}])
def test_values_outside_their_range_are_named(wrong):
    with pytest.raises(ConfigError, match=f"smooth.{next(iter(wrong))}"):
        SmoothSettings(**wrong)
