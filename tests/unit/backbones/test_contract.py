"""Every configs/backbone/*.yaml: what the trainer, the report and `predict` take for granted."""

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from ferkit.config import build
from ferkit.targets import configs_dir
from ferkit.tree import choices

SIDES = {"inception_resnet": 80}  # others are tried at 48
CHANNELS = {"eca_resnet": 1, "kurmi_cnn": 1, "mini_xception": 1, "resnet18": 1, "vgg8": 1}
CLASSES = 5


def make(name, seed=0):
    torch.manual_seed(seed)
    node = OmegaConf.load(configs_dir() / "backbone" / f"{name}.yaml")
    facts = {"channels": CHANNELS.get(name, 3), "size": SIDES.get(name, 48)}
    return build(node, where="backbone", classes=CLASSES, **facts)


def faces(name, count=3):
    side = SIDES.get(name, 48)
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, CHANNELS.get(name, 3), side, side, generator=generator)


@pytest.fixture(scope="module", params=choices("backbone"))
def named(request):
    if request.param == "inception_resnet":
        pytest.importorskip("facenet_pytorch")
    return request.param, make(request.param)


def test_head_of_features_is_forward(named):
    name, network = named
    images = faces(name)
    network.eval()
    with torch.no_grad():
        features = network.features(images)
        assert features.ndim == 2
        assert network(images).shape == (3, CLASSES)
        torch.testing.assert_close(network.head(features), network(images))


def test_same_seed_same_network_and_its_state_comes_back(named):
    name, _ = named  # which other tests have trained
    network, again = make(name).eval(), make(name).eval()
    images = faces(name)
    with torch.no_grad():
        scores = network(images)
        assert torch.equal(again(images), scores)
        for parameter in again.parameters():
            parameter.add_(0.01)
        assert not torch.equal(again(images), scores)
        again.load_state_dict(network.state_dict())
        assert torch.equal(again(images), scores)


def test_classifier_is_the_last_layer_and_gives_the_scores(named):
    _, network = named
    names = [name for name, _ in network.named_parameters()]
    assert names[-1].startswith("classifier.")
    assert network.get_submodule("classifier").weight.shape[0] == CLASSES


def test_every_parameter_gets_a_finite_gradient(named):
    name, network = named
    torch.manual_seed(0)
    network.train()
    loss = nn.functional.cross_entropy(network(faces(name, 4)), torch.arange(4))
    loss.backward()
    for parameter, value in network.named_parameters():
        assert torch.isfinite(value.grad).all(), parameter
    assert any(value.grad.any() for value in network.parameters())
    network.zero_grad(set_to_none=True)
