"""VGG16 and ResNet50: their counts, their weights from files, grey faces."""

import urllib.error

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from ferkit.backbones.grey import sum_channels
from ferkit.backbones.pretrained import read_weights
from ferkit.backbones.torchvision_nets import resnet50, vgg16
from ferkit.errors import ConfigError, DataError


def parameters(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("ours", "theirs", "printed"),
    [
        (vgg16, torchvision.models.vgg16, 134_289_223),
        (resnet50, torchvision.models.resnet50, 23_522_375),
    ],
)
def test_parameters_are_those_of_torchvision(ours, theirs, printed):
    with torch.device("meta"):
        assert parameters(ours(7)) == parameters(theirs(num_classes=7)) == printed
        assert parameters(ours(7, 1, grey="repeat")) == printed
        assert parameters(ours(7, 1, grey="sum")) < printed


def test_a_narrower_second_fully_connected_layer():
    with torch.device("meta"):
        network = vgg16(7, fc2_features=256)
        linear = [m for m in network.modules() if isinstance(m, nn.Linear)]
        assert [(m.in_features, m.out_features) for m in linear] == [
            (25_088, 4_096),
            (4_096, 256),
            (256, 7),
        ]
        saved = (4_096 - 256) * (4_096 + 1 + 7)  # rows of fc2 and columns of the head
        assert parameters(network) == 134_289_223 - saved


def test_what_does_not_fit_gets_a_sentence():
    with torch.device("meta"):
        for make in (vgg16, resnet50):
            with pytest.raises(ConfigError, match=r"at least 32 pixels, not 31; raise faces\.size"):
                make(7, size=31)
        with pytest.raises(ConfigError, match=r"fc2_features is 0; give 1 or more"):
            vgg16(7, fc2_features=0)
        with pytest.raises(ConfigError, match=r"fed 4 channels"):
            resnet50(7, 4)
        with pytest.raises(ConfigError, match=r"grey=sum is for one channel"):
            resnet50(7, 3, grey="sum")
        with pytest.raises(DataError, match=r"No weights at nowhere\.pth"):
            resnet50(7, pretrained="nowhere.pth")


def test_download_that_fails_says_what_to_do(monkeypatch):
    def offline(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", offline)
    with (
        torch.device("meta"),
        pytest.raises(DataError, match=r"vgg16 .* not be downloaded .*pretrained=<file>"),
    ):
        vgg16(7, pretrained=True)


def test_download_asks_for_a_checked_hash_and_no_code(monkeypatch):
    asked = {}

    def fetched(url, **keywords):
        asked.update(keywords, url=url)
        return torchvision.models.resnet50().state_dict()

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", fetched)
    with torch.device("meta"):
        resnet50(7, pretrained=True)
    assert asked["check_hash"] and asked["weights_only"]
    assert asked["url"].endswith("resnet50-0676ba61.pth")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A ResNet50 of 1,000 classes as a file, as torchvision's own."""
    torch.manual_seed(3)
    network = torchvision.models.resnet50().eval()
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save(network.state_dict(), path)
    return network, path


def test_weights_of_a_file_give_the_features_of_torchvision(published):
    network, path = published
    ours = resnet50(7, pretrained=str(path)).eval()
    images = torch.randn(2, 3, 32, 32)
    network.fc = nn.Identity()
    torch.testing.assert_close(ours.features(images), network(images))


def test_summed_first_layer_equals_repeated_grey(published):
    _, path = published
    images = torch.randn(2, 1, 32, 32)
    repeated = resnet50(7, 1, pretrained=str(path), grey="repeat").eval()
    summed = resnet50(7, 1, pretrained=str(path), grey="sum").eval()
    colour = resnet50(7, 3, pretrained=str(path)).eval()
    assert summed.body.conv1.weight.shape == (64, 1, 7, 7)
    expected = repeated.features(images)
    torch.testing.assert_close(summed.features(images), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(colour.features(images.expand(-1, 3, -1, -1)), expected)


def test_vgg16_wires_its_layers_as_torchvision():
    with torch.device("meta"):
        theirs = torchvision.models.vgg16()
        ours = vgg16(1000)
    kinds = [type(m) for m in theirs.modules() if not list(m.children())]
    kept = [type(m) for m in ours.modules() if not list(m.children())]
    assert [k for k in kept if k is not nn.Flatten] == kinds


def test_only_a_plain_convolution_can_be_summed():
    with pytest.raises(ConfigError, match=r"begins with Linear; use backbone\.grey=repeat"):
        sum_channels(nn.Linear(3, 3))


class Evil:
    def __reduce__(self):
        return (print, ("ran",))


def test_a_file_that_would_run_code_is_refused(tmp_path, capsys):
    path = tmp_path / "evil.pth"
    torch.save({"weight": Evil()}, path)
    with pytest.raises(DataError, match=r"cannot be read as a file of plain weights"):
        read_weights(path)
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04broken"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_broken_files_get_a_sentence(tmp_path, content, suffix):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"weights\.\w+ cannot be read"):
        read_weights(path)


def test_wrappers_are_taken_off(tmp_path):
    tensor = torch.arange(3.0)
    torch.save({"state_dict": {"module.weight": tensor}, "epoch": 3}, tmp_path / "a.pth")
    save_file({"weight": tensor}, tmp_path / "b.safetensors", metadata={"format": "1"})
    assert torch.equal(read_weights(tmp_path / "a.pth")[0]["weight"], tensor)
    weights, card = read_weights(tmp_path / "b.safetensors")
    assert torch.equal(weights["weight"], tensor) and card is None
    torch.save([tensor], tmp_path / "c.pth")
    with pytest.raises(DataError, match="holds no state dict"):
        read_weights(tmp_path / "c.pth")
