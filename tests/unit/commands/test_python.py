"""The API of Python, and the code of docs/python.md."""

import logging
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ferkit as package
from ferkit.errors import DataError

PAGE = Path(__file__).parents[3] / "docs" / "python.md"
SMALL = (
    "dataset.train=60",
    "dataset.val=30",
    "dataset.test=30",
    "trainer.max_epochs=1",
    "trainer.threads=1",
)


@pytest.fixture(scope="module")
def model(finished):
    return package.load_model(finished(*SMALL) / "run")


@pytest.fixture
def face():
    return np.random.default_rng(0).integers(0, 256, (60, 50), dtype=np.uint8)


def test_dir_shows_the_api():
    assert {"compose", "evaluate", "load_model", "load_run", "train"} <= set(dir(package))
    assert all(callable(getattr(package, name)) for name in package.__all__ if name[0] != "_")


@pytest.mark.slow
def test_code_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["table"]["success"].tolist() == [1, 1, 1]
    assert Path("confusion.png").stat().st_size > 1000
    assert len(names["run"].epochs) == 2
    assert "test" in names["metrics"]


def test_pictures_of_every_kind(model, face, tmp_path):
    path = tmp_path / "face.png"
    Image.fromarray(face).save(path)
    color = np.stack([face] * 3, axis=2)
    kinds = [
        path,
        str(path),
        Image.fromarray(face),
        Image.fromarray(color),
        face,
        color,
        face[:, :, None],
    ]
    for kind in kinds:
        assert len(model.predict(kind, "faces=none")) == 1
    table = model.predict(kinds, "faces=none")
    assert table["image"].tolist() == list(range(7))
    assert table["source"].tolist()[:2] == [str(path)] * 2
    assert table["label"].nunique() == 1  # one face, whatever it came as
    shares = table[[f"p_{emotion}" for emotion in model.emotions]].to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    assert len(model.predict(tmp_path, "faces=none")) == 1
    assert len(model.predict(np.stack([face, face])[..., None], "faces=none")) == 2


def test_a_picture_without_a_face_has_a_row(model):
    blank = np.full((120, 120), 90, np.uint8)
    table = model.predict([blank, blank], "faces=haar_48")
    assert table["success"].tolist() == [0, 0]
    assert table["label"].isna().all()
    assert model.predict([], "faces=none").empty


@pytest.mark.parametrize("wrong", [np.zeros((9, 9)), np.zeros((9, 9, 2), np.uint8), np.zeros(3)])
def test_what_is_no_picture_is_a_sentence(model, wrong):
    with pytest.raises(DataError, match="give uint8"):
        model.predict([wrong])


def test_a_missing_file_is_a_sentence(model):
    with pytest.raises(DataError, match="no image there"):
        model.predict("nowhere.jpg")


def test_a_run_is_found_again(finished):
    run = package.load_run(finished(*SMALL) / "run")
    assert run.metrics["val"]["n"] == len(run.predictions()) == 30
    with pytest.raises(DataError, match="Did you mean 'val'"):
        run.predictions("vall")
    assert run.model("cpu").emotions[0] == "angry"


def test_one_picture_is_the_largest_array_of_three_dimensions(model, face):
    assert len(model.predict(face, "faces=none")) == 1
    with pytest.raises(DataError):
        package.load_run("nowhere")
