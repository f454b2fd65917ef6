"""Any image classifier of timm, by its name."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ferkit.backbones.grey import Grey, fit_channels
from ferkit.backbones.pretrained import download, load_all_but, read_weights
from ferkit.backbones.stacked import Stacked
from ferkit.errors import ConfigError, nearest


def timm_net(
    classes: int,
    channels: int = 3,
    *,
    name: str = "resnet18",
    size: int = 224,
    pretrained: bool | str = False,
    dropout: float = 0.0,
    grey: Grey = "repeat",
) -> Stacked:
    """A network of timm up to its pooled features, and a new last layer.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images, 1 or 3.
        name: As timm has it, with or without the tag of its weights, e.g.
            "convnext_tiny.fb_in22k".
        size: Side of the images in pixels; networks made for one size (most transformers) are
            built for this one.
        pretrained: True: the weights timm would download; a file: a state dict by timm's names.
        dropout: Rate before the last layer, 0..1.
        grey: How one channel is taken; see `ferkit.backbones.grey`.

    Raises:
        ConfigError: timm knows no such network, or it does not take this size.
        DataError: the weights cannot be had, or do not fit.
    """
    import timm

    _check_name(name)
    sized = _sized(name, size)
    try:
        network = timm.create_model(name, num_classes=0, **sized)
        width = _width(network, size)
    except (AssertionError, ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"timm's {name} does not take faces of {size} pixels ({error}); change faces.size or "
            "backbone.name."
        ) from error
    _start(network, name, sized, pretrained)
    before = fit_channels(network, _first(network), channels, grey)
    layers = OrderedDict(before | {"network": network, "dropout": nn.Dropout(dropout)})
    return Stacked(nn.Sequential(layers), nn.Linear(width, classes))


def _sized(name: str, size: int) -> dict[str, Any]:
    import timm

    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    return {"img_size": size} if config is not None and config.fixed_input_size else {}


@torch.no_grad()
def _width(network: nn.Module, size: int) -> int:
    # By trying it: neither the width nor the sizes a network takes are written down for all.
    features = network.eval()(torch.zeros(1, 3, size, size))  # [1, F]
    if features.ndim != 2:
        raise ValueError(f"its features are {tuple(features.shape)}, not one vector an image")
    network.train()
    return int(features.shape[1])


def _start(network: nn.Module, name: str, sized: dict[str, Any], pretrained: bool | str) -> None:
    import timm

    if not pretrained:
        return
    if isinstance(pretrained, str):
        weights = read_weights(Path(pretrained))[0]
        heads = _names(network, "classifier")
    else:
        make: Any = timm.create_model
        weights = download(
            lambda: make(name, num_classes=0, pretrained=True, **sized).state_dict(),
            f"{name} (timm)",
        )
        heads = []
    load_all_but(network, weights, heads, pretrained if isinstance(pretrained, str) else name)


def _check_name(name: str) -> None:
    import timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        known = timm.list_models()
        raise ConfigError(
            f"timm has no network {name!r}.{nearest(name, known)} It has {len(known)}; "
            "`timm.list_models()` lists them."
        )
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise ConfigError(
            f"timm has no weights {tag!r} of {architecture}.{nearest(tag, tags)} "
            f"Known: {', '.join(tags) or 'none'}."
        )


def _first(network: nn.Module) -> str:
    names = _names(network, "first_conv")
    convolutions = [n for n, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]
    return names[0] if len(names) == 1 else (convolutions or [""])[0]


def _names(network: nn.Module, key: str) -> list[str]:
    # One name, several, or none; what timm writes beside every network.
    found = getattr(network, "pretrained_cfg", {}).get(key)
    return [found] if isinstance(found, str) else list(found or ())
