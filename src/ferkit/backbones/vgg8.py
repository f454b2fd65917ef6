"""The VGG of eight convolutions behind a known FER-2013 record (73.28% on PublicTest).

Khaireddin and Chen 2021, "Facial Emotion Recognition: State of the Art Performance on FER2013";
the layout is that of the authors' public code. They train and test on crops of 40x40, which
leave 2,048 values for the first dense layer.
"""

from itertools import pairwise

from torch import nn

from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError

_FILTERS = (64, 128, 256, 512)
_DENSE = 4096
_SMALLEST = 2 ** len(_FILTERS)
_SIDE = 2  # of the last map, for images of 32..47


def vgg8(classes: int, channels: int = 1, *, size: int = 48, dropout: float = 0.2) -> Stacked:
    """Four pairs of 3x3 convolutions with batch-norm, a pool after each, three dense layers.

    29,890,759 parameters with seven classes and one channel. Images of 32 to 47 pixels leave
    maps of 2x2, as in the record; other sizes are averaged to 2x2, so that the weights fit crops
    and whole faces alike.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 in the record.
        size: Side of the prepared faces in pixels, at least 16; random crops may be smaller.
        dropout: Rate in the dense layers, 0..1; 0.2 is what the record's code really used.

    Raises:
        ConfigError: `size` is too small for the four pools.
    """
    if size < _SMALLEST:
        raise ConfigError(
            f"vgg8 needs faces of at least {_SMALLEST} pixels, not {size}; raise faces.size."
        )
    body = nn.Sequential(
        *(layer for a, b in pairwise((channels, *_FILTERS)) for layer in _pair(a, b)),
        nn.AdaptiveAvgPool2d(_SIDE),  # leaves maps of 2x2 as they are
        nn.Flatten(),
        *_dense(_FILTERS[-1] * _SIDE**2, dropout),
        *_dense(_DENSE, dropout),
    )
    return Stacked(body, nn.Linear(_DENSE, classes))


def _pair(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def _dense(inputs: int, dropout: float) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, _DENSE), nn.Dropout(dropout), nn.ReLU()
