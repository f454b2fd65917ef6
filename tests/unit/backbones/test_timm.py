"""timm's classifiers by name, and facenet-pytorch's network."""

import sys

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from ferkit.backbones.inception_resnet import inception_resnet
from ferkit.backbones.timm_net import timm_net
from ferkit.errors import ConfigError, DataError

TINY = "test_resnet"  # timm's own for tests, half a million parameters


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    "name",
    ["resnet18", "convnext_atto", "mobilenetv3_small_050", "vit_tiny_patch16_224", "vgg11_bn"],
)
def test_parameters_are_those_of_timm(name):
    with torch.device("meta"):
        assert parameters(timm_net(7, name=name)) == parameters(
            timm.create_model(name, num_classes=7)
        )


def test_a_transformer_is_built_for_the_size_of_the_faces():
    network = timm_net(7, name="test_vit", size=48).eval()
    assert network(torch.randn(2, 3, 48, 48)).shape == (2, 7)


def test_unknown_names_get_the_nearest():
    with pytest.raises(ConfigError, match=r"no network 'resnet8'\. Did you mean 'resnet18'\?"):
        timm_net(7, name="resnet8")
    with pytest.raises(
        ConfigError, match=r"no weights 'a1_in' of resnet18\. Did you mean 'a1_in1k'"
    ):
        timm_net(7, name="resnet18.a1_in")
    for elsewhere in ("hf-hub:someone/model", "local-dir:/tmp"):
        with pytest.raises(ConfigError, match="no network"):
            timm_net(7, name=elsewhere)


def test_a_size_that_timm_refuses_gets_a_sentence():
    with pytest.raises(ConfigError, match=r"timm's inception_v3 does not take faces of 48"):
        timm_net(7, name="inception_v3", size=48)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    torch.manual_seed(2)
    network = timm.create_model(TINY, num_classes=11).eval()
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(network.state_dict(), path)
    return network, path


def test_weights_of_a_file_and_grey(published):
    network, path = published
    images = torch.randn(2, 1, 48, 48)
    expected = network.forward_head(
        network.forward_features(images.expand(-1, 3, -1, -1)), pre_logits=True
    )
    for grey in ("repeat", "sum"):
        ours = timm_net(7, 1, name=TINY, size=48, pretrained=str(path), grey=grey).eval()
        torch.testing.assert_close(ours.features(images), expected, rtol=1e-4, atol=1e-5)


def test_weights_of_another_network_are_refused(published, tmp_path):
    with pytest.raises(DataError, match=r"tiny.safetensors does not fit the backbone \(.* missing"):
        timm_net(7, name="test_vit", size=48, pretrained=str(published[1]))
    narrow = {
        n: t[:1] if n == "conv1.0.weight" else t for n, t in published[0].state_dict().items()
    }
    save_file({n: t.contiguous() for n, t in narrow.items()}, tmp_path / "narrow.safetensors")
    with pytest.raises(DataError, match=r"conv1\.0\.weight is \(1, .* instead of \("):
        timm_net(7, name=TINY, pretrained=str(tmp_path / "narrow.safetensors"))


def test_download_that_fails_says_what_to_do(monkeypatch):
    create = timm.create_model

    def offline(name, pretrained=False, **keywords):
        if pretrained:
            raise OSError("no route to host")
        return create(name, **keywords)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(DataError, match=r"test_resnet \(timm\) could not be downloaded \(no route"):
        timm_net(7, name=TINY, pretrained=True)


def test_inception_resnet_runs_as_facenet_pytorch_does():
    facenet = pytest.importorskip("facenet_pytorch")
    torch.manual_seed(0)
    ours = inception_resnet(7, size=80).eval()
    theirs = facenet.InceptionResnetV1(classify=True, num_classes=7).eval()
    assert parameters(ours) == parameters(theirs) == 23_486_215
    weights = {n.removeprefix("body."): t for n, t in ours.body.state_dict().items()}
    theirs.load_state_dict(weights, strict=False)
    theirs.logits = nn.Identity()
    images = torch.randn(2, 3, 80, 80)
    torch.testing.assert_close(ours.features(images), theirs(images))


def test_inception_resnet_refusals(monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="at least 75 pixels, not 74"):
        inception_resnet(7, size=74)
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(ConfigError, match=r"needs facenet-pytorch.*pip install -e \."):
        inception_resnet(7)
