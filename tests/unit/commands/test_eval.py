"""ferkit eval, -m, fold=all and predict, on runs of a few seconds."""

import json
import shutil

import pandas as pd
import pytest

DRAWN = ["dataset.train=96", "dataset.val=32", "dataset.test=32", "dataset.people=20"]
QUICK = [
    "backbone=kurmi_cnn",
    "trainer.max_epochs=1",
    "trainer.batch_size=32",
    "trainer.device=cpu",
    "trainer.threads=1",
    "optimizer.lr=1e-3",
]


@pytest.fixture
def run(trained):
    return trained(*DRAWN, *QUICK, name="outputs/train/one")


def report_of(folder):
    return {p.name: p.read_bytes() for p in sorted((folder / "report").iterdir())}


def test_report_is_made_again_without_model_or_data(run, tmp_path, ferkit):
    before = report_of(run)
    alone = tmp_path / "alone"
    shutil.copytree(run, alone)
    shutil.rmtree(alone / "report")
    (alone / "model.safetensors").unlink()
    shutil.rmtree(alone / "checkpoints")
    shutil.rmtree(tmp_path / "data")
    said = ferkit("eval", f"run={alone}")
    assert said.code == 0, said.err
    assert "accuracy" in said.out
    assert report_of(alone) == before


def test_newest_run_is_the_default(run, ferkit):
    ferkit("eval", f"run={run}", "view=test")  # an eval's folder is no run
    fold = run / "fold00"  # nor is a fold of a cross-validation
    fold.mkdir()
    (fold / "config.yaml").write_text("format: 1\n")
    said = ferkit("eval")
    assert said.code == 0
    assert "outputs/train/one/report/report.html" in said.out


def test_a_look_at_test_gets_a_folder_and_a_note(run, ferkit):
    said = ferkit("eval", f"run={run}", "view=test", "tta=flip")
    assert said.code == 0, said.err
    folder = run / "eval" / "drawn-test-flip"
    predictions = pd.read_parquet(folder / "predictions" / "test.parquet")
    assert len(predictions) == 32
    assert "test" in json.loads((folder / "report" / "metrics.json").read_text())["views"]
    look = json.loads((run / "test_accesses.jsonl").read_text().splitlines()[-1])
    assert look["view"] == "test"
    assert look["date"]


def test_another_dataset_is_predicted_with_all_outputs(run, tmp_path, ferkit):
    assert ferkit("data", "fake", "dataset=folder", f"out={tmp_path / 'faces'}")[0] == 0
    words = ["dataset=folder", f"dataset.root={tmp_path / 'faces'}", "view=test"]
    said = ferkit("eval", f"run={run}", *words)
    assert said.code == 0, said.err
    found = pd.read_parquet(run / "eval" / "folder-test" / "predictions" / "test.parquet")
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
def test_mistakes(run, ferkit, words, code, said):
    heard = ferkit("eval", *words)
    assert heard.code == code
    assert said in heard.err


def test_newer_format_is_refused(run, tmp_path, ferkit):
    newer = tmp_path / "newer"
    shutil.copytree(run, newer)
    config = newer / "config.yaml"
    config.write_text(config.read_text().replace("format: 1", "format: 7"))
    said = ferkit("eval", f"run={newer}")
    assert said.code == 3
    assert "format 7" in said.err


@pytest.mark.slow
def test_multirun_leaves_whole_runs(tmp_path, ferkit):
    words = [
        "-m",
        "seed=0,1",
        "backbone=mini_xception,kurmi_cnn",
        "debug=default",
        "dataset.train=100",
        "dataset.val=70",
        "dataset.test=70",
    ]
    said = ferkit("train", *DRAWN, *words, f"run_dir={tmp_path / 'many'}")
    assert said.code == 0, said.err
    folders = sorted(p for p in (tmp_path / "many").iterdir() if p.is_dir())
    assert [f.name for f in folders] == ["0", "1", "2", "3"]
    assert all((f / "report" / "report.html").is_file() for f in folders)
    assert "seed: 1" in (folders[3] / "config.yaml").read_text()


def test_a_failing_job_does_not_end_the_sweep(tmp_path, ferkit):
    words = [
        "-m",
        "trainer.monitor=val_accuracy,val_acuracy",
        "debug=default",
        "dataset.train=100",
        "dataset.val=70",
        "dataset.test=70",
    ]
    said = ferkit("train", *DRAWN, *words, f"run_dir={tmp_path / 'some'}")
    assert said.code == 2
    assert "1 of 2 runs done" in said.err
    assert (tmp_path / "some" / "0" / "report" / "report.html").is_file()


@pytest.mark.slow
def test_all_folds_are_pooled_and_each_subject_predicted_once(tmp_path, ferkit):
    folds = ["split=subject_kfold", "split.folds=3", "split.fold=all", "emotions=[happy,sad]"]
    said = ferkit("train", *DRAWN, *QUICK, *folds, f"run_dir={tmp_path / 'folds'}")
    assert said.code == 0, said.err
    pooled = pd.read_parquet(tmp_path / "folds" / "predictions" / "held_out.parquet")
    assert pooled["key"].is_unique
    assert set(pooled["label"]) == {"happy", "sad"}
    per_fold = [
        set(pd.read_parquet(p)["subject"])
        for p in sorted((tmp_path / "folds").glob("fold*/predictions/test.parquet"))
    ]
    assert len(per_fold) == 3
    assert sum(map(len, per_fold)) == len(set.union(*per_fold)) == 20
    (
        tmp_path / "folds" / "fold02" / "predictions" / "test.parquet"
    ).unlink()  # killed in the last one
    said = ferkit("train", f"resume={tmp_path / 'folds'}")
    assert said.code == 0, said.err
    again = pd.read_parquet(tmp_path / "folds" / "predictions" / "held_out.parquet")
    pd.testing.assert_frame_equal(again, pooled)
    data = json.loads((tmp_path / "folds" / "data.json").read_text())
    assert "3 folds" in data["split"]["protocol"]
    page = (tmp_path / "folds" / "report" / "report.md").read_text()
    assert "Each fold, mean and standard deviation" in page
    assert (tmp_path / "folds" / "predictions" / "examples.npz").is_file()


def test_python_says_the_same_as_the_shell(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import torch

    from ferkit import compose, evaluate, load_model, train

    made = train(compose(*DRAWN, *QUICK, f"run_dir={tmp_path / 'python'}"))
    assert report_of(made.folder)["metrics.json"] == report_of(run)["metrics.json"]
    metrics = evaluate(made.folder)
    assert metrics["val"]["accuracy"] == made.metrics["val"]["accuracy"]
    model = load_model(made.folder)
    scores = model(torch.zeros(2, 1, 48, 48, dtype=torch.uint8))
    assert scores.shape == (2, len(model.emotions))


def test_eval_prints_the_headline_and_the_path_or_the_whole_report(ferkit, trained):
    run = trained("debug=default", "dataset.train=100", "dataset.val=70", "dataset.test=70")
    report = (run / "report" / "report.md").read_text(encoding="utf-8")
    code, out, err = ferkit("eval", f"run={run}")
    assert code == 0, err
    title, *views, path = out.splitlines()
    assert title == report.splitlines()[0].removeprefix("# ")
    assert [line.split(":")[0] for line in views] == ["val"]
    assert path == str(run / "report" / "report.html")
    assert ferkit("eval", f"run={run}", "print=report").out.strip() == report.strip()
    code, _, err = ferkit("eval", f"run={run}", "print=all")
    assert (code, "headline, report" in err) == (2, True)
