from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from scipy import ndimage

from ferkit.errors import ConfigError
from ferkit.training.augment import Augment, add_noise
from ferkit.training.warp import affine_matrices, warp

EVERYTHING = Augment(
    flip=True,
    rotation=20,
    shift=0.1,
    shear=10,
    zoom=0.2,
    brightness=0.3,
    contrast=0.3,
    noise=0.05,
    erase=0.5,
)


@pytest.fixture
def faces():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (16, 1, 24, 24), generator=generator, dtype=torch.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth(height=24, width=24):
    rng = np.random.default_rng(0)
    blurred = ndimage.gaussian_filter(rng.uniform(0, 255, (height, width)), 1.5)
    return (blurred - blurred.min()) / np.ptp(blurred) * 255


def matrices(images, rotation=0.0, shift=(0.0, 0.0), shear=0.0, zoom=(1.0, 1.0), mirrored=False):
    def double(value):
        return torch.tensor([value], dtype=torch.float64)

    return affine_matrices(
        rotation=double(rotation),
        shift=double(shift),
        shear=double(shear),
        zoom=double(zoom),
        mirrored=torch.tensor([mirrored]),
        sides=tuple(images.shape[-2:]),
    )


def keras(image, rotation=0.0, shift=(0.0, 0.0), shear=0.0, zoom=(1.0, 1.0), mode="nearest"):
    """Keras' apply_affine_transform: a matrix on (row, column), about the centre of the pixels."""
    height, width = image.shape
    turn, slant = np.deg2rad(rotation), np.deg2rad(shear)
    m = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    m = m @ np.array([[1, 0, shift[1] * height], [0, 1, shift[0] * width], [0, 0, 1]])
    m = m @ np.array([[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]])
    m = m @ np.diag([zoom[1], zoom[0], 1])
    row, column = (height - 1) / 2, (width - 1) / 2
    there = np.array([[1, 0, row], [0, 1, column], [0, 0, 1]])
    m = there @ m @ np.linalg.inv(there)
    return ndimage.affine_transform(image, m[:2, :2], offset=m[:2, 2], order=1, mode=mode)


KNOWN = {
    "rotation": {"rotation": 17.0},
    "shift": {"shift": (0.125, -0.21)},
    "shear": {"shear": 12.0},
    "zoom": {"zoom": (1.2, 0.85)},
    "all": {"rotation": -9.0, "shift": (0.1, 0.04), "shear": 8.0, "zoom": (0.9, 1.1)},
}


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("sides", [(24, 24), (20, 31)])
@pytest.mark.parametrize(
    ("fill", "mode"), [("nearest", "nearest"), ("reflect", "reflect"), ("zeros", "grid-constant")]
)
def test_known_amounts_are_those_of_keras_by_scipy(known, sides, fill, mode):
    image = smooth(*sides)
    ours = warp(torch.tensor(image)[None, None], matrices(image, **known), fill)
    np.testing.assert_allclose(ours[0, 0], keras(image, **known, mode=mode), atol=1e-6)


def test_a_shift_by_whole_pixels_and_nearest_fill():
    image = torch.arange(16.0, dtype=torch.float64).reshape(1, 1, 4, 4)
    moved = warp(image, matrices(image, shift=(0.25, 0.0)))
    expected = torch.cat((image[..., 1:], image[..., -1:]), dim=-1)
    torch.testing.assert_close(moved, expected)


def test_a_quarter_turn_is_exact():
    image = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    turned = warp(image, matrices(image, rotation=90.0))
    torch.testing.assert_close(turned, torch.rot90(image, -1, (2, 3)))


def test_mirrored_in_the_same_pass():
    image = torch.tensor(smooth(20, 31))[None, None]
    straight = warp(image, matrices(image, mirrored=True))
    torch.testing.assert_close(straight, image.flip(-1))


def test_nothing_asked_is_the_identity(faces):
    result = Augment()(faces, generator())
    assert result.dtype == torch.float32
    assert torch.equal(result, faces.float())


def test_a_flip_is_an_exact_mirror_of_about_half(faces):
    many = faces.repeat(20, 1, 1, 1)
    result = Augment(flip=True)(many, generator())
    mirrored = (result == many.flip(-1)).flatten(1).all(1)
    kept = (result == many).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 0.4 < mirrored.float().mean() < 0.6


def test_the_generator_alone_decides(faces):
    first, again = EVERYTHING(faces, generator(1)), EVERYTHING(faces, generator(1))
    assert torch.equal(first, again)
    assert not torch.equal(first, EVERYTHING(faces, generator(2)))
    torch.manual_seed(5)
    state = torch.get_rng_state()
    EVERYTHING(faces, generator(1))
    assert torch.equal(state, torch.get_rng_state())


def test_the_generator_moves_on(faces):
    source = generator()
    assert not torch.equal(EVERYTHING(faces, source), EVERYTHING(faces, source))


def test_every_face_has_its_own_draw(faces):
    alike = faces[:1].repeat(8, 1, 1, 1)
    for augment in (
        Augment(rotation=20),
        Augment(shift=0.2),
        Augment(noise=0.1),
        Augment(zoom=0.3),
    ):
        result = augment(alike, generator())
        assert len({row.numpy().tobytes() for row in result}) == 8


