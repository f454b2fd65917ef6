"""`ferkit runs`: a row a run, whatever its state."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from ferkit.files import alone
from ferkit.runs.summary import find_runs, summarize

FROZEN = Path(__file__).parents[2] / "frozen" / "format1" / "run"


@pytest.fixture
def runs(tmp_path):
    """Four runs below outputs/: done, stopped, damaged, and one that has only begun."""
    root = tmp_path / "outputs"
    done = Path(shutil.copytree(FROZEN, root / "train" / "a"))
    stopped = Path(shutil.copytree(FROZEN, root / "train" / "b"))
    shutil.rmtree(stopped / "report")
    damaged = Path(shutil.copytree(FROZEN, root / "train" / "c"))
    (damaged / "config.yaml").write_text("seed: [1,")
    begun = root / "train" / "d"
    begun.mkdir()
    (begun / "overrides.yaml").write_text("- loss=focal\n- run_dir=d\n")
    return {"done": done, "stopped": stopped, "damaged": damaged, "begun": begun}


def test_a_row_a_run(ferkit, runs):
    code, out, err = ferkit("runs")
    assert code == 0
    heads, *rows = out.splitlines()
    assert heads.split()[:5] == ["folder", "state", "dataset", "backbone", "epochs"]
    assert [row.split()[0] for row in rows] == [f"outputs/train/{n}" for n in "abcd"]
    assert [row.split()[1] for row in rows] == ["done", "stopped", "damaged", "stopped"]
    assert "mini_xception" in rows[0]
    assert "4/4" in rows[0]
    assert "0.286" in rows[0]
    assert "0.371" in rows[0]
    assert "imbalance=class_weights" in rows[0]
    assert "run_dir=" not in out
    assert rows[3].endswith("loss=focal")
    assert "damaged: " in err
    assert "4 runs: 1 damaged, 1 done, 2 stopped" in err


def test_a_run_that_is_held_is_running(runs):
    with alone(runs["stopped"], "ferkit train"):
        assert summarize(runs["stopped"]).state == "running"
    assert summarize(runs["stopped"]).state == "stopped"
    assert not (runs["begun"] / ".lock").exists()


def test_val_is_that_of_the_best_epoch(runs):
    lines = (runs["stopped"] / "metrics.jsonl").read_text().splitlines()
    best = max((json.loads(line) for line in lines), key=lambda row: row["val_accuracy"])
    found = summarize(runs["stopped"])
    assert (found.val_accuracy, found.val_macro_f1) == (best["val_accuracy"], best["val_macro_f1"])


@pytest.mark.parametrize(
    "name",
    [
        "config.yaml",
        "metrics.jsonl",
        "data.json",
        "overrides.yaml",
        "report/metrics.json",
        "checksums.json",
    ],
)
@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"[1, 2", b"- 3\n", b'{"format": 99}'])
def test_damage_is_a_row_and_no_traceback(ferkit, runs, name, content):
    (runs["done"] / name).write_bytes(content)
    code, out, err = ferkit("runs", "outputs/train/a")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert "Traceback" not in err


def test_missing_config_is_damage(runs):
    (runs["done"] / "config.yaml").unlink()
    assert summarize(runs["done"]).state == "damaged"


def test_sorted_and_written(ferkit, runs, tmp_path):
    metrics = runs["stopped"] / "metrics.jsonl"
    rows = [json.loads(line) | {"val_accuracy": 0.9} for line in metrics.read_text().splitlines()]
    metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, out, _ = ferkit("runs", "outputs", "sort=val", "out=all.csv")
    assert code == 0
    assert [row.split()[0][-1] for row in out.splitlines()[1:3]] == ["b", "a"]
    with (tmp_path / "all.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["state"] for row in written][:2] == ["stopped", "done"]
    assert (written[1]["epochs"], written[1]["asked"]) == ("4", "4")
    assert any(row["problem"] for row in written)


def test_folds_and_evaluations_belong_to_their_run(runs):
    shutil.copytree(FROZEN, runs["done"] / "fold00")
    assert list(find_runs(runs["done"].parent)) == [runs[k] for k in runs]


def test_test_metrics_of_a_later_evaluation(runs):
    report = runs["done"] / "report" / "metrics.json"
    views = json.loads(report.read_text())
    test = views["views"].pop("test")
    report.write_text(json.dumps(views))
    assert summarize(runs["done"]).test_accuracy is None
    later = runs["done"] / "eval" / "drawn-test" / "report" / "metrics.json"
    later.parent.mkdir(parents=True)
    later.write_text(json.dumps({"format": 1, "views": {"test": test}}))
    assert summarize(runs["done"]).test_accuracy == test["accuracy"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere"], 3, "no such folder"),
        (["."], 3, "No run below"),
        (["sort=vall"], 2, "Did you mean 'val'"),
        (["srt=val"], 2, "Did you mean 'sort'"),
        (["out=x.txt"], 2, "csv"),
        ([".", "."], 2, "one too many"),
        (["--sort"], 2, "sort=KEY"),
    ],
)
def test_mistakes_are_a_sentence(ferkit, tmp_path, words, code, said):
    found = ferkit("runs", *words)
    assert found.code == code
    assert said in found.err


def test_eval_without_words_says_which_run_it_took(ferkit, runs):
    shutil.rmtree(runs["damaged"])
    shutil.rmtree(runs["stopped"])
    code, _, err = ferkit("eval")
    assert code == 0, err
    assert "run: outputs/train/a, the newest" in err


def test_a_trial_that_its_search_ended_is_not_stopped(ferkit, runs, tmp_path):
    trials = tmp_path / "outputs" / "sweep" / "trials"
    for name in ("3", "4"):
        shutil.copytree(runs["stopped"], trials / name)
    (trials.parent / "trials.csv").write_text("Trial,State\n3,ended early\n4,stopped\n")
    assert summarize(trials / "3").state == "ended early"
    assert summarize(trials / "4").state == "stopped"
    assert "1 ended early" in ferkit("runs", "outputs/sweep").err


@pytest.mark.parametrize("beside", [(), ("hydra.yaml", "overrides.yaml"), ("model.yaml",)])
def test_a_config_of_another_program_is_no_run(runs, beside):
    root = runs["done"].parents[1]
    other = root / "other" / ".hydra"
    other.mkdir(parents=True)
    for name in ("config.yaml", *beside):
        (other / name).write_text("lr: 0.1\n")
    assert other not in list(find_runs(root))
    (runs["stopped"] / "metrics.jsonl").unlink()
    (runs["stopped"] / "overrides.yaml").unlink(missing_ok=True)
    assert set(find_runs(root)) == set(runs.values())  # config.yaml with its format is enough
