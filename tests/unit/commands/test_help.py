"""Help, lists, the composed config, the dry run, and flags of other tools."""

import subprocess
import sys

import pytest
import yaml

from ferkit.composition import compose
from ferkit.flags import ALIASES

SMALL = ("dataset.train=60", "dataset.val=30", "dataset.test=30", "trainer.threads=1")


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("command", ["train", "eval", "data", "predict", "sweep"])
def test_help_fits_the_terminal(ferkit, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, _ = ferkit(command, "--help")
    assert code == 0
    lines = out[out.index("keys:") :].splitlines()
    assert [line for line in lines if len(line) > columns and " " in line.strip()] == []
    assert [line for line in lines if line != line.rstrip()] == []


def test_help_of_train_names_the_keys_of_its_nodes(ferkit):
    _, out, _ = ferkit("train", "--help")
    for key in (
        "seed=0",
        "trainer.max_epochs=null",
        "optimizer.lr=1.0e-2",
        "faces.size=48",
        "split.val=0.1",
        "backbone.freeze=none",
        "--dry-run",
        "--cfg job",
    ):
        assert key in out


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--help"],
        ["list"],
        ["list", "loss", "focal"],
        ["--version"],
        ["completion", "bash"],
    ],
)
def test_what_is_looked_up_needs_neither_torch_nor_hydra(words):
    code = (
        f"import sys; from ferkit.cli import main; main({words!r});"
        "sys.exit(any(m in sys.modules for m in ('torch', 'hydra', 'pandas')))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["train", "trainer.max_epoch=3"],
        ["train", "-m", "sed=1,2"],
        ["eval", "rn=x"],
        ["predict", "sorce=x"],
        ["train", "evaluate=[tset]"],
        ["train", "trainer.monitor=val_acc"],
        ["train", "--cfg", "job"],
        ["train", "--epochs", "5"],
        ["data", "check", "sed=1"],
    ],
)
def test_a_misspelt_word_waits_for_no_torch(words):
    code = (
        f"import sys; from ferkit.cli import main; main({words!r});sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_an_exact_name_lists_its_keys(ferkit):
    code, out, _ = ferkit("list", "loss", "focal")
    assert code == 0
    assert "loss.gamma=2.0" in out
    assert "0 is cross-entropy" in out
    _, out, _ = ferkit("list", "experiment", "kurmi2022/smote")
    assert "imbalance=smote" in out
    assert "experiment/kurmi2022/sequential_cnn" in out


def test_cfg_prints_the_config_that_a_run_has(ferkit, tmp_path):
    code, out, err = ferkit("train", "loss=focal", "--cfg", "job", "seed=4")
    assert (code, err) == (0, "")
    read = yaml.safe_load(out)
    assert (read["seed"], read["loss"]["gamma"]) == (4, compose("loss=focal").loss.gamma)
    assert "${" not in out
    assert not (tmp_path / "outputs").exists()
    for words in (["eval"], ["predict"], ["sweep", "trials=3"], ["data", "check"]):
        code, out, _ = ferkit(*words, "--cfg=job")
        assert code == 0
        assert isinstance(yaml.safe_load(out), dict)
    assert ferkit("train", "--cfg", "all")[0] == 2
    assert ferkit("train", "--cfg")[0] == 2
    assert ferkit("train", "-m", "seed=1,2", "--cfg", "job")[0] == 2


def test_dry_run_counts_and_makes_no_run(ferkit, tmp_path):
    code, out, err = ferkit("train", "--dry-run", "imbalance=random_over", *SMALL)
    assert code == 0, err
    assert "train           60" in out
    assert "trained on" in out
    assert "batch: 16 of 1 x 48 x 48 on cpu" in out
    assert not (tmp_path / "outputs").exists()
    code, out, _ = ferkit("train", "--dry-run", "split=subject_kfold", "split.fold=all", *SMALL)
    assert code == 0
    assert "first of several folds" in out
    assert ferkit("train", "--dry-run", "resume=x")[0] == 2
    assert ferkit("eval", "--dry-run")[0] == 2


@pytest.mark.parametrize(
    ("words", "pasted"),
    [
        (["train", "--epochs", "5"], "ferkit train trainer.max_epochs=5"),
        (["train", "--lr=1e-3"], "ferkit train optimizer.lr=1e-3"),
        (["train", "--batch-size", "8", "seed=1"], "ferkit train trainer.batch_size=8 seed=1"),
        (["train", "--seed", "3"], "ferkit train seed=3"),
        (["train", "--device", "cpu"], "ferkit train trainer.device=cpu"),
        (["eval", "--device", "cpu"], "ferkit eval device=cpu"),
        (["train", "--data-root", "my faces"], "ferkit train 'data_root=my faces'"),
        (["train", "--data", "x", "dataset=folder"], "ferkit train dataset.root=x dataset=folder"),
        (["train", "--model", "resnet18"], "ferkit train backbone=resnet18"),
        (["predict", "--model", "r"], "ferkit predict model=r"),
        (
            ["train", "--fp16", "--epochs", "2"],
            "ferkit train trainer.precision=fp16 trainer.max_epochs=2",
        ),
        (["train", "--gamma", "1", "loss=focal"], "ferkit train loss.gamma=1 loss=focal"),
        (["train", "--compile"], "ferkit train trainer.compile=true"),
        (["sweep", "--n-trials", "9"], "ferkit sweep trials=9"),
        (["train", "--test"], "ferkit train 'evaluate=[val,test]'"),
        (["train", "--quiet"], "ferkit train quiet=true"),
        (["data", "check", "--root", "x"], "ferkit data check dataset.root=x"),
    ],
)
def test_flags_are_answered_with_the_command_to_paste(ferkit, words, pasted):
    code, _, err = ferkit(*words)
    assert code == 2
    assert f"`{pasted}`" in err
    assert err.count("\n") == 1


def test_every_habit_leads_to_a_key(ferkit):
    for name in ALIASES:
        said = [ferkit(c, f"--{name}", "1").err for c in ("train", "sweep", "predict", "eval")]
        assert any("give `" in words for words in said), name
