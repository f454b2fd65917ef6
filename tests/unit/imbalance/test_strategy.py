import numpy as np
import pytest
import torch
import yaml

from ferkit.errors import ConfigError, DataError
from ferkit.imbalance.logits import adjust_logits
from ferkit.imbalance.strategy import Strategy
from ferkit.losses import CrossEntropy, ExpectedCost
from ferkit.losses.class_weights import class_weights

EMOTIONS = ("angry", "disgust", "fear")
COUNTS = [40, 4, 36]
LABELS = np.repeat(np.arange(3), COUNTS)


def test_an_empty_strategy_does_nothing():
    strategy = Strategy()
    loss, logits = CrossEntropy(3), torch.randn(5, 3)
    assert strategy.weights(COUNTS, EMOTIONS) is None
    assert strategy.order(LABELS, 0, 0) is None
    assert strategy.add_costs(loss, COUNTS, EMOTIONS) is loss
    assert strategy.adjust(logits, COUNTS) is logits
    assert strategy.summary() == "none"
    p = np.array([[0.2, 0.5, 0.3]])
    assert strategy.decide(p, COUNTS, EMOTIONS).tolist() == [1]


def test_a_word_and_a_mapping_are_the_same():
    expected = class_weights(COUNTS, "inverse_sqrt")
    for slot in ("inverse_sqrt", {"rule": "inverse_sqrt"}):
        weights = Strategy(class_weights=slot).weights(COUNTS, EMOTIONS)
        torch.testing.assert_close(weights, expected)
    slot = {"rule": "effective_number", "beta": 0.9}
    weights = Strategy(class_weights=slot).weights(COUNTS, EMOTIONS)
    torch.testing.assert_close(weights, class_weights(COUNTS, "effective_number", beta=0.9))


def test_costs_in_the_loss():
    logits, targets = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    strategy = Strategy(cost_matrix={"rule": {"disgust": {"angry": 4}}, "training": 0.5})
    loss = strategy.add_costs(CrossEntropy(3), COUNTS, EMOTIONS)
    costs = torch.tensor([[0.0, 1, 1], [4, 0, 1], [1, 1, 0]])
    expected = (costs[targets] * logits.softmax(1)).sum(1).mean()
    reference = CrossEntropy(3)(logits, targets) + 0.5 * expected
    assert isinstance(loss, ExpectedCost)
    torch.testing.assert_close(loss(logits, targets), reference)


def test_costs_in_the_decision_alone():
    strategy = Strategy(cost_matrix={"rule": "balanced", "training": 0, "decision": True})
    loss = CrossEntropy(3)
    assert strategy.add_costs(loss, COUNTS, EMOTIONS) is loss
    p = np.array([[0.5, 0.2, 0.3], [0.98, 0.01, 0.01]])
    assert strategy.decide(p, COUNTS, EMOTIONS).tolist() == [1, 0]


def test_the_sampler_is_asked():
    order = Strategy(sampler="class_balanced").order(LABELS, 0, 0)
    assert np.ptp(np.bincount(LABELS[order])) <= 1


def test_adjusted_logits_by_the_formula():
    logits = torch.randn(5, 3)
    share = torch.tensor(COUNTS) / sum(COUNTS)
    expected = logits - 0.5 * share.log()
    torch.testing.assert_close(adjust_logits(logits, COUNTS, tau=0.5), expected)
    strategy = Strategy(logits={"rule": "logit_adjustment", "tau": 0.5})
    torch.testing.assert_close(strategy.adjust(logits, COUNTS), expected)


def test_adjusting_turns_the_class_shares_of_the_posterior_flat():
    # p(y | x) is proportional to share[y] p(x | y); tau 1 leaves p(x | y), normalised
    likelihood, share = torch.tensor([[0.2, 0.5, 0.3]]), torch.tensor(COUNTS) / sum(COUNTS)
    adjusted = adjust_logits((likelihood * share).log(), COUNTS).softmax(1)
    torch.testing.assert_close(adjusted, likelihood)
    with pytest.raises(DataError):
        adjust_logits(likelihood.log(), [1, 0, 1])


@pytest.mark.parametrize(
    ("slots", "said"),
    [
        ({"sampler": "weighted"}, "Did you mean 'weighted_sampler'"),
        ({"class_weights": "balancd"}, "Did you mean 'balanced'"),
        ({"class_weights": {"rule": "balanced", "betta": 0.9}}, "Did you mean 'beta'"),
        ({"class_weights": {"rule": "effective_number", "beta": "x"}}, "beta is 'x'"),
        ({"cost_matrix": "balancd"}, "Did you mean 'balanced'"),
        ({"cost_matrix": {"decision": "yes"}}, "give true or false"),
        ({"cost_matrix": {"training": -1}}, "training is -1"),
        ({"logits": "logit_adjustement"}, "Did you mean 'logit_adjustment'"),
        ({"logits": {"tau": True}}, "tau is True"),
        ({"resample": "no_such_sampler"}, "no_such_sampler"),
    ],
)
def test_wrong_settings_are_said(slots, said):
    with pytest.raises(ConfigError, match=said):
        Strategy(**slots)


@pytest.mark.parametrize(
    "name", ["none", "class_weights", "cost_sensitive", "weighted_sampler", "logit_adjustment"]
)
def test_every_yaml_makes_a_strategy_of_one_slot(name, pytestconfig):
    text = (pytestconfig.rootpath / f"configs/imbalance/{name}.yaml").read_text()
    node = yaml.safe_load(text)
    assert node.pop("_target_") == "ferkit.imbalance.strategy.Strategy"
    strategy = Strategy(**node)
    assert len([v for v in node.values() if v is not None]) == (name != "none")
    logits = torch.randn(6, 3, requires_grad=True)
    loss = CrossEntropy(3, strategy.weights(COUNTS, EMOTIONS))
    loss = strategy.add_costs(loss, COUNTS, EMOTIONS)
    loss(strategy.adjust(logits, COUNTS), torch.tensor([0, 1, 2, 0, 1, 2])).backward()
    assert torch.isfinite(logits.grad).all()
