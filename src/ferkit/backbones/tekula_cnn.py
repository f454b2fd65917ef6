"""The CNN of tekula2023: 1,326,567 trainable and 2,176 other parameters for 48x48x3.

The layout is the study's and is proved by both counts. It does not say its activation (ReLU here)
nor its dropout rates; those are arguments, with values that are our choice.
"""

from itertools import pairwise

from torch import nn

from ferkit.backbones.keras_defaults import apply_keras_defaults
from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError

_FILTERS = (32, 64, 128, 256)
_DENSE = 64
_SMALLEST = 2 ** len(_FILTERS)


class TekulaCNN(Stacked):
    """Four blocks of two 3x3 convolutions and a pool, then two dense layers of 64.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images; 3 in the study (`input.channels=3`).
        size: Side of the (square) images in pixels, at least 16; the first dense layer's width
            depends on it.
        dropout: Rate after each block, 0..1.
        dense_dropout: Rate after each dense layer, 0..1.
        keras_defaults: Start the weights and set batch-norm as Keras does.

    Raises:
        ConfigError: `size` is too small for the four pools.
    """

    def __init__(
        self,
        classes: int,
        channels: int = 3,
        *,
        size: int = 48,
        dropout: float = 0.25,
        dense_dropout: float = 0.5,
        keras_defaults: bool = False,
    ) -> None:
        if size < _SMALLEST:
            raise ConfigError(
                f"tekula_cnn needs faces of at least {_SMALLEST} pixels, not {size}; "
                "raise faces.size."
            )
        flat = _FILTERS[-1] * (size // _SMALLEST) ** 2
        blocks = (_block(a, b, dropout) for a, b in pairwise((channels, *_FILTERS)))
        body = nn.Sequential(
            *(layer for block in blocks for layer in block),
            nn.Flatten(),
            *_dense(flat, _DENSE, dense_dropout),
            *_dense(_DENSE, _DENSE, dense_dropout),
        )
        super().__init__(body, nn.Linear(_DENSE, classes))
        if keras_defaults:
            apply_keras_defaults(self)


def _block(inputs: int, outputs: int, dropout: float) -> tuple[nn.Module, ...]:
    # The activation comes before batch-norm, as the study has it.
    return (
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(outputs),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.BatchNorm2d(outputs),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
    )


def _dense(inputs: int, outputs: int, dropout: float) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, outputs), nn.ReLU(), nn.BatchNorm1d(outputs), nn.Dropout(dropout)
