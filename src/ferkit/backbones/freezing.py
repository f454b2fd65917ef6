"""Freezing: which layers of a backbone learn, in which epoch.

A *layer* is a convolution, a fully connected layer or the like, together with the norms and
scales that follow it; the head is the last one. Layers are counted in the order in which the
network registers them, which for all networks here is the order they run in.

Frozen parameters get no gradient, so optimizers pass them over, weight decay included; give the
optimizer all parameters, then a layer may thaw later. Frozen batch-norms run in eval mode: their
means and variances stay what they are.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from ferkit.errors import ConfigError, unknown

How = Literal["none", "head_only", "last_fc_3", "last_n", "gradual"]
Layer = list[nn.Module]
_CONNECTED = 3  # last_fc_3


@dataclass(frozen=True)
class Freezing:
    """What learns.

    Attributes:
        how: none, head_only, last_fc_3 (the last three fully connected layers, as
            athanasiadis2022 trains VGG16), last_n, gradual (the head in the first epoch, then
            more from the end; Howard and Ruder 2018).
        n: last_n: how many layers learn; gradual: how many more with each epoch.
    """

    how: How = "none"
    n: int = 1


def freeze(backbone: nn.Module, how: How = "none", n: int = 1) -> str:
    """Freeze layers of a built backbone, in place, as for the first epoch.

    The plan stays with it as `backbone.freezing`, which `on_epoch` reads.

    Returns:
        What learns, in words.

    Raises:
        ConfigError: an unknown way, an `n` below 1 or above the number of layers, or too few
            fully connected layers for last_fc_3.
    """
    if how not in get_args(How):
        raise ConfigError(unknown("backbone.freeze", how, get_args(How)))
    layers = layers_of(backbone)
    if how in ("last_n", "gradual") and not 1 <= n <= len(layers):
        raise ConfigError(f"backbone.freeze_n is {n}; this network has 1 to {len(layers)} layers.")
    backbone.freezing = Freezing(how, n)  # type: ignore[assignment]
    _apply(layers, _first_learning(layers, Freezing(how, n), 0))
    return in_words(backbone)


def on_epoch(backbone: nn.Module, epoch: int) -> None:
    """Thaw what is due, and put frozen norms in eval mode; call it after every `train()`.

    Args:
        epoch: Epochs done before this one, 0 in the first.
    """
    plan = freezing_of(backbone)
    if plan.how != "none":
        layers = layers_of(backbone)
        _apply(layers, _first_learning(layers, plan, epoch))


def freezing_of(backbone: nn.Module) -> Freezing:
    """The plan that `freeze` left; nothing is frozen where it was never called."""
    plan = getattr(backbone, "freezing", None)
    return plan if isinstance(plan, Freezing) else Freezing()


def in_words(backbone: nn.Module) -> str:
    """What learns at this moment, e.g. for a run's log."""
    layers = layers_of(backbone)
    learning = sum(any(p.requires_grad for p in _own(layer)) for layer in layers)
    numbers = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
    total = sum(p.numel() for p in backbone.parameters())
    if learning == len(layers):
        return f"all {len(layers)} layers learn, {total:,} parameters"
    which = "the head alone learns" if learning == 1 else f"the last {learning} layers learn"
    plan = freezing_of(backbone)
    later = f"; {plan.n} more with each epoch" if plan.how == "gradual" else ""
    still = any(isinstance(m, _NormBase) for layer in layers[:-learning] for m in layer)
    norms = "; frozen batch-norms keep their statistics" if still else ""
    return f"{which}, of {len(layers)} layers; {numbers:,} of {total:,} parameters{later}{norms}"


def layers_of(backbone: nn.Module) -> list[Layer]:
    """The layers of a backbone, head last.

    A module that holds weights of two or more dimensions opens a layer; what holds vectors alone
    (norms, scales) belongs to the layer before it.
    """
    layers: list[Layer] = []
    for module in backbone.modules():
        own = list(module.parameters(recurse=False))
        if not own and not isinstance(module, _NormBase):
            continue
        if not layers or any(p.ndim > 1 for p in own):
            layers.append([])
        layers[-1].append(module)
    return layers


def _first_learning(layers: list[Layer], plan: Freezing, epoch: int) -> int:
    if plan.how == "none":
        return 0
    if plan.how == "last_fc_3":
        connected = [i for i, layer in enumerate(layers) if isinstance(layer[0], nn.Linear)]
        if len(connected) < _CONNECTED:
            raise ConfigError(
                f"backbone.freeze=last_fc_3 needs {_CONNECTED} fully connected layers, this "
                f"network has {len(connected)}; use head_only or last_n."
            )
        return connected[-_CONNECTED]
    learning = {"head_only": 1, "last_n": plan.n, "gradual": 1 + plan.n * epoch}[plan.how]
    return max(0, len(layers) - learning)


def _apply(layers: list[Layer], first: int) -> None:
    for i, layer in enumerate(layers):
        for parameter in _own(layer):
            parameter.requires_grad_(i >= first)
        for module in layer:
            if i < first and isinstance(module, _NormBase):
                module.eval()


def _own(layer: Layer) -> list[nn.Parameter]:
    return [p for module in layer for p in module.parameters(recurse=False)]
