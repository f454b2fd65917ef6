import shutil

import pandas as pd
import pytest

from ferkit.cli import main
from ferkit.datasets.fakes.jaffe import make
from ferkit.datasets.jaffe import read_jaffe
from ferkit.errors import DataError, DatasetLayoutError, DatasetNotFoundError


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    root = tmp_path_factory.mktemp("jaffe")
    make(root)
    return root


@pytest.fixture
def copy(fake, tmp_path):
    return shutil.copytree(fake / "jaffe", tmp_path / "jaffe")


def test_names_say_person_and_expression(fake):
    index = read_jaffe(fake)
    assert len(index) == 209 and index.frame["subject"].nunique() == 10
    assert index.frame["label"].value_counts().to_dict() | {"disgust": 30} == dict.fromkeys(
        index.emotions, 30
    )
    row = index.frame.set_index("key").loc["NA.AN1.1"]
    assert row["subject"] == "NA" and row["label"] == "angry"
    assert any("209 images instead of the published 213" in w for w in index.warnings)


def test_a_person_is_left_out_at_a_time(fake, tmp_path, monkeypatch):
    from ferkit.composition import compose
    from ferkit.views import make_views

    monkeypatch.chdir(tmp_path)
    words = ["dataset=jaffe", f"dataset.root={fake}", "split=loso", "split.fold=NA"]
    views = make_views(compose(*words))
    subjects = views.store.index["subject"].groupby(views.split.views).apply(set)
    assert subjects["test"] == {"NA"} and len(views.rows("test")) == 21
    assert not subjects["train"] & subjects["val"]
    assert main(["data", "check", *words[:2]]) == 0


def test_other_formats_cases_and_class_folders(copy):
    for number, path in enumerate(sorted(copy.glob("*.tiff"))):
        suffix = (".tif", ".JPG", ".png")[number % 3]
        folder = copy / {"AN": "anger", "HA": "Glück"}.get(path.name[3:5], "others")
        folder.mkdir(exist_ok=True)
        path.rename(folder / (path.stem.lower() + suffix))
    index = read_jaffe(copy.parent)
    pd.testing.assert_series_equal(index.frame["label"], read_jaffe(copy).frame["label"])
    assert len(index) == 209 and not any("believed" in warning for warning in index.warnings)


def test_copies_strays_and_folders_that_say_otherwise(copy):
    first = sorted(copy.glob("*.tiff"))[0]
    (copy / "sad").mkdir()
    first.rename(copy / "sad" / first.name)
    shutil.copy(copy / "sad" / first.name, (copy / first.name).with_suffix(".png"))
    (copy / "me.jpg").write_bytes(b"")
    index = read_jaffe(copy)
    assert index.dropped == {"second copy": 1, "name is none of JAFFE's": 1}
    assert any("me.jpg" in warning for warning in index.warnings)


def test_the_folder_is_named_where_it_contradicts(copy):
    (copy / "sad").mkdir()
    first = sorted(copy.glob("KA.AN*"))[0]
    first.rename(copy / "sad" / first.name)
    index = read_jaffe(copy)
    assert any("sad/KA.AN1" in w and "the name is believed" in w for w in index.warnings)
    assert index.frame.set_index("key").loc[first.stem, "label"] == "angry"


def test_an_archive(fake, tmp_path):
    shutil.make_archive(str(tmp_path / "jaffe"), "zip", fake)
    pd.testing.assert_frame_equal(read_jaffe(tmp_path / "jaffe.zip").frame, read_jaffe(fake).frame)


def test_lost_names_pointers_counts_and_nothing(copy, tmp_path):
    with pytest.raises(DataError, match="instead of the published 213"):
        read_jaffe(copy, strict=True)
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "anger_1.png").write_bytes(b"")
    with pytest.raises(DatasetLayoutError, match=r"not KA\.AN1\.39\.tiff"):
        read_jaffe(tmp_path / "lost")
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetNotFoundError, match="zenodo"):
        read_jaffe(tmp_path / "none")
    for path in copy.glob("*.tiff"):
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match="git lfs pull"):
        read_jaffe(copy)
