import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch.nn import functional as F

from ferkit.config import build
from ferkit.errors import ConfigError
from ferkit.losses import CrossEntropy, ExpectedCost, Focal, MeanSquaredError, SquaredHinge

K = 7
COSTS = 1 - torch.eye(K)
LOSSES = {
    "cross_entropy": CrossEntropy,
    "smoothed": lambda k, w=None, **o: CrossEntropy(k, w, label_smoothing=0.1, **o),
    "focal": Focal,
    "mse": MeanSquaredError,
    "mse_logits": lambda k, w=None, **o: MeanSquaredError(k, w, on="logits", **o),
    "squared_hinge": SquaredHinge,
    "squared_hinge_logits": lambda k, w=None, **o: SquaredHinge(k, w, on="logits", **o),
    "expected_cost": lambda k, w=None, **o: ExpectedCost(k, w, costs=COSTS, **o),
}
every_loss = pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(12, K, generator=generator, dtype=torch.float32) * 2
    targets = torch.randint(K, (12,), generator=generator)
    weights = torch.rand(K, generator=generator) + 0.2
    return logits, targets, weights


def test_cross_entropy_is_torch_s_with_weights_and_smoothing(batch):
    logits, targets, weights = batch
    for smoothing in (0.0, 0.1):
        for given in (None, weights):
            ours = CrossEntropy(K, given, label_smoothing=smoothing)(logits, targets)
            theirs = F.cross_entropy(logits, targets, weight=given, label_smoothing=smoothing)
            torch.testing.assert_close(ours, theirs)


def test_smoothing_by_its_formula(batch):
    logits, targets, _ = batch
    smoothed = F.one_hot(targets, K) * 0.9 + 0.1 / K
    formula = -(smoothed * logits.log_softmax(1)).sum(1).mean()
    ours = CrossEntropy(K, label_smoothing=0.1)
    torch.testing.assert_close(ours(logits, targets), formula)
    soft = CrossEntropy(K, label_smoothing=0.1)(logits, F.one_hot(targets, K).float())
    torch.testing.assert_close(soft, formula)


