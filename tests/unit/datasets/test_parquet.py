import json

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow.parquet import read_table, write_table

from ferkit.cli import main
from ferkit.datasets.fakes.parquet import NAMES, make
from ferkit.datasets.parquet import read_parquet
from ferkit.datasets.shards import names_beside, shard_split
from ferkit.errors import DataError, DatasetLayoutError, DatasetNotFoundError
from ferkit.faces.decode import decode_image

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
ORDER = list(NAMES)


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    root = tmp_path_factory.mktemp("parquet")
    make(root, people=4)
    return root


@pytest.fixture(scope="module")
def face(fake):
    return next(fake.glob("data/*.png")).read_bytes()


def write(path, columns, names=None, **kinds):
    features = {"label": {"_type": "ClassLabel", "names": names}} if names else {}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    arrays = {key: pa.array(values, kinds.get(key)) for key, values in columns.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(arrays)
    write_table(table.replace_schema_metadata(metadata), path)
    return path.parent


def images(face, count):
    return [{"bytes": face, "path": None}] * count


def test_splits_labels_and_subjects(fake):
    index = read_parquet(fake, subject="person")
    assert index.frame["split"].value_counts().to_dict() == {"train": 28, "val": 14, "test": 14}
    assert index.emotions == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert (index.frame["label"] == "").sum() == 1
    assert index.frame["subject"].nunique() == 8
    assert index.frame["path"].str.endswith(".png").sum() == 4


@pytest.mark.parametrize("variant", ["text", "numbers"])
def test_every_variant_reads_the_same(fake, variant, tmp_path):
    make(tmp_path, people=4, variant=variant)
    options = {"label_order": ORDER} if variant == "numbers" else {}
    pd.testing.assert_frame_equal(read_parquet(tmp_path, **options).frame, read_parquet(fake).frame)


def test_pictures_are_those_of_their_rows(fake):
    from ferkit.faces.originals import read_image

    index = read_parquet(fake)
    for row in (5, 40, 3, 29, 30, 0):
        path = index.frame["path"].iloc[row]
        if ".parquet/" in path:
            file, _, number = path.partition(".parquet/image/")
            cell = read_table(fake / f"{file}.parquet")["image"][int(number)].as_py()
            assert (read_image(index, row) == decode_image(cell["bytes"])).all()


def test_trained_from_a_single_file(fake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = fake / "data" / "train-00000-of-00002.parquet"
    assert main(["data", "prepare", "dataset=parquet", f"dataset.root={file}"]) == 0


def test_numbers_without_names_are_never_guessed(fake, tmp_path):
    make(tmp_path, people=4, variant="numbers")
    with pytest.raises(DataError, match="never guessed"):
        read_parquet(tmp_path)
    (tmp_path / "labels.json").write_text(json.dumps(ORDER))
    pd.testing.assert_frame_equal(read_parquet(tmp_path).frame, read_parquet(fake).frame)


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_damaged_file_is_a_sentence(fake, keep, tmp_path, capsys):
    content = next((fake / "data").glob("*.parquet")).read_bytes()
    (tmp_path / "train.parquet").write_bytes(content[: int(len(content) * keep)])
    assert main(["data", "check", "dataset=parquet", f"dataset.root={tmp_path}"]) == 3
    assert "train.parquet cannot be read as parquet" in capsys.readouterr().err


def test_pages_damaged_in_the_middle_are_no_traceback(fake, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = bytearray((fake / "data" / "train-00000-of-00002.parquet").read_bytes())
    content[2000:9000] = b"\xff" * 7000
    (tmp_path / "train.parquet").write_bytes(content)
    code = main(["data", "check", "dataset=parquet", f"dataset.root={tmp_path}"])
    assert code in (0, 3)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"image": [b""], "feeling": ["sad"]}, "Unknown column 'label'.*dataset.label=NAME"),
        ({"photo": ["a.jpg"], "label": ["sad"]}, "none of the 1 parquet files.*dataset=table"),
        ({"a": [b""], "b": [b""], "label": ["sad"]}, "2 columns that could be the image"),
        ({"image": [b""], "label": [["sad", "fear"]]}, "not one label"),
        ({"image": [b""], "label": ["melancholy"]}, "no known emotion"),
    ],
)
def test_columns_and_labels_that_are_not_understood(columns, says, tmp_path):
    write(tmp_path / "train.parquet", columns)
    with pytest.raises(DataError, match=says):
        read_parquet(tmp_path)


