"""What every dataset of `configs/dataset/` promises, walked from the yamls themselves."""

from importlib import import_module

import pandas as pd
import pytest

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.datasets.index import COLUMNS
from ferkit.datasets.walk import is_regular
from ferkit.errors import DataError
from ferkit.tree import choices
from ferkit.views import read_index

DATASETS = choices("dataset")
FOLDERLESS = {"drawn"}


def fake_of(dataset):
    target = as_plain(compose(f"dataset={dataset}").dataset)["_target_"]
    return import_module(f"ferkit.datasets.fakes.{target.rsplit('.', 2)[1]}")


def read(dataset, root):
    return read_index(compose(f"dataset={dataset}", f"dataset.root={root}").dataset)


@pytest.fixture(scope="module", params=[d for d in DATASETS if d not in FOLDERLESS])
def made(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("fakes") / request.param
    fake_of(request.param).make(root)
    return request.param, root


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_dataset_has_a_fake(dataset):
    assert callable(fake_of(dataset).make)


def test_fake_is_read_as_an_index(made):
    dataset, root = made
    index = read(dataset, root)
    assert list(index.frame.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert index.frame["key"].is_unique
    assert index.frame["key"].is_monotonic_increasing
    labels = set(index.frame["label"]) - {""}
    assert labels <= set(index.emotions)
    assert len(labels) > 3
    files = [root for root in set(index.frame["path"]) if root]
    assert all(is_regular(index.root / path) for path in files)
    assert index.images is not None or len(files) > 0
    assert dataset in index.summary() or index.name in index.summary()


def test_index_does_not_depend_on_where_the_root_lies(made, tmp_path):
    dataset, root = made
    nested = tmp_path / "deeper" / "still"
    nested.parent.mkdir(parents=True)
    nested.symlink_to(root, target_is_directory=True)
    here, there = read(dataset, root).frame, read(dataset, tmp_path / "deeper" / "still").frame
    pd.testing.assert_frame_equal(here.drop(columns="path"), there.drop(columns="path"))


@pytest.mark.parametrize("dataset", [d for d in DATASETS if d not in FOLDERLESS])
def test_missing_and_empty_roots_are_sentences(dataset, tmp_path):
    (tmp_path / "empty").mkdir()
    for root in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(DataError) as caught:
            read(dataset, root)
        assert str(root) in str(caught.value) or root.name in str(caught.value)
        assert "\n" not in str(caught.value).strip()


@pytest.mark.slow
def test_fake_is_checked_and_trained_to_a_report(made, tmp_path, monkeypatch, capsys):
    from ferkit.cli import main

    dataset, root = made
    monkeypatch.chdir(tmp_path)
    assert main(["data", "check", f"dataset={dataset}", f"dataset.root={root}"]) == 0
    words = [f"dataset={dataset}", f"dataset.root={root}", "trainer.max_epochs=1", "run_dir=run"]
    assert main(["train", *words]) == 0, capsys.readouterr().err
    assert (tmp_path / "run" / "report" / "report.html").is_file()
