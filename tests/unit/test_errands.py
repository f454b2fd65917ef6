"""docs/errands.md: its commands as they stand, on less data, and the notebook."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errands.md"
NOTEBOOK = ROOT / "docs" / "first_notebook.ipynb"
SHORT = ("trainer.max_epochs=1", "trainer.threads=1")
DRAWN = ("dataset.train=120", "dataset.val=60", "dataset.test=60")
WITHOUT_LATEX = "pdflatex is not installed: the document was written and not compiled"


def sections():
    """Heading to the text below it."""
    parts = re.split(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SECTIONS = sections()


def blocks(heading, language):
    return re.findall(rf"```{language}\n(.*?)```", SECTIONS[heading], re.S)


def commands(heading):
    """The lines of a section as words, environment variables in front."""
    return [shlex.split(line) for block in blocks(heading, "bash") for line in block.splitlines()]


@pytest.fixture
def errand(ferkit, monkeypatch):
    """Run the commands of a section; return what the last printed.

    A command gets the words of `more` for its own first words.
    """

    def run(heading, more, only=slice(None)):
        said = None
        for words in commands(heading)[only]:
            while re.fullmatch(r"[A-Z_]+=\S+", words[0]):
                monkeypatch.setenv(*words.pop(0).split("="))
            if words[0] == "cd":
                monkeypatch.chdir(words[1])
            elif words[0] == "ferkit":
                asked = " ".join(words[1:])
                added = [
                    w for start, extra in more.items() if asked.startswith(start) for w in extra
                ]
                given = {w.partition("=")[0] for w in added}
                kept = [w for w in words[1:] if "=" not in w or w.partition("=")[0] not in given]
                said = ferkit(*kept, *added)
                assert said.code == 0, (words, said.err)
            elif shutil.which(words[0]) is None:
                pytest.skip(WITHOUT_LATEX)
            else:
                done = subprocess.run(
                    [*words[:1], "-interaction=nonstopmode", "-halt-on-error", *words[1:]],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, done.stdout[-1500:]
        return said

    return run


def read_csv(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def accuracy(run, view):
    metrics = json.loads((Path(run) / "report" / "metrics.json").read_text())
    return metrics["views"][view]["accuracy"], metrics["views"][view]["intervals"]["accuracy"][0]


def test_every_errand_has_a_test():
    assert list(SECTIONS) == [
        "Your own photographs, three classes",
        "SMOTE and Tomek links against class weights, into a paper",
        "CK+ cross-validated, and a model of FER-2013 tested on it",
        "A search that is killed and goes on",
        "A search that two machines share",
        "A dataset from the Hugging Face hub",
        "A notebook",
        "A backbone and a loss of your own",
    ]


@pytest.mark.slow
def test_own_photographs_end_above_chance(errand):
    errand(
        "Your own photographs, three classes",
        {"data fake": ["people=40"], "train": ["trainer.max_epochs=8", "trainer.threads=1"]},
    )
    assert accuracy("outputs/photos", "val")[1] > 1 / 3  # the lower end of its interval
    assert accuracy("outputs/photos/eval/folder-test", "test")[0] > 1 / 2
    rows = read_csv("outputs/faces/faces.csv")
    assert len(rows) == 13  # a third as many people as in training
    assert {row["label"] for row in rows if row["success"] == "1"} <= {"angry", "happy", "surprise"}


@pytest.mark.slow
def test_resampling_and_weights_end_in_a_document_that_compiles(errand, tmp_path):
    heading = "SMOTE and Tomek links against class weights, into a paper"
    errand(
        # a subset of val would be another for each seed, and nothing could be paired
        heading,
        {"data fake": ["people=20"], "train": [*SHORT, "trainer.max_train_images=140"]},
    )
    compared = tmp_path / "outputs" / "compared"
    assert (compared / "comparison.pdf").stat().st_size > 1000
    table = (compared / "differences.tex").read_text()
    assert r"\caption{Difference to class weights}\label{tab:comparison-differences}" in table
    numbers = json.loads((compared / "comparison.json").read_text())
    assert {name: len(runs) for name, runs in numbers["methods"].items()} == {
        "imbalance=class_weights": 2,
        "imbalance=smote_tomek": 2,
    }


@pytest.mark.slow
def test_ckplus_is_cross_validated_and_tested_across(errand):
    said = errand(
        "CK+ cross-validated, and a model of FER-2013 tested on it",
        {"data fake": ["people=6"], "train": SHORT, "train dataset=ckplus": ["split.folds=3"]},
    )
    assert len(list(Path("outputs/ck").glob("fold*/report/report.html"))) == 3
    page = Path("outputs/ck/report/report.md").read_text()
    assert "held_out" not in page and "No image of a view shares its person" in page
    across = read_csv("outputs/across/transfer_accuracy.csv")
    assert {row["Trained on"] for row in across} == {"fer2013", "ckplus"}
    assert "Trained on rows, tested on columns" in said.out


def test_the_search_of_the_page_is_what_the_command_takes(ferkit, monkeypatch):
    from ferkit.sweeps.space import own_words, read_space

    first, second = commands("A search that is killed and goes on")
    own, rest = own_words(first[2:])
    assert own == ["trials=12", "out=outputs/sweep"]
    assert set(read_space(rest).distributions) == {"optimizer.lr", "loss"}
    assert second == ["ferkit", "sweep", "resume=outputs/sweep"]


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on_to_its_twelve_trials(errand, tmp_path):
    heading = "A search that is killed and goes on"
    first, _ = commands(heading)
    words = [w for w in first[1:] if not w.startswith("trainer.max_epochs")]
    started = subprocess.Popen(
        [sys.executable, "-m", "ferkit", *words, *DRAWN, *SHORT], stderr=subprocess.DEVNULL
    )
    ended = time.monotonic() + 120
    while len(list(tmp_path.glob("outputs/sweep/trials/*/metrics.jsonl"))) < 2:
        assert started.poll() is None and time.monotonic() < ended
        time.sleep(0.2)
    started.kill()  # no goodbye
    started.wait()
    said = errand(heading, {}, slice(1, None))
    rows = read_csv("outputs/sweep/trials.csv")
    assert len(rows) == 12 and {row["State"] for row in rows} <= {"done", "ended early"}
    assert "12 of 12 trials" in said.err and "best: ferkit train" in said.err
    assert "minutes in all" in Path("outputs/sweep/report.md").read_text()


@pytest.mark.slow
def test_the_shared_search_of_the_page_is_what_the_command_takes(ferkit, monkeypatch):
    """Two workers on a real server: tests/reliability/test_shared_sweep.py."""
    (words,) = commands("A search that two machines share")
    given = "storage=postgresql://anna:secret@db.example/sweeps"
    refused = ferkit(*words[1:2], given, *words[3:])
    assert refused.code == 2 and "PGPASSWORD" in refused.err and "secret" not in refused.err


def test_a_dataset_of_the_hub_is_read_as_it_lies(errand):
    errand("A dataset from the Hugging Face hub", {"data fake": ["people=7"], "train": SHORT})
    assert Path("outputs/hub/report/report.html").is_file()


def test_own_code_is_named_by_the_page_and_trains(errand, ferkit, tmp_path, monkeypatch):
    heading = "A backbone and a loss of your own"
    text = SECTIONS[heading]
    files = re.findall(r"`([\w/]+\.(?:py|yaml))`", text)
    codes = re.findall(r"```(?:python|yaml)\n(.*?)```", text, re.S)
    for name, code in zip(files, codes, strict=True):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    monkeypatch.delenv("FERKIT_ALLOW", raising=False)
    refused = ferkit("train", "backbone=mynet", "loss=smooth")
    assert refused.code == 2 and "FERKIT_ALLOW=mynet" in refused.err
    errand(heading, {"train": [*SHORT, *DRAWN]})
    assert Path("outputs/mine/model.onnx").is_file()
    assert "smoothing: 0.2" in Path("outputs/mine/config.yaml").read_text()


@pytest.mark.slow
def test_the_notebook_runs_and_shows_its_figure(tmp_path):
    pytest.importorskip("nbconvert")
    pytest.importorskip("ipykernel")
    (line,) = commands("A notebook")
    shutil.copy(NOTEBOOK, tmp_path)
    environment = {**os.environ, "JUPYTER_PLATFORM_DIRS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *line],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    cells = json.loads((tmp_path / "ran.ipynb").read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert {"image/png", "text/html"} <= kinds
    assert "IProgress" not in json.dumps(outputs)


def test_the_notebook_is_committed_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)
