"""A backbone made of a body in a row and one last layer."""

from torch import Tensor, nn


class Stacked(nn.Module):
    """What networks from libraries become here: `classifier(body(images))`.

    Args:
        body: From images [B, C, H, W] to features [B, F]; its members run one after the other.
        classifier: From features [B, F] to logits [B, K].
    """

    def __init__(self, body: nn.Sequential, classifier: nn.Linear) -> None:
        super().__init__()
        self.body = body
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, K] of images [B, C, H, W], scaled by the input node."""
        return self.head(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """What the last layer sees, [B, F]; after dropout, where there is one before it."""
        return self.body(images)

    def head(self, features: Tensor) -> Tensor:
        """Logits [B, K] of features [B, F]."""
        return self.classifier(features)
