import shutil

import numpy as np
import pytest

from ferkit.datasets.affectnet import read_affectnet
from ferkit.datasets.fakes.affectnet import make
from ferkit.errors import DataError, DatasetLayoutError, DatasetNotFoundError

EIGHT = {"angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("affectnet")
    for variant in ("npy", "csv", "folders"):
        make(root / variant, people=3, variant=variant)
    return root


@pytest.fixture
def copy(made, tmp_path):
    return lambda variant: shutil.copytree(made / variant, tmp_path / variant)


@pytest.mark.parametrize("variant", ["npy", "csv", "folders"])
def test_every_form_gives_train_and_the_validation_set_as_test(made, variant):
    index = read_affectnet(made / variant)
    assert index.frame["split"].value_counts().to_dict() == {"train": 24, "test": 16}
    assert set(index.frame["label"]) == EIGHT and set(index.emotions) == EIGHT
    assert index.frame.groupby("split")["label"].value_counts().nunique() == 2
    assert any("published 287651" in warning for warning in index.warnings)


def test_the_csv_form(made):
    index = read_affectnet(made / "csv", valence_arousal=True)
    assert index.frame["box"].map(str).eq("[4.0, 4.0, 44.0, 44.0]").all()
    assert index.frame["valence"].eq(0.25).all() and index.frame["arousal"].eq(-0.5).all()
    assert [index.dropped[why] for why in index.dropped if "code" in why] == [2, 2, 2]
    suffixes = {path.rpartition(".")[2] for path in index.frame["path"]}
    assert suffixes == {"jpg", "JPG", "jpeg", "png", "bmp"}


def test_the_npy_form(made):
    index = read_affectnet(made / "npy", valence_arousal=True)
    assert index.dropped["image without an annotation"] == 2
    assert index.dropped["annotation without an image"] == 2
    assert any("2 annotation without an images" in warning for warning in index.warnings)
    frame = index.frame.set_index("key")
    assert np.isnan(frame.loc["train_set/images/0.jpg", "arousal"])
    assert frame["valence"].eq(0.25).all()
    assert "valence" not in read_affectnet(made / "npy").frame


def test_codes_beyond_the_classes_and_objects_in_npy(copy):
    root = copy("npy")
    notes = root / "train_set" / "annotations"
    np.save(notes / "0_exp.npy", np.array(9))
    assert read_affectnet(root).dropped["expression that is none of 0 to 7"] == 1
    np.save(notes / "0_exp.npy", np.array({"a": 1}, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"0_exp.npy is no \.npy file of one number"):
        read_affectnet(root)
    for content in (b"", b"\x93NUMPY", b"3"):
        (notes / "0_exp.npy").write_bytes(content)
        with pytest.raises(DataError, match="copy it again"):
            read_affectnet(root)
    np.save(notes / "0_exp.npy", np.array("happy"))
    with pytest.raises(DataError, match="'happy', not a number"):
        read_affectnet(root)


def test_halves_and_images_that_are_missing(copy):
    root = copy("npy")
    shutil.rmtree(root / "val_set")
    with pytest.raises(DatasetLayoutError, match="val_set is missing"):
        read_affectnet(root)
    lists = copy("csv")
    shutil.move(lists / "Manually_Annotated_Images", lists.parent / "elsewhere")
    with pytest.raises(DatasetLayoutError, match=r"images_root"):
        read_affectnet(lists)
    assert len(read_affectnet(lists, images_root=lists.parent / "elsewhere")) == 40
    (lists / "Manually_Annotated_file_lists" / "validation.csv").unlink()
    with pytest.raises(DatasetLayoutError, match=r"validation.csv is missing"):
        read_affectnet(lists)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (",0,0.25", ",11,0.25", "expected a code 0 to 10"),
        (",0,0.25", ",happy,0.25", "expected a code 0 to 10"),
        ("expression", "label", "no column expression"),
    ],
)
def test_broken_lists(copy, old, new, says):
    root = copy("csv")
    path = root / "Manually_Annotated_file_lists" / "training.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=says):
        read_affectnet(root)


def test_rows_doubled_in_conflict_and_missing(copy):
    root = copy("csv")
    path = root / "Manually_Annotated_file_lists" / "training.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:1], *lines[2:], lines[3], lines[4].replace(",3,", ",5,")]))
    index = read_affectnet(root)
    assert index.dropped["repeated row"] == 1
    assert index.dropped["conflicting labels on one image"] == 2
    assert index.dropped["in neither list"] == 1


def test_nothing_at_all(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="mohammadmahoor"):
        read_affectnet(tmp_path)
