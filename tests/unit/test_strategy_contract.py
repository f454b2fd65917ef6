"""Every yaml of loss/, imbalance/ and tta/ keeps the promises that the trainer relies on."""

import numpy as np
import pytest
import torch
from torch import nn

from ferkit.composition import compose, load_choice
from ferkit.config import build
from ferkit.errors import ConfigError
from ferkit.losses import needs_features, start_epoch
from ferkit.tree import choices

EMOTIONS = ("angry", "disgust", "fear", "happy")
K, SIDE = len(EMOTIONS), 12
LABELS = np.repeat(np.arange(K), (10, 2, 8, 12))
COUNTS = np.bincount(LABELS)
EPOCHS = 2
STRATEGIES = {name: {"class_weights": name} for name in ("balanced", "effective_number")}
STRATEGIES |= {"none": {}, "costs": {"cost_matrix": "balanced"}}


class Tiny(nn.Module):
    """A backbone in small: features, then a head."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 3, 3, stride=3), nn.ReLU())
        self.classifier = nn.Linear(48, K)

    def features(self, images):
        return self.body(images).flatten(1)

    def head(self, features):
        return self.classifier(features)

    def forward(self, images):
        return self.head(self.features(images))


@pytest.fixture
def faces():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(len(LABELS), 1, SIDE, SIDE, generator=generator)


def strategy_of(**slots):
    return build({"_target_": "ferkit.imbalance.strategy.Strategy", **slots}, where="imbalance")


def make_loss(node, strategy):
    """As the train command makes it."""
    loss = build(
        node,
        where="loss",
        classes=K,
        weights=strategy.weights(COUNTS, EMOTIONS),
        counts=COUNTS,
        epochs=EPOCHS,
        feature_size=48,
    )
    return strategy.add_costs(loss, COUNTS, EMOTIONS)


def two_steps(loss, faces, targets, strategy):
    """Train a tiny network for an epoch of one step, twice; return losses and weights."""
    torch.manual_seed(0)
    network = Tiny()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    losses = []
    for epoch in range(EPOCHS):
        start_epoch(loss, epoch)
        order = strategy.order(LABELS, epoch, seed=0)
        rows = np.arange(len(LABELS)) if order is None else order
        features = network.features(faces[rows])
        asked = (features,) if needs_features(loss) else ()
        value = loss(network.head(features), targets[rows], *asked)
        optimizer.zero_grad()
        value.backward()
        for parameter in network.parameters():
            assert torch.isfinite(parameter.grad).all()
            assert parameter.grad.any()
        optimizer.step()
        losses.append(value.item())
    return losses, network


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.values(), two.values(), strict=True))


@pytest.mark.parametrize("name", choices("loss"))
@pytest.mark.parametrize("soft", [False, True], ids=["codes", "shares"])
def test_every_loss_trains_and_is_deterministic(name, soft, faces):
    targets = torch.as_tensor(LABELS)
    if soft:
        targets = 0.8 * nn.functional.one_hot(targets, K).float() + 0.2 / K
    node, strategy = load_choice("loss", name), strategy_of()
    loss = make_loss(node, strategy)
    losses, network = two_steps(loss, faces, targets, strategy)
    assert np.isfinite(losses).all()
    again, twin = two_steps(make_loss(node, strategy), faces, targets, strategy)
    assert losses == again
    assert same(network.state_dict(), twin.state_dict())
    read = make_loss(node, strategy)
    read.load_state_dict(loss.state_dict())
    start_epoch(read, EPOCHS - 1)
    on_val = [each.eval()(network(faces), targets).item() for each in (loss, read)]
    assert on_val[0] == on_val[1]
    assert np.isfinite(on_val[0])


@pytest.mark.parametrize("name", choices("loss"))
@pytest.mark.parametrize("slots", STRATEGIES.values(), ids=STRATEGIES)
def test_every_loss_works_with_every_strategy_or_says_why_not(name, slots, faces):
    strategy = strategy_of(**slots)
    try:
        loss = make_loss(load_choice("loss", name), strategy)
    except ConfigError as error:
        assert name == "class_balanced_focal"
        assert "twice" in str(error)
        return
    losses, _ = two_steps(loss, faces, torch.as_tensor(LABELS), strategy)
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("name", choices("imbalance"))
def test_every_strategy_trains_and_is_deterministic(name, faces):
    config = compose(f"imbalance={name}")
    runs = []
    for _ in range(2):
        strategy = build(config.imbalance, where="imbalance")
        loss = make_loss(config.loss, strategy)
        runs.append(two_steps(loss, faces, torch.as_tensor(LABELS), strategy))
    assert runs[0][0] == runs[1][0]
    assert same(runs[0][1].state_dict(), runs[1][1].state_dict())
    with torch.inference_mode():
        adjusted = strategy.adjust(runs[0][1](faces), COUNTS)
    decided = strategy.decide(adjusted.softmax(1).numpy(), COUNTS, EMOTIONS)
    assert decided.shape == LABELS.shape
    assert set(decided.tolist()) <= set(range(K))
    assert strategy.summary()


def test_the_preset_tta_sets_tta_and_can_be_overridden():
    config = compose("imbalance=tta")
    assert config.tta.kind == "random_k"
    assert build(config.imbalance, where="imbalance") == strategy_of()
    assert compose("imbalance=tta", "tta=flip").tta.kind == "flip"
    assert compose("imbalance=tta", "tta.k=3").tta.k == 3


@pytest.mark.parametrize("name", choices("tta"))
def test_every_tta_answers_probabilities_and_is_deterministic(name, faces):
    torch.manual_seed(0)
    network = Tiny()
    with torch.inference_mode():
        found = [
            build(load_choice("tta", name), where="tta").scores(network, faces * 255)
            for _ in range(2)
        ]
        plain = network(faces * 255)
    assert torch.equal(*found)
    assert found[0].shape == (len(LABELS), K)
    assert torch.isfinite(found[0]).all()
    assert torch.equal(found[0], plain) == (name == "none")
    if name != "none":
        torch.testing.assert_close(found[0].exp().sum(1), torch.ones(len(LABELS)))


@pytest.mark.parametrize("group", ["loss", "imbalance", "tta"])
def test_every_yaml_says_what_it_is(group):
    from ferkit.tree import what_it_is

    said = {choice: what_it_is(group, choice) for choice in choices(group)}
    assert {choice for choice, line in said.items() if len(line) < 10} == set()
