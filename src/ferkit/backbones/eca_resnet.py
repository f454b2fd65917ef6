"""A small residual network for faces of 48 pixels that two CPU cores train in an hour or two.

Basic blocks of full 3x3 convolutions (He et al. 2016), which a CPU runs at some ten times the
arithmetic rate of depthwise ones; efficient channel attention in each (ECA, Wang et al. 2020);
sides are halved by averages of 2x2 before a stage instead of strides, so that nothing is sampled
without a low-pass filter (after Zhang 2019). Each block begins as the identity.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError


def eca_resnet(
    classes: int,
    channels: int = 1,
    *,
    size: int = 48,
    stem: int = 24,
    widths: Sequence[int] = (32, 64, 128),
    depths: Sequence[int] = (2, 2, 2),
    dropout: float = 0.1,
) -> Stacked:
    """A stem at full resolution, then stages that each halve the side first.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 or 3.
        size: Side of the images in pixels; at least 2 for each halving, 8 with three stages.
        stem: Channels of the first convolution.
        widths: Channels of each stage.
        depths: Blocks of each stage, 1 or more.
        dropout: Rate before the last layer, 0..1.

    Raises:
        ConfigError: widths and depths do not fit each other, or `size` is too small for them.
    """
    if not widths or len(widths) != len(depths) or min(*widths, *depths, stem) < 1:
        raise ConfigError(
            f"backbone.widths={list(widths)} and backbone.depths={list(depths)} do not fit; give "
            "as many of one as of the other, each 1 or more."
        )
    if size < 2 ** len(widths):
        raise ConfigError(
            f"eca_resnet halves the side {len(widths)} times and needs faces of at least "
            f"{2 ** len(widths)} pixels, not {size}; raise faces.size."
        )
    layers: list[nn.Module] = [_convolution(channels, stem), nn.BatchNorm2d(stem), nn.ReLU()]
    inputs = stem
    for width, depth in zip(widths, depths, strict=True):
        layers.append(nn.AvgPool2d(2))
        for _ in range(depth):
            layers.append(Block(inputs, width))
            inputs = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout)]
    return Stacked(nn.Sequential(*layers), nn.Linear(inputs, classes))


class Block(nn.Module):
    """Two 3x3 convolutions with channel attention, beside a shortcut.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        last = nn.BatchNorm2d(outputs)
        nn.init.zeros_(last.weight)
        self.residual = nn.Sequential(
            _convolution(inputs, outputs),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            _convolution(outputs, outputs),
            last,
            ChannelAttention(),
        )
        self.shortcut = (
            nn.Identity()
            if inputs == outputs
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        )
        self.activation = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """From [B, inputs, h, w] to [B, outputs, h, w]."""
        found: Tensor = self.activation(self.residual(maps) + self.shortcut(maps))
        return found


class ChannelAttention(nn.Module):
    """ECA: each channel times the sigmoid of a convolution over its neighbours' means.

    Args:
        neighbours: Channels that a weight is computed from; odd.
    """

    def __init__(self, neighbours: int = 3) -> None:
        super().__init__()
        self.weigh = nn.Conv1d(1, 1, neighbours, padding=neighbours // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, h, w], weighted."""
        weights = self.weigh(maps.mean(dim=(2, 3))[:, None])[:, 0].sigmoid()  # [B, C]
        return maps * weights[:, :, None, None]


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
