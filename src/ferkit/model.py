"""A classifier of faces: input scaling and backbone in one module, saved with all it needs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ferkit.backbones.pretrained import untrained
from ferkit.config import build
from ferkit.errors import DataError, check_format
from ferkit.saved import as_of_now

FORMAT = 1
_FILMS = 5  # dimensions of a batch of films


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
        """Scores [B, K] of faces [B, C, H, W], or films of them, uint8 or float, 0..255."""
        scores: Tensor = self.backbone(self._scaled(images))
        return scores

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores [B, K] and the backbone's features [B, ...], of what `forward` takes."""
        backbone: Any = self.backbone
        features = backbone.features(self._scaled(images))
        return backbone.head(features), features

    def _scaled(self, images: Tensor) -> Tensor:
        if images.ndim == _FILMS:  # [B, T, C, H, W]
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


def save_model(model: FaceClassifier, path: Path) -> None:
    """Write weights and, in their metadata, the nodes and classes; beside, then renamed."""
    metadata = {name: json.dumps(node) for name, node in model.nodes.items()} | {
        "format": str(FORMAT),
        "emotions": json.dumps(model.emotions),
        "size": str(model.size),
        "channels": str(model.channels),
    }
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    beside = path.with_suffix(".tmp")
    save_file(tensors, beside, metadata=metadata)
    beside.replace(path)


def load_model(source: str | Path, device: str = "cpu") -> FaceClassifier:
    """The classifier of a run folder or of a model.safetensors, in eval mode.

    Raises:
        DataError: no model there, a broken file, or one of a newer format.
    """
    path = Path(source)
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise DataError(f"No model at {path}; give a run folder or its model.safetensors.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises its own Rust-side class
        raise DataError(f"{path} cannot be read as safetensors ({error}).") from error
    check_format(int(metadata.get("format", 0)), FORMAT, path)
    if "backbone" not in metadata:
        raise DataError(f"{path} holds no ferkit model: its metadata names no backbone.")
    nodes = {name: json.loads(metadata[name]) for name in ("backbone", "input", "faces")}
    nodes = as_of_now(nodes, path)
    size, channels = int(metadata["size"]), int(metadata["channels"])
    bare = nodes | {"backbone": untrained(nodes["backbone"])}
    model = make_model(bare, json.loads(metadata["emotions"]), size, channels)
    model.nodes = nodes
    model.load_state_dict(tensors)
    return model.to(device).eval()
