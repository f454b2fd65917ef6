"""Maps of what the network looks at."""

import numpy as np
import pytest
import torch
from torch import nn

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.errors import ConfigError
from ferkit.inference.saliency import check_method, last_map, saliency_maps
from ferkit.model import FaceClassifier, make_model


class Corner(nn.Module):
    """Its only score comes from the brightness of the upper left quarter."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.ReLU(inplace=True))
        self.classifier = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.body[0].weight[:] = torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
            self.classifier.weight[:] = torch.eye(2)

    def forward(self, images):
        return self.classifier(self.body(images)[..., :4, :4].mean((2, 3)))


@pytest.fixture
def corner():
    return FaceClassifier(Corner(), nn.Identity(), ("sad", "happy"), 8, 1, {"faces": {}})


@pytest.mark.parametrize("method", ["grad_cam", "guided_backprop"])
def test_what_speaks_is_bright_and_the_model_is_left_as_it_was(corner, method):
    faces = torch.full((2, 1, 8, 8), 100, dtype=torch.uint8)
    corner.train().backbone.body[0].eval()  # as a frozen layer is
    found = saliency_maps(corner, faces, np.array([0, 1]), method)
    assert found.shape == (2, 8, 8)
    assert found.min() >= 0
    assert found.amax((1, 2)).tolist() == [1, 1]
    if method == "guided_backprop":  # Grad-CAM weighs whole maps, which are the same everywhere
        assert (found[:, 4:] == 0).all()
    assert corner.backbone.body[1].inplace
    assert corner.training
    assert not corner.backbone.body[0].training
    assert all(p.grad is None for p in corner.parameters())


def test_gradcam_equals_its_formula(corner):
    generator = torch.Generator().manual_seed(0)
    faces = torch.randint(0, 256, (1, 1, 8, 8), generator=generator, dtype=torch.uint8)
    found = saliency_maps(corner, faces, np.array([1]), "grad_cam")[0]
    maps = corner.backbone.body(faces.float())[0]  # [2, 8, 8]
    # the score of class 1 is the mean of map 1's first quarter: gradient 1/16 there, mean 1/64
    expected = (maps[1] / 64).relu().detach()
    assert torch.allclose(found, expected / expected.max(), atol=1e-6)


@pytest.mark.parametrize("backbone", ["mini_xception", "resnet18", "vgg8"])
def test_networks_of_the_house_have_a_last_map(backbone):
    config = compose(f"backbone={backbone}")
    nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
    model = make_model(nodes, ("sad", "happy"), 48, 1).eval()
    faces = torch.randint(0, 256, (2, 1, 48, 48), dtype=torch.uint8)
    assert saliency_maps(model, faces, np.array([0, 1]), "grad_cam").isfinite().all()


def test_tokens_have_no_map():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(1, 4, 4, stride=4)
            self.body = nn.Sequential(*(nn.Linear(4, 4) for _ in range(4)))
            self.classifier = nn.Linear(4, 2)

        def forward(self, images):
            return self.classifier(self.body(self.patches(images).flatten(2).mT).mean(1))

    model = FaceClassifier(Tokens(), nn.Identity(), ("sad", "happy"), 8, 1, {"faces": {}})
    with pytest.raises(ConfigError, match="guided_backprop"):
        last_map(model, torch.zeros(1, 1, 8, 8))


def test_unknown_method_gets_the_nearest():
    with pytest.raises(ConfigError, match="grad_cam"):
        check_method("grad_cams")
