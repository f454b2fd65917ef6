import json

import pytest
import torch

from ferkit.errors import ConfigError
from ferkit.input import Input

GREY = torch.tensor([0.0, 51, 102, 255]).reshape(1, 1, 2, 2)
COLOUR = torch.tensor([255.0, 100, 10]).reshape(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        ("0..255", [0, 51, 102, 255]),
        ("0..1", [0, 0.2, 0.4, 1]),
        ("-1..1", [-1, -0.6, -0.2, 1]),
    ],
)
def test_scales(scale, values):
    for images in (GREY, GREY.byte()):
        scaled = Input(scale)(images)
        assert scaled.dtype == torch.float32
        assert scaled.flatten().tolist() == pytest.approx(values, abs=1e-6)


def test_grey_is_repeated_and_normalised_per_channel():
    node = Input("0..1", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], channels=3)
    fed = node(GREY)
    assert fed.shape == (1, 3, 2, 2)
    for c, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        torch.testing.assert_close(fed[:, c], (GREY[:, 0] / 255 - mean) / std)


def test_colour_becomes_luminance():
    fed = Input("0..255", channels=1)(COLOUR)
    assert fed.flatten().tolist() == pytest.approx([0.299 * 255 + 0.587 * 100 + 0.114 * 10])
    white = Input("-1..1", channels=1)(torch.full((1, 3, 1, 1), 255.0))
    assert white.item() == pytest.approx(1)


def test_as_stored():
    assert Input(channels=None)(COLOUR).shape == COLOUR.shape
    assert Input(channels=3)(COLOUR).shape == COLOUR.shape


def test_a_single_mean_serves_every_channel():
    fed = Input("0..255", mean=[10], std=[2], channels=3)(COLOUR)
    torch.testing.assert_close(fed, (COLOUR - 10) / 2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": "0..1", "channels": 1},
        {"scale": "0..1", "mean": [0.485, 0.456, 0.406], "std": [0.1, 0.2, 0.3], "channels": 3},
    ],
)
def test_made_again_from_its_json(options):
    node = Input(**options)
    again = Input(**json.loads(json.dumps(node.settings())))
    assert again.settings() == node.settings()
    assert options.items() <= node.settings().items()
    torch.testing.assert_close(again(COLOUR), node(COLOUR), rtol=0, atol=0)


def test_no_key_in_the_state_dict_and_half_stays_half():
    node = Input("0..1", [0.5], [0.5])
    assert not node.state_dict()
    assert node(GREY.half()).dtype == torch.float16


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scale": "0-1"}, "Did you mean"),
        ({"channels": 2}, "channels is 2"),
        ({"mean": [0.1, 0.2, 0.3]}, "3 values where input.channels is null"),
        ({"mean": [0.1, 0.2], "channels": 3}, "2 values"),
        ({"std": [0.0]}, "above 0"),
    ],
)
def test_wrong_settings_are_said(options, said):
    with pytest.raises(ConfigError, match=said):
        Input(**options)


def test_other_images_are_refused():
    with pytest.raises(ConfigError, match="The images have 4 channels"):
        Input(channels=3)(torch.zeros(1, 4, 2, 2))
