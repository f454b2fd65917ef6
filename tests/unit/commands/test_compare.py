"""ferkit eval runs=..., on run folders written by hand: no model and no data."""

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest

from ferkit.errors import ConfigError, DataError
from ferkit.reports.comparison.methods import find_method, find_runs, group_runs, read_saved

CLASSES = ("angry", "disgust", "happy")
CONFIG = """format: 1
seed: {seed}
run_dir: {folder}
loss: {{_target_: ferkit.losses.{loss}}}
trainer: {{_target_: ferkit.training.settings.TrainerSettings, device: {device}}}
"""


def predict(seed, skill, view="test", dataset="fer2013", n=240, classes=CLASSES):
    rows, rng = np.random.default_rng(7), np.random.default_rng(seed)
    truth = rows.choice(len(classes), n, p=[0.45, 0.1, 0.45])
    scores = rng.normal(size=(n, len(classes)))
    scores[np.arange(n), truth] += skill
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    frame = pd.DataFrame(
        {
            "key": [f"{view}/{i}" for i in range(n)],
            "dataset": dataset,
            "view": view,
            "subject": [f"s{i % 24}" for i in range(n)],
            "sequence": "",
            "frame": -1,
            "label": np.array(classes)[truth],
            "sex": np.where(np.arange(n) % 2, "F", "M"),
            "predicted": np.array(classes)[p.argmax(axis=1)],
        }
    )
    return frame.assign(**{f"p_{c}": p[:, i] for i, c in enumerate(classes)})


def write_run(
    folder,
    *,
    seed=0,
    loss="CrossEntropy",
    skill=1.0,
    word="none",
    finished=True,
    dataset="fer2013",
    device="cpu",
    views=("val", "test"),
):
    (folder / "predictions").mkdir(parents=True)
    (folder / "report").mkdir()
    text = CONFIG.format(seed=seed, folder=folder, loss=loss, device=device)
    (folder / "config.yaml").write_text(text)
    words = [f"experiment=imbalance/{word}", f"seed={seed}", f"run_dir={folder}"] if word else []
    (folder / "overrides.yaml").write_text(json.dumps(words))
    (folder / "data.json").write_text(json.dumps({"format": 1, "dataset": {"name": dataset}}))
    for number, view in enumerate(views):
        frame = predict(100 * number + seed, skill, view, dataset)
        frame.to_parquet(folder / "predictions" / f"{view}.parquet")
    if finished:
        (folder / "report" / "metrics.json").write_text('{"format": 1}')
    return folder


def write_eval(run, name, frame):
    folder = run / "eval" / name / "predictions"
    folder.mkdir(parents=True)
    frame.to_parquet(folder / "test.parquet")


@pytest.fixture
def sweep(tmp_path):
    """Two methods of three seeds, one of a single run, one that is not finished."""
    root = tmp_path / "sweep"
    for seed in range(3):
        write_run(root / "none" / f"seed{seed}", seed=seed, device=("cpu", "cuda", "auto")[seed])
        write_run(root / "focal" / f"seed{seed}", seed=seed, loss="Focal", skill=2.5, word="focal")
    write_run(root / "mse" / "seed0", loss="Mse", skill=0.98, word="mse")
    write_run(root / "mse" / "seed1", seed=1, loss="Mse", word="mse", finished=False)
    return root


