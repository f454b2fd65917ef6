import pytest
import torch
from torch import nn

from ferkit.backbones.keras_defaults import apply_keras_defaults
from ferkit.backbones.kurmi_cnn import KurmiCNN
from ferkit.backbones.mini_xception import MiniXception, same_max_pool
from ferkit.backbones.tekula_cnn import TekulaCNN
from ferkit.errors import ConfigError

NETWORKS = [(MiniXception, 1), (KurmiCNN, 1), (TekulaCNN, 3)]
SMALLEST = {MiniXception: 5, KurmiCNN: 24, TekulaCNN: 16}


def trainable(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def statistics(network):
    return sum(b.numel() for name, b in network.named_buffers() if "running" in name)


@pytest.mark.parametrize(
    ("network", "learned", "others"),
    [
        (MiniXception(7, 1), 56_951, 1_472),
        (KurmiCNN(7, 1), 2_345_607, 0),
        (TekulaCNN(7, 3), 1_326_567, 2_176),
    ],
)
def test_the_printed_parameter_counts(network, learned, others):
    assert (trainable(network), statistics(network)) == (learned, others)


@pytest.mark.parametrize(("backbone", "channels"), NETWORKS)
def test_head_of_features_is_forward(backbone, channels):
    network = backbone(5, channels, size=48).eval()
    images = torch.randn(3, channels, 48, 48)
    features = network.features(images)
    assert features.ndim == 2
    assert network(images).shape == (3, 5)
    torch.testing.assert_close(network.head(features), network(images))


@pytest.mark.parametrize(("backbone", "channels"), NETWORKS)
def test_other_sizes_and_the_smallest(backbone, channels):
    for size in (SMALLEST[backbone], 64, 65):
        network = backbone(7, channels, size=size).eval()
        assert network(torch.randn(2, channels, size, size)).shape == (2, 7)
    with pytest.raises(ConfigError, match=r"raise faces\.size"):
        backbone(7, channels, size=SMALLEST[backbone] - 1)


@pytest.mark.parametrize(("backbone", "channels"), NETWORKS)
def test_every_parameter_learns(backbone, channels):
    torch.manual_seed(0)
    network = backbone(7, channels, size=32, keras_defaults=True).train()
    logits = network(torch.randn(7, channels, 32, 32))
    nn.functional.cross_entropy(logits, torch.arange(7)).backward()
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_mini_xception_has_the_authors_map_sizes():
    network = MiniXception(7).eval()
    maps, sides = network.stem(torch.randn(1, 1, 48, 48)), []
    sides.append(maps.shape[-1])
    for block in network.blocks:
        maps = block(maps)
        sides.append(maps.shape[-1])
    assert sides == [44, 22, 11, 6, 3]


def test_same_max_pool_pads_an_even_side_at_its_end_alone():
    ramp = torch.arange(6.0).reshape(1, 1, 1, 6)  # Keras: windows 012, 234, 45
    assert same_max_pool(ramp.expand(1, 1, 6, 6))[0, 0, 0].tolist() == [2, 4, 5]


def test_same_max_pool_pads_an_odd_side_at_both_ends():
    ramp = torch.arange(5.0).reshape(1, 1, 1, 5)  # Keras: windows 01, 123, 34
    assert same_max_pool(ramp.expand(1, 1, 5, 5))[0, 0, 0].tolist() == [1, 3, 4]


def test_same_max_pool_of_negative_values_takes_no_padding_for_a_maximum():
    assert same_max_pool(torch.full((1, 1, 4, 4), -3.0)).unique().tolist() == [-3]


@pytest.mark.parametrize(("backbone", "channels"), NETWORKS)
def test_keras_defaults(backbone, channels):
    network = backbone(7, channels, keras_defaults=True)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            assert (layer.eps, layer.momentum) == (1e-3, 0.01)
        elif isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            assert not layer.bias.any()


def test_glorot_limit_is_that_of_keras():
    layer = nn.Conv2d(64, 128, 3)
    apply_keras_defaults(layer)
    limit = (6 / (9 * 64 + 9 * 128)) ** 0.5  # sqrt(6 / (fan_in + fan_out))
    assert 0.99 * limit < layer.weight.abs().max() <= limit
    assert layer.weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.02)


def test_torch_defaults_stay_without_it():
    network = MiniXception(7)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-5, 0.1)}
