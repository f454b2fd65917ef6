"""InceptionResnetV1 by facenet-pytorch: a network that learned to tell people apart.

Szegedy et al. 2017, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning"; the layout and weights are FaceNet's (Schroff et al. 2015), ported by facenet-pytorch.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Any

from torch import nn

from ferkit.backbones.grey import Grey, fit_channels
from ferkit.backbones.pretrained import download, load_all_but, read_weights
from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError, missing
from ferkit.model_file import Weights

_SMALLEST = 75
_PUBLISHED = ("vggface2", "casia-webface")
_FEATURES = 512


def inception_resnet(
    classes: int,
    channels: int = 3,
    *,
    size: int = 160,
    pretrained: bool | str = False,
    dropout: float = 0.6,
    grey: Grey = "repeat",
) -> Stacked:
    """InceptionResnetV1 with a new last layer on its 512 features.

    The published weights saw faces of 160 pixels, scaled nearly to -1..1 (`input=symmetric`).

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 or 3.
        size: Side of the images in pixels, at least 75.
        pretrained: True or "vggface2", "casia-webface": downloaded; a file: a state dict by
            facenet-pytorch's names.
        dropout: Rate before the layer of 512, 0..1.
        grey: How one channel is taken; see `ferkit.backbones.grey`.

    Raises:
        ConfigError: facenet-pytorch is not installed, or `size` is too small.
        DataError: the weights cannot be had, or do not fit.
    """
    if size < _SMALLEST:
        raise ConfigError(
            f"inception_resnet needs faces of at least {_SMALLEST} pixels, not {size}; "
            "raise faces.size."
        )
    make = _library()
    network = make(classify=True, num_classes=classes, dropout_prob=dropout)
    if pretrained:
        source = "vggface2" if pretrained is True else pretrained
        load_all_but(network, _weights(make, source), ["logits"], source)
    before = fit_channels(network, "conv2d_1a.conv", channels, grey)
    layers = OrderedDict(before)
    for name, layer in network.named_children():  # they are kept in the order they run in
        if name != "logits":
            layers[name] = layer
        if name == "avgpool_1a":
            layers["flatten"] = nn.Flatten()
    return Stacked(nn.Sequential(layers), nn.Linear(_FEATURES, classes))


def _weights(make: Any, source: str) -> Weights:
    if source not in _PUBLISHED:
        return read_weights(Path(source))[0]
    return download(lambda: make(pretrained=source).state_dict(), f"InceptionResnetV1 ({source})")


def _library() -> Any:
    try:
        from facenet_pytorch import InceptionResnetV1
    except ImportError as error:
        raise ConfigError(missing("backbone=inception_resnet", "facenet-pytorch")) from error
    return InceptionResnetV1
