"""A classifier of faces: input scaling and backbone in one module, saved with all it needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ferkit.backbones.pretrained import untrained
from ferkit.config import build, check_node
from ferkit.errors import DataError
from ferkit.files import write_bytes
from ferkit.model_file import Card, Weights, pack, read_model_file
from ferkit.packaged import find_model, names
from ferkit.untrusted import reason

_VIDEOS = 5  # dimensions of a batch of videos


class FaceClassifier(nn.Module):
    """Faces of 0..255 in, one score an emotion out.

    Attributes:
        emotions: The classes, in the order of the scores.
        faces: The settings by which its training faces were prepared.
        size: Height and width of a face in pixels.
        channels: Of the prepared faces: 1 grey, 3 RGB.
    """

    def __init__(
        self,
        backbone: nn.Module,
        scaling: nn.Module,
        emotions: Sequence[str],
        size: int,
        channels: int,
        nodes: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.scaling = scaling
        self.emotions = tuple(emotions)
        self.size = size
        self.channels = channels
        self.nodes = dict(nodes)

    @property
    def faces(self) -> dict[str, Any]:
        """The `faces` node that prepared the training images."""
        return dict(self.nodes["faces"])

    def forward(self, images: Tensor) -> Tensor:
        """Scores [B, K] of faces [B, C, H, W], or videos of them, uint8 or float, 0..255."""
        scores: Tensor = self.backbone(self._scaled(images))
        return scores

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [B, K] and the backbone's features [B, ...], of what `forward` takes."""
        backbone: Any = self.backbone
        features = backbone.features(self._scaled(images))
        return backbone.head(features), features

    def _scaled(self, images: Tensor) -> Tensor:
        if images.ndim == _VIDEOS:  # [B, T, C, H, W]
            scaled: Tensor = self.scaling(images.flatten(0, 1))
            return scaled.reshape(*images.shape[:2], *scaled.shape[1:])
        faces: Tensor = self.scaling(images)
        return faces


def make_model(
    nodes: Mapping[str, Any], emotions: Sequence[str], size: int, channels: int
) -> FaceClassifier:
    """Build a classifier from its `backbone`, `input` and `faces` nodes.

    Args:
        size: Height and width of a face in pixels.
        channels: Of the prepared faces; the input node may repeat or reduce them.
    """
    scaling = build(nodes["input"], where="input")
    with torch.no_grad():
        seen = scaling(torch.zeros(1, channels, 2, 2)).shape[1]
    backbone = build(
        nodes["backbone"], where="backbone", classes=len(emotions), channels=seen, size=size
    )
    return FaceClassifier(backbone, scaling, emotions, size, channels, nodes)


@torch.no_grad()
def feature_size(model: FaceClassifier) -> int:
    """How many values the backbone's features of one face are."""
    training, device = model.training, next(model.parameters()).device
    images = torch.zeros(1, model.channels, model.size, model.size, device=device)
    _, features = model.eval().scores_and_features(images)
    model.train(training)
    return features[0].numel()


def card_of(model: FaceClassifier) -> Card:
    """What is said of a model beside its weights."""
    return Card(model.emotions, model.size, model.channels, model.nodes)


def save_model(model: FaceClassifier, path: Path) -> None:
    """Write weights and, in their metadata, the nodes and classes; beside, then renamed."""
    write_bytes(path, pack(model.state_dict(), card_of(model)))


def load_model(source: str | Path | None = None, device: str = "cpu") -> FaceClassifier:
    """The classifier of a run folder or of a model.safetensors, in eval mode.

    Args:
        source: Also the name of a packaged model, or None for the default of those.

    Raises:
        DataError: no model there, a damaged file, one of a newer format, or weights that do not
            fit the network that stands beside them.
    """
    path = find_model(source)
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        known = f", or one of the package's: {', '.join(names())}" if names() else ""
        raise DataError(f"No model at {path}; give a run folder, its model.safetensors{known}.")
    tensors, card = read_model_file(path)
    if card is None:
        raise DataError(f"{path} holds no ferkit model: its metadata names no backbone.")
    model = _built(card, path)
    _load(model, tensors, path)
    model.nodes = card.nodes
    return model.to(device).eval()


def _built(card: Card, path: Path) -> FaceClassifier:
    bare = card.nodes | {"backbone": untrained(card.nodes["backbone"])}
    check_node(bare["input"], "input")  # what it may build is refused as in any config
    try:
        return make_model(bare, card.emotions, card.size, card.channels)
    except Exception as error:  # the node of no network fails in any way its target finds
        raise DataError(
            f"The metadata of {path} describe no network that can be built ({reason(error)}); "
            "restore the file."
        ) from None


def _load(model: FaceClassifier, tensors: Weights, path: Path) -> None:
    own = model.state_dict()
    wrong = [f"{name} is missing" for name in own if name not in tensors]
    wrong += [f"{name} is one too many" for name in tensors if name not in own]
    wrong += [
        f"{name} is {tuple(tensors[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own.keys() & tensors.keys()
        if tensors[name].shape != own[name].shape
    ]
    if wrong:
        raise DataError(
            f"The weights of {path} do not fit the network in its metadata "
            f"({'; '.join(sorted(wrong)[:3])}); restore the file."
        )
    model.load_state_dict(tensors)