def test_mean_squared_error_of_keras_documentation():
    # keras.losses.MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [1, 0]]) is 0.5
    scores, targets = torch.tensor([[1.0, 1.0], [1.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    assert MeanSquaredError(2, on="logits")(scores, targets).item() == pytest.approx(0.5)


def test_squared_hinge_of_keras_documentation():
    # keras.losses.SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]) is 1.86
    scores = torch.tensor([[0.6, 0.4], [0.4, 0.6]])
    targets = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    assert SquaredHinge(2, on="logits")(scores, targets).item() == pytest.approx(1.86)


def test_cross_entropy_of_keras_documentation():
    # CategoricalCrossentropy()([[0, 1, 0], [0, 0, 1]], [[.05, .95, 0], [.1, .8, .1]]) is 1.177
    p = torch.tensor([[0.05, 0.95, 1e-7], [0.1, 0.8, 0.1]])
    loss = CrossEntropy(3)(p.log(), torch.tensor([1, 2]))
    assert loss.item() == pytest.approx(1.177, abs=5e-4)
    # the same with sample_weight=[0.3, 0.7] is 0.814 as Keras prints it, dividing by the count
    weights = torch.tensor([1.0, 0.3, 0.7])
    by_count = CrossEntropy(3, weights, reduction="count")(p.log(), torch.tensor([1, 2]))
    assert by_count.item() == pytest.approx(0.814, abs=5e-4)
    by_weights = CrossEntropy(3, weights)(p.log(), torch.tensor([1, 2]))
    assert by_weights.item() == pytest.approx(0.814 * 2, abs=1e-3)


def test_on_the_softmax_by_the_formula(batch):
    logits, targets, _ = batch
    p, hot = logits.double().softmax(1).numpy(), np.eye(K)[targets.numpy()]
    mse = MeanSquaredError(K)(logits, targets).item()
    assert mse == pytest.approx(((hot - p) ** 2).mean(1).mean())
    hinge = SquaredHinge(K)(logits, targets).item()
    assert hinge == pytest.approx((np.maximum(1 - (2 * hot - 1) * p, 0) ** 2).mean(1).mean())


def test_focal_by_the_formula_and_gamma_zero(batch):
    logits, targets, weights = batch
    p = logits.double().softmax(1).numpy()[np.arange(12), targets.numpy()]
    w = weights.double().numpy()[targets.numpy()]
    rows = w * (1 - p) ** 2 * -np.log(p)
    assert Focal(K, weights)(logits, targets).item() == pytest.approx(rows.sum() / w.sum())
    zero = Focal(K, weights, gamma=0.0)(logits, targets)
    torch.testing.assert_close(zero, CrossEntropy(K, weights)(logits, targets))


def test_focal_s_slope_is_finite_where_the_network_is_sure():
    logits = torch.tensor([[80.0, 0.0], [0.0, 80.0]], requires_grad=True)
    Focal(2, gamma=0.5)(logits, torch.tensor([0, 0])).backward()
    assert torch.isfinite(logits.grad).all()


def test_expected_cost_by_the_formula(batch):
    logits, targets, weights = batch
    costs = torch.rand(K, K, generator=torch.Generator().manual_seed(1))
    p = logits.softmax(1)
    rows = torch.stack([costs[t] @ p[i] for i, t in enumerate(targets)])
    w = weights[targets]
    loss = ExpectedCost(K, weights, costs=costs)
    torch.testing.assert_close(loss(logits, targets), (w * rows).sum() / w.sum())
    beside = ExpectedCost(K, costs=costs, beside=CrossEntropy(K, weights), share=0.5)
    expected = 0.5 * rows.mean() + F.cross_entropy(logits, targets, weight=weights)
    torch.testing.assert_close(beside(logits, targets), expected)


@every_loss
def test_codes_and_one_hot_shares_are_the_same(make, batch):
    logits, targets, weights = batch
    for given in (None, weights):
        for reduction in ("weights", "count"):
            loss = make(K, given, reduction=reduction)
            hot = F.one_hot(targets, K).float()
            torch.testing.assert_close(loss(logits, targets), loss(logits, hot))


@every_loss
def test_reductions_differ_by_the_mean_weight(make, batch):
    logits, targets, weights = batch
    by_weights = make(K, weights, reduction="weights")(logits, targets)
    by_count = make(K, weights, reduction="count")(logits, targets)
    torch.testing.assert_close(by_count, by_weights * weights[targets].mean())


@every_loss
def test_class_weights_weigh_rows(make, batch):
    logits, targets, weights = batch
    if make is LOSSES["smoothed"]:
        pytest.skip("smoothing mixes the classes' weights, as in torch")
    rows = torch.stack([make(K)(logits[i : i + 1], targets[i : i + 1]) for i in range(12)])
    w = weights[targets]
    torch.testing.assert_close(make(K, weights)(logits, targets), (w * rows).sum() / w.sum())


@every_loss
def test_a_soft_target_of_two_classes_has_the_mean_of_their_weights(make, batch):
    logits, _, weights = batch
    soft = torch.zeros(1, K)
    soft[0, 2] = soft[0, 5] = 0.5
    alike = torch.full((K,), 3.0)
    one = make(K, alike, reduction="count")(logits[:1], soft)
    torch.testing.assert_close(one, 3 * make(K)(logits[:1], soft))
    loss = make(K, weights)
    torch.testing.assert_close(loss.mean.row_weights(soft)[0], (weights[2] + weights[5]) / 2)


@pytest.mark.parametrize("make", [CrossEntropy, Focal], ids=["cross_entropy", "focal"])
def test_a_soft_target_costs_the_expectation_of_hard_ones(make, batch):
    logits, _, weights = batch
    soft = torch.zeros(1, K)
    soft[0, 2], soft[0, 5] = 0.3, 0.7
    loss = make(K, weights, reduction="count")
    hard = [loss(logits[:1], torch.tensor([k])) for k in (2, 5)]
    torch.testing.assert_close(loss(logits[:1], soft), 0.3 * hard[0] + 0.7 * hard[1])


@every_loss
def test_gradients_are_finite_and_not_zero(make, batch):
    logits, targets, weights = batch
    for scale in (1.0, 50.0):
        for given in (None, weights):
            asked = (logits * scale).requires_grad_()
            make(K, given)(asked, targets).backward()
            assert torch.isfinite(asked.grad).all()
            assert asked.grad.any()


@every_loss
def test_half_precision_logits_give_a_float_loss(make, batch):
    logits, targets, weights = batch
    loss = make(K, weights)(logits.bfloat16(), targets)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(make(K, weights)(logits, targets).item(), rel=0.02)


@every_loss
def test_nothing_goes_into_the_checkpoint(make, batch):
    assert not make(K, batch[2]).state_dict()


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "mse", "squared_hinge"])
def test_every_yaml_says_the_defaults_of_its_loss(name, batch, pytestconfig, tmp_path):
    logits, targets, weights = batch
    node = OmegaConf.load(pytestconfig.rootpath / f"configs/loss/{name}.yaml")
    OmegaConf.save(node, tmp_path / "config.yaml")  # what a run folder keeps
    for read in (node, OmegaConf.load(tmp_path / "config.yaml")):
        loss = build(read, where="loss", classes=K, weights=weights)
        torch.testing.assert_close(loss(logits, targets), LOSSES[name](K, weights)(logits, targets))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CrossEntropy(K, reduction="wieghts"), "Did you mean 'weights'"),
        (lambda: CrossEntropy(K, label_smoothing=1.5), "label_smoothing is 1.5"),
        (lambda: MeanSquaredError(K, on="softmx"), "Did you mean 'softmax'"),
        (lambda: SquaredHinge(K, on="probs"), "Known: logits, softmax"),
        (lambda: Focal(K, gamma=-1.0), "gamma is -1.0"),
    ],
)
def test_wrong_settings_are_said(make, said):
    with pytest.raises(ConfigError, match=said):
        make()
