import pytest
import torch
from torch.nn import functional as F

from ferkit.errors import ConfigError
from ferkit.losses import CenterLoss, ExpectedCost, island_loss, needs_features
from ferkit.losses.centers import pair_similarity, similarity_slope

K, SIZE = 4, 6


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(10, K, generator=generator)
    features = torch.randn(10, SIZE, generator=generator)
    return logits, torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 2, 2]), features  # never class 3


def test_centre_loss_by_the_formula(batch):
    logits, targets, features = batch
    loss = CenterLoss(K, SIZE, share=0.3)
    centers = loss.centers.clone()
    gaps = [x - centers[y] for x, y in zip(features, targets, strict=True)]
    pull = sum(float(gap @ gap) for gap in gaps) / 20
    expected = F.cross_entropy(logits, targets).item() + 0.3 * pull
    assert loss(logits, targets, features).item() == pytest.approx(expected, rel=1e-5)


def test_centres_move_by_the_rule_of_wen_et_al(batch):
    logits, targets, features = batch
    loss = CenterLoss(K, SIZE, rate=0.5)
    centers = loss.centers.clone()
    loss(logits, targets, features)
    for k in range(K):
        own = features[targets == k]
        step = (centers[k] - own).sum(0) / (1 + len(own))
        torch.testing.assert_close(loss.centers[k], centers[k] - 0.5 * step)
    assert torch.equal(loss.centers[3], centers[3])


def test_centres_come_to_the_class_means(batch):
    logits, targets, features = batch
    loss = CenterLoss(K, SIZE)
    for _ in range(100):
        loss(logits, targets, features)
    means = torch.stack([features[targets == k].mean(0) for k in range(3)])
    torch.testing.assert_close(loss.centers[:3], means)


def test_features_are_pulled_and_centres_have_no_slope(batch):
    logits, targets, features = batch
    asked = features.clone().requires_grad_()
    loss = CenterLoss(K, SIZE, share=0.3)
    centers = loss.centers.clone()
    loss(logits, targets, asked).backward()
    torch.testing.assert_close(asked.grad, 0.3 * (features - centers[targets]) / 10)
    assert not list(loss.parameters())


def test_island_loss_by_the_formula(batch):
    logits, targets, features = batch
    loss, centre = island_loss(K, SIZE, share=0.2, repulsion=3.0), CenterLoss(K, SIZE, share=0.2)
    c = loss.centers.clone()
    pairs = sum(
        float(c[j] @ c[k] / (c[j].norm() * c[k].norm())) + 1
        for j in range(K)
        for k in range(K)
        if j != k
    )
    assert pair_similarity(c).item() == pytest.approx(pairs, rel=1e-5)
    expected = centre(logits, targets, features).item() + 0.2 * 3 * pairs
    assert loss(logits, targets, features).item() == pytest.approx(expected, rel=1e-5)


def test_island_centres_move_by_the_rule_of_cai_et_al(batch):
    logits, targets, features = batch
    loss = island_loss(K, SIZE, repulsion=3.0, rate=0.5)
    c = loss.centers.clone()
    loss(logits, targets, features)
    for j in range(K):
        own = features[targets == j]
        step = (c[j] - own).sum(0) / (1 + len(own))
        for k in set(range(K)) - {j}:
            a, b = c[j].norm(), c[k].norm()
            slope = c[k] / (a * b) - (c[k] @ c[j]) / (b * a**3) * c[j]
            step = step + 3.0 / (K - 1) * slope
        torch.testing.assert_close(loss.centers[j], c[j] - 0.5 * step)


def test_the_slope_is_autograd_s():
    centers = torch.randn(K, SIZE, generator=torch.Generator().manual_seed(1)).requires_grad_()
    pair_similarity(centers).backward()  # counts each pair twice
    torch.testing.assert_close(similarity_slope(centers.detach()), centers.grad / 2)


def test_island_centres_drift_apart():
    loss = island_loss(K, SIZE, repulsion=1.0)
    apart = [pair_similarity(loss.centers)]
    for _ in range(200):
        loss.centers = loss.moved(torch.zeros(1, SIZE), torch.zeros(1, K))
        apart.append(pair_similarity(loss.centers))
    # cosines of K points can sum to no less than -K over the ordered pairs
    assert apart[-1] < apart[0]
    assert apart[-1].item() == pytest.approx(K * (K - 1) - K, abs=0.05)


def test_without_features_and_without_gradients(batch):
    logits, targets, features = batch
    loss = CenterLoss(K, SIZE)
    centers = loss.centers.clone()
    torch.testing.assert_close(loss(logits, targets), F.cross_entropy(logits, targets))
    with torch.inference_mode():
        loss(logits, targets, features)
    loss.eval()(logits, targets, features)
    assert torch.equal(loss.centers, centers)


def test_codes_and_shares_agree_and_weights_weigh_rows(batch):
    logits, targets, features = batch
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    one, two = CenterLoss(K, SIZE, weights), CenterLoss(K, SIZE, weights)
    hot = F.one_hot(targets, K).float()
    torch.testing.assert_close(one(logits, targets, features), two(logits, hot, features))
    torch.testing.assert_close(one.centers, two.centers)
    even = CenterLoss(K, SIZE, share=1.0)
    rows = [
        even.eval()(logits[i : i + 1], targets[i : i + 1], features[i : i + 1]) for i in range(10)
    ]
    w = weights[targets]
    weighed = CenterLoss(K, SIZE, weights, share=1.0)(logits, targets, features)
    torch.testing.assert_close(weighed, (w * torch.stack(rows)).sum() / w.sum())


def test_centres_go_into_the_checkpoint_and_features_of_any_shape_come_in(batch):
    logits, targets, features = batch
    loss = CenterLoss(K, SIZE)
    loss(logits, targets, features.reshape(10, 2, 3).bfloat16())
    other = CenterLoss(K, SIZE)
    other.load_state_dict(loss.state_dict())
    torch.testing.assert_close(
        other(logits, targets, features), loss(logits, targets, features), rtol=0, atol=0
    )


def test_a_cost_beside_it_passes_features_on(batch):
    logits, targets, features = batch
    alone = CenterLoss(K, SIZE)(logits, targets, features)
    both = ExpectedCost(K, costs=torch.zeros(K, K), beside=CenterLoss(K, SIZE))
    assert needs_features(both)
    assert not needs_features(ExpectedCost(K, costs=torch.zeros(K, K)))
    torch.testing.assert_close(both(logits, targets, features), alone)


@pytest.mark.parametrize("wrong", [{"share": -1.0}, {"repulsion": -0.5}, {"rate": 1.5}])
def test_wrong_settings_are_said(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ConfigError, match=f"loss.{name} is {value}"):
        CenterLoss(K, SIZE, **wrong)
