"""Training from the command line: the run's folder, determinism, resume, refusals."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

SMALL = [
    "dataset.train=160",
    "dataset.val=48",
    "dataset.test=48",
    "dataset.people=20",
    "backbone=kurmi_cnn",
    "optimizer.lr=1e-3",
    "trainer.max_epochs=2",
    "trainer.batch_size=32",
    "trainer.device=cpu",
    "trainer.threads=1",
]
TIMES = ("seconds", "images_per_second", "peak_memory")


@pytest.fixture
def run(trained):
    return trained(*SMALL, "evaluate=[val,test]", name="whole")


def metrics(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def same_weights(one, two):
    a, b = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_run_folder_holds_what_is_promised(run):
    promised = [
        "config.yaml",
        "overrides.yaml",
        "env.json",
        "data.json",
        "split.parquet",
        "metrics.jsonl",
        "checkpoints/last.ckpt",
        "checkpoints/previous.ckpt",
        "model.safetensors",
        "predictions/val.parquet",
        "predictions/test.parquet",
        "predictions/examples.npz",
        "report/report.md",
        "report/report.html",
        "report/metrics.json",
        "report/per_class.csv",
        "report/confusion_matrix.csv",
        "report/confusion_matrix.png",
        "report/curves.png",
        "test_accesses.jsonl",
    ]
    assert [p for p in promised if not (run / p).is_file()] == []
    row = metrics(run)[0]
    assert {
        "epoch",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "val_macro_f1",
        "lr",
    } <= row.keys()
    for name in ("env.json", "data.json"):
        assert json.loads((run / name).read_text())["format"] == 1
    assert (run / "config.yaml").read_text().startswith("format: 1\n")
    torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert not [p for p in run.rglob("*") if p.name.endswith(".tmp")]


def test_predictions_carry_their_keys(run):
    predictions = pd.read_parquet(run / "predictions" / "val.parquet")
    split = pd.read_parquet(run / "split.parquet").set_index("key")["view"]
    assert (split.loc[predictions["key"]] == "val").all()
    shares = predictions.filter(like="p_").to_numpy()
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    named = np.array([c[2:] for c in predictions.filter(like="p_")])[shares.argmax(axis=1)]
    assert (named == predictions["predicted"]).all()
    found = json.loads((run / "report" / "metrics.json").read_text())["views"]["val"]
    assert found["accuracy"] == (predictions["label"] == predictions["predicted"]).mean()
    best = max(row["val_accuracy"] for row in metrics(run))
    assert found["accuracy"] == pytest.approx(best)


def test_same_seed_same_run_another_seed_another(run, tmp_path, ferkit):
    ferkit("train", *SMALL, f"run_dir={tmp_path / 'again'}")
    assert metrics(tmp_path / "again") == metrics(run)
    assert same_weights(tmp_path / "again", run)
    assert not (tmp_path / "again" / "test_accesses.jsonl").exists()
    ferkit("train", *SMALL, f"run_dir={tmp_path / 'other'}", "seed=1", "trainer.max_epochs=1")
    assert metrics(tmp_path / "other")[0]["train_loss"] != metrics(run)[0]["train_loss"]


def test_streaming_trains_as_resident_does(run, tmp_path, ferkit):
    ferkit("train", *SMALL, f"run_dir={tmp_path / 'streamed'}", "trainer.cache_on_device=false")
    assert metrics(tmp_path / "streamed") == metrics(run)


def test_killed_in_the_middle_of_an_epoch_it_goes_on_as_if_nothing_were(run, tmp_path, ferkit):
    folder = tmp_path / "killed"
    words = [*SMALL, f"run_dir={folder}", "evaluate=[val,test]"]
    code = (
        "import ferkit.training.trainer as t, os, signal\n"
        "step = t.train_step\n"
        "def dying(training, inputs, batch, number):\n"
        "    if training.epoch == 1 and number == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return step(training, inputs, batch, number)\n"
        "t.train_step = dying\n"
        f"from ferkit.cli import main; main(['train', *{words!r}])"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(metrics(folder)) == 1
    said = ferkit("train", f"resume={folder}")
    assert said.code == 0, said.err
    assert metrics(folder) == metrics(run)
    assert same_weights(folder, run)


def test_broken_last_checkpoint_falls_back_to_the_one_before(run, ferkit):
    last, lines = run / "checkpoints" / "last.ckpt", metrics(run)
    last.write_bytes(last.read_bytes()[:100])
    said = ferkit("train", f"resume={run}")
    assert said.code == 0, said.err
    assert metrics(run) == lines


def test_resume_may_train_longer_and_nothing_else(run, tmp_path, ferkit):
    said = ferkit("train", f"resume={run}", "optimizer.lr=1")
    assert said.code == 2
    assert "cannot change on resume" in said.err
    said = ferkit("train", f"resume={tmp_path / 'nothing'}")
    assert said.code == 3
    assert "is no run" in said.err
    ferkit("train", *SMALL, f"run_dir={tmp_path / 'longer'}", "trainer.max_epochs=1")
    said = ferkit("train", f"resume={tmp_path / 'longer'}", "trainer.max_epochs=3")
    assert said.code == 0
    assert [row["epoch"] for row in metrics(tmp_path / "longer")] == [1, 2, 3]


def test_changed_data_cannot_be_resumed(run, ferkit):
    data = json.loads((run / "data.json").read_text())
    data["split"]["hash"] = "0" * 16
    (run / "data.json").write_text(json.dumps(data))
    said = ferkit("train", f"resume={run}", "trainer.max_epochs=3")
    assert said.code == 3
    assert "changed since" in said.err
    assert len(metrics(run)) == 2


def test_two_runs_cannot_share_a_folder(run, ferkit):
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()}
    said = ferkit("train", *SMALL, f"run_dir={run}")
    assert said.code == 2
    assert "already holds a run" in said.err
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file()} == before


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path, ferkit, monkeypatch):
    import ferkit.training.trainer as trainer

    # started in the background of a shell, a process ignores SIGINT
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    step = trainer.train_step

    def interrupted(training, inputs, batch, number):
        if training.epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        return step(training, inputs, batch, number)

    monkeypatch.setattr(trainer, "train_step", interrupted)
    try:
        said = ferkit("train", *SMALL, f"run_dir={tmp_path / 'stopped'}")
    finally:
        signal.signal(signal.SIGINT, before)
    assert said.code == 130
    assert "resume=" in said.err
    assert "Traceback" not in said.err
    assert len(metrics(tmp_path / "stopped")) == 1


def test_named_test_views_are_predicted_and_noted(tmp_path, ferkit):
    from ferkit.datasets.fakes import ckplus

    ckplus.make(tmp_path / "ck", people=3)
    tests = "tests={both: {views: [val, test]}, ck: {dataset: {name: ckplus, root: %s}}}"
    words = [tests % (tmp_path / "ck"), "evaluate=[val,both,ck]", "trainer.max_epochs=1"]
    said = ferkit("train", *SMALL, *words, f"run_dir={tmp_path / 'named'}")
    assert said.code == 0, said.err
    folder = tmp_path / "named" / "predictions"
    assert len(pd.read_parquet(folder / "both.parquet")) == 96
    foreign = pd.read_parquet(folder / "ck.parquet")
    assert set(foreign["dataset"]) == {"ckplus"}
    assert "contempt" in set(foreign["label"])
    assert "contempt" not in set(foreign["predicted"])
    looks = (tmp_path / "named" / "test_accesses.jsonl").read_text().splitlines()
    assert [json.loads(look)["view"] for look in looks] == ["both", "ck"]


def test_votes_of_ferplus_are_trained_on(tmp_path, ferkit):
    from ferkit.datasets.fakes import ferplus

    ferplus.make(tmp_path / "ferplus", people=12)
    words = [
        "dataset=ferplus",
        f"dataset.root={tmp_path / 'ferplus'}",
        *SMALL[4:],
        "trainer.max_epochs=1",
    ]
    losses = []
    for soft in ("true", "false"):
        folder = tmp_path / f"votes_{soft}"
        said = ferkit("train", *words, f"trainer.soft_targets={soft}", f"run_dir={folder}")
        assert said.code == 0, said.err
        losses.append(metrics(folder)[0]["train_loss"])
    assert losses[0] != losses[1]
    said = ferkit("train", *SMALL, "trainer.soft_targets=true")
    assert said.code == 2
    assert "dataset=ferplus" in said.err


def test_patience_ends_a_run(tmp_path, ferkit):
    words = ["trainer.patience=1", "trainer.max_epochs=6", "optimizer.lr=0", "scheduler=constant"]
    ferkit("train", *SMALL, *words, f"run_dir={tmp_path / 'patient'}")
    assert len(metrics(tmp_path / "patient")) == 2


def test_class_without_a_training_image_stops(tmp_path, ferkit):
    words = ["dataset.train=160", "dataset.people=20", "emotions=[happy,contempt]"]
    said = ferkit("train", *words)
    assert said.code == 2
    assert "contempt" in said.err


def test_resampling_evens_train_alone_and_says_so(tmp_path, ferkit):
    words = ["imbalance=smote", "imbalance.resample.options.k_neighbors=1", "dataset.train=240"]
    said = ferkit("train", *SMALL, *words, "trainer.max_epochs=1", f"run_dir={tmp_path / 'smote'}")
    assert said.code == 0, said.err
    data = json.loads((tmp_path / "smote" / "data.json").read_text())
    before, after = data["counts"]["train"], data["counts_after"]["train"]
    assert len(set(before.values())) > 1
    assert set(after.values()) == {max(before.values())}
    report = tmp_path / "smote" / "report"
    assert "after the split" in (report / "report.md").read_text()
    assert "Faces that resampling made" in (report / "report.html").read_text()
    assert (report / "synthetic_faces.png").stat().st_size > 1000
    predictions = pd.read_parquet(tmp_path / "smote" / "predictions" / "val.parquet")
    assert len(predictions) == sum(data["counts"]["val"].values())


@pytest.mark.slow
def test_features_are_resampled_and_train_the_head_of_another_run(tmp_path, ferkit):
    first, second = tmp_path / "body", tmp_path / "head"
    words = ["trainer.max_epochs=1", "dataset.train=240", "backbone=vgg8"]
    assert ferkit("train", *SMALL, *words, f"run_dir={first}")[0] == 0
    words += [
        "imbalance=smote_tomek_features",
        "imbalance.resample.options.k_neighbors=1",
        "backbone.freeze=head_only",
        f"backbone.init_from={first}",
    ]
    said = ferkit("train", *SMALL, *words, "augment=light", f"run_dir={second}")
    assert said.code == 2
    assert "augment=none" in said.err
    said = ferkit("train", *SMALL, *words, "augment=none", f"run_dir={second}")
    assert said.code == 0, said.err
    data = json.loads((second / "data.json").read_text())
    assert sum(data["counts_after"]["train"].values()) > sum(data["counts"]["train"].values())
    before, after = (load_file(folder / "model.safetensors") for folder in (first, second))
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert changed == {name for name in before if name.startswith("backbone.classifier.")}


@pytest.mark.slow
def test_what_is_frozen_is_computed_once_or_in_every_step_with_one_result(tmp_path, ferkit):
    words = [
        "backbone=vgg8",
        "backbone.freeze=head_only",
        "augment=none",
        "dataset.train=64",
        "trainer.max_epochs=2",
    ]
    said = {}
    for cached in (True, False):
        folder = tmp_path / f"frozen_{cached}"
        heard = ferkit(
            "train", *SMALL, *words, f"trainer.cache_frozen={cached}", f"run_dir={folder}"
        )
        assert heard.code == 0, heard.err
        said[cached] = heard.err + heard.out
    assert "computed once" in said[True]
    assert "computed once" not in said[False]
    once, anew = (metrics(tmp_path / f"frozen_{cached}") for cached in (True, False))
    for key in ("train_loss", "val_loss", "val_accuracy"):
        assert [row[key] for row in once] == pytest.approx([row[key] for row in anew], abs=1e-5)


def test_a_temperature_is_fitted_once_on_val_and_changes_no_prediction(tmp_path, ferkit):
    folder = tmp_path / "cool"
    words = ["imbalance=temperature", "trainer.max_epochs=1", "evaluate=[val,test]"]
    said = ferkit("train", *SMALL, *words, f"run_dir={folder}")
    assert said.code == 0, said.err
    fitted = json.loads((folder / "calibration.json").read_text())["temperatures"]["none"]
    assert fitted["nll"][1] <= fitted["nll"][0]
    val = pd.read_parquet(folder / "predictions" / "val.parquet")
    shares = val.filter(like="p_").to_numpy()
    from ferkit.inference.temperature import temperature_of
    from ferkit.runs.folder import RunFolder

    again = temperature_of(RunFolder(folder), "none", np.array([]), lambda: 1 / 0)
    assert again == fitted["temperature"]
    class_ids = val["label"].map({n[2:]: k for k, n in enumerate(val.filter(like="p_"))}).to_numpy()
    nll = -np.log(shares[np.arange(len(val)), class_ids]).mean()
    assert nll == pytest.approx(fitted["nll"][1], abs=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ["loss=island", "augment.mixup=0.4", "tta=ten_crop"],
        ["backbone=vgg8", "backbone.freeze=head_only", "augment=none"],
        ["imbalance=class_weights", "loss=mse"],
        ["imbalance=weighted_sampler", "loss=squared_hinge"],
        ["imbalance=cost_sensitive", "scheduler=plateau", "optimizer=adam"],
        ["imbalance=logit_adjustment", "scheduler=cosine", "optimizer=sgd", "tta=flip"],
        [
            "trainer.precision=bf16",
            "dataset.train=64",
            "scheduler=step",
            "loss=focal",
            "trainer.clip_grad=1.0",
        ],
        ["emotions=[fear,sad]", "backbone=mini_xception", "augment=tekula2023"],
    ],
)
def test_choices_train_together(tmp_path, ferkit, words):
    folder = tmp_path / "-".join(w.partition("=")[2].strip("[]").replace(",", "") for w in words)
    said = ferkit("train", *SMALL, "trainer.max_epochs=1", *words, f"run_dir={folder}")
    assert said.code == 0, said.err
    found = json.loads((folder / "report" / "metrics.json").read_text())["views"]["val"]
    assert np.isfinite(metrics(folder)[0]["train_loss"])
    assert sum(c["support"] for c in found["per_class"].values()) == found["n"]
