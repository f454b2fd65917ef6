import io
import tarfile

import pandas as pd
import pytest

from ferkit.cli import main
from ferkit.datasets.fakes.webdataset import NAMES, make
from ferkit.datasets.webdataset import read_webdataset
from ferkit.errors import DataError, DatasetNotFoundError


def shard(path, **members):
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path.parent


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    root = tmp_path_factory.mktemp("webdataset")
    make(root, people=4)
    return root


def test_splits_labels_and_what_is_left_out(fake):
    index = read_webdataset(fake)
    assert index.frame["split"].value_counts().to_dict() == {"train": 28, "val": 14, "test": 14}
    assert index.frame["label"].value_counts().to_dict() == dict.fromkeys(NAMES, 8)
    assert index.dropped == {"sample without an image": 4}
    assert any("56 images are read inside 4 archives" in note for note in index.notes)
    assert not any("not looked into" in note for note in index.notes)


def test_words_in_json_and_a_single_tar(fake, tmp_path):
    make(tmp_path, people=4, variant="json")
    left, right = read_webdataset(fake).frame, read_webdataset(tmp_path).frame
    pd.testing.assert_frame_equal(left, right)
    one = read_webdataset(tmp_path / "train-000000.tar")
    assert len(one) == 14 and set(one.frame["split"]) == {"train"}


def test_prepared(fake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "prepare", "dataset=webdataset", f"dataset.root={fake}"]) == 0


def test_numbers_are_never_guessed(fake, tmp_path):
    (tmp_path / "train.tar").write_bytes((fake / "train-000000.tar").read_bytes())
    with pytest.raises(DataError, match="never guessed"):
        read_webdataset(tmp_path)
    assert len(read_webdataset(tmp_path, label_order=list(NAMES))) == 14


def test_odd_members_are_counted_or_named(tmp_path):
    root = shard(
        tmp_path / "test-0.tar",
        a__jpg=b"x",
        a__cls=b"sad",
        a__png=b"x",
        b__JPG=b"x",
        **{"../c__jpg": b"x", "/d__jpg": b"x", "._a__jpg": b"x", "ö/ü__jpg": b"x"},
        **{"ö/ü__txt": b"a man who smiles", "e__cls": b"happy"},
    )
    index = read_webdataset(root)
    assert dict(zip(index.frame["key"], index.frame["label"], strict=True)) == {
        "test-0.tar/a": "sad",
        "test-0.tar/b": "",
        "test-0.tar/ö/ü": "",
    }
    assert index.dropped["second image of a sample"] == 1
    assert index.dropped["sample without an image"] == 1
    assert index.dropped["refused member of an archive"] == 2
    assert any("2 of 3 samples have no label" in warning for warning in index.warnings)


def test_another_ending_or_key(tmp_path):
    shard(tmp_path / "a.tar", a__jpg=b"", a__txt=b"sad", b__jpg=b"", b__json=b'{"mood": "fear"}')
    assert read_webdataset(tmp_path, label="txt").frame["label"].tolist() == ["sad", ""]
    assert read_webdataset(tmp_path, label="mood").frame["label"].tolist() == ["", "fear"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a__cls", b"\xff\xfe"),
        ("a__json", b"{"),
        ("a__json", b'{"label": ["sad", "fear"]}'),
        ("a__cls", b"sad\nhappy"),
        ("a__cls", b"melancholy"),
    ],
)
def test_labels_that_are_none(name, content, tmp_path, capsys):
    shard(tmp_path / "a.tar", a__jpg=b"", **{name: content})
    assert main(["data", "check", "dataset=webdataset", f"dataset.root={tmp_path}"]) == 3
    said = capsys.readouterr().err.strip()
    assert str(tmp_path) in said and "\n" not in said


def test_a_tar_of_another_kind_and_nothing_at_all(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"000001\.cls"):
        read_webdataset(tmp_path)
    shard(tmp_path / "a.tar", **{"notes__txt": b"none"})
    with pytest.raises(DataError, match="dataset=folder"):
        read_webdataset(tmp_path)


def test_a_compressed_tar_is_named_as_such(fake, tmp_path):
    with tarfile.open(tmp_path / "train.tar", "w:gz") as tar:
        tar.add(fake / "classes.txt", "classes.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read_webdataset(tmp_path)
