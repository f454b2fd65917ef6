"""ResNet18 for small images: a 3x3 first convolution of stride 1 and no max-pool.

He et al. 2016 (section 4.2, on CIFAR) in the width of their ImageNet networks, as a public
FER-2013 recipe has it that reports 73.70% (best epoch on PrivateTest) for crops of 40x40.
"""

from collections import OrderedDict
from typing import Literal

import torchvision
from torch import nn

from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError

_SMALLEST = {"global": 8, "first_4x4": 32}
_LARGEST = 63  # 64 would leave two windows of 4x4 a side


def resnet18(
    classes: int,
    channels: int = 1,
    *,
    size: int = 48,
    pool: Literal["global", "first_4x4"] = "global",
) -> Stacked:
    """The CIFAR-style ResNet18: 11,171,271 parameters with seven classes and one channel.

    All starts as torch's layers do, not as torchvision's ResNet, like the recipe's code.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 in the recipe.
        size: Side of the images in pixels, at least 8.
        pool: "global": the mean of the whole last map. "first_4x4": of its upper left 4x4 alone,
            which is what the recipe's code does with the 5x5 map of a 40x40 crop; for images of
            32 to 63 pixels.

    Raises:
        ConfigError: `size` does not fit `pool`.
    """
    _check_size(size, pool)
    network = torchvision.models.resnet18(num_classes=classes)
    layers = OrderedDict(network.named_children())
    last = layers.pop("fc")
    del layers["maxpool"]
    layers["conv1"] = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1) if pool == "global" else nn.AvgPool2d(4)
    layers["flatten"] = nn.Flatten()
    body = nn.Sequential(layers)
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return Stacked(body, last)


def _check_size(size: int, pool: str) -> None:
    if size < _SMALLEST[pool]:
        raise ConfigError(
            f"resnet18 with pool={pool} needs faces of at least {_SMALLEST[pool]} pixels, not "
            f"{size}; raise faces.size."
        )
    if pool == "first_4x4" and size > _LARGEST:
        raise ConfigError(
            f"resnet18 with pool=first_4x4 takes faces of 32 to {_LARGEST} pixels, not {size}; "
            "use backbone.pool=global."
        )
