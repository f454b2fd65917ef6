import json

import numpy as np
import pandas as pd
import pytest

from ferkit.evaluation.examples import choose_examples
from ferkit.reports.page import write_report

CLASSES = ["angry", "fear", "happy", "sad"]
CONFIG = """format: 1
seed: 0
backbone: {_target_: ferkit.backbones.mini_xception.MiniXception, keras_defaults: false}
imbalance:
  resample: {_target_: ferkit.imbalance.resample.Resample, method: smote}
trainer: {_target_: ferkit.training.settings.TrainerSettings, monitor: val_loss}
name: <b>bold & brave</b>
"""


def predict(view, n=90, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(CLASSES), n)
    scores = rng.normal(size=(n, len(CLASSES)))
    scores[np.arange(n), truth] += 1.2
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    frame = pd.DataFrame(
        {
            "key": [f"{view}/{i}" for i in range(n)],
            "dataset": "drawn",
            "view": view,
            "subject": [f"s{i % 9}" for i in range(n)],
            "sequence": "",
            "frame": -1,
            "label": np.array(CLASSES)[truth],
            "predicted": np.array(CLASSES)[p.argmax(axis=1)],
        }
    )
    return frame.assign(**{f"p_{c}": p[:, i].astype(np.float32) for i, c in enumerate(CLASSES)})


def epoch(number, loss):
    return {
        "format": 1,
        "epoch": number,
        "train_loss": 2.0 / number,
        "train_accuracy": 0.2 + 0.1 * number,
        "val_loss": loss,
        "val_accuracy": 0.3 + 0.05 * number,
        "val_macro_f1": 0.28 + 0.05 * number,
    }


def write_card(run):
    counts = dict(zip(CLASSES, (40, 10, 70, 30), strict=True))
    data = {
        "format": 1,
        "dataset": {
            "name": "drawn",
            "variant": "drawn faces",
            "n": 330,
            "dropped": {"black": 2},
            "notes": ["A note."],
            "warnings": ["A warning."],
        },
        "emotions": CLASSES,
        "counts": {"train": counts, "val": dict.fromkeys(CLASSES, 22)},
        "counts_after": {"train": dict.fromkeys(CLASSES, 70)},
        "leaks": {"train|val": {"subject": 0, "sequence": 0, "source": 0, "identical": 13}},
        "split": {"name": "auto", "protocol": "auto: by subject", "hash": "abc123", "seed": 0},
    }
    (run / "data.json").write_text(json.dumps(data))
    (run / "env.json").write_text(json.dumps({"format": 1, "ferkit": "0.1.0", "device": "cpu"}))


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


@pytest.fixture(scope="session")
def reported(tmp_path_factory):
    """A run with its report, and what write_report returned; not to be changed."""
    folder = make_run(tmp_path_factory.mktemp("reported") / "run")
    return folder, write_report(folder)


def make_run(folder):
    (folder / "predictions").mkdir(parents=True)
    for seed, view in enumerate(("val", "test")):
        predict(view, seed=seed).to_parquet(folder / "predictions" / f"{view}.parquet")
    chosen = choose_examples(predict("val"))
    images = np.random.default_rng(0).integers(0, 256, (len(chosen), 24, 24), dtype=np.uint8)
    np.savez(
        folder / "predictions" / "examples.npz",
        key=chosen["key"].to_numpy(str),
        view=chosen["view"].to_numpy(str),
        image=images,
    )
    lines = [epoch(1, 1.5), epoch(2, 1.1), epoch(3, 1.2)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "config.yaml").write_text(CONFIG)
    look = {"date": "2026-11-21T10:00:00", "view": "test", "dataset": "drawn", "command": "x"}
    (folder / "test_accesses.jsonl").write_text(json.dumps(look) + "\n")
    write_card(folder)
    return folder
