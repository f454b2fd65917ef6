"""The two networks behind known FER-2013 records."""

import pytest
import torch
from torch import nn

from ferkit.backbones.resnet18_cifar import resnet18
from ferkit.backbones.vgg8 import vgg8
from ferkit.errors import ConfigError


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_parameters():
    with torch.device("meta"):
        assert parameters(vgg8(7)) == 29_890_759
        assert parameters(resnet18(7)) == 11_171_271
        # the metric in print for CIFAR-10's three channels and ten classes
        assert parameters(resnet18(10, 3)) == 11_173_962


def test_resnet18_keeps_the_resolution_of_its_stem():
    network = resnet18(7).eval()
    maps = network.body[:3](torch.randn(1, 1, 40, 40))
    assert maps.shape == (1, 64, 40, 40)
    assert not any(isinstance(m, nn.MaxPool2d) for m in network.modules())


def test_resnet18_takes_crops_and_whole_faces():
    for pool in ("global", "first_4x4"):
        network = resnet18(7, pool=pool).eval()
        for side in (40, 48):
            assert network(torch.randn(1, 1, side, side)).shape == (1, 7)


def test_first_4x4_is_the_upper_left_of_the_5x5_map():
    network = resnet18(7, size=40, pool="first_4x4").eval()
    names = [name for name, _ in network.body.named_children()]
    images = torch.randn(2, 1, 40, 40)
    maps = network.body[: names.index("avgpool")](images)
    assert maps.shape[-2:] == (5, 5)
    torch.testing.assert_close(network.features(images), maps[:, :, :4, :4].mean(dim=(2, 3)))


@pytest.mark.parametrize(("size", "pool"), [(7, "global"), (31, "first_4x4"), (64, "first_4x4")])
def test_resnet18_refuses_sizes_by_a_sentence(size, pool):
    with pytest.raises(ConfigError, match=f"not {size}"):
        resnet18(7, size=size, pool=pool)


def test_vgg8_has_2048_flat_features_for_crops_of_40():
    network = vgg8(7).eval()
    flat = next(i for i, layer in enumerate(network.body) if isinstance(layer, nn.Flatten))
    images = torch.randn(2, 1, 40, 40)
    maps = network.body[: flat - 1](images)
    assert maps.shape == (2, 512, 2, 2)
    assert torch.equal(network.body[: flat + 1](images), maps.flatten(1))  # nothing is averaged
    assert network(torch.randn(1, 1, 48, 48)).shape == (1, 7)


def test_vgg8_refuses_what_four_pools_leave_nothing_of():
    with pytest.raises(ConfigError, match=r"at least 16 pixels, not 15; raise faces\.size"):
        vgg8(7, size=15)
