"""Every trial of the five studies composes, and (slow) runs from raw folder to table."""

import re
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
from omegaconf import DictConfig, OmegaConf

from ferkit.composition import check, hydra_ready
from ferkit.config import as_plain, build, check_study
from ferkit.errors import ConfigError
from ferkit.inference.named_views import check_test
from ferkit.studies.published import read_published, studies
from ferkit.targets import configs_dir
from ferkit.tree import choices

EXPERIMENTS = [e for e in choices("experiment") if e.split("/")[0] in studies()]
LOSSES = {
    "categorical cross-entropy": "CrossEntropy",
    "mean squared error": "MeanSquaredError",
    "squared hinge": "SquaredHinge",
}


@pytest.fixture(scope="module")
def composed():
    """All of them, each yaml parsed once: a quarter of a minute becomes some seconds."""
    from hydra import compose as hydra_compose
    from hydra._internal.core_plugins.file_config_source import FileConfigSource

    parsed, load = {}, FileConfigSource.load_config

    def load_once(source, config_path):
        key = source.path, config_path
        if key not in parsed:
            parsed[key] = load(source, config_path)
        return deepcopy(parsed[key])

    with pytest.MonkeyPatch.context() as patch, hydra_ready("train"):
        patch.setattr(FileConfigSource, "load_config", load_once)
        return {
            name: hydra_compose(config_name="train", overrides=[f"experiment={name}"])
            for name in EXPERIMENTS
        }


def text_of(name):
    return (configs_dir() / "experiment" / f"{name}.yaml").read_text()


def test_every_trial_passes_check(composed):
    for name, config in composed.items():
        check(config)
        for group in ("faces", "imbalance", "augment", "trainer"):
            build(config[group], where=group)
        known = {"val", "test", *config.tests}
        assert set(config.evaluate) <= known, name
        for view, asked in as_plain(config.tests).items():
            check_test(view, asked)


def test_every_trial_says_which_it_is_and_what_was_chosen(composed):
    for name, config in composed.items():
        study, file = name.split("/")
        told = as_plain(config.study)
        assert told["name"] == study
        suffix = "" if told["variant"] == "as_published" else f"_{told['variant']}"
        assert file == told["trial"] + suffix
        lines = text_of(name).splitlines()
        assert lines[0] == "# @package _global_" and lines[1].startswith(f"# {study}")
        text = " ".join(line[1:].strip() for line in lines[1:] if line.startswith("#"))
        assert "As " in text or ("unsaid" in text.lower() and "chose" in text), name


@pytest.mark.parametrize("study", studies())
def test_every_published_trial_has_its_experiment(study, composed):
    trials = {c.study.trial for c in composed.values() if c.study.name == study}
    printed = {
        c.study.trial
        for c in composed.values()
        if c.study.name == study and c.study.variant == "as_published"
    }
    assert set(read_published(study)["trials"]) <= trials == printed


def test_balanescus_trials_are_as_published_and_as_read_otherwise(composed):
    for trial, printed in read_published("balanescu2020")["trials"].items():
        literal = composed[f"balanescu2020/{trial}"]
        factor = composed[f"balanescu2020/{trial}_lr_factor"]
        assert literal.optimizer.lr == printed["learning_rate"] == factor.scheduler.factor
        assert literal.scheduler._target_.endswith("constant") and factor.optimizer.lr == 1e-3
        assert literal.loss._target_.endswith(LOSSES[printed["loss"]])
        emotions = literal.emotions or printed["labels"]
        assert set(emotions) == set(printed["labels"])
        assert literal.trainer.batch_size == 32 and literal.trainer.max_epochs == 110
        assert (len(literal.faces.copies) == 5) == (trial in ("trial08", "trial10"))
        assert literal.split.copies == ("apart" if literal.faces.copies else "together")
    assert composed["balanescu2020/trial08_honest"].split.copies == "train_only"


def test_ghafourians_test_is_resampled_as_published_alone(composed):
    for net in ("vgg16", "resnet50"):
        printed = composed[f"ghafourian2021/{net}_smotetomek"]
        honest = composed[f"ghafourian2021/{net}_smotetomek_honest"]
        assert printed.imbalance.resample.rule == honest.imbalance.resample.rule == "smote_tomek"
        assert "resampled_test" in printed.evaluate and "resampled_test" not in honest.evaluate
        assert honest.split._target_.endswith("split_subject")
        assert (printed.split.copies, honest.split.copies) == ("apart", "train_only")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "a", "trial": "b", "variant": "c", "trail": "x"}, r"Did you mean 'study\.trial'"),
        ({"name": "a", "trial": "b"}, "study.variant is None"),
        ({"name": "a", "trial": 8, "variant": "c"}, "study.trial is 8"),
        ("kurmi2022", "give {name"),
    ],
)
def test_the_root_key_study_takes_three_words(asked, words):
    check_study(None)
    check_study({"name": "a", "trial": "b", "variant": "c"})
    with pytest.raises(ConfigError, match=words):
        check_study(asked)


# From here on slow: a run of each on drawn faces in the genuine layouts.
SMALL = ["debug=default", "seed=1", "trainer.threads=1", "trainer.batch_size=16"]
MORE = {
    "ghafourian2021": ["backbone.pretrained=false", "faces.size=64", "faces.no_face=whole"],
    "athanasiadis2022": ["faces.size=64", "faces.no_face=whole"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with data/raw/<dataset> for every dataset of the studies."""
    from ferkit.datasets.fakes import afew, fer2013, ferplus, merged

    folder = tmp_path_factory.mktemp("studies")
    raw = folder / "data" / "raw"
    fer2013.make(raw / "fer2013", people=30)
    ferplus.make(raw / "ferplus", people=10)
    merged.make(raw, people=10)
    afew.make(raw / "afew", people=4)
    return folder


def words_for(name, config: DictConfig):
    words = [*SMALL, *MORE.get(name.split("/")[0], [])]
    if "pretrained" in config.backbone and config.backbone.pretrained:
        words += ["backbone.pretrained=false"]
    return list(dict.fromkeys(words))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_trial_runs_from_the_raw_folder_to_the_study_table(name, home, composed, monkeypatch):
    from ferkit.cli import main

    monkeypatch.chdir(home)
    run = home / "runs" / name
    words = words_for(name, composed[name])
    assert main(["train", f"experiment={name}", *words, f"run_dir={run}"]) == 0
    config = OmegaConf.load(run / "config.yaml")
    assert config.study == composed[name].study
    for view in composed[name].evaluate:
        assert len(pd.read_parquet(run / "predictions" / f"{view}.parquet"))
    assert (run / "report" / "report.html").is_file()
    if "ckplus" in config.tests:
        assert main(["eval", f"run={run}", "view=ckplus"]) == 0
        (table,) = Path(run / "eval").glob("*-ckplus/predictions/ckplus.parquet")
        labels = pd.read_parquet(table)["label"].value_counts()
        assert labels.get("neutral", 0) == ("neutral" in (config.emotions or ["neutral"]))
    study = name.split("/")[0]
    tables = home / "tables" / name
    assert main(["eval", f"study={study}", f"runs=[{run}]", f"out={tables}"]) == 0
    text = (tables / f"{study}.md").read_text()
    missing = re.compile(rf"ferkit train experiment={name}(?!\w)")
    assert not missing.search(text) and "ferkit train experiment=" in text
