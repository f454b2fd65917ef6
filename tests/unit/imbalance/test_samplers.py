import numpy as np
import pytest

from ferkit.errors import ConfigError
from ferkit.imbalance.samplers import SAMPLERS, sample_order

COUNTS = [400, 44, 720, 136]
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(4), COUNTS))


@pytest.mark.parametrize("kind", SAMPLERS)
def test_a_pure_function_of_seed_and_epoch(kind):
    orders = [sample_order(LABELS, e, s, kind) for e, s in ((0, 0), (1, 0), (0, 1), (1, 1))]
    np.testing.assert_array_equal(orders[0], sample_order(LABELS, 0, 0, kind))
    assert len({tuple(order) for order in orders}) == 4
    for order in orders:
        assert order.shape == LABELS.shape
        assert order.dtype == np.int64
        assert 0 <= order.min() <= order.max() < len(LABELS)


def test_weighted_draws_have_the_chances_of_one_over_the_count():
    drawn = np.concatenate([sample_order(LABELS, e, 0, "weighted_sampler") for e in range(200)])
    times = np.bincount(drawn, minlength=len(LABELS))
    chances = 1 / np.array(COUNTS)[LABELS]
    expected = chances / chances.sum() * len(drawn)
    per_class = [times[k == LABELS].sum() / len(drawn) for k in range(4)]
    np.testing.assert_allclose(per_class, 0.25, atol=0.005)
    chi_squared = ((times - expected) ** 2 / expected).sum() / (len(LABELS) - 1)
    assert 0.85 < chi_squared < 1.15


def test_weighted_draws_are_with_replacement():
    order = sample_order(LABELS, 0, 0, "weighted_sampler")
    assert len(np.unique(order)) < len(order)


def test_class_balanced_is_even_to_one_row_and_within_a_class():
    order = sample_order(LABELS, 3, 0, "class_balanced")
    per_class = np.bincount(LABELS[order])
    assert per_class.max() - per_class.min() <= 1
    times = np.bincount(order, minlength=len(LABELS))
    for k in range(4):
        assert np.ptp(times[k == LABELS]) <= 1


def test_classes_are_mixed_along_the_epoch():
    for kind in SAMPLERS:
        first = LABELS[sample_order(LABELS, 0, 0, kind)[:200]]
        assert np.bincount(first, minlength=4).min() > 20


def test_names_will_do_for_labels():
    names = np.array(["angry", "disgust", "fear", "happy"])[LABELS]
    for kind in SAMPLERS:
        expected = sample_order(LABELS, 2, 5, kind)
        np.testing.assert_array_equal(sample_order(names, 2, 5, kind), expected)


def test_no_rows_and_one_row():
    for kind in SAMPLERS:
        assert sample_order(np.array([], dtype=int), 0, 0, kind).shape == (0,)
        assert sample_order(np.array([6]), 0, 0, kind).tolist() == [0]


def test_an_unknown_kind_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'weighted_sampler'"):
        sample_order(LABELS, 0, 0, "weighted_sample")
