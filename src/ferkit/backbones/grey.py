"""Grey faces for networks that learned on colour: repeat the channel, or sum the weights.

The input node decides how many channels arrive (`input.channels=3` repeats grey there, which
lets mean and std differ by channel). Where a single one arrives, `backbone.grey` decides:

- `repeat`: the image is repeated three times before the first convolution;
- `sum`: that convolution takes one channel, its weights summed over the three. The scores are
  those of `repeat`, at a third of the first layer's work, and the layer has fewer parameters.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from ferkit.errors import ConfigError

Grey = Literal["repeat", "sum"]
_COLOUR = 3


def fit_channels(network: nn.Module, first: str, channels: int, grey: Grey) -> dict[str, nn.Module]:
    """Let a network for three channels take `channels`.

    Args:
        network: Its first convolution is changed in place under `sum`; load weights before.
        first: The name of that convolution within the network.
        channels: What the input node delivers, 1 or 3.

    Returns:
        What must run before the network, by name: nothing, or the layer that repeats the channel.

    Raises:
        ConfigError: neither 1 nor 3 channels, or `sum` where colour arrives.
    """
    if channels not in (1, _COLOUR):
        raise ConfigError(f"The backbone is fed {channels} channels; set input.channels to 1 or 3.")
    if channels == _COLOUR:
        if grey == "sum":
            raise ConfigError(
                "backbone.grey=sum is for one channel, but the input node delivers 3; set "
                "input.channels=1 (with one input.mean and input.std), or backbone.grey=repeat."
            )
        return {}
    if grey == "repeat":
        return {"grey": RepeatChannel()}
    sum_channels(network.get_submodule(first))
    return {}


def sum_channels(layer: nn.Module) -> None:
    """Make a convolution of three channels one of a single channel, in place.

    Raises:
        ConfigError: the layer is no plain convolution.
    """
    if not isinstance(layer, nn.Conv2d) or layer.groups != 1:
        raise ConfigError(
            f"backbone.grey=sum needs a plain convolution first, this network begins with "
            f"{type(layer).__name__}; use backbone.grey=repeat."
        )
    with torch.no_grad():
        layer.weight = nn.Parameter(layer.weight.sum(dim=1, keepdim=True))  # [F, 1, k, k]
    layer.in_channels = 1


class RepeatChannel(nn.Module):
    """From [B, 1, H, W] to [B, 3, H, W], without a copy."""

    def forward(self, images: Tensor) -> Tensor:
        """The one channel, three times."""
        return images.expand(-1, _COLOUR, -1, -1)
