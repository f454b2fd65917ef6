"""Features of what is frozen, computed once: the rest then trains on them, with equal results.

That is so as long as images are not augmented, and the frozen part neither learns nor draws
random numbers. Dropout ends it: VGG16 under `head_only` is kept up to its first fully connected
layer, and the dropout after that draws what it would have drawn.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from ferkit.backbones.freezing import freezing_of
from ferkit.loader import Batch, Loader, Order, batches
from ferkit.progress import counted

_RANDOM = ("DropPath", "StochasticDepth", "PatchDropout", "RReLU")  # of timm, torchvision, torch


def split_frozen(backbone: nn.Module) -> tuple[nn.Sequential, nn.Sequential] | None:
    """Cut a backbone after the longest frozen part that gives the same for the same image.

    Returns:
        The part that can be computed once, and the rest, which shares its modules with the
        backbone; run after each other they are the backbone. None where nothing is frozen from
        the front, or where more thaws later.
    """
    if freezing_of(backbone).how in ("none", "gradual"):
        return None
    steps = _steps(backbone)
    count = next(i for i, step in enumerate(steps) if not _is_settled(step))  # the head learns
    frozen, rest = steps[:count], steps[count:]
    if not any(list(step.parameters()) for step in frozen):
        return None
    return nn.Sequential(*frozen), nn.Sequential(*rest)


@torch.no_grad()
def cached_features(frozen: nn.Module, loader: Loader) -> Tensor:
    """Run every image of a view through the frozen part, once.

    Args:
        frozen: From what the loader gives, [B, C, H, W], to what the rest takes, [B, F...]; it is
            put in eval mode.
        loader: In the view's own order (`make_loader` without `order`).

    Returns:
        [N, F...] on the loader's device, in the view's order.
    """
    frozen.eval()
    batches = counted(loader.epoch(0), loader.steps, "features of what is frozen", "batch")
    return torch.cat([frozen(batch.images) for batch in batches])


@torch.no_grad()
def features_bytes(frozen: nn.Module, images: Tensor, count: int) -> int:
    """How many bytes the features of `count` images would take.

    Args:
        images: One or more of them, [B, C, H, W].
    """
    features = frozen.eval()(images[:1])
    return int(features.numel() * features.element_size()) * count


@dataclass(frozen=True)
class FeatureLoader:
    """A loader whose batches hold cached features in the place of images.

    Attributes:
        features: [N, F...], on the device.
        targets: int64 [N] or float [N, K], on the same device.
        order: Positions for an epoch; the view's loader must have the same.
    """

    features: Tensor
    targets: Tensor
    batch_size: int
    order: Order

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return -(-len(self.order(0)) // self.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, in its order."""
        order, device = self.order(number), self.features.device
        for positions, chosen in batches(order, self.batch_size, device):
            yield Batch(self.features[chosen], self.targets[chosen], positions)


class Part(nn.Module):
    """One half of a backbone that is no row of layers: its `features`, or its `head`.

    Args:
        run: The bound method.
        owned: The backbone's modules that this half runs through.
    """

    def __init__(self, run: Callable[[Tensor], Tensor], owned: list[nn.Module]) -> None:
        super().__init__()
        self.owned = nn.ModuleList(owned)
        self._run = run

    def forward(self, given: Tensor) -> Tensor:
        """What the method gives."""
        return self._run(given)


def _steps(backbone: nn.Module) -> list[nn.Module]:
    body, head = getattr(backbone, "body", None), backbone.get_submodule("classifier")
    if isinstance(body, nn.Sequential):
        return [*_flat(body), head]
    rest = [child for child in backbone.children() if child is not head]
    return [Part(backbone.features, rest), Part(backbone.head, [head])]  # type: ignore[arg-type]


def _flat(row: nn.Sequential) -> Iterator[nn.Module]:
    for step in row:
        if isinstance(step, nn.Sequential):
            yield from _flat(step)
        else:
            yield step


def _is_settled(step: nn.Module) -> bool:
    return not any(p.requires_grad for p in step.parameters()) and not any(
        _is_random(module) for module in step.modules()
    )


def _is_random(module: nn.Module) -> bool:
    if isinstance(module, _DropoutNd):
        return module.p > 0
    return type(module).__name__ in _RANDOM or bool(getattr(module, "drop_rate", 0))