def read_csv(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return {row[0]: row for row in csv.reader(file)}


def test_a_folder_of_runs_becomes_methods_with_mean_and_spread(ferkit, sweep, tmp_path):
    code, out, err = ferkit("eval", f"runs={sweep}", "baseline=none", f"out={tmp_path / 'out'}")
    assert code == 0, err
    methods = read_csv(tmp_path / "out", "methods")
    assert list(methods) == ["Method", "none", "focal", "mse"]  # the reference first
    assert methods["Method"][-1] == "Recall of disgust"  # the rarest
    assert methods["none"][1] == "3 (0, 1, 2)" and methods["mse"][1] == "one run"
    hits = []
    for seed in range(3):
        frame = pd.read_parquet(sweep / "focal" / f"seed{seed}" / "predictions" / "test.parquet")
        hits.append((frame["label"] == frame["predicted"]).mean())
    assert methods["focal"][2] == f"{np.mean(hits):.3f} ± {np.std(hits, ddof=1):.3f}"
    assert methods["mse"][2].endswith("(one run)")
    assert "mse/seed1 is left out" in out and "not finished" in out
    assert "selection on test" in out
    differences = read_csv(tmp_path / "out", "differences")
    assert "none" not in differences
    assert differences["focal"][1].startswith("+") and "] ± 0." in differences["focal"][1]
    assert differences["mse"][1].startswith("tie: ")
    assert "±" not in differences["mse"][1]  # one seed in common has no spread
    numbers = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert numbers["format"] == 1 and len(numbers["methods"]["focal"]) == 3
    assert numbers["methods"]["focal"][0]["metrics"]["accuracy"] == pytest.approx(hits[0])


def test_everything_that_is_promised_is_written_and_the_same_twice(ferkit, sweep, tmp_path):
    out = tmp_path / "out"
    code, _, err = ferkit("eval", f"runs={sweep}", f"out={out}", "recall=[angry,disgust]")
    assert code == 0, err
    names = {p.name for p in out.iterdir()}
    assert {"comparison.md", "comparison.tex", "comparison.html", "comparison.json"} <= names
    wanted = (
        "methods differences tests pairs_accuracy pairs_macro_f1 calibration runs groups_sex "
        "subjects"
    )
    assert {f"{name}.csv" for name in wanted.split()} <= names
    assert sum(name.startswith("reliability_") for name in names) == 3
    header = read_csv(out, "methods")["Method"]
    assert header[-2:] == ["Recall of angry", "Recall of disgust"]
    assert read_csv(out, "subjects")["none"][1] == "24"
    assert "24 subjects" in (out / "comparison.md").read_text()
    assert len(read_csv(out, "calibration")["Method"]) == 7  # val is there to fit a temperature
    before = {name: (out / name).read_bytes() for name in names}
    assert ferkit("eval", f"runs={sweep}", f"out={out}", "recall=[angry,disgust]")[0] == 0
    assert {name: (out / name).read_bytes() for name in names} == before


def test_the_tests_are_corrected_over_the_methods(ferkit, sweep, tmp_path):
    out = tmp_path / "out"
    assert ferkit("eval", f"runs={sweep}", "baseline=mse", f"out={out}", "correction=bh")[0] == 0
    with (out / "tests.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Metric"] == "Accuracy, McNemar"]
    assert [row["mse against"] for row in rows] == ["focal", "none"]  # as they were found
    assert rows[0]["p"] == rows[0]["p, Holm"] == "< 0.001"
    assert float(rows[1]["p"]) == float(rows[1]["p, Holm"]) > 0.05
    assert "Benjamini-Hochberg over all 3 pairs" in (out / "comparison.md").read_text()


def write_hits(folder, hits, subjects=None, word="a"):
    """A run that is right on some faces of 240, wrong on the others."""
    write_run(folder, word=word, loss=word.capitalize(), views=("test",))
    frame = predict(0, 9.0)
    wrong = np.where(frame["label"] == "angry", "happy", "angry")
    frame["predicted"] = np.where(hits, frame["label"], wrong)
    for name in CLASSES:
        frame[f"p_{name}"] = np.where(frame["predicted"] == name, 0.8, 0.1)
    frame["subject"] = "" if subjects is None else subjects
    frame.to_parquet(folder / "predictions" / "test.parquet")


@pytest.mark.parametrize(
    ("better", "worse", "subjects", "said"),
    [
        (9, 2, None, "McNemar's finds none (p = 0.065, not corrected), and the 95% interval"),
        (30, 12, [f"s{i // 60}" for i in range(240)], "trust"),
        (40, 2, None, ""),
        (5, 5, None, ""),
    ],
)
def test_tests_that_disagree_are_explained(ferkit, tmp_path, better, worse, subjects, said):
    first, second = np.arange(240) >= better, np.ones(240, bool)
    second[240 - worse :] = False
    write_hits(tmp_path / "runs" / "a", first, subjects)
    write_hits(tmp_path / "runs" / "b", second, subjects, "b")
    code, _, err = ferkit("eval", f"runs={tmp_path / 'runs'}", f"out={tmp_path / 'out'}")
    assert code == 0, err
    for suffix in ("md", "html"):
        page = (tmp_path / "out" / f"comparison.{suffix}").read_text()
        assert ("the tests disagree" in page) == bool(said)
    if subjects:
        assert "resamples 4 subjects, whose faces resemble each other" in page
        assert "finds a difference" in page and "holds 0" in page
    elif said:
        assert said in (tmp_path / "out" / "comparison.md").read_text()


