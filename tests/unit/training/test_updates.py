"""Accumulated gradients, the average of the weights, kept statistics: by direct computation."""

import copy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from ferkit.errors import ConfigError
from ferkit.input import Input
from ferkit.loader import make_loader
from ferkit.model import FaceClassifier
from ferkit.training.augment import unchanged
from ferkit.training.averaging import averaged, in_place_of, weights_of
from ferkit.training.optim import constant
from ferkit.training.settings import TrainerSettings
from ferkit.training.trainer import Training, TrainingInputs, train_epoch

LR = 0.1
SETTINGS = TrainerSettings(batch_size=4, channels_last=False, device="cpu")


def make(norm=False, **settings):
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 3, 3), *([nn.BatchNorm2d(3)] if norm else []), nn.Flatten()]
    network = nn.Sequential(*layers, nn.Linear(12, 2))
    model = FaceClassifier(network, Input(), ("a", "b"), 4, 1, {})
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    return Training(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        constant(optimizer),
        replace(SETTINGS, **settings),
        torch.device("cpu"),
        0,
    )


def batches(count):
    generator = torch.Generator().manual_seed(1)
    faces = torch.randint(256, (count, 4, 4), generator=generator, dtype=torch.uint8)
    return faces, torch.arange(count) % 2


def train(training, count):
    faces, class_ids = batches(count)
    loader = make_loader(
        faces.numpy(),
        class_ids.numpy() * 0 + range(count),
        class_ids.numpy(),
        batch_size=4,
        device=training.device,
    )
    inputs = TrainingInputs(loader, loader, unchanged(), training.model, training.model)
    return train_epoch(training, inputs)


def test_accumulated_gradients_are_those_of_all_images_together():
    training, alone = make(accumulate=2, clip_grad=0.05), make().model
    train(training, 14)  # batches of 4, 4, 4 and 2
    faces, class_ids = batches(14)
    for rows in (slice(0, 8), slice(8, 14)):
        alone.zero_grad()
        F.cross_entropy(alone(faces[rows, None]), class_ids[rows]).backward()
        nn.utils.clip_grad_norm_(alone.parameters(), 0.05)
        with torch.no_grad():
            for parameter in alone.parameters():
                parameter -= LR * parameter.grad
    for name, parameter in alone.named_parameters():
        torch.testing.assert_close(training.model.get_parameter(name), parameter)


def test_what_does_not_fill_an_update_still_makes_one():
    training = make(norm=True, accumulate=3)
    before = copy.deepcopy(training.model)
    train(training, 5)  # a batch of 4, and one image that batch-norm cannot take
    assert training.pending == []
    assert not torch.equal(before.backbone[0].weight, training.model.backbone[0].weight)


def test_the_average_follows_the_weights():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average, expected = averaged(model, 0.7), None
    generator = torch.Generator().manual_seed(0)
    for n in range(40):
        with torch.no_grad():
            for tensor in (*model.parameters(), model[1].running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            model[1].num_batches_tracked += 1
        average.update_parameters(model)
        now = [t.clone() for t in (*model.parameters(), model[1].running_mean)]
        decay = min(0.7, (1 + n) / (10 + n))
        pairs = zip(expected or now, now, strict=True)
        expected = now if n == 0 else [decay * a + (1 - decay) * b for a, b in pairs]
    kept = average.module
    for mean, tensor in zip(expected, (*kept.parameters(), kept[1].running_mean), strict=True):
        torch.testing.assert_close(tensor, mean)
    assert kept[1].num_batches_tracked == 40


def test_the_model_has_its_own_weights_again_after_its_average_s():
    model = nn.Linear(2, 2)
    average, own = averaged(model, 0.5), copy.deepcopy(model)
    with torch.no_grad():
        average.module.weight.zero_()
    with in_place_of(model, average):
        assert not model.weight.any()
    assert torch.equal(model.weight, own.weight)


def test_kept_statistics_do_not_move_and_take_single_images():
    training = make(norm=True, norms_kept_from=1)
    train(training, 9)
    norm = training.model.backbone[1]
    mean, scale = norm.running_mean.clone(), norm.weight.clone()
    training.epoch = 1
    assert train(training, 9)["images"] == 9
    assert torch.equal(norm.running_mean, mean)
    assert not torch.equal(norm.weight, scale)


@pytest.mark.parametrize(
    ("key", "value"), [("ema", 1.0), ("ema", -0.1), ("accumulate", 0), ("norms_kept_from", -1)]
)
def test_settings_outside_their_range_are_refused(key, value):
    with pytest.raises(ConfigError, match=rf"trainer\.{key} is {value}"):
        replace(SETTINGS, **{key: value})


SMALL = [
    "dataset.train=96",
    "dataset.val=32",
    "dataset.test=32",
    "dataset.people=20",
    "backbone=mini_xception",
    "trainer.max_epochs=3",
    "trainer.batch_size=16",
    "trainer.device=cpu",
    "trainer.threads=1",
    "trainer.ema=0.9",
    "trainer.accumulate=2",
    "evaluate=[val]",
    "scheduler=plateau",
    "scheduler.warmup_epochs=1.5",
    "augment.mixup=0.2",
    "augment.cutmix=1",
    "augment.crop=0.1",
    "augment.blur=1",
    "augment.equalize=0.3",
]


def test_resumed_it_goes_on_as_if_nothing_were_and_ships_the_average(
    trained, tmp_path, ferkit, monkeypatch
):
    import ferkit.training.trainer as trainer

    whole = trained(*SMALL, name="whole")
    step = trainer.train_step

    def interrupted(training, inputs, batch, number):
        if training.epoch == 2 and number == 1:
            raise KeyboardInterrupt
        return step(training, inputs, batch, number)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_step", interrupted)
        assert ferkit("train", *SMALL, "run_dir=broken").code == 130
    assert ferkit("train", "resume=broken").code == 0
    states = [
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        for folder in (whole, tmp_path / "broken")
    ]
    for part in ("model", "average"):
        one, two = (state[part] for state in states)
        assert all(torch.equal(one[name], two[name]) for name in one)
    assert (whole / "model.safetensors").read_bytes() == (
        tmp_path / "broken" / "model.safetensors"
    ).read_bytes()
    kept = states[0]["best_weights"] or weights_of(states[0]["average"])
    shipped = load_file(whole / "model.safetensors")
    assert all(torch.equal(tensor, kept[name]) for name, tensor in shipped.items())
    name = "backbone.classifier.weight"
    assert not torch.equal(shipped[name], states[0]["model"][name])
