import numpy as np
import pandas as pd
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import ConfigError, DataError
from ferkit.splits import (
    read_split,
    split_from_file,
    split_hash,
    split_random,
    write_split,
)


@pytest.fixture
def frame():
    rows = [{"key": f"a b,{i}#", "label": "happy" if i % 3 else "sad"} for i in range(30)]
    return make_index([*rows, {"key": "none", "label": ""}], name="x", variant="v", root=".").frame


@pytest.mark.parametrize("name", ["split.parquet", "split.csv"])
def test_a_split_is_read_back_as_it_was_written(tmp_path, frame, name):
    split = split_random(frame, seed=5)
    written = write_split(tmp_path / name, frame, split.views)
    back = split_from_file(frame, seed=0, path=tmp_path / name)
    assert (back.views == split.views).all()
    assert written == split_hash(frame, split.views) == read_split(tmp_path / name).attrs["hash"]
    assert written in back.protocol
    assert back.notes == []


def test_the_hash_knows_keys_and_views_but_not_their_order(frame):
    views = split_random(frame, seed=0).views
    turned = frame.iloc[::-1]
    assert split_hash(frame, views) == split_hash(turned, views[::-1])
    other = views.copy()
    other[0] = "val" if views[0] != "val" else "train"
    assert split_hash(frame, other) != split_hash(frame, views)
    assert split_hash(frame, views) != split_hash(frame.assign(key=frame["key"] + "x"), views)


def test_the_file_has_key_and_view_and_its_format(tmp_path, frame):
    write_split(tmp_path / "s.parquet", frame, split_random(frame, seed=0).views)
    table = pd.read_parquet(tmp_path / "s.parquet")
    known = [n for n in ("label", "content", "dataset", "subject", "source") if n in frame]
    assert list(table.columns) == ["key", "view", *known]
    assert table.attrs["format"] == 1


@pytest.mark.parametrize("name", ["split.parquet", "split.csv"])
def test_an_edited_file_is_refused(tmp_path, frame, name):
    views = split_random(frame, seed=0).views
    write_split(tmp_path / name, frame, views)
    if name.endswith("csv"):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text.replace(",val", ",train", 1))
    else:
        table = pd.read_parquet(tmp_path / name)
        table.loc[0, "view"] = "val" if table.loc[0, "view"] != "val" else "test"
        table.to_parquet(tmp_path / name)
    with pytest.raises(DataError, match="was changed after it was written"):
        read_split(tmp_path / name)


def test_a_csv_of_a_person_needs_no_hash(tmp_path, frame):
    labelled = frame[frame["label"] != ""]
    views = np.where(np.arange(len(labelled)) % 4, "train", "val")
    pd.DataFrame({"view": views, "key": labelled["key"]}).to_csv(tmp_path / "s.csv", index=False)
    assert (split_from_file(frame, seed=0, path=tmp_path / "s.csv").views[:30] == views).all()


def test_keys_that_do_not_fit_are_named_and_may_be_allowed(tmp_path, frame):
    views = split_random(frame, seed=0).views
    write_split(tmp_path / "s.parquet", frame, views)
    fewer = frame.iloc[4:].reset_index(drop=True)
    with pytest.raises(DataError, match=r"4 keys of s.parquet are not in the index \(first: 'a b"):
        split_from_file(fewer, seed=0, path=tmp_path / "s.parquet")
    split = split_from_file(fewer, seed=0, path=tmp_path / "s.parquet", allow_missing=True)
    assert (split.views == views[4:]).all()
    assert split.notes == ["4 keys of s.parquet are not in the index and are passed over"]
    write_split(tmp_path / "t.parquet", fewer, views[4:])
    with pytest.raises(DataError, match=r"4 labelled rows of the index are not in t\.parquet"):
        split_from_file(frame, seed=0, path=tmp_path / "t.parquet")


def test_a_split_of_other_data_is_never_allowed(tmp_path, frame):
    write_split(tmp_path / "s.csv", frame, split_random(frame, seed=0).views)
    other = frame.assign(key=frame["key"] + "?")
    with pytest.raises(DataError, match="made for other data"):
        split_from_file(other, seed=0, path=tmp_path / "s.csv", allow_missing=True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("key,split\na,train\n", "has columns"),
        ("", "has columns"),
        ("key,view\na,dev\n", "has the view 'dev'"),
        ("key,view\na,train\na,val\n", "more than one view"),
        ("# ferkit split, format: 2, hash: x\nkey,view\na,train\n", "format 2; update ferkit"),
    ],
)
def test_broken_files_get_a_sentence(tmp_path, text, sentence):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_split(tmp_path / "s.csv")


def test_missing_and_cut_files_get_a_sentence(tmp_path, frame):
    with pytest.raises(ConfigError, match=r"needs split.path="):
        split_from_file(frame, seed=0)
    with pytest.raises(DataError, match="There is no split file"):
        split_from_file(frame, seed=0, path=tmp_path / "none.parquet")
    write_split(tmp_path / "s.parquet", frame, split_random(frame, seed=0).views)
    data = (tmp_path / "s.parquet").read_bytes()
    (tmp_path / "s.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="is no parquet file"):
        read_split(tmp_path / "s.parquet")


def test_a_file_without_val_is_refused(tmp_path, frame):
    views = np.where(frame["label"] != "", "train", "")
    write_split(tmp_path / "s.csv", frame, views)
    with pytest.raises(DataError, match="no labelled row into val"):
        split_from_file(frame, seed=0, path=tmp_path / "s.csv")
