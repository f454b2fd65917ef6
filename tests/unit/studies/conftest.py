import json

import numpy as np
import pandas as pd
import pytest
import yaml

from ferkit.studies.document import Subject
from ferkit.studies.runs import StudyRuns, find_runs

FER = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def draw_predictions(view, emotions, *, n=140, seed=0, skill=1.3, frames=0, dataset="drawn"):
    """Predictions of a network that is right now and then; with `frames`, videos of so many."""
    rng = np.random.default_rng(seed)
    videos = n // frames if frames else n
    truth = np.repeat(np.arange(videos) % len(emotions), frames or 1)
    n = len(truth)
    scores = rng.normal(size=(n, len(emotions)))
    scores[np.arange(n), truth] += skill
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    video = np.arange(n) // (frames or 1)
    frame = pd.DataFrame(
        {
            "key": [f"{view}/{i}" for i in range(n)],
            "dataset": dataset,
            "view": view,
            "subject": [f"s{f % 9}" if frames else "" for f in video],
            "sequence": [f"video{f}" if frames else "" for f in video],
            "frame": np.arange(n) % frames if frames else -1,
            "label": np.array(emotions)[truth],
            "predicted": np.array(emotions)[p.argmax(axis=1)],
        }
    )
    return frame.assign(**{f"p_{e}": p[:, i].astype(np.float32) for i, e in enumerate(emotions)})


def write_predictions(run, view, predictions, eval_name=None, config=None):
    folder = run / "eval" / eval_name if eval_name else run
    (folder / "predictions").mkdir(parents=True, exist_ok=True)
    if config is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
    predictions.to_parquet(folder / "predictions" / f"{view}.parquet", index=False)


@pytest.fixture
def add_view():
    """Write the predictions that an eval of a run would leave."""

    def add(run, view, name, *, tta="none", emotions=FER, dataset=None, **drawn):
        config = yaml.safe_load((run / "config.yaml").read_text())
        config["tta"] = {"kind": tta}
        if dataset:
            config["dataset"] = {"_target_": f"ferkit.datasets.{dataset}", "root": "elsewhere"}
        else:
            config["dataset"]["root"] = "moved"
        write_predictions(run, view, draw_predictions(view, emotions, **drawn), name, config)

    return add


@pytest.fixture
def make_run(tmp_path):
    """Write the folder of a run of a study, as a training would leave it."""

    def make(
        study,
        trial,
        views,
        *,
        variant="as_published",
        seed=0,
        emotions=FER,
        name=None,
        epochs=4,
        trainer=None,
        counts=None,
        tta="none",
        root="outputs",
        **drawn,
    ):
        folder = tmp_path / root / (name or f"{study}-{trial}-{variant}-{seed}")
        folder.mkdir(parents=True)
        config = {
            "format": 1,
            "seed": seed,
            "study": {"name": study, "trial": trial, "variant": variant},
            "dataset": {"_target_": "ferkit.datasets.drawn.read_drawn", "root": "data/raw/drawn"},
            "trainer": {"max_epochs": 110, "max_images": None, "max_train_images": None}
            | (trainer or {}),
            "optimizer": {"lr": 0.001},
            "tta": {"kind": tta},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        counts = counts or dict.fromkeys(emotions, 40)
        data = {
            "format": 1,
            "emotions": list(emotions),
            "counts": {"train": counts, "val": dict.fromkeys(emotions, 10)},
            "counts_after": None,
            "split": {"name": "random", "hash": "abc123"},
        }
        (folder / "data.json").write_text(json.dumps(data))
        lines = [
            {
                "format": 1,
                "epoch": e,
                "train_loss": 2 / e,
                "val_loss": 2.1 / e,
                "train_accuracy": min(0.2 + 0.1 * e, 0.95),
                "val_accuracy": min(0.25 + 0.08 * e, 0.7),
            }
            for e in range(1, epochs + 1)
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
        for number, view in enumerate(views):
            drawn_view = draw_predictions(view, emotions, seed=10 * seed + number, **drawn)
            write_predictions(folder, view, drawn_view)
        return folder

    return make


@pytest.fixture
def report(tmp_path, monkeypatch, capsys):
    """Run `ferkit eval study=...` in a folder that has outputs/; return where it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(study, *words, out="report"):
        from ferkit.cli import main

        code = main(["eval", f"study={study}", f"out={out}", *words])
        assert code == 0, capsys.readouterr().err
        return tmp_path / out

    return run


@pytest.fixture(scope="session")
def empty_report(tmp_path_factory):
    """The report of a study without a run, made once; not to be changed."""
    made = {}

    def run(study):
        if study not in made:
            from ferkit.cli import main

            made[study] = tmp_path_factory.mktemp(study)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(made[study])
                assert main(["eval", f"study={study}", "out=report"]) == 0
        return made[study] / "report"

    return run


@pytest.fixture
def no_pictures(monkeypatch):
    """Pictures cost more than all tables."""
    for draw in ("draw_bars", "draw_curves", "draw_matrices", "draw_trials"):
        monkeypatch.setattr(f"ferkit.studies.drawings.{draw}", lambda *a, **k: b"")


@pytest.fixture
def sheet():
    """A sheet as a yaml describes it."""
    return {
        "name": "test",
        "title": "Test",
        "case": {"view": "main", "metric": "accuracy", "published": "trials.{trial}.accuracy"},
        "rows": ["trials", "variants"],
        "columns": ["trial", "variant", "compared"],
    }


@pytest.fixture
def make_subject(sheet):
    """A small study, described in a few lines."""

    def make(runs=None, **changed):
        published = {
            "study": "drawn2020",
            "labels": ["happy", "sad"],
            "main_view": "test",
            "epochs": 4,
            "trials": {
                "first": {"accuracy": 0.5, "loss": "squared", "rows": [[0.9, 0.1], [0.4, 0.6]]},
                "second": {"accuracy": None, "labels": ["sad"]},
            },
            "counts": {"train": {"happy": 30, "sad": 12}},
            "caveats": {"typed": "Typed by hand."},
            "sheets": [sheet],
            "plots": [],
        }
        return Subject(published | changed, runs or StudyRuns("drawn2020", (), {}))

    return make


@pytest.fixture
def ran(make_run, make_subject, tmp_path):
    """The small study with a run of its first trial."""
    make_run("drawn2020", "first", ["val", "test"], emotions=["happy", "sad"])
    return make_subject(find_runs("drawn2020", [tmp_path / "outputs"]))
