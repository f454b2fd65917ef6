import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from ferkit.errors import ConfigError, DataError
from ferkit.losses.class_weights import class_weights

FER2013 = [3995, 436, 4097, 7215, 4830, 3171, 4965]


def test_balanced_is_scikit_learn_s():
    labels = np.repeat(np.arange(7), FER2013)
    theirs = compute_class_weight("balanced", classes=np.arange(7), y=labels)
    np.testing.assert_allclose(class_weights(FER2013, "balanced"), theirs, rtol=1e-6)


def test_balanced_weighs_the_rows_one_on_average():
    weights = class_weights(FER2013).double().numpy()
    assert (weights * FER2013).sum() / sum(FER2013) == pytest.approx(1)


def test_inverse_sqrt_by_hand():
    # 1/2 and 1/4, their mean 3/8
    np.testing.assert_allclose(class_weights([4, 16], "inverse_sqrt"), [4 / 3, 2 / 3], rtol=1e-6)


def test_effective_number_by_a_sum():
    # (1 - beta^n) / (1 - beta) is the sum of the first n powers
    beta, counts = 0.999, [5, 436, 7215]
    effective = np.array([sum(beta**i for i in range(n)) for n in counts])
    expected = (1 / effective) / (1 / effective).mean()
    weights = class_weights(counts, "effective_number", beta=beta)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_effective_number_at_its_ends():
    flat = class_weights(FER2013, "effective_number", beta=0.0)
    np.testing.assert_allclose(flat, np.ones(7))
    inverse = 1 / np.array(FER2013)
    steep = class_weights(FER2013, "effective_number", beta=1 - 1e-12)
    np.testing.assert_allclose(steep, inverse / inverse.mean(), rtol=1e-5)


@pytest.mark.parametrize("rule", ["balanced", "inverse_sqrt", "effective_number"])
def test_rarer_weighs_more(rule):
    weights = class_weights(FER2013, rule)
    assert weights.dtype == torch.float32
    assert weights.argsort(descending=True).tolist() == np.argsort(FER2013).tolist()
    if rule != "balanced":
        assert weights.mean().item() == pytest.approx(1)


@pytest.mark.parametrize("rule", ["balanced", "inverse_sqrt", "effective_number"])
def test_a_class_without_an_image_is_named(rule):
    with pytest.raises(DataError, match="disgust without a single training image"):
        class_weights([5, 0, 3], rule, emotions=["angry", "disgust", "fear"])


def test_wrong_settings_are_said():
    with pytest.raises(ConfigError, match="Did you mean 'balanced'"):
        class_weights([1, 2], "balance")
    with pytest.raises(ConfigError, match="beta of effective_number is 1"):
        class_weights([1, 2], "effective_number", beta=1.0)
