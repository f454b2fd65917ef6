"""What the network looks at: a map of a face that shows which of its pixels support a class."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferkit.errors import ConfigError, unknown
from ferkit.model import FaceClassifier

Method = Literal["none", "grad_cam", "guided_backprop"]
_HEAD = "classifier"
_BRIGHT = 99.0  # percentile of a guided map that is shown as full
_LATE = 0.5  # share of the layers after which a last map counts as one


def check_method(method: str) -> None:
    """Refuse an unknown method.

    Raises:
        ConfigError: it is none of `Method`.
    """
    if method not in get_args(Method):
        raise ConfigError(unknown("saliency", method, get_args(Method)))


def saliency_maps(
    model: FaceClassifier, faces: Tensor, class_ids: np.ndarray, method: str
) -> Tensor:
    """A map a face, by Captum, for a class a face.

    "grad_cam" is Selvaraju et al. 2017 (doi:10.1109/ICCV.2017.74) on the last map before the head,
    resized to the face. "guided_backprop" is Springenberg et al. 2015 (arXiv:1412.6806), the method
    of kurmi2022: gradients that pass ReLUs only where they are positive, largest over the channels;
    in a network without ReLUs it is the plain gradient.

    Args:
        faces: [B, C, H, W], 0..255.
        class_ids: The class that each map is of, [B].
        method: "grad_cam" or "guided_backprop".

    Returns:
        float32 [B, H, W] in 0..1, on the CPU.

    Raises:
        ConfigError: an unknown method, or "grad_cam" of a network without maps.
    """
    check_method(method)
    from captum.attr import GuidedBackprop, LayerGradCam

    device = next(model.parameters()).device
    images = faces.to(device).float().requires_grad_()
    target = torch.from_numpy(np.array(class_ids, dtype=np.int64)).to(device)
    with _hookable(model):
        if method == "guided_backprop":
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU")
                found = GuidedBackprop(model).attribute(images, target)  # [B, C, H, W]
            return _scaled(found.detach().abs().amax(1).cpu(), _BRIGHT)
        cam = LayerGradCam(model, last_map(model, images[:1]))
        maps = cam.attribute(images, target, relu_attributions=True)  # [B, 1, h, w]
    wide = F.interpolate(maps.detach().float(), faces.shape[-2:], mode="bilinear")
    return _scaled(wide[:, 0].cpu(), 100.0)


@torch.no_grad()
def last_map(model: FaceClassifier, images: Tensor) -> nn.Module:
    """The module whose output is the last [B, C, h, w] before the head.

    Raises:
        ConfigError: the network has none in its second half, e.g. since it works on tokens.
    """
    order: list[tuple[nn.Module, bool]] = []
    # whole blocks too: what comes out of a residual block is more than its last layer's part
    inner = [
        m for name, m in model.backbone.named_modules() if name.split(".")[0] not in ("", _HEAD)
    ]
    hooks = [
        m.register_forward_hook(lambda m, _, out: order.append((m, _is_map(out)))) for m in inner
    ]
    model(images)
    for hook in hooks:
        hook.remove()
    positions = [i for i, (_, is_map) in enumerate(order) if is_map]
    if not positions or positions[-1] < _LATE * len(order):
        raise ConfigError(
            f"saliency=grad_cam needs a network of maps, which {type(model.backbone).__name__} is "
            "not; take saliency=guided_backprop."
        )
    return order[positions[-1]][0]


def _is_map(out: Any) -> bool:
    return isinstance(out, Tensor) and out.ndim == 4 and min(out.shape[2:]) > 1


@contextmanager
def _hookable(model: FaceClassifier) -> Iterator[None]:
    """The model in eval mode, its layers not in place, which hooks cannot bear; then as it was."""
    inplace = [m for m in model.modules() if getattr(m, "inplace", False)]
    training = [m for m in model.modules() if m.training]
    try:
        model.eval()
        for module in inplace:
            module.inplace = False  # type: ignore[assignment]
        yield
    finally:
        for module in inplace:
            module.inplace = True  # type: ignore[assignment]
        for module in training:
            module.training = True


def _scaled(maps: Tensor, percentile: float) -> Tensor:
    highest = torch.quantile(maps.flatten(1), percentile / 100, dim=1)[:, None, None]
    return (maps / highest.clamp_min(1e-12)).clamp(0, 1)
