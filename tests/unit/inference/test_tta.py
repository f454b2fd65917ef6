import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ferkit.composition import load_choice
from ferkit.config import build
from ferkit.errors import ConfigError
from ferkit.inference.predict import predict_scores
from ferkit.inference.tta import Tta, crops
from ferkit.loader import make_loader

LIGHT = {
    "_target_": "ferkit.training.augment.Augment",
    "flip": True,
    "rotation": 10.0,
    "noise": 0.05,
}


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (12, 1, 12, 12), generator=generator, dtype=torch.uint8)


def classify(images):
    """Scores that know left from right: sums over column thirds."""
    return images.float().mean((1, 2)).unflatten(1, (3, 4)).sum(2) / 50


def test_one_view_comes_back_as_it_is(images):
    assert torch.equal(Tta().scores(classify, images), classify(images))


def test_flip_is_the_mean_of_the_image_and_its_mirror_image(images):
    shown = Tta("flip").shown(images)
    assert torch.equal(shown[:, 0], images)
    assert torch.equal(shown[:, 1], images[..., range(11, -1, -1)])
    both = [classify(images).softmax(1), classify(images.flip(3)).softmax(1)]
    expected = torch.stack(both).mean(0)
    torch.testing.assert_close(Tta("flip").scores(classify, images).softmax(1), expected)


def test_ten_crop_by_indexing(images):
    ten = crops(images, 8 / 12, mirrored=True)
    assert ten.shape == (12, 10, 1, 12, 12)
    cut = [images[..., y : y + 8, x : x + 8] for y, x in ((0, 0), (0, 4), (4, 0), (4, 4), (2, 2))]
    for place, crop in enumerate(cut):
        whole = F.interpolate(crop.float(), (12, 12), mode="bilinear", align_corners=False)
        assert torch.equal(ten[:, place], whole)
        assert torch.equal(ten[:, place + 5], whole.flip(3))
    assert torch.equal(crops(images, 8 / 12, mirrored=False), ten[:, :5])


def test_whole_crops_are_the_image(images):
    five = crops(images, 1.0, mirrored=False)
    assert torch.equal(five, images.float()[:, None].expand_as(five))


def test_random_views_are_a_function_of_seed_and_place(images):
    tta = Tta("random_k", k=4, augment=LIGHT)
    whole = tta.shown(images)
    assert whole.shape == (12, 4, 1, 12, 12)
    assert torch.equal(whole, tta.shown(images))
    assert torch.equal(whole[5:8], tta.shown(images[5:8], start=5))
    assert not torch.equal(whole[5:8], tta.shown(images[5:8], start=4))
    assert not torch.equal(whole, dataclasses.replace(tta, seed=1).shown(images))
    assert all(not torch.equal(whole[:, 0], whole[:, view]) for view in (1, 2, 3))


@pytest.mark.parametrize("kind", ["none", "flip", "five_crop", "ten_crop", "random_k"])
@pytest.mark.parametrize("resident", [True, False])
def test_predictions_do_not_depend_on_the_batch_size(images, kind, resident):
    tta = Tta(kind, k=3, augment=LIGHT)
    faces = images[:, 0].numpy()

    class Model(torch.nn.Module):
        def forward(self, shown):
            return classify(shown)

    found = [
        predict_scores(
            Model(),
            make_loader(
                faces,
                np.arange(12),
                np.zeros(12, dtype=int),
                batch_size=size,
                device=torch.device("cpu"),
                cache_on_device=resident,
            ),
            tta,
        )
        for size in (1, 5, 12)
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-5, atol=1e-6)


def test_pooling_is_the_mean_of_probabilities_and_never_more_than_a_batch_at_once(images):
    tta, sizes = Tta("random_k", k=5, augment=LIGHT), []

    def watched(shown):
        sizes.append(len(shown))
        return classify(shown)

    pooled = tta.scores(watched, images).softmax(1)
    assert max(sizes) <= len(images)
    shares = [classify(tta.shown(images)[:, view]).softmax(1) for view in range(5)]
    torch.testing.assert_close(pooled, torch.stack(shares).mean(0))


def test_the_preset_of_tekula2023():
    tta = build(load_choice("tta", "random_k"), where="tta")
    assert (tta.kind, tta.k, tta.count) == ("random_k", 10, 10)
    assert tta.vary == build(load_choice("augment", "tekula2023"), where="augment")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "ten_crop", "crop": 0.0}, "tta.crop is 0.0"),
        ({"kind": "random_k", "k": 0, "augment": LIGHT}, "tta.k is 0"),
        ({"kind": "random_k"}, "take tta=random_k"),
        ({"kind": "random_k", "augment": {**LIGHT, "rotatoin": 3}}, "Did you mean 'tta.augment.ro"),
        ({"kind": "none", "seed": -1}, "tta.seed is -1"),
    ],
)
def test_wrong_settings_are_said(settings, said):
    with pytest.raises(ConfigError, match=said):
        Tta(**settings)
