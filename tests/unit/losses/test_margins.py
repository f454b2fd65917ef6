import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ferkit.errors import ConfigError, DataError
from ferkit.losses import LDAM, BalancedSoftmax, CrossEntropy, Focal, class_balanced_focal

COUNTS = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965])  # FER-2013's training images
K = 7


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(12, K, generator=generator) * 2
    return logits, torch.arange(12) % K


def test_margins_go_with_the_fourth_root():
    margins = LDAM(3, np.array([10000, 16, 81]), 10, max_margin=0.5).margins
    torch.testing.assert_close(margins, 0.5 * torch.tensor([2 / 10, 1, 2 / 3]))


def test_ldam_is_the_published_one_on_cosines(batch):
    # Cao et al.: widest margin 0.5, cosines less their margin, all times 30, cross-entropy
    logits, targets = batch
    cosines = logits / logits.norm(dim=1, keepdim=True)
    margins = 1 / np.sqrt(np.sqrt(COUNTS))
    margins = torch.as_tensor(margins * 0.5 / margins.max(), dtype=torch.float32)
    published = F.cross_entropy(30 * (cosines - F.one_hot(targets, K) * margins), targets)
    ours = LDAM(K, COUNTS, 10, max_margin=15.0)
    torch.testing.assert_close(ours(30 * cosines, targets), published)


def test_weights_set_in_at_the_deferred_epoch(batch):
    logits, targets = batch
    loss = LDAM(K, COUNTS, 10, max_margin=0.0)
    # Cui et al.'s weights, scaled to a sum of K
    weights = (1 - 0.9999) / (1 - 0.9999**COUNTS)
    weights = torch.as_tensor(weights / weights.sum() * K, dtype=torch.float32)
    for epoch in range(10):
        loss.start_epoch(epoch)
        given = weights if epoch >= 8 else None
        torch.testing.assert_close(loss(logits, targets), F.cross_entropy(logits, targets, given))


def test_the_strategy_s_weights_are_the_deferred_ones(batch):
    logits, targets = batch
    weights = torch.arange(1.0, K + 1)
    loss = LDAM(K, COUNTS, 10, weights, max_margin=0.0, reweight_from=0.5)
    torch.testing.assert_close(loss(logits, targets), F.cross_entropy(logits, targets))
    loss.start_epoch(5)
    torch.testing.assert_close(loss(logits, targets), F.cross_entropy(logits, targets, weights))


def test_weights_that_never_set_in_are_refused():
    assert LDAM(K, COUNTS, 10, reweight_from=1.0).deferred_to == 10
    with pytest.raises(ConfigError, match="never lets class weights in"):
        LDAM(K, COUNTS, 10, torch.ones(K), reweight_from=1.0)


def test_balanced_softmax_is_cross_entropy_of_logits_and_log_counts(batch):
    logits, targets = batch
    # Ren et al., equation 3: n_y exp(x_y) / sum_j n_j exp(x_j)
    probabilities = torch.as_tensor(COUNTS) * logits.double().exp()
    published = (
        -(probabilities / probabilities.sum(1, keepdim=True))[range(12), targets].log().mean()
    )
    assert BalancedSoftmax(K, COUNTS)(logits, targets).item() == pytest.approx(published.item())
    even = BalancedSoftmax(K, np.full(K, 50))(logits, targets)
    torch.testing.assert_close(even, F.cross_entropy(logits, targets))


def test_class_balanced_focal_is_focal_with_the_effective_number(batch):
    logits, targets = batch
    weights = (1 - 0.999) / (1 - 0.999**COUNTS)
    weights = torch.as_tensor(weights / weights.mean(), dtype=torch.float32)
    ours = class_balanced_focal(K, COUNTS, gamma=1.0, beta=0.999)(logits, targets)
    torch.testing.assert_close(ours, Focal(K, weights, gamma=1.0)(logits, targets))


@pytest.mark.parametrize("make", [LDAM, BalancedSoftmax, class_balanced_focal])
@pytest.mark.parametrize("reduction", ["weights", "count"])
def test_codes_and_shares_agree(make, reduction, batch):
    logits, targets = batch
    facts = {"epochs": 10, "reweight_from": 0.0} if make is LDAM else {}
    loss = make(classes=K, counts=COUNTS, reduction=reduction, **facts)
    torch.testing.assert_close(loss(logits, targets), loss(logits, F.one_hot(targets, K).float()))
    if reduction == "count":  # a vote split in two costs the mean of both
        hard = [loss(logits[:1], torch.tensor([k])) for k in (1, 4)]
        soft = torch.zeros(1, K)
        soft[0, 1], soft[0, 4] = 0.25, 0.75
        torch.testing.assert_close(loss(logits[:1], soft), 0.25 * hard[0] + 0.75 * hard[1])


@pytest.mark.parametrize("make", [LDAM, BalancedSoftmax, class_balanced_focal])
def test_sure_scores_have_finite_slopes_and_nothing_is_saved(make, batch):
    logits, targets = batch
    loss = make(classes=K, counts=COUNTS, **({"epochs": 10} if make is LDAM else {}))
    asked = (logits * 50).requires_grad_()
    loss(asked, targets).backward()
    assert torch.isfinite(asked.grad).all()
    assert asked.grad.any()
    assert loss(logits.bfloat16(), targets).dtype == torch.float32
    assert not loss.state_dict()


def test_without_margin_and_weights_ldam_is_cross_entropy(batch):
    plain = LDAM(K, COUNTS, 10, max_margin=0.0)(*batch)
    torch.testing.assert_close(plain, CrossEntropy(K)(*batch))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LDAM(K, COUNTS, 10, max_margin=-1.0), "max_margin is -1.0"),
        (lambda: LDAM(K, COUNTS, 10, reweight_from=80.0), "reweight_from is 80.0"),
        (lambda: LDAM(K, COUNTS, 10, reduction="sum"), "loss.reduction"),
        (lambda: class_balanced_focal(K, COUNTS, torch.ones(K)), "weigh them twice"),
    ],
)
def test_wrong_settings_are_said(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


def test_a_class_without_an_image_is_refused():
    for make in (lambda c: LDAM(2, c, 10), lambda c: BalancedSoftmax(2, c)):
        with pytest.raises(DataError, match="without a single training image"):
            make(np.array([5, 0]))