def test_a_label_beyond_its_names(face, tmp_path):
    write(tmp_path / "a.parquet", {"image": images(face, 2), "label": [0, 7]}, ORDER)
    with pytest.raises(DataError, match="row 1: the label 7 is beyond the 7 classes"):
        read_parquet(tmp_path)


def test_files_that_disagree_on_names(face, tmp_path):
    write(tmp_path / "a.parquet", {"image": images(face, 1), "label": [0]}, ORDER)
    write(tmp_path / "b.parquet", {"image": images(face, 1), "label": [0]}, ORDER[::-1])
    with pytest.raises(DatasetLayoutError, match="disagree on the names"):
        read_parquet(tmp_path)


def test_cells_without_bytes_lead_to_no_file_outside(face, tmp_path):
    (tmp_path / "out.png").write_bytes(face)
    cells = [
        {"bytes": None, "path": "../out.png"},
        {"bytes": None, "path": str(tmp_path / "out.png")},
        {"bytes": None, "path": "gesicht ü.PNG"},
        {"bytes": None, "path": None},
        None,
    ]
    root = write(
        tmp_path / "in" / "train.parquet", {"image": cells, "label": ["sad"] * 5}, image=IMAGE
    )
    (root / "gesicht ü.PNG").write_bytes(face)
    (root / "stray.png").write_bytes(face)
    write(root / "other.parquet", {"text": ["a"]})
    index = read_parquet(root)
    assert index.frame["path"].tolist() == ["gesicht ü.PNG"]
    assert index.dropped["missing file"] == 4
    assert index.dropped["in no row of the parquet files"] == 1
    assert any("1 parquet files hold no column" in warning for warning in index.warnings)
    assert index.files["read"] == 1


def test_a_map_drops_and_the_rest_is_kept(fake):
    index = read_parquet(fake, labels={"map": {"neutral": None}})
    assert "neutral" not in set(index.frame["label"])
    assert index.dropped["class neutral (labels.map)"] == 8


def test_pointers_and_nothing_at_all(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="huggingface"):
        read_parquet(tmp_path)
    (tmp_path / "train.parquet").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match="git lfs pull"):
        read_parquet(tmp_path)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("data/train-00000-of-00001.parquet", "train"),
        ("validation/0000.parquet", "val"),
        ("default/partial-test/0003.parquet", "test"),
        ("fer2013_train.parquet", "train"),
        ("train-000012.tar", "train"),
        ("faces.parquet", ""),
    ],
)
def test_splits_by_names(name, split):
    assert shard_split(name) == split


@pytest.mark.parametrize(
    ("file", "text", "names"),
    [
        ("labels.txt", "0 angry\n1 happy\n", {"0": "angry", "1": "happy"}),
        ("classes.txt", "angry\nhappy\n", {"0": "angry", "1": "happy"}),
        ("labels.csv", "id,name\n0,angry\n1,happy\n", {"0": "angry", "1": "happy"}),
        ("Labels.txt", "1: Happiness\n2 - Fear", {"1": "Happiness", "2": "Fear"}),
        ("classes.json", '{"happy": 1, "sad": 0}', {"1": "happy", "0": "sad"}),
        ("labels.csv", "1.jpg,happy\n2.jpg,sad\n", None),
        ("labels.txt", "cat\ndog\n", None),
        ("labels.json", "{", None),
    ],
)
def test_names_in_a_file_beside(file, text, names, tmp_path):
    (tmp_path / file).write_text(text)
    found = names_beside(tmp_path)
    assert (found and found[1]) == names


def test_a_number_with_two_names(tmp_path):
    (tmp_path / "labels.txt").write_text("0 angry\n0 happy\n")
    with pytest.raises(DatasetLayoutError, match="names class 0 twice"):
        names_beside(tmp_path)