@pytest.mark.parametrize(
    "typed", ["loss=mse (1)", "'loss=mse (1)'", "mse", "mse (1)", "none", "loss=none", "focal"]
)
def test_the_baseline_takes_the_words_that_are_offered(ferkit, tmp_path, typed):
    for name in ("none", "focal", "mse"):
        folder = write_run(tmp_path / "runs" / name, loss=name.capitalize(), word="")
        (folder / "overrides.yaml").write_text(json.dumps([f"++loss={name}", "seed=0"]))
    again = write_run(tmp_path / "runs" / "again", loss="Mse", word="")
    (again / "overrides.yaml").write_text(json.dumps(["loss=mse", "seed=0"]))
    names = [m.name for m in group_runs(map(read_saved, find_runs([str(tmp_path / "runs")])[0]))]
    words = (f"runs={tmp_path / 'runs'}", f"out={tmp_path / 'out'}", f"baseline={typed}")
    code, out, err = ferkit("eval", *words)
    plain = typed.strip("'").removeprefix("loss=")
    if plain.startswith("mse") and f"loss={plain}" not in names:
        assert code == 2 and "Known: loss=focal" in err
    else:
        assert code == 0, err
        assert f"## Difference to {plain}\n" in out
    assert "++" not in out


def test_captions_are_words(ferkit, sweep, tmp_path):
    for run in sweep.glob("*/seed*"):
        words = json.loads((run / "overrides.yaml").read_text())
        words[0] = f"imbalance=my_{run.parent.name}"
        (run / "overrides.yaml").write_text(json.dumps(words))
    out = tmp_path / "out"
    assert ferkit("eval", f"runs={sweep}", f"out={out}")[0] == 0
    captions = re.findall(r"^(?:#+ (.*)|!\[(.*)\])", (out / "comparison.md").read_text(), re.M)
    captions += re.findall(
        r"\\caption\{(.*?)\}\\label", "".join(p.read_text() for p in out.glob("*.tex"))
    )
    assert len(captions) > 15
    assert not [c for c in map("".join, captions) if "_" in c]


def test_the_matrix_of_datasets_has_all_outputs_and_shared_classes(ferkit, tmp_path):
    one = write_run(tmp_path / "runs" / "one", word="one")
    two = write_run(tmp_path / "runs" / "two", dataset="ckplus", loss="Mse", word="two", skill=2)
    foreign = predict(5, 1.5, "test", "ckplus", classes=("angry", "contempt", "happy"))
    other = foreign.rename(columns={"p_contempt": "p_disgust"}).assign(
        predicted=foreign["predicted"].replace("contempt", "disgust")
    )
    write_eval(one, "ckplus-test", other)
    write_eval(one, "ckplus-test-flip", other)
    out = tmp_path / "out"
    code, _, err = ferkit("eval", f"runs=[{one},{two}]", f"out={out}")
    assert code == 0, err
    rows = read_csv(out, "transfer_accuracy")
    # one was tested on other faces of ckplus than two, so they get columns of their own
    header = rows["Trained on"]
    assert [name.partition(" [")[0] for name in header[2:]] == [
        "ckplus test",
        "ckplus",
        "fer2013 test",
    ]
    assert rows["ckplus"][4] == "—"  # never tried
    right = (other["label"] == other["predicted"]).mean()
    assert rows["fer2013"][3].startswith(f"{right:.3f} [")
    shared = other[other["label"] != "contempt"]
    two_best = np.where(shared["p_angry"] > shared["p_happy"], "angry", "happy")
    right = (shared["label"] == two_best).mean()
    found = read_csv(out, "transfer_accuracy_shared")["fer2013"][3]
    assert found.startswith(f"{right:.3f} [")
    text = (out / "comparison.md").read_text()
    assert "Runs trained on ckplus are in the matrix alone" in text
    assert not (out / "differences.csv").exists()  # one method is left for fer2013


