"""Which data `ferkit eval` judges: known by its content, not by its name."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

EMOTIONS = ("happy", "neutral", "sad")
QUICK = [
    "backbone=kurmi_cnn",
    "trainer.max_epochs=1",
    "trainer.threads=1",
    "report.faces=false",
    "trainer.batch_size=16",
]


def draw(folder, seed, each=6, emotions=EMOTIONS):
    """Class folders of `each` noisy images under a split folder."""
    rng = np.random.default_rng(seed)
    for emotion in emotions:
        (folder / emotion).mkdir(parents=True)
        for i in range(each):
            pixels = rng.integers(0, 256, (48, 48), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / emotion / f"{emotion}_{i}.png")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    draw(folder / "train", 1, each=8)
    draw(folder / "test", 2)
    return folder


@pytest.fixture
def run(drawn, trained, tmp_path):
    """A run, and the data that it was trained on, in copies that a test may change."""
    words = ["dataset=folder", f"dataset.root={drawn}", *QUICK, "evaluate=[val,test]"]
    folder = trained(*words)
    shutil.copytree(drawn, tmp_path / "data", dirs_exist_ok=True)
    return folder


def look(ferkit, run, *words):
    said = ferkit("eval", f"run={run}", *words, "print=report")
    assert said.code == 0, said.err
    return said


def metrics(folder):
    return json.loads((folder / "report" / "metrics.json").read_text())["views"]


def evals(run):
    return sorted(p.name for p in (run / "eval").iterdir())


def test_two_sets_of_one_name_keep_two_results(run, ferkit, tmp_path):
    draw(tmp_path / "other" / "test", 3)
    draw(tmp_path / "third" / "test", 4, emotions=EMOTIONS[:2])
    draw(tmp_path / "other" / "train", 5)
    draw(tmp_path / "third" / "train", 5)
    for name in ("other", "third", "third", "other"):
        look(ferkit, run, "dataset=folder", f"dataset.root={tmp_path / name}", "view=test")
    first, second = evals(run)
    assert (first, second.startswith("folder-test-")) == ("folder-test", True)
    assert metrics(run / "eval" / first)["test"]["n"] == 18
    assert metrics(run / "eval" / second)["test"]["n"] == 12
    seen = [json.loads(line) for line in (run / "test_accesses.jsonl").read_text().splitlines()]
    assert len({row["data"] for row in seen}) == 3  # the run's own test, and the two


def test_comparison_never_takes_another_set_for_the_runs_own(run, ferkit, tmp_path):
    draw(tmp_path / "other" / "test", 3)
    draw(tmp_path / "other" / "train", 5)
    look(ferkit, run, "dataset=folder", f"dataset.root={tmp_path / 'other'}", "view=test")
    said = ferkit("eval", f"runs=[{run}]", "view=test", f"out={tmp_path / 'table'}")
    assert said.code == 0, said.err
    numbers = json.loads((tmp_path / "table" / "comparison.json").read_text())
    (method,) = numbers["methods"].values()
    assert method[0]["metrics"]["accuracy"] == pytest.approx(metrics(run)["test"]["accuracy"], 1e-4)
    header = (tmp_path / "table" / "transfer_accuracy.csv").read_text().splitlines()[0]
    assert "folder test" in header and "folder [" in header


def test_another_dataset_is_taken_whole_whatever_the_seed(run, ferkit, tmp_path):
    draw(tmp_path / "faces", 6, each=10)
    words = ["dataset=folder", f"dataset.root={tmp_path / 'faces'}"]
    said = look(ferkit, run, *words)
    folder = run / "eval" / "folder-all"
    first = (folder / "predictions" / "all.parquet").read_bytes()
    assert metrics(folder)["all"]["n"] == 30
    assert "trained on folder, tested on folder in" in said.out.splitlines()[0]
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("seed: 0", "seed: 7", 1))
    look(ferkit, run, *words)
    assert (folder / "predictions" / "all.parquet").read_bytes() == first
    assert not [r for r in (run / "test_accesses.jsonl").read_text().splitlines() if '"all"' in r]
    printed = ferkit("eval", f"run={run}", *words, "view=test")
    assert (printed.code, "view of folder 'test'" in printed.err) == (2, True)


def test_whole_dataset_with_a_test_split_is_a_test_access(run, ferkit, tmp_path):
    draw(tmp_path / "other" / "train", 5)
    draw(tmp_path / "other" / "test", 3)
    look(ferkit, run, "dataset=folder", f"dataset.root={tmp_path / 'other'}")
    last = json.loads((run / "test_accesses.jsonl").read_text().splitlines()[-1])
    assert (last["view"], metrics(run / "eval" / "folder-all")["all"]["n"]) == ("all", 36)


def test_images_of_the_training_view_are_counted_and_left_out(run, ferkit, tmp_path):
    split = pd.read_parquet(run / "split.parquet")
    trained = split["key"][split["view"] == "train"].tolist()[:7]
    draw(tmp_path / "other", 6)
    for number, key in enumerate(trained):  # under other names
        where = tmp_path / "other" / key.split("/")[1] / f"copy{number}.png"
        shutil.copyfile(tmp_path / "data" / key, where)
    said = look(ferkit, run, "dataset=folder", f"dataset.root={tmp_path / 'other'}")
    found = metrics(run / "eval" / "folder-all")["all"]
    assert (found["n"], found["in_train"]) == (18, {"image": 7})
    assert found["with_in_train"]["n"] == 25
    assert "7 lie in the training view (7 by image)" in said.out
    frame = pd.read_parquet(run / "eval" / "folder-all" / "predictions" / "all.parquet")
    right = frame[frame["in_train"] == ""]
    assert found["accuracy"] == pytest.approx((right["label"] == right["predicted"]).mean(), 1e-4)


def test_a_set_that_lies_in_training_whole_is_refused(run, ferkit, tmp_path):
    split = pd.read_parquet(run / "split.parquet")
    for key in split["key"][split["view"] == "train"]:
        where = tmp_path / "other" / key.split("/")[1]
        where.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tmp_path / "data" / key, where / key.split("/")[2])
    words = ["dataset=folder", f"dataset.root={tmp_path / 'other'}"]
    said = ferkit("eval", f"run={run}", *words)
    assert (said.code, "share an image" in said.err) == (3, True), said.err
    assert not (run / "eval").exists()


def test_the_same_data_typed_again_gives_the_runs_own_views(run, ferkit, tmp_path):
    (tmp_path / "data").rename(tmp_path / "moved")
    words = ["dataset=folder", f"dataset.root={tmp_path / 'moved'}"]
    said = look(ferkit, run, *words, "view=test")
    assert "its own views are evaluated" in said.err
    assert metrics(run / "eval" / "folder-test")["test"] == metrics(run)["test"]


def own(ferkit, run, tmp_path):
    return look(ferkit, run, f"dataset.root={tmp_path / 'data'}", "view=test")


def test_own_views_are_those_of_the_split_file(run, ferkit, tmp_path):
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("seed: 0", "seed: 5", 1))
    said = look(ferkit, run, f"dataset.root={tmp_path / 'data'}", "view=val")
    assert "since the training" not in said.err
    before, after = (
        pd.read_parquet(folder / "predictions" / "val.parquet")
        for folder in (run, run / "eval" / "folder-val")
    )
    pd.testing.assert_frame_equal(before, after)


@pytest.mark.parametrize(
    ("change", "sentence", "n"),
    [
        ("rename", "1 of the 18 test images were moved to another file name", 18),
        ("relabel", "1 of the 18 test images were labelled otherwise", 18),
        ("remove", "1 of the 18 test images were gone", 17),
        ("replace", "1 of the 18 test images were replaced by another image", 18),
    ],
)
def test_what_changed_since_the_training_is_counted(run, ferkit, tmp_path, change, sentence, n):
    folder = tmp_path / "data" / "test"
    image = folder / "happy" / "happy_0.png"
    if change == "rename":
        image.rename(image.with_name("other_name.png"))
    elif change == "relabel":
        image.rename(folder / "sad" / "moved.png")
    elif change == "remove":
        image.unlink()
    else:
        Image.fromarray(np.eye(48, dtype=np.uint8) * 200).save(image)
    said = own(ferkit, run, tmp_path)
    assert f"since the training {sentence}" in said.err
    assert sentence in said.out  # in the report too
    (made,) = evals(run)
    assert metrics(run / "eval" / made)["test"]["n"] == n


def test_a_view_that_is_gone_is_refused(run, ferkit, tmp_path):
    shutil.rmtree(tmp_path / "data" / "test")
    draw(tmp_path / "data" / "test", 9)
    for path in (tmp_path / "data" / "test").rglob("*.png"):
        path.rename(path.with_name(f"new_{path.name}"))
    said = ferkit("eval", f"run={run}", f"dataset.root={tmp_path / 'data'}", "view=test")
    assert (said.code, "All 18 test images of the run are gone" in said.err) == (3, True), said.err


def test_added_images_change_no_view_of_the_run(run, ferkit, tmp_path):
    rng = np.random.default_rng(9)
    for i in range(3):
        pixels = rng.integers(0, 256, (48, 48), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / "test" / "sad" / f"added_{i}.png")
    own(ferkit, run, tmp_path)
    assert metrics(run / "eval" / "folder-test")["test"] == metrics(run)["test"]


def test_runs_that_saw_other_images_are_not_pooled(run, ferkit, tmp_path):
    other = tmp_path / "other_run"
    shutil.copytree(run, other)
    path = other / "predictions" / "val.parquet"
    frame = pd.read_parquet(path)
    frame["content"] = ["x" * 16, *frame["content"][1:]]
    frame.to_parquet(path, index=False)
    for name in ("checksums.json", "run.json"):
        (other / name).unlink(missing_ok=True)
    words = [f"ensemble=[{run},{other}]", "view=val", f"out={tmp_path / 'pooled'}"]
    said = ferkit("eval", *words)
    assert (said.code, "other images" in said.err) == (3, True), said.err


def test_a_named_test_view_finds_its_data_where_the_words_say(run, ferkit, tmp_path):
    draw(tmp_path / "raw" / "folder", 12)
    config = run / "config.yaml"
    text = config.read_text().replace("tests: {}", "tests: {extra: {dataset: folder}}")
    config.write_text(text.replace("data_root: data/raw", "data_root: nowhere"))
    said = ferkit("eval", f"run={run}", f"dataset.root={tmp_path / 'data'}", "view=extra")
    assert said.code == 3
    assert "tests.extra.dataset.root=" in said.err  # and what it advises works:
    for words in (
        [f"tests.extra.dataset.root={tmp_path / 'raw' / 'folder'}"],
        [f"data_root={tmp_path / 'raw'}"],
    ):
        look(ferkit, run, f"dataset.root={tmp_path / 'data'}", "view=extra", *words)
        assert metrics(run / "eval" / "folder-extra")["extra"]["n"] == 18
