"""Epochs and batch sizes that nobody gave, and ties of what chooses the epoch."""

import json
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import yaml

from ferkit.composition import compose
from ferkit.errors import ConfigError
from ferkit.training.length import settle
from ferkit.training.selection import is_better
from ferkit.training.settings import TrainerSettings
from ferkit.training.statistics import recompute_norms
from ferkit.tree import choices

OPEN = TrainerSettings(max_epochs=None, batch_size=None, recompute_norms=None)


@pytest.mark.parametrize(
    ("images", "epochs", "batch"),
    [(28_709, 10, 64), (4000, 10, 64), (1999, 11, 64), (560, 36, 32), (240, 84, 16), (9, 100, 16)],
)
def test_few_images_are_shown_oftener_in_smaller_batches(images, epochs, batch):
    settled = settle(OPEN, images, {})
    assert (settled.epochs, settled.images_a_step) == (epochs, batch)


def test_what_is_given_is_kept_and_learned_weights_need_no_further_epochs():
    given = TrainerSettings(max_epochs=3, batch_size="auto", recompute_norms=None)
    assert settle(given, 240, {}) == replace(given, recompute_norms=False)
    for node in ({"pretrained": True}, {"init_from": "RUN"}):
        assert settle(OPEN, 240, node).epochs == 10


@pytest.mark.slow
def test_every_experiment_gives_its_own():
    for name in choices("experiment"):
        trainer = compose(f"experiment={name}").trainer
        assert trainer.max_epochs is not None and trainer.batch_size is not None, name


def test_a_run_records_what_was_chosen(ferkit, tmp_path, monkeypatch):
    monkeypatch.setattr("ferkit.training.length.SHOWN", 1000)
    words = ["dataset.train=90", "dataset.val=21", "dataset.test=21", "trainer.threads=1"]
    code, _, err = ferkit("train", *words, "run_dir=run", "evaluate=[]")
    assert code == 0, err
    chosen = "trainer.batch_size=16 trainer.max_epochs=12 trainer.recompute_norms=true"
    assert f"{chosen}, chosen by the 90 images of train" in err
    trainer = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["trainer"]
    assert (trainer["batch_size"], trainer["max_epochs"], trainer["recompute_norms"]) == (
        16,
        12,
        True,
    )
    data = json.loads((tmp_path / "run" / "env.json").read_text())
    assert data["chosen"] == {
        "max_epochs": 12,
        "batch_size": 16,
        "recompute_norms": True,
        "images": 90,
    }
    assert (tmp_path / "run" / "augmented.png").read_bytes().startswith(b"\x89PNG")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert len(rows) == 12 and rows[0]["best"]
    code, _, err = ferkit("train", "resume=run", "trainer.max_epochs=13")
    assert code == 0, err
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 13


@pytest.mark.parametrize(
    ("given", "anew"),
    [
        ({}, True),
        ({"max_epochs": 3}, True),  # the batch size is open
        ({"max_epochs": 3, "batch_size": 64}, False),  # a recipe
        ({"ema": 0.9}, False),  # which averages the statistics
        ({"recompute_norms": False}, False),
    ],
)
def test_statistics_are_taken_anew_where_updates_are_few_and_no_recipe_is_given(given, anew):
    assert settle(replace(OPEN, **given), 240, {}).recompute_norms is anew
    assert settle(replace(OPEN, **given), 4000, {}).recompute_norms is False


def test_recomputed_statistics_are_those_of_the_whole_view_and_change_nothing_else():
    model = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(3))
    frozen = torch.nn.BatchNorm1d(3).eval()
    model.append(frozen)
    faces = torch.randn(4, 8, 3, generator=torch.Generator().manual_seed(0)) * 3 + 1
    batches = [SimpleNamespace(images=f, targets=torch.zeros(8)) for f in faces]
    batches.append(SimpleNamespace(images=faces[0, :1], targets=torch.zeros(1)))
    training = SimpleNamespace(
        model=model,
        settings=TrainerSettings(),
        epoch=1,
        normalises=True,
        autocast=nullcontext,
    )
    train = SimpleNamespace(epoch=lambda number: batches)
    before = torch.get_rng_state()
    recompute_norms(training, SimpleNamespace(train=train, eval_forward=model))
    assert torch.equal(before, torch.get_rng_state())
    torch.testing.assert_close(model[1].running_mean, faces.mean((0, 1)))
    torch.testing.assert_close(model[1].running_var, faces.var(1).mean(0))
    assert model[1].momentum == 0.1 and int(frozen.num_batches_tracked) == 0


def test_recomputed_statistics_do_not_go_with_an_average_of_the_weights():
    with pytest.raises(ConfigError, match=r"trainer\.ema"):
        TrainerSettings(ema=0.9, recompute_norms=True)


@pytest.mark.parametrize(
    ("loss", "better"), [(0.9, True), (1.0, False), (1.1, False), (float("nan"), False)]
)
def test_a_tie_of_the_monitor_goes_to_the_lower_loss(loss, better):
    rows = [{"val_accuracy": 0.5, "val_loss": 1.0}, {"val_accuracy": 0.4, "val_loss": 0.1}]
    settings = TrainerSettings(patience=2)
    training = SimpleNamespace(settings=settings, rows=rows, best=0.5, since_best=1)
    assert is_better(training, {"val_accuracy": 0.5, "val_loss": loss}) == better
    assert training.since_best == (0 if better else 2)
