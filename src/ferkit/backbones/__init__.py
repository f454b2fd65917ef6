"""Networks that turn a batch of faces into one score a class; a file each.

Every backbone is built as `Backbone(classes, channels, size=..., **options)` and has

- `forward(images [B, C, H, W]) -> logits [B, K]`,
- `features(images) -> [B, F]`: all that comes before the last layer that learns,
- `head(features [B, F]) -> logits [B, K]`: that layer, so that
  `head(features(images))` equals `forward(images)`.
"""