def test_other_rows_are_not_paired_but_still_averaged(ferkit, tmp_path):
    write_run(tmp_path / "runs" / "a", word="a")
    other = write_run(tmp_path / "runs" / "b", seed=1, loss="Mse", word="b")
    frame = predict(1, 1.0).iloc[:-5]
    frame.to_parquet(other / "predictions" / "test.parquet")
    code, out, err = ferkit("eval", f"runs={tmp_path / 'runs'}", f"out={tmp_path / 'out'}")
    assert code == 0, err
    assert "No paired tests: The runs did not predict the same rows" in out
    assert set(read_csv(tmp_path / "out", "methods")) == {"Method", "a", "b"}


def test_a_view_is_chosen_that_all_have_and_others_are_left_out(ferkit, tmp_path):
    write_run(tmp_path / "runs" / "a", word="a", views=("val",))
    write_run(tmp_path / "runs" / "b", loss="Mse", word="b")
    words = (f"runs={tmp_path / 'runs'}", f"out={tmp_path / 'out'}")
    assert "# 2 methods on fer2013, val" in ferkit("eval", *words)[1]
    said = ferkit("eval", *words, "view=test")[1]
    assert "a is left out: it has not predicted test" in said
    assert "# b on fer2013, test" in said
    code, _, err = ferkit("eval", *words, "view=tset")
    assert code == 2 and "Did you mean 'test'?" in err


def test_names_come_from_words_then_settings_then_folders(tmp_path):
    a = write_run(tmp_path / "a", word="", loss="CrossEntropy")
    b = write_run(tmp_path / "b", word="", loss="Mse")
    c = write_run(tmp_path / "c", word="", loss="Mse")  # the same seed again
    d = write_run(tmp_path / "d", word="", loss="Mse", seed=1)
    methods = group_runs(map(read_saved, (a, b, d)))
    assert [m.name for m in methods] == ["loss=losses.CrossEntropy", "loss=losses.Mse"]
    assert methods[1].seeds == (0, 1)
    methods = group_runs(map(read_saved, (b, c)))
    assert [m.name for m in methods] == [str(b), str(c)]
    assert find_method(methods, str(c)) is methods[1]
    assert find_method(methods, None) is methods[0]
    with pytest.raises(ConfigError, match="Unknown method baseline="):
        find_method(methods, str(tmp_path))


def test_starting_from_the_run_of_the_same_seed_is_one_method(tmp_path):
    folders = [write_run(tmp_path / f"seed{seed}", seed=seed, word="") for seed in (1, 2)]
    for seed, folder in zip((1, 2), folders, strict=True):
        with (folder / "config.yaml").open("a") as file:
            file.write(f"backbone: {{init_from: outputs/none/seed{seed}}}\n")
    (method,) = group_runs(map(read_saved, folders))
    assert method.seeds == (1, 2)


def test_a_key_that_an_older_ferkit_did_not_have_is_its_default(tmp_path):
    later = ["", "copies: [], max_one_value: 1.0", "copies: [], max_one_value: 0.9"]
    folders = [write_run(tmp_path / f"r{i}", seed=i, word="") for i in range(len(later))]
    for folder, keys in zip(folders, later, strict=True):
        with (folder / "config.yaml").open("a") as file:
            file.write(f"faces: {{_target_: ferkit.faces.settings.FaceSettings, {keys}}}\n")
    assert [m.seeds for m in group_runs(map(read_saved, folders))] == [(0, 1), (2,)]


def test_runs_are_found_below_folders_and_by_globs(sweep, monkeypatch):
    write_run(sweep / "none" / "seed0" / "fold00")  # part of its run
    found, left_out = find_runs([str(sweep)])
    assert len(found) == 7 and len(left_out) == 1
    monkeypatch.chdir(sweep)
    assert len(find_runs(["*/seed0"])[0]) == 3
    assert len(find_runs(["none/seed0", "none"])[0]) == 3
    with pytest.raises(DataError, match="nowhere: no run there"):
        find_runs(["nowhere"])
    with pytest.raises(DataError, match="None of the 1 runs is finished"):
        find_runs(["mse/seed1"])


