"""VGG16 and ResNet50 by torchvision, the networks of athanasiadis2022 and ghafourian2021.

Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition";
He et al. 2016, "Deep Residual Learning for Image Recognition".
"""

from collections import OrderedDict
from pathlib import Path

import torchvision
from torch import nn

from ferkit.backbones.grey import Grey, fit_channels
from ferkit.backbones.pretrained import download, load_all_but, read_weights
from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError

_SMALLEST = 32  # five halvings leave one pixel


def vgg16(
    classes: int,
    channels: int = 3,
    *,
    size: int = 224,
    pretrained: bool | str = False,
    fc2_features: int | None = None,
    dropout: float = 0.5,
    grey: Grey = "repeat",
) -> Stacked:
    """VGG16: thirteen convolutions and three fully connected layers.

    134,289,223 parameters with seven classes.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 or 3.
        size: Side of the images in pixels, at least 32 (224 on ImageNet).
        pretrained: True: torchvision's ImageNet weights; a file: a state dict of this network
            by torchvision's names. The last layer is new in either case.
        fc2_features: Width of the second fully connected layer, 4,096 if None. A narrower one
            starts anew (the second and fourth implementations of athanasiadis2022, which does
            not say how narrow).
        dropout: Rate after the first and the second fully connected layer, 0..1.
        grey: How one channel is taken; see `ferkit.backbones.grey`.

    Raises:
        ConfigError: `size` or `fc2_features` is too small.
        DataError: the weights cannot be had, or do not fit.
    """
    _check_size("vgg16", size)
    network = torchvision.models.vgg16(num_classes=classes, dropout=dropout)
    weights = torchvision.models.VGG16_Weights.IMAGENET1K_V1
    _start(network, "vgg16", "classifier.6", weights, pretrained)
    before = fit_channels(network, "features.0", channels, grey)
    *hidden, last = network.classifier
    if fc2_features is not None:
        if fc2_features < 1:
            raise ConfigError(f"backbone.fc2_features is {fc2_features}; give 1 or more, or null.")
        hidden[3] = _new_linear(hidden[3].in_features, fc2_features)
        last = _new_linear(fc2_features, classes)
    body = _named(
        **before,
        features=network.features,
        avgpool=network.avgpool,
        flatten=nn.Flatten(),
        fc=nn.Sequential(*hidden),
    )
    return Stacked(body, last)


def resnet50(
    classes: int,
    channels: int = 3,
    *,
    size: int = 224,
    pretrained: bool | str = False,
    grey: Grey = "repeat",
) -> Stacked:
    """ResNet50: 23,522,375 parameters with seven classes.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 or 3.
        size: Side of the images in pixels, at least 32 (224 on ImageNet).
        pretrained: True: torchvision's first ImageNet weights, those that studies before 2022
            had; a file: a state dict by torchvision's names. The last layer is new.
        grey: How one channel is taken; see `ferkit.backbones.grey`.

    Raises:
        ConfigError: `size` is too small.
        DataError: the weights cannot be had, or do not fit.
    """
    _check_size("resnet50", size)
    network = torchvision.models.resnet50(num_classes=classes)
    weights = torchvision.models.ResNet50_Weights.IMAGENET1K_V1
    _start(network, "resnet50", "fc", weights, pretrained)
    before = fit_channels(network, "conv1", channels, grey)
    layers = dict(network.named_children())
    last = layers.pop("fc")
    return Stacked(_named(**before, **layers, flatten=nn.Flatten()), last)


def _start(
    network: nn.Module,
    name: str,
    head: str,
    published: torchvision.models.WeightsEnum,
    pretrained: bool | str,
) -> None:
    if not pretrained:
        return
    if isinstance(pretrained, str):
        weights = read_weights(Path(pretrained))[0]
    else:
        weights = download(
            lambda: published.get_state_dict(check_hash=True, weights_only=True),
            f"{name} (torchvision, ImageNet)",
        )
    load_all_but(network, weights, [head], pretrained if isinstance(pretrained, str) else name)


def _check_size(name: str, size: int) -> None:
    if size < _SMALLEST:
        raise ConfigError(
            f"{name} needs faces of at least {_SMALLEST} pixels, not {size}; raise faces.size."
        )


def _new_linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 0, 0.01)  # as torchvision starts VGG's
    nn.init.zeros_(layer.bias)
    return layer


def _named(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))
