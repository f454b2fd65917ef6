"""The input node: what a network is fed, made from pixel values 0..255.

It is saved with the weights as JSON; predict, mirror and ONNX read it from there alone, so that
live faces are never scaled otherwise than the training set was.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ferkit.errors import ConfigError, unknown

# scale -> (factor, offset) from 0..255
_SCALES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (2 / 255, -1.0)}
_LUMINANCE = (0.299, 0.587, 0.114)  # of R, G, B: ITU-R BT.601
_GREY, _COLOUR = 1, 3


class Input(nn.Module):
    """Scales pixel values and sets the number of channels.

    Args:
        scale: "0..255" (as they are), "0..1" or "-1..1".
        mean: A value per channel, subtracted after the scaling, or None.
        std: A value per channel, divided by at the end, or None.
        channels: 1 (colour becomes ITU-R BT.601 luminance), 3 (grey is repeated), or None (as
            stored).

    Raises:
        ConfigError: an unknown scale, another number of channels, a mean or std of the wrong
            length, or a std that is not positive.
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        scale: str = "-1..1",
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        channels: int | None = None,
    ) -> None:
        super().__init__()
        if scale not in _SCALES:
            raise ConfigError(unknown("input.scale", scale, _SCALES))
        if channels not in (None, _GREY, _COLOUR):
            raise ConfigError(f"input.channels is {channels}; give 1, 3 or null (as stored).")
        if std is not None and min(std, default=0) <= 0:
            raise ConfigError(f"input.std is {list(std)}; every value must be above 0.")
        self.scale = scale
        self.channels = channels
        self._given = {"mean": mean, "std": std}
        # Not in the state dict: `settings` is the one place they are saved in.
        self.register_buffer("mean", _per_channel("mean", mean, channels), persistent=False)
        self.register_buffer("std", _per_channel("std", std, channels), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """What the network is fed.

        Args:
            images: [B, C, H, W], grey or RGB, 0..255, uint8 or float.

        Returns:
            Float [B, C', H, W], C' being `channels`, or C where that is None.

        Raises:
            ConfigError: the images have neither 1 nor 3 channels where another number is asked.
        """
        images = images if images.is_floating_point() else images.float()
        images = self._recoloured(images)
        factor, offset = _SCALES[self.scale]
        if factor != 1:
            images = images * factor + offset
        if self.mean is not None:
            images = images - self.mean.to(images.dtype)
        return images if self.std is None else images / self.std.to(images.dtype)

    def settings(self) -> dict[str, object]:
        """The arguments that make this node again; plain values, fit for JSON."""
        given = {k: None if v is None else [float(x) for x in v] for k, v in self._given.items()}
        return {"scale": self.scale, **given, "channels": self.channels}

    def _recoloured(self, images: Tensor) -> Tensor:
        stored = images.shape[1]
        if self.channels in (None, stored):
            return images
        if stored not in (_GREY, _COLOUR):
            raise ConfigError(
                f"The images have {stored} channels, input.channels asks for {self.channels}: "
                "only grey and RGB can be turned into each other; set input.channels=null."
            )
        if stored == _GREY:
            return images.expand(-1, _COLOUR, -1, -1)
        red, green, blue = images.unbind(1)
        r, g, b = _LUMINANCE
        return (r * red + g * green + b * blue).unsqueeze(1)


def _per_channel(name: str, values: Sequence[float] | None, channels: int | None) -> Tensor | None:
    if values is None:
        return None
    if len(values) not in (1, channels):
        raise ConfigError(
            f"input.{name} has {len(values)} values where input.channels is {channels or 'null'}; "
            "give a single one, or one for each channel beside input.channels."
        )
    return torch.tensor([float(v) for v in values]).reshape(1, -1, 1, 1)  # [1, C or 1, 1, 1]
