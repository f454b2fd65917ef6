"""Which layers learn, and training on cached features of those that do not."""

import numpy as np
import pytest
import torch
from torch import nn

from ferkit.backbones.freezing import freeze, freezing_of, in_words, layers_of, on_epoch
from ferkit.backbones.frozen_features import (
    FeatureLoader,
    cached_features,
    features_bytes,
    split_frozen,
)
from ferkit.backbones.kurmi_cnn import KurmiCNN
from ferkit.backbones.mini_xception import MiniXception
from ferkit.backbones.resnet18_cifar import resnet18
from ferkit.backbones.stacked import Stacked
from ferkit.backbones.tekula_cnn import TekulaCNN
from ferkit.backbones.timm_net import timm_net
from ferkit.backbones.torchvision_nets import resnet50, vgg16
from ferkit.errors import ConfigError
from ferkit.loader import make_loader, shuffled

CPU = torch.device("cpu")


def small(classes=4, channels=1):
    """Two convolutions with batch-norm and three fully connected layers with dropout."""
    body = nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 16), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Linear(16, 16), nn.ReLU(inplace=True), nn.Dropout(0.5),
    )  # fmt: skip
    return Stacked(body, nn.Linear(16, classes))


def learning(backbone):
    return {name for name, p in backbone.named_parameters() if p.requires_grad}


def test_layers_of_a_small_network():
    assert [[type(m).__name__ for m in layer] for layer in layers_of(small())] == [
        ["Conv2d", "BatchNorm2d"],
        ["Conv2d", "BatchNorm2d"],
        ["Linear"],
        ["Linear"],
        ["Linear"],
    ]


def test_layers_of_the_big_ones():
    with torch.device("meta"):
        assert len(layers_of(vgg16(7))) == 16
        assert len(layers_of(resnet50(7))) == 54  # 49 + 4 shortcuts + the head


@pytest.mark.parametrize(
    ("how", "n", "expected"),
    [
        ("none", 1, ["body.0", "body.1", "body.4", "body.5", "body.9", "body.12", "classifier"]),
        ("head_only", 1, ["classifier"]),
        ("last_fc_3", 1, ["body.9", "body.12", "classifier"]),
        ("last_n", 4, ["body.4", "body.5", "body.9", "body.12", "classifier"]),
        ("gradual", 2, ["classifier"]),
    ],
)
def test_what_learns(how, n, expected):
    backbone = small()
    freeze(backbone, how, n)
    found = {name.rpartition(".")[0] for name in learning(backbone)}
    assert sorted(found) == sorted(expected)


def test_freezing_is_said_in_words():
    with torch.device("meta"):
        said = freeze(vgg16(7), "last_fc_3")
        assert said.startswith("the last 3 layers learn, of 16 layers; 119,574,535 of 134,289,223")
        assert "batch-norm" not in said
        assert freeze(vgg16(7)) == "all 16 layers learn, 134,289,223 parameters"
    said = freeze(small(), "gradual", 2)
    assert "the head alone learns" in said and "2 more with each epoch" in said
    assert "frozen batch-norms keep their statistics" in said


def test_gradual_thaws_from_the_end():
    backbone = small()
    freeze(backbone, "gradual", 2)
    counts = []
    for epoch in range(4):
        backbone.train()
        on_epoch(backbone, epoch)
        counts.append(
            sum(
                any(p.requires_grad for m in layer for p in m.parameters())
                for layer in layers_of(backbone)
            )
        )
    assert counts == [1, 3, 5, 5]
    assert in_words(backbone).startswith("all 5 layers learn")
    on_epoch(backbone, 0)  # a resumed run may ask for any epoch
    assert learning(backbone) == {"classifier.weight", "classifier.bias"}


