"""The model in the package: shipped from a run, found by name, the same as what its metrics say."""

import hashlib
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image

import ferkit.packaged as packaged
from ferkit import load_model as load_classifier
from ferkit.composition import completed, compose
from ferkit.inference.predict import make_predictions, predict_scores
from ferkit.inference.tta import Tta
from ferkit.loader import make_loader
from ferkit.model import load_model
from ferkit.runs.read import read_config
from ferkit.views import make_views

ROOT = Path(__file__).parents[2]
SMALL = [
    "dataset.train=96",
    "dataset.val=48",
    "dataset.test=48",
    "dataset.people=20",
    "trainer.max_epochs=1",
    "trainer.batch_size=32",
    "trainer.device=cpu",
    "trainer.threads=1",
    "evaluate=[val,test]",
]
REAL = ROOT / "data" / "raw" / "fer2013"


@pytest.fixture
def ship(monkeypatch, tmp_path):
    """Run the script on a run; the package's models then lie in the test's folder."""

    def run(folder, *words):
        monkeypatch.syspath_prepend(str(ROOT / "scripts"))
        monkeypatch.setattr(packaged, "folder", lambda: tmp_path / "models")
        monkeypatch.setattr(
            sys, "argv", ["ship_model.py", str(folder), "--card", "card.md", *words]
        )
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "scripts" / "ship_model.py"), run_name="__main__")
        return ended.value.code

    return run


def predicted(model, config, view):
    views = make_views(config)
    rows = views.rows(view)
    loader = make_loader(
        views.store.faces, rows, views.class_ids[rows], batch_size=64, device=torch.device("cpu")
    )
    scores = predict_scores(model, loader, Tta())
    frame = make_predictions(views.store.index.iloc[rows], scores, views.emotions, view)
    return frame, scores, views


def test_what_is_shipped_is_what_is_loaded_and_what_the_metrics_say(
    trained, ship, ferkit, tmp_path
):
    run = trained(*SMALL)
    assert ship(run) == 0
    home = tmp_path / "models" / "eca_resnet"
    found = json.loads((home / "metrics.json").read_text())
    weights = (home / "model.safetensors").read_bytes()
    assert found["sha256"]["model.safetensors"] == hashlib.sha256(weights).hexdigest()
    config = completed(read_config(run)[0])
    tau, temperature = (found["calibration"][key] for key in ("tau", "temperature"))
    for view in ("val", "test"):
        frame, scores, views = predicted(load_model(), config, view)
        own = predicted(load_model(run), config, view)[1]
        counts = np.array(list(views.counts("train").values()))
        expected = (own - tau * np.log(counts / counts.sum())) / temperature
        np.testing.assert_allclose(scores, expected, atol=1e-4)
        assert packaged.predictions_sum(frame) == found["sha256"][f"predictions/{view}"]
        accuracy = (frame["predicted"] == frame["label"]).mean()
        assert found["views"][view]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    card = (tmp_path / "card.md").read_text()
    for words in ("calibration error", "non-commercial", f"temperature of {temperature:.3f} (cal"):
        assert words in card
    said = ferkit("list", "model")
    assert "eca_resnet" in said.out and "macro F1" in said.out
    assert "model " in ferkit("list").out


def test_predict_takes_it_where_no_model_is_named(trained, ship, ferkit, tmp_path):
    ship(trained(*SMALL))
    with get_sample_data("grace_hopper.jpg") as file:
        (tmp_path / "hopper.jpg").write_bytes(file.read())
    said = ferkit("predict", "source=hopper.jpg", "out=out")
    assert said.code == 0, said.err
    assert said.err.count("non-commercial") == 1
    table = pd.read_csv(tmp_path / "out" / "faces.csv")
    assert len(table) == 1
    named = ferkit("predict", "source=hopper.jpg", "out=named", "model=eca_resnet")
    assert named.code == 0
    assert pd.read_csv(tmp_path / "named" / "faces.csv").equals(table)
    said = ferkit("predict", "source=hopper.jpg", "out=out", "model=eca_restnet")
    assert said.code == 3
    assert "eca_resnet" in said.err


def test_another_name_is_listed_after_the_default_and_has_its_own_card(trained, ship, ferkit):
    run = trained(*SMALL)
    ship(run, "--name", "another")
    ship(run)
    default, another = ferkit("list", "model").out.splitlines()[-2:]
    assert default.startswith("eca_resnet") and "docs/model_card.md" in default
    assert another.startswith("another") and "docs/model_card_another.md" in another


def test_a_run_that_has_not_looked_at_test_is_not_shipped(trained, ship, ferkit):
    run = trained(*SMALL)
    (run / "predictions" / "test.parquet").unlink()
    assert "view=test" in ship(run)


def test_a_later_look_at_test_is_found(trained, ship, ferkit, tmp_path):
    run = trained(*SMALL)
    (run / "predictions" / "test.parquet").unlink()
    assert ferkit("eval", f"run={run}", "view=test").code == 0
    assert ship(run) == 0
    assert packaged.metrics_of("eca_resnet")["views"]["test"]["n"] == 48


def test_an_install_without_weights_says_so(ferkit, monkeypatch, tmp_path):
    monkeypatch.setattr(packaged, "folder", lambda: tmp_path / "nothing")
    said = ferkit("predict", "source=.", "out=out")
    assert said.code == 3
    assert "give model=RUN" in said.err


@pytest.mark.parametrize("words", [["faces=none"], ["faces=haar_48"]])
def test_what_was_trained_on_ready_crops_takes_any_faces(ferkit, tmp_path, words):
    """Its `faces` node finds faces in pictures; it shaped no training face."""
    crop = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    Image.fromarray(crop).save(tmp_path / "crop.png")
    code, _, err = ferkit("predict", "source=crop.png", "out=out", *words)
    assert code == 0, err
    assert load_classifier().predict(crop, *words)["success"].tolist() == [int("none" in words[0])]


@pytest.mark.parametrize("name", packaged.names())
def test_the_shipped_files_are_those_of_the_metrics(name):
    home = packaged.folder() / name
    weights = (home / packaged.WEIGHTS).read_bytes()
    assert len(weights) < 4_000_000
    found = packaged.metrics_of(name)
    assert found["sha256"][packaged.WEIGHTS] == hashlib.sha256(weights).hexdigest()
    for metrics in found["views"].values():
        assert metrics["accuracy"] > 0.5


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="FER-2013 is not unpacked in data/raw/fer2013")
@pytest.mark.parametrize("name", packaged.names())
@pytest.mark.parametrize("view", ["val", "test"])
def test_the_shipped_predictions_are_those_of_the_metrics(name, view, tmp_path):
    config = compose(
        "experiment=fer2013/eca_resnet", f"dataset.root={REAL}", f"prepared_root={tmp_path}"
    )
    found = packaged.metrics_of(name)
    frame, _, _ = predicted(load_model(name), config, view)
    assert packaged.predictions_sum(frame) == found["sha256"][f"predictions/{view}"]
