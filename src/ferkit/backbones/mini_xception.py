"""mini-Xception of Arriaga et al. 2017, as in the authors' public Keras code.

Arriaga, Valdenegro-Toro and Ploeger, "Real-time Convolutional Neural Networks for Emotion and
Gender Classification".

The network of balanescu2020 and of kurmi2022's text: 56,951 trainable parameters for 7 classes
and one channel, 58,423 with the batch-norm means and variances. The authors' L2 penalty of 0.01
on the kernels is a matter of the optimizer (weight decay), not of the network.
"""

from itertools import pairwise
from math import isqrt

from torch import Tensor, nn
from torch.nn import functional as F

from ferkit.backbones.keras_defaults import apply_keras_defaults
from ferkit.errors import ConfigError

_SMALLEST = 5  # two valid 3x3 convolutions leave one pixel
_WIDTHS = (8, 16, 32, 64, 128)


class MiniXception(nn.Module):
    """Two convolutions, four residual modules of separable convolutions, a map per class.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 or 3.
        size: Side of the (square) images in pixels; any from 5 up, the study networks use 48.
        keras_defaults: Start the weights and set batch-norm as Keras does.

    Raises:
        ConfigError: `size` is too small for the two valid convolutions.
    """

    def __init__(
        self, classes: int, channels: int = 1, *, size: int = 48, keras_defaults: bool = False
    ) -> None:
        super().__init__()
        if size < _SMALLEST:
            raise ConfigError(
                f"mini_xception needs faces of at least {_SMALLEST} pixels, not {size}; "
                "raise faces.size."
            )
        first = _WIDTHS[0]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, first, 3, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            nn.Conv2d(first, first, 3, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(*(ResidualModule(a, b) for a, b in pairwise(_WIDTHS)))
        self.classifier = nn.Conv2d(_WIDTHS[-1], classes, 3, padding=1)
        if keras_defaults:
            apply_keras_defaults(self)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of a batch.

        Args:
            images: [B, C, H, W], scaled by the input node.

        Returns:
            Logits [B, K]: the mean of each class' map.
        """
        return self._pooled(self.blocks(self.stem(images)))

    def features(self, images: Tensor) -> Tensor:
        """The last map of 128 channels, flat: [B, 128 * h * w] (1,152 for faces of 48).

        It is not pooled: the class maps come from a 3x3 convolution with zeros around it, so
        the pooled map would not determine the scores.
        """
        return self.blocks(self.stem(images)).flatten(1)

    def head(self, features: Tensor) -> Tensor:
        """Logits [B, K] of what `features` gave for square images, [B, F]."""
        side = isqrt(features.shape[1] // _WIDTHS[-1])
        return self._pooled(features.reshape(-1, _WIDTHS[-1], side, side))

    def _pooled(self, maps: Tensor) -> Tensor:
        return self.classifier(maps).mean(dim=(2, 3))


class ResidualModule(nn.Module):
    """Two separable convolutions and a stride-2 pool, beside a 1x1 stride-2 shortcut.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out, at half the side (rounded up).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        )
        self.separable = nn.Sequential(
            *_separable(inputs, outputs), nn.ReLU(), *_separable(outputs, outputs)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """From [B, inputs, h, w] to [B, outputs, ceil(h / 2), ceil(w / 2)]."""
        # a 1x1 convolution of stride 2 sees every other pixel; oneDNN's own dies of a segmentation
        # fault in its backward pass (AVX-512, channels last, 8 channels of 60 or 92 pixels)
        return same_max_pool(self.separable(maps)) + self.shortcut(maps[..., ::2, ::2])


def same_max_pool(maps: Tensor) -> Tensor:
    """3x3 max pool of stride 2 with Keras' "same" padding.

    Keras pads an even side by one at its end alone, where torch's `padding=1` pads its start,
    which shifts every window by a pixel.

    Args:
        maps: [B, C, h, w].

    Returns:
        [B, C, ceil(h / 2), ceil(w / 2)].
    """
    height, width = maps.shape[-2:]
    return F.max_pool2d(maps, 3, 2, padding=(height % 2, width % 2), ceil_mode=True)


def _separable(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )
