"""The sequential CNN whose summary kurmi2022 prints: 2,345,607 parameters for 48x48x1."""

from torch import nn

from ferkit.backbones.keras_defaults import apply_keras_defaults
from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError

_SMALLEST = 24


class KurmiCNN(Stacked):
    """Four valid 3x3 convolutions, three pools, a dense layer of 1,024.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 or 3.
        size: Side of the (square) images in pixels, at least 24; the dense layer's width
            depends on it.
        keras_defaults: Start the weights as Keras does (there is no batch-norm).

    Raises:
        ConfigError: `size` is too small for the convolutions and pools.
    """

    def __init__(
        self, classes: int, channels: int = 1, *, size: int = 48, keras_defaults: bool = False
    ) -> None:
        if size < _SMALLEST:
            raise ConfigError(
                f"kurmi_cnn needs faces of at least {_SMALLEST} pixels, not {size}; "
                "raise faces.size."
            )
        side = (((size - 4) // 2 - 2) // 2 - 2) // 2
        body = nn.Sequential(
            *_convolution(channels, 32),
            *_convolution(32, 64),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            *_convolution(64, 128),
            nn.MaxPool2d(2),
            *_convolution(128, 128),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(128 * side**2, 1024),
            nn.ReLU(),
            nn.Dropout(0.5),
        )
        super().__init__(body, nn.Linear(1024, classes))
        if keras_defaults:
            apply_keras_defaults(self)


def _convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3), nn.ReLU()
