"""The experiments of single datasets: they compose, say where they leak, and train on the fakes."""

from importlib import import_module

import pandas as pd
import pytest

from ferkit.cli import main
from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.tree import choices

DATASETS = set(choices("dataset")) - {"fer2013"}
WITH_SUBJECTS = {"jaffe", "mmi"}
EXPERIMENTS = [e for e in choices("experiment") if e.split("/")[0] in DATASETS]


def test_there_are_some_of_each_new_dataset():
    named = {experiment.split("/")[0] for experiment in EXPERIMENTS}
    assert {"rafdb", "affectnet", "expw", "mmi", "jaffe"} <= named


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_it_reads_its_dataset_and_a_leak_is_in_its_name(experiment):
    config = as_plain(compose(f"experiment={experiment}"))
    dataset, name = experiment.split("/")
    assert config["dataset"]["root"].endswith(dataset)
    validated = config["split"]["_target_"].endswith("validated_on_test")
    by_image = config["split"]["_target_"].endswith("split_random") and dataset in WITH_SUBJECTS
    assert (validated or by_image) == name.endswith("_leaky")
    assert ("test" in config["evaluate"]) is not validated


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_it_trains_on_the_fake(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = experiment.split("/")[0]
    import_module(f"ferkit.datasets.fakes.{dataset}").make(tmp_path / "data/raw" / dataset)
    words = ["debug=default", "backbone.pretrained=false", "trainer.batch_size=16", "run_dir=run"]
    folds = ["split.fold=0"] if "fold" in experiment or "loso" in experiment else []
    assert main(["train", f"experiment={experiment}", *words, *folds]) == 0
    assert len(pd.read_parquet(tmp_path / "run" / "predictions" / "val.parquet"))