def test_noise_does_not_change_the_geometry(faces):
    plain = Augment(rotation=15, shift=0.1)(faces, generator())
    noisy = Augment(rotation=15, shift=0.1, noise=1e-6)(faces, generator())
    torch.testing.assert_close(plain, noisy, rtol=0, atol=0.01)


def test_brightness_and_contrast_stay_in_their_ranges():
    flat = torch.full((200, 1, 4, 4), 100.0)
    factors = Augment(brightness=0.2)(flat, generator())[:, 0, 0, 0] / 100
    assert 0.8 <= factors.min() < 0.83
    assert 1.17 < factors.max() <= 1.2
    two = torch.tensor([80.0, 120.0]).reshape(1, 1, 1, 2).repeat(200, 1, 1, 1)
    result = Augment(contrast=0.5)(two, generator())
    torch.testing.assert_close(result.mean(dim=(1, 2, 3)), torch.full((200,), 100.0))
    spread = (result[..., 1] - result[..., 0]).flatten() / 40
    assert 0.5 <= spread.min() < 0.55
    assert 1.45 < spread.max() <= 1.5


def test_noise_has_its_deviation():
    noise = add_noise(torch.full((4, 1, 100, 100), 128.0), 0.07 * 255, 3) - 128
    assert noise.std().item() == pytest.approx(0.07 * 255, rel=0.02)
    assert abs(noise.mean().item()) < 0.5


def test_erasing_blackens_one_rectangle_of_about_the_asked_share():
    white = torch.full((400, 1, 32, 32), 255.0)
    result = Augment(erase=0.5)(white, generator())
    black = result[:, 0] == 0
    erased = black.flatten(1).any(1)
    assert 0.42 < erased.float().mean() < 0.58
    for mask in black[erased]:
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns[None])
        assert 0.01 < mask.float().mean() < 0.36
    assert (result[:, 0][~black] == 255).all()


@pytest.mark.parametrize("recipe", ["none", "light", "kurmi2022", "tekula2023"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_recipe_keeps_shape_and_range(recipe, channels, pytestconfig):
    text = (pytestconfig.rootpath / f"configs/augment/{recipe}.yaml").read_text()
    node = yaml.safe_load(text)
    assert node.pop("_target_") == "ferkit.training.augment.Augment"
    hard = torch.randint(2, (32, channels, 48, 48), dtype=torch.uint8) * 255
    result = Augment(**node)(hard, generator())
    assert result.shape == hard.shape
    assert 0 <= result.min() <= result.max() <= 255
    assert torch.equal(result, hard.float()) == (recipe == "none")


def test_everything_at_once_keeps_the_range(faces):
    result = EVERYTHING(faces, generator())
    assert 0 <= result.min() <= result.max() <= 255
    assert EVERYTHING(faces[:0], generator()).shape == (0, 1, 24, 24)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fill": "neerest"}, "Did you mean 'nearest'"),
        ({"rotation": -5}, "rotation is -5; give 0 to 180"),
        ({"zoom": 1.0}, "zoom is 1.0; give 0 to 0.95"),
        ({"shift": "a lot"}, "give a number"),
        ({"erase": 2}, "erase is 2"),
    ],
)
def test_wrong_settings_are_said(options, said):
    with pytest.raises(ConfigError, match=said):
        Augment(**options)


def test_a_step_on_a_device_copies_once_and_waits_for_nothing(monkeypatch):
    """On the device "meta", which stands for a GPU: what is drawn goes there in one copy."""
    meta, copies, own = torch.device("meta"), [], torch.Tensor.to

    def to(self, *args, **kwargs):
        result = own(self, *args, **kwargs)
        if self.device != result.device:
            copies.append(tuple(self.shape))
        return result

    def refused(*_, **__):
        raise AssertionError("a tensor made of numbers is copied, and the copy waits")

    # all but the noise: no generator is on meta
    vary = replace(
        EVERYTHING, noise=0.0, crop=0.1, gamma=0.2, sharpness=0.4, blur=1.0, equalize=0.5
    )
    drawn = vary.draw(generator(), 4, (48, 48))
    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(torch.Tensor, "new_tensor", refused)
    monkeypatch.setattr(torch.Tensor, "item", refused)
    monkeypatch.setattr(torch.Tensor, "tolist", refused)
    images = torch.zeros(4, 1, 48, 48, dtype=torch.uint8, device=meta)
    assert vary.apply(images, drawn.to(meta)).shape == images.shape
    assert copies == [(4, 32)]


def test_rows_of_what_is_drawn_vary_as_in_the_whole_batch(faces):
    vary = replace(EVERYTHING, noise=0.0)
    drawn = vary.draw(generator(), len(faces), (48, 48))
    whole = vary.apply(faces, drawn)
    part = vary.apply(faces[1:3], drawn.rows(slice(1, 3)))
    assert torch.allclose(part, whole[1:3], atol=1e-3)