def test_frozen_batch_norms_do_not_move_and_frozen_weights_do_not_decay():
    torch.manual_seed(0)
    backbone = small()
    freeze(backbone, "last_n", 4)
    before = {name: t.clone() for name, t in backbone.state_dict().items()}
    optimizer = torch.optim.SGD(backbone.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for epoch in range(2):
        backbone.train()
        on_epoch(backbone, epoch)
        loss = nn.functional.cross_entropy(backbone(torch.randn(8, 1, 16, 16)), torch.arange(8) % 4)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = backbone.state_dict()
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert not [n for n in moved if n.startswith(("body.0.", "body.1."))]
    assert {"body.4.weight", "body.5.running_mean", "classifier.weight"} <= moved


def test_norms_without_weights_are_frozen_too():
    body = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, affine=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    backbone = Stacked(body, nn.Linear(2, 3))
    freeze(backbone, "head_only")
    on_epoch(backbone.train(), 0)
    assert not body[1].training


def test_none_leaves_everything_alone():
    backbone = small().train()
    on_epoch(backbone, 3)
    assert freezing_of(backbone).how == "none"
    assert all(m.training for m in backbone.modules())


def test_mistakes_get_a_sentence():
    with pytest.raises(ConfigError, match=r"Unknown backbone\.freeze 'head'.*'head_only'"):
        freeze(small(), "head")
    with pytest.raises(ConfigError, match=r"freeze_n is 6; this network has 1 to 5 layers"):
        freeze(small(), "last_n", 6)
    with pytest.raises(ConfigError, match="freeze_n is 0"):
        freeze(small(), "gradual", 0)
    with pytest.raises(ConfigError, match=r"needs 3 fully connected layers, .* has 1; use head_o"):
        freeze(resnet18(7), "last_fc_3")


def test_split_stops_before_the_first_dropout_and_before_what_learns():
    def lengths(backbone, how, n=1):
        freeze(backbone, how, n)
        parts = split_frozen(backbone)
        return parts and tuple(map(len, parts))

    assert lengths(small(), "head_only") == (11, 5)
    assert lengths(small(), "last_fc_3") == (9, 7)
    assert lengths(small(), "last_n", 4) == (4, 12)
    assert lengths(small(), "last_n", 5) is None
    assert lengths(small(), "none") is None
    assert lengths(small(), "gradual") is None
    with torch.device("meta"):
        assert lengths(resnet50(7), "head_only") == (22, 1)
        assert lengths(vgg16(7), "head_only") == (35, 5)


def test_a_network_that_draws_is_not_cached():
    wild = timm_net(7, name="test_vit", size=48)
    freeze(wild, "head_only")
    assert split_frozen(wild) is not None
    wild.body.network.blocks[0].attn.proj_drop.p = 0.1
    assert split_frozen(wild) is None


NETWORKS = {
    "small, head_only": (small, "head_only", 1),
    "small, last_fc_3": (small, "last_fc_3", 1),
    "small, last_n": (small, "last_n", 4),
    "tekula_cnn, last_n": (lambda: TekulaCNN(4, 1, size=24), "last_n", 3),
    "kurmi_cnn, head_only": (lambda: KurmiCNN(4, 1, size=24), "head_only", 1),
    "mini_xception, head_only": (lambda: MiniXception(4, 1, size=24), "head_only", 1),
}


def train(backbone, scorer, loader, val):
    optimizer = torch.optim.SGD(backbone.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    losses = []
    for epoch in range(3):
        backbone.train()
        on_epoch(backbone, epoch)
        torch.manual_seed(epoch)
        for batch in loader.epoch(epoch):
            loss = nn.functional.cross_entropy(scorer(batch.images.float()), batch.targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        backbone.eval()
        with torch.no_grad():
            scores = torch.cat([scorer(batch.images.float()) for batch in val.epoch(0)])
        losses.append(scores.square().mean().item())
    return losses


@pytest.mark.parametrize("case", NETWORKS)
def test_training_on_cached_features_is_training(case):
    make, how, n = NETWORKS[case]
    random = np.random.default_rng(0)
    faces = random.integers(0, 255, (20, 24, 24), dtype=np.uint8)
    targets, rows = random.integers(0, 4, 20), np.arange(20)
    view = {"batch_size": 6, "device": CPU}
    order = shuffled(20, 0)

    losses, networks = [], []
    for cached in (False, True):
        torch.manual_seed(5)
        backbone = make()
        freeze(backbone, how, n)
        train_loader = make_loader(faces, rows, targets, order=order, **view)
        val_loader = make_loader(faces, rows, targets, **view)
        scorer = backbone
        scaled = Floats()
        if cached:
            frozen, scorer = split_frozen(backbone)
            frozen = nn.Sequential(scaled, frozen)
            features = cached_features(frozen, val_loader)
            assert not features.requires_grad
            size = features_bytes(frozen, next(val_loader.epoch(0)).images, 20)
            assert size == features.numel() * 4
            labels = torch.from_numpy(targets)
            train_loader = FeatureLoader(features, labels, 6, order)
            val_loader = FeatureLoader(features, labels, 6, lambda _: np.arange(20))
            assert train_loader.steps == 4
        else:
            scorer = nn.Sequential(scaled, backbone)
        losses.append(train(backbone, scorer, train_loader, val_loader))
        networks.append(backbone)
    assert losses[0][0] != losses[0][4]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    for (name, one), two in zip(
        networks[0].state_dict().items(), networks[1].state_dict().values(), strict=True
    ):
        torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-5, msg=name)


class Floats(nn.Module):
    def forward(self, images):
        return images.float() / 255
