import shutil

import pandas as pd
import pytest

from ferkit.datasets.fakes.rafdb import make
from ferkit.datasets.rafdb import read_rafdb
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

LIST = "basic/EmoLabel/list_patition_label.txt"


@pytest.fixture
def fake(tmp_path):
    make(tmp_path / "raf", people=4)
    return tmp_path / "raf"


def edit(root, change):
    path = root / LIST
    path.write_text(change(path.read_text()))
    return root


def test_the_basic_subset_by_its_list(fake):
    index = read_rafdb(fake)
    assert index.frame["split"].value_counts().to_dict() == {"train": 28, "test": 14}
    first = index.frame.set_index("key").loc["train_00001"]
    assert first["label"] == "surprise" and first["path"].endswith("train_00001_aligned.jpg")
    assert index.frame["label"].value_counts().nunique() == 1
    assert index.dropped["image of compound RAF-DB"] == 1
    assert index.dropped["image of the other kind (dataset.images)"] == 1
    assert any("instead of the published 12271" in warning for warning in index.warnings)


def test_the_folders_of_kaggle_read_the_same(fake, tmp_path):
    make(tmp_path / "kaggle", people=4, variant="kaggle")
    columns = ["key", "label", "split"]
    left, right = read_rafdb(fake).frame, read_rafdb(tmp_path / "kaggle").frame
    pd.testing.assert_frame_equal(left[columns], right[columns])


def test_the_corrected_name_other_cases_and_names(fake):
    (fake / LIST).rename(fake / "basic/EmoLabel/List_Partition_Label.TXT")
    image = fake / "basic/Image/aligned/train_00002_aligned.jpg"
    image.rename(image.with_suffix(".JPG"))
    shutil.move(fake, fake.with_name("räf 开心"))
    assert len(read_rafdb(fake.with_name("räf 开心"))) == 42


def test_compound_alone_is_refused(fake):
    for root in (fake / "compound", fake / "compound" / "EmoLabel"):
        with pytest.raises(DatasetLayoutError, match="RAF-DB compound"):
            read_rafdb(root)


def test_a_list_that_begins_at_zero_is_refused(fake):
    edit(fake, lambda text: text.replace("jpg 7", "jpg 0"))
    with pytest.raises(DatasetLayoutError, match=r"codes 0.*label_order"):
        read_rafdb(fake)


def test_folders_that_begin_at_zero_are_refused(tmp_path):
    make(tmp_path, people=2, variant="kaggle")
    for split in ("train", "test"):
        (tmp_path / "DATASET" / split / "7").rename(tmp_path / "DATASET" / split / "0")
    with pytest.raises(DatasetLayoutError, match="codes 0"):
        read_rafdb(tmp_path)


def test_lines_missing_doubled_and_in_conflict(fake):
    edit(
        fake,
        lambda text: (
            text.replace("train_00001.jpg 1\n", "") + "train_00002.jpg 2\ntrain_00003.jpg 4\n"
        ),
    )
    index = read_rafdb(fake)
    assert index.dropped["repeated row"] == 1
    assert index.dropped["conflicting labels on one image"] == 2
    assert index.dropped["in no line of the list"] == 1
    assert len(index) == 40


@pytest.mark.parametrize("line", ["train_00001.jpg", "train_00001.jpg five", "5", "\x00"])
def test_a_broken_line(fake, line):
    edit(fake, lambda text: text + line + "\n")
    with pytest.raises(DataError, match="line 43: expected a name and a code"):
        read_rafdb(fake)


def test_few_missing_images_are_counted_and_many_stop(fake):
    images = sorted((fake / "basic/Image/aligned").iterdir())
    images[0].unlink()
    assert read_rafdb(fake).dropped["missing file"] == 1
    for path in images[1:5]:
        path.unlink()
    with pytest.raises(DataError, match="5 of 42 files"):
        read_rafdb(fake)


def test_no_images_says_what_to_unpack(fake):
    shutil.rmtree(fake / "basic/Image/aligned")
    (fake / "basic/Image/aligned.zip").write_bytes(b"PK")
    with pytest.raises(DatasetLayoutError, match=r"unpack basic/Image/aligned.zip.*=original"):
        read_rafdb(fake)


def test_originals_nothing_and_wrong_options(fake, tmp_path):
    with pytest.raises(DataError, match="are missing"):
        read_rafdb(fake, images="original")
    with pytest.raises(ConfigError, match="Unknown kind 'align'"):
        read_rafdb(fake, images="align")
    with pytest.raises(DatasetNotFoundError, match="whdeng"):
        read_rafdb(tmp_path / "none")
    (tmp_path / "loose").mkdir()
    shutil.copy(next(fake.rglob("*_aligned.jpg")), tmp_path / "loose" / "train_00001_aligned.jpg")
    with pytest.raises(DatasetLayoutError, match="labels are not known"):
        read_rafdb(tmp_path / "loose")
