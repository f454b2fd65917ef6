"""Where channels_last is not safe: a fault of oneDNN's convolutions on CPUs.

The weight gradient of a strided 1x1 convolution with fewer input channels than oneDNN's block (16)
writes past its workspace in channels_last: a segmentation fault, a damaged heap or silently wrong
gradients, depending on the processor and on whether a thread's share of the batch is odd
(uxlfoundation/oneDNN issue 6035). The block is 16 with AVX-512 and 8 with AVX2.
"""

import torch
from torch import nn

_BLOCK = 16  # input channels


def why_not_channels_last(network: nn.Module, device: torch.device) -> str | None:
    """Why a network must not be trained in channels_last on a device; None where it may be.

    Args:
        network: Any module; every convolution in it is looked at.
    """
    if device.type != "cpu":
        return None
    risky = strided_pointwise(network)
    if not risky:
        return None
    return (
        f"channels_last is off: on a CPU the weight gradient of {risky[0]} (a strided 1x1 "
        f"convolution with fewer than {_BLOCK} input channels) is unsafe in oneDNN (issue 6035)"
    )


def strided_pointwise(network: nn.Module) -> list[str]:
    """The names of the 1x1 convolutions with a stride and fewer than 16 input channels a group."""
    return [
        name or type(module).__name__
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)
        and set(module.kernel_size) == {1}
        and max(module.stride) > 1
        and module.in_channels // module.groups < _BLOCK
    ]