def test_wrong_words_are_answered(ferkit, sweep):
    code, _, err = ferkit("eval", f"runs={sweep}", "correction=hulm")
    assert code == 2 and "Did you mean 'holm'?" in err
    code, _, err = ferkit("eval", f"runs={sweep}", "baseline=nine")
    assert code == 2 and "Did you mean 'none'?" in err
    code, _, err = ferkit("eval", f"runs={sweep}", "recall=sadness")
    assert code == 2 and "Unknown emotion in recall=" in err
    code, _, err = ferkit("eval", f"runs={sweep}", "difficulty=true")
    assert code == 3 and "held_out" in err
    for words in ("runs=[]", "ensemble=[]", "ensemble=nowhere"):
        code, _, err = ferkit("eval", words)
        assert code == 3 and "no run" in err.lower()


def test_an_ensemble_is_the_mean_of_its_runs_and_a_run_itself(ferkit, sweep, tmp_path):
    asked = f"{sweep}/none"
    code, said, err = ferkit(
        "eval", "print=report", f"ensemble={asked}", "view=val", f"out={tmp_path / 'all'}"
    )
    assert code == 0, err
    assert "the mean of the probabilities of 3 runs" in said
    made = pd.read_parquet(tmp_path / "all" / "predictions" / "val.parquet").set_index("key")
    each = [pd.read_parquet(f"{asked}/seed{seed}/predictions/val.parquet") for seed in range(3)]
    mean = sum(frame.set_index("key")["p_happy"] for frame in each) / 3
    pd.testing.assert_series_equal(made["p_happy"], mean, check_exact=False)
    code, _, err = ferkit("eval", f"runs=[{tmp_path / 'all'},{asked}]", "view=val", "out=both")
    assert code == 0, err


def test_the_difficulty_of_faces_comes_from_cross_validations(ferkit, tmp_path):
    for seed in range(3):
        write_run(tmp_path / "cv" / f"seed{seed}", seed=seed, views=("held_out",))
    model = write_run(tmp_path / "model", skill=2, views=())
    judged = predict(50, 2.0, "held_out").assign(view="val")
    judged.iloc[:100].to_parquet(model / "predictions" / "val.parquet")
    out = tmp_path / "out"
    code, _, err = ferkit(
        "eval",
        f"runs={tmp_path / 'cv'}",
        "difficulty=true",
        f"of={model}",
        "threshold=0.6",
        f"out={out}",
    )
    assert code == 0, err
    faces = pd.read_csv(out / "difficulty_of_faces.csv")
    assert len(faces) == 240 and set(faces["times"]) == {3}
    rows = read_csv(out, "easy_by_class")
    assert rows["all"][2] == str(int((faces["right"] >= 2).sum()))
    halves = next(row for name, row in read_csv(out, "halves").items() if name != "Run")
    assert int(halves[1]) + int(halves[3]) == 100
    assert (out / "difficulty.html").is_file() and (out / "difficulty.tex").is_file()


def test_the_ceiling_is_a_word_of_data(ferkit, tmp_path):
    from ferkit.datasets.fakes.ferplus import make

    make(tmp_path / "ferplus", people=6, real_size=False, seed=0)
    words = ("dataset=ferplus", f"dataset.root={tmp_path / 'ferplus'}", f"out={tmp_path / 'out'}")
    code, out, err = ferkit("data", "ceiling", *words)
    assert code == 0, err
    assert "annotator, eight emotions" in out and "majority against FER-2013's labels" in out
    assert (tmp_path / "out" / "ceiling_by_class.csv").is_file()
    code, _, err = ferkit("data", "ceiling", "dataset=drawn")
    assert code == 2 and "dataset=ferplus" in err


def test_a_cross_validated_run_is_a_row_of_the_matrix(ferkit, tmp_path):
    one = write_run(tmp_path / "runs" / "one", word="one", views=("val",))
    pooled = write_run(
        tmp_path / "runs" / "cv", dataset="ckplus", loss="Mse", word="cv", views=("held_out",)
    )
    write_eval(one, "ckplus-test", predict(5, 1.5, "test", "ckplus"))
    code, out, err = ferkit("eval", f"runs=[{one},{pooled}]", f"out={tmp_path / 'out'}")
    assert code == 0, err
    rows = read_csv(tmp_path / "out", "transfer_accuracy")
    assert set(rows) == {"Trained on", "fer2013", "ckplus"}
    assert "ckplus held out" in rows["Trained on"] and "is left out" not in out
    assert "Runs trained on ckplus are in the matrix alone" in out
    assert "# 2 methods on fer2013, val" in out
