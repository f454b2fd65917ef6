"""ferkit eval, -m, fold=all and predict, on runs of a few seconds."""

import json
import shutil

import pandas as pd
import pytest

DRAWN = ["dataset.train=96", "dataset.val=32", "dataset.test=32", "dataset.people=20"]
QUICK = ["backbone=kurmi_cnn", "trainer.max_epochs=1", "trainer.batch_size=32",
         "trainer.device=cpu", "trainer.threads=1", "optimizer.lr=1e-3"]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def type_words(home, monkeypatch, capsys):
    monkeypatch.chdir(home)

    def run(*words):
        from ferkit.cli import main

        code = main(list(words))
        return code, capsys.readouterr()

    return run


@pytest.fixture
def trained(home, type_words):
    folder = home / "outputs" / "train" / "one"
    if not folder.exists():
        assert type_words("train", *DRAWN, *QUICK, f"run_dir={folder}")[0] == 0
    return folder


def report_of(folder):
    return {p.name: p.read_bytes() for p in sorted((folder / "report").iterdir())}


def test_report_is_made_again_without_model_or_data(trained, home, type_words):
    before = report_of(trained)
    alone = home / "alone"
    shutil.copytree(trained, alone)
    shutil.rmtree(alone / "report")
    (alone / "model.safetensors").unlink()
    shutil.rmtree(alone / "checkpoints")
    (home / "data").rename(home / "hidden")
    try:
        code, said = type_words("eval", f"run={alone}")
    finally:
        (home / "hidden").rename(home / "data")
    assert code == 0, said.err
    assert "accuracy" in said.out
    assert report_of(alone) == before


def test_newest_run_is_the_default(trained, type_words):
    type_words("eval", f"run={trained}", "view=test")  # an eval's folder is no run
    fold = trained / "fold00"  # nor is a fold of a cross-validation
    fold.mkdir()
    (fold / "config.yaml").write_text("format: 1\n")
    code, said = type_words("eval")
    assert code == 0
    assert "outputs/train/one/report/report.html" in said.err
    shutil.rmtree(fold)


def test_a_look_at_test_gets_a_folder_and_a_note(trained, type_words):
    code, said = type_words("eval", f"run={trained}", "view=test", "tta=flip")
    assert code == 0, said.err
    folder = trained / "eval" / "drawn-test-flip"
    predictions = pd.read_parquet(folder / "predictions" / "test.parquet")
    assert len(predictions) == 32
    assert "test" in json.loads((folder / "report" / "metrics.json").read_text())["views"]
    look = json.loads((trained / "looks.jsonl").read_text().splitlines()[-1])
    assert look["view"] == "test"
    assert look["date"]


def test_another_dataset_is_predicted_with_all_outputs(trained, home, type_words):
    assert type_words("data", "fake", "dataset=folder", f"out={home / 'faces'}")[0] == 0
    words = ["dataset=folder", f"dataset.root={home / 'faces'}", "view=test"]
    code, said = type_words("eval", f"run={trained}", *words)
    assert code == 0, said.err
    found = pd.read_parquet(trained / "eval" / "folder-test" / "predictions" / "test.parquet")
    assert set(found["dataset"]) == {"folder"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run=nowhere"], 3, "is no run"),
        (["view=tset"], 2, "Did you mean 'test'"),
        (["vew=test"], 2, "Did you mean 'view'"),
        (["tta.knd=flip"], 2, "tta.kind"),
    ],
)
def test_mistakes(trained, type_words, words, code, said):
    found, printed = type_words("eval", *words)
    assert found == code
    assert said in printed.err


def test_newer_format_is_refused(trained, home, type_words):
    newer = home / "newer"
    shutil.copytree(trained, newer)
    config = newer / "config.yaml"
    config.write_text(config.read_text().replace("format: 1", "format: 7"))
    code, said = type_words("eval", f"run={newer}")
    assert code == 3
    assert "format 7" in said.err


def test_multirun_leaves_whole_runs(home, type_words):
    words = ["-m", "seed=0,1", "backbone=mini_xception,kurmi_cnn", "debug=default"]
    code, said = type_words("train", *DRAWN, *words, f"run_dir={home / 'many'}")
    assert code == 0, said.err
    folders = sorted(p for p in (home / "many").iterdir() if p.is_dir())
    assert [f.name for f in folders] == ["0", "1", "2", "3"]
    assert all((f / "report" / "report.html").is_file() for f in folders)
    assert "seed: 1" in (folders[3] / "config.yaml").read_text()


def test_a_failing_job_does_not_end_the_sweep(home, type_words):
    words = ["-m", "trainer.monitor=val_accuracy,val_acuracy", "debug=default"]
    code, said = type_words("train", *DRAWN, *words, f"run_dir={home / 'some'}")
    assert code == 2
    assert "1 of 2 runs done" in said.err
    assert (home / "some" / "0" / "report" / "report.html").is_file()


def test_all_folds_are_pooled_and_each_subject_predicted_once(home, type_words):
    folds = ["split=subject_kfold", "split.folds=3", "split.fold=all", "emotions=[happy,sad]"]
    code, said = type_words("train", *DRAWN, *QUICK, *folds, f"run_dir={home / 'folds'}")
    assert code == 0, said.err
    pooled = pd.read_parquet(home / "folds" / "predictions" / "held_out.parquet")
    assert pooled["key"].is_unique
    assert set(pooled["label"]) == {"happy", "sad"}
    per_fold = [
        set(pd.read_parquet(p)["subject"])
        for p in sorted((home / "folds").glob("fold*/predictions/test.parquet"))
    ]
    assert len(per_fold) == 3
    assert sum(map(len, per_fold)) == len(set.union(*per_fold)) == 20
    (home / "folds" / "fold02" / "predictions" / "test.parquet").unlink()  # killed in the last one
    code, said = type_words("train", f"resume={home / 'folds'}")
    assert code == 0, said.err
    again = pd.read_parquet(home / "folds" / "predictions" / "held_out.parquet")
    pd.testing.assert_frame_equal(again, pooled)
    data = json.loads((home / "folds" / "data.json").read_text())
    assert "3 folds" in data["split"]["protocol"]


def test_python_says_the_same_as_the_shell(trained, home, monkeypatch):
    monkeypatch.chdir(home)
    import torch

    from ferkit import compose, evaluate, load_model, train

    run = train(compose(*DRAWN, *QUICK, f"run_dir={home / 'python'}"))
    assert report_of(run.folder)["metrics.json"] == report_of(trained)["metrics.json"]
    figures = evaluate(run.folder)
    assert figures["val"]["accuracy"] == run.figures["val"]["accuracy"]
    model = load_model(run.folder)
    scores = model(torch.zeros(2, 1, 48, 48, dtype=torch.uint8))
    assert scores.shape == (2, len(model.emotions))
