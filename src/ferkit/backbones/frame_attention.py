"""The frame-attention network: which frames of a video matter for its emotion is learned.

Meng et al. 2019, "Frame attention networks for facial expression recognition in videos", ICIP,
arXiv:1907.00193; the network whose code stands in the appendix of athanasiadis2022. With f_i the
vector of frame i:

- self-attention: a_i = sigmoid(q0 . f_i + b0), and the video's vector is the mean of f_i by a_i;
- relation-attention: c_i = sigmoid(q1 . [f_i, video] + b1), and the video's vector becomes the mean
  of [f_i, video] by a_i * c_i.

A linear layer classifies the video's vector. (The authors' test code weighs the vectors by a_i
alone while it divides by the sum of a_i * c_i; here the paper's formula holds in both.)
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ferkit.backbones.timm_net import timm_net
from ferkit.config import build
from ferkit.errors import ConfigError

_FACE = 4  # dimensions of a batch of single faces


class FrameAttention(nn.Module):
    """A network of single faces, and attention over the vectors it makes of a video's frames.

    A batch of faces [B, C, H, W] is taken as B videos of one frame each.

    Args:
        classes: Number of classes, K.
        channels: Channels of the images.
        size: Side of the images in pixels.
        frame: The `backbone` node of the network of a single face, whose head is left out; None is
            timm's ResNet18, the paper's.
        attention: "self", or "relation": a second attention against the video's vector.
        pretrained: As the network of a single face takes it.
        dropout: Rate before each attention, and before the head under "self", 0..1.
        relation_dropout: Rate before the head under "relation", 0..1.

    Raises:
        ConfigError: `frame` is no network of single faces, or names `pretrained`.
    """

    takes_videos = True

    def __init__(
        self,
        classes: int,
        channels: int = 3,
        *,
        size: int = 224,
        frame: Mapping[str, Any] | None = None,
        attention: Literal["self", "relation"] = "relation",
        pretrained: bool | str = False,
        dropout: float = 0.5,
        relation_dropout: float = 0.6,
    ) -> None:
        super().__init__()
        self.frame = _frame_network(frame, channels, size, pretrained)
        width = _width(self.frame, channels, size)
        related = attention == "relation"
        self.self_attention = nn.Linear(width, 1)
        self.relation_attention = nn.Linear(2 * width, 1) if related else None
        self.dropout = nn.Dropout(dropout)
        self.head_dropout = nn.Dropout(relation_dropout if related else dropout)
        self.classifier = nn.Linear(2 * width if related else width, classes)

    def forward(self, videos: Tensor) -> Tensor:
        """Logits [B, K] of videos [B, T, C, H, W]."""
        return self.head(self.features(videos))

    def features(self, videos: Tensor) -> Tensor:
        """The vectors of videos [B, T, C, H, W]: [B, F], or [B, 2F] under relation-attention."""
        videos = videos.unsqueeze(1) if videos.ndim == _FACE else videos
        vectors: Tensor = self.frame.features(videos.flatten(0, 1))  # type: ignore[operator]
        return self.pool(vectors.reshape(*videos.shape[:2], -1))  # [B, T, F]

    def head(self, features: Tensor) -> Tensor:
        """Logits [B, K] of what `features` gave."""
        scores: Tensor = self.classifier(features)
        return scores

    def pool(self, vectors: Tensor) -> Tensor:
        """One vector a video, [B, F] or [B, 2F], of its frames' vectors [B, T, F]."""
        weights, joined = self.attend(vectors)
        video: Tensor = self.head_dropout((weights.unsqueeze(2) * joined).sum(1))
        return video

    def attend(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """How much each frame counts, and the vectors that are averaged.

        Args:
            vectors: [B, T, F].

        Returns:
            Weights [B, T], 0..1, that sum to 1 over a video; vectors [B, T, F], or [B, T, 2F]
            under relation-attention.
        """
        own = self.self_attention(self.dropout(vectors)).sigmoid()  # [B, T, 1]
        if self.relation_attention is None:
            return _probabilities(own), vectors
        video = (_probabilities(own).unsqueeze(2) * vectors).sum(1, keepdim=True)  # [B, 1, F]
        joined = torch.cat([vectors, video.expand_as(vectors)], dim=2)  # [B, T, 2F]
        related = self.relation_attention(self.dropout(joined)).sigmoid()  # [B, T, 1]
        return _probabilities(own * related), joined


def _probabilities(weights: Tensor) -> Tensor:
    return (weights / weights.sum(1, keepdim=True)).squeeze(2)  # [B, T]


def _frame_network(
    node: Mapping[str, Any] | None, channels: int, size: int, pretrained: bool | str
) -> nn.Module:
    if node is None:
        network: nn.Module = timm_net(
            1, channels, name="resnet18", size=size, pretrained=pretrained
        )
    else:
        if "pretrained" in node:
            raise ConfigError("Give backbone.pretrained instead of backbone.frame.pretrained.")
        given = {**node, "pretrained": pretrained} if pretrained else dict(node)
        network = build(given, where="backbone.frame", classes=1, channels=channels, size=size)
    if getattr(network, "takes_videos", False):
        raise ConfigError("backbone.frame is itself a network of videos; give one of single faces.")
    network.classifier = nn.Identity()  # its features alone are used
    return network


@torch.no_grad()
def _width(network: Any, channels: int, size: int) -> int:
    training = network.training
    features = network.eval().features(torch.zeros(1, channels, size, size))  # [1, F]
    network.train(training)
    return int(features.shape[1])
