"""Run in a process of its own: python convolution_gradients.py THREADS LARGEST_WEIGHT BATCH...

Prints, as json, the convolution shapes of all configs/backbone/*.yaml whose weight gradient in
channels_last differs from the contiguous float64 one by more than 1e-4 of its largest value. The
process ends in a signal where the gradient writes past its memory.
"""

import json
import os
import sys

os.environ["OMP_NUM_THREADS"] = sys.argv[1]

import torch
from torch import nn
from torch.nn import functional as F

from ferkit.config import build
from ferkit.targets import configs_dir
from ferkit.tree import choices

SIDE = 14  # pixels of the maps; larger kernels get maps of their own size
CHANNELS = {"eca_resnet": 1, "kurmi_cnn": 1, "mini_xception": 1, "resnet18": 1, "vgg8": 1}


def shapes():
    """(in, out, kernel, stride, padding, dilation, groups) of every convolution, with its side."""
    from omegaconf import OmegaConf

    found = {}
    for name in choices("backbone"):
        node = OmegaConf.load(configs_dir() / "backbone" / f"{name}.yaml")
        facts = {"channels": CHANNELS.get(name, 3), "size": 80}
        network = build(node, where="backbone", classes=7, **facts)
        for conv in (m for m in network.modules() if isinstance(m, nn.Conv2d)):
            key = (
                conv.in_channels,
                conv.out_channels,
                conv.kernel_size,
                conv.stride,
                conv.padding,
                conv.dilation,
                conv.groups,
            )
            found[key] = max(
                SIDE,
                *(d * (k - 1) + 1 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)),
            )
    return found


def gradient(images, weight, upstream, key):
    weight = weight.detach().requires_grad_()
    out = F.conv2d(images, weight, None, *key[3:])
    out.backward(upstream)
    return weight.grad


def worst(key, side, batches):
    """The largest relative difference over the batches."""
    inputs, outputs, kernel, _, _, _, groups = key
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, inputs // groups, *kernel, generator=generator)
    images = torch.randn(max(batches), inputs, side, side, generator=generator)
    shape = F.conv2d(images[:1], weight, None, *key[3:]).shape[1:]
    upstream = torch.randn(max(batches), *shape, generator=generator)
    difference, exact = 0.0, torch.zeros_like(weight, dtype=torch.float64)
    for n in range(1, max(batches) + 1):  # the exact gradient of n images grows by one each
        exact += gradient(
            images[n - 1 : n].double(), weight.double(), upstream[n - 1 : n].double(), key
        )
        if n in batches:
            last = {"memory_format": torch.channels_last}
            found = gradient(
                images[:n].contiguous(**last),
                weight.contiguous(**last),
                upstream[:n].contiguous(**last),
                key,
            )
            apart = (found.double() - exact).abs().max() / exact.abs().max()
            difference = max(difference, float(apart))
    return difference


def main():
    torch.set_num_threads(int(sys.argv[1]))
    largest, batches = int(sys.argv[2]), {int(word) for word in sys.argv[3:]}
    found = {
        k: s for k, s in shapes().items() if k[0] // k[6] * k[1] * k[2][0] * k[2][1] <= largest
    }
    differences = {str(key): worst(key, side, batches) for key, side in found.items()}
    wrong = {key: value for key, value in differences.items() if not value < 1e-4}
    print(
        json.dumps({"shapes": len(differences), "threads": torch.get_num_threads(), "wrong": wrong})
    )


if __name__ == "__main__":
    main()
