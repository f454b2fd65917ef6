import shlex
import shutil

import cv2
import numpy as np
import pytest

from ferkit.datasets.fakes.folder import make
from ferkit.datasets.folder import read_folder
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DataError, DatasetNotFoundError

SEVEN = EMOTIONS[:7]


def tree(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"\xff\xd8")
    return root


def labels(index):
    return dict(zip(index.frame["key"], index.frame["label"], strict=True))


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    out = tmp_path_factory.mktemp("folder")
    make(out, people=2)
    return out


def test_the_fake_is_read_whole(fake):
    index = read_folder(fake)
    assert index.frame["split"].value_counts().to_dict() == {"train": 14, "val": 14, "test": 14}
    assert index.emotions == SEVEN
    assert (index.frame.groupby("split")["label"].nunique() == 7).all()
    assert index.dropped == {"junk file": 6, "not an image": 3}
    assert index.warnings == []
    for path in index.frame["path"]:
        assert cv2.imread(str(index.root / path)).shape[:2] == (48, 48)


@pytest.mark.parametrize("nesting", ["deep", "a/b/c"])
def test_the_index_does_not_depend_on_the_nesting(fake, tmp_path, nesting):
    shutil.copytree(fake, tmp_path / nesting)
    nested = read_folder(tmp_path)
    assert nested.frame.equals(read_folder(fake).frame)
    assert nested.root == tmp_path / nesting


def test_flat_and_numbered_variants(tmp_path):
    make(tmp_path / "flat", people=2, variant="flat")
    flat = read_folder(tmp_path / "flat")
    assert set(flat.frame["split"]) == {""}
    assert len(flat) == 14
    make(tmp_path / "numbers", people=2, variant="numbers", real_size=True)
    with pytest.raises(DataError, match=r"'0'.* are numbers.* never guessed.*label_order"):
        read_folder(tmp_path / "numbers")
    numbered = read_folder(tmp_path / "numbers", label_order=SEVEN)
    assert {k.split("/")[0]: e for k, e in labels(numbered).items()} == {
        str(code): emotion for code, emotion in enumerate(SEVEN)
    }


def test_an_order_follows_the_numbers_and_not_the_text(tmp_path):
    tree(tmp_path, *(f"train/{code}/a.jpg" for code in (1, 2, 10)))
    index = read_folder(tmp_path, label_order=["surprise", "fear", "anger"])
    assert labels(index) == {
        "train/1/a.jpg": "surprise",
        "train/2/a.jpg": "fear",
        "train/10/a.jpg": "angry",
    }
    with pytest.raises(ConfigError, match=r"2 names for 3 numeric labels .*: 1, 2, 10\)"):
        read_folder(tmp_path, label_order=["surprise", "fear"])
    with pytest.raises(ConfigError, match="write a list"):
        read_folder(tmp_path, label_order="surprise")


def test_split_folders_are_recognised_by_their_usual_names(tmp_path):
    for split in ("Training", "validation", "testing"):
        tree(tmp_path, f"{split}/happy/a.jpg", f"{split}/sad/a.jpg")
    index = read_folder(tmp_path)
    splits = dict(zip(index.frame["key"], index.frame["split"], strict=True))
    assert splits["Training/happy/a.jpg"] == "train"
    assert splits["validation/sad/a.jpg"] == "val"
    assert splits["testing/sad/a.jpg"] == "test"


def test_images_below_class_folders_belong_to_them(tmp_path):
    index = read_folder(tree(tmp_path, "happy/anna/1.jpg", "happy/ben/1.jpg", "sad/anna/1.jpg"))
    assert labels(index) == {
        "happy/anna/1.jpg": "happy",
        "happy/ben/1.jpg": "happy",
        "sad/anna/1.jpg": "sad",
    }


def test_a_foreign_class_is_answered_with_the_nearest_name(tmp_path):
    tree(tmp_path, "happines/1.jpg", "sad/1.jpg")
    with pytest.raises(DataError, match=r"'happines' .* Did you mean 'happy'"):
        read_folder(tmp_path)


def test_a_map_renames_merges_and_drops(tmp_path):
    tree(tmp_path, "joyful/1.jpg", "happy/1.jpg", "bored/1.jpg", "bored/2.jpg", "sad/1.jpg")
    index = read_folder(
        tmp_path, labels={"map": {"joyful": "happiness", "bored": None, "bord": "sad"}}
    )
    assert labels(index) == {"happy/1.jpg": "happy", "joyful/1.jpg": "happy", "sad/1.jpg": "sad"}
    assert index.dropped == {"class bored (labels.map)": 2}
    assert index.notes == [
        "labels.map names 'bord', which is nowhere in the data. Did you mean 'bored'?"
    ]


def test_a_map_accepts_numbers_as_yaml_has_them(tmp_path):
    tree(tmp_path, "1/1.jpg", "2/1.jpg")
    index = read_folder(tmp_path, labels={"map": {1: "sad", 2: "happy"}})
    assert labels(index) == {"1/1.jpg": "sad", "2/1.jpg": "happy"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"labels": {"map": {"sad": "happyy"}}}, "labels.map: Unknown emotion 'happyy'.*'happy'"),
        ({"labels": {"mapp": {}}}, "Did you mean 'map'"),
        ({"labels": {"map": "sad"}}, "native: emotion"),
        ({"emotions": "sad"}, "write a list"),
    ],
)
def test_wrong_options_are_config_errors(tmp_path, options, says):
    tree(tmp_path, "sad/1.jpg", "happy/1.jpg")
    with pytest.raises(ConfigError, match=says):
        read_folder(tmp_path, **options)


def test_classes_of_ones_own(tmp_path):
    tree(tmp_path, "train/awake/1.jpg", "train/drowsy/1.jpg", "train/neutral/1.jpg")
    index = read_folder(tmp_path, name="drivers", emotions=["drowsy", "awake", "neutral"])
    assert index.emotions == ("neutral", "awake", "drowsy")
    assert set(index.frame["dataset"]) == {"drivers"}
    with pytest.raises(DataError, match=r"'awake' .* Did you mean 'awakee'"):
        read_folder(tmp_path, emotions=["drowsy", "awakee", "neutral"])


def test_a_class_that_is_never_trained_is_warned_of(tmp_path):
    tree(tmp_path, "train/happy/1.jpg", "train/sad/1.jpg", "test/fear/1.jpg", "test/sad/1.jpg")
    assert read_folder(tmp_path).warnings == ["the train folder has no image of fear"]


def test_what_is_not_read_is_said(tmp_path):
    tree(tmp_path, "train/happy/1.jpg", "train/sad/1.jpg", "train/loose.jpg", "extra/happy/1.jpg")
    index = read_folder(tmp_path)
    assert index.dropped == {"outside the class folders": 2}
    assert index.files == {"read": 2, "outside the class folders": 2}
    (warning,) = index.warnings
    assert "1 in extra/happy/ (e.g. 1.jpg), 1 in train/ (e.g. loose.jpg)" in warning


def test_nothing_there(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="does not exist"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(DatasetNotFoundError, match="folder: nothing recognisable"):
        read_folder(tmp_path)
    (tmp_path / "faces.zip").write_bytes(b"PK")
    with pytest.raises(DatasetNotFoundError, match="not unpacked"):
        read_folder(tmp_path)
    with pytest.raises(DatasetNotFoundError, match="two class folders"):
        read_folder(tree(tmp_path / "one", "happy/1.jpg"))


def test_pointers_are_refused(tmp_path):
    tree(tmp_path, "happy/1.jpg", "sad/1.jpg")
    (tmp_path / "sad" / "1.jpg").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match="Git-LFS pointer"):
        read_folder(tmp_path)


def test_an_unknown_fake_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'flat'"):
        make(tmp_path, variant="flatt")


# ------------------------------------------------- what can be read in one way, and in two


def splits_of(index):
    return index.frame["split"].value_counts().to_dict()


@pytest.mark.parametrize(
    "names",
    [
        ("train_set", "val_set"),
        ("trainset", "VAL"),
        ("Training", "Validation"),
        ("train-images", "images_val"),
        ("fer2013_train", "dev"),
        ("训练集", "验证集"),
    ],
)
def test_split_folders_under_more_names(tmp_path, names):
    for name in names:
        tree(tmp_path, f"{name}/happy/1.jpg", f"{name}/sad/1.jpg")
    index = read_folder(tmp_path)
    assert splits_of(index) == {"train": 2, "val": 2}
    assert index.warnings == []


def test_splits_below_the_classes(tmp_path):
    for path in ("train/1.jpg", "train/anna/2.jpg", "Test/1.jpg"):
        tree(tmp_path, f"data/happy/{path}", f"data/sad/{path}")
    index = read_folder(tmp_path)
    assert splits_of(index) == {"train": 4, "test": 2}
    assert index.variant == "class folders with Test, train below them"
    tree(tmp_path, "data/sad/loose.jpg")
    with pytest.raises(DataError, match=r"named as splits \(data/.*\) and 1 outside of them"):
        read_folder(tmp_path)


def test_a_level_between_splits_and_classes(tmp_path):
    tree(tmp_path, *(f"{s}/images/{c}/1.jpg" for s in ("train", "val") for c in ("happy", "sad")))
    index = read_folder(tmp_path)
    assert splits_of(index) == {"train": 2, "val": 2}
    assert index.frame["key"][0] == "train/images/happy/1.jpg"


def test_nested_splits_that_disagree_are_refused(tmp_path):
    tree(tmp_path, "train/happy/1.jpg", "train/sad/1.jpg", "train/sad/test/2.jpg")
    with pytest.raises(DataError, match=r"sad/test lies in a folder of the split train .* as test"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "tops",
    [
        ("FER2013", "FER2013 (1)"),
        ("subject01", "subject02", "subject03"),
        ("fold_1", "fold_2"),
        ("a/train", "b/train"),
        ("deep/a", "other"),
    ],
)
def test_two_trees_are_not_chosen_between(tmp_path, tops):
    for top in tops:
        tree(tmp_path, f"{top}/happy/1.jpg", f"{top}/sad/1.jpg")
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path)
    said = str(caught.value)
    assert f"{len(tops)} trees of class folders" in said and "(2 images)" in said
    assert all(top.removesuffix("/train") in said for top in tops)
    first = said.split("dataset.root=")[1].split(", ")[0]  # what it advises is readable
    assert len(read_folder(first)) == 2


def test_a_person_with_fewer_classes_is_no_reason_to_read_the_other_alone(tmp_path):
    tree(tmp_path, "anna/happy/1.jpg", "anna/sad/1.jpg", "ben/happy/1.jpg")
    with pytest.raises(DataError, match=r"2 trees .* anna \(2 images\), ben \(1 images\)"):
        read_folder(tmp_path)


def test_a_copy_inside_the_tree_is_counted(tmp_path):
    for top in ("", "images/"):
        tree(
            tmp_path, *(f"{top}{s}/{c}/1.jpg" for s in ("train", "test") for c in ("happy", "sad"))
        )
    index = read_folder(tmp_path)
    assert index.files == {"read": 4, "outside the class folders": 4}
    assert "4 images below" in index.warnings[0] and "images/t" in index.warnings[0]


def test_class_and_split_folders_side_by_side_are_refused(tmp_path):
    tree(tmp_path, "happy/1.jpg", "sad/1.jpg", "train/happy/1.jpg", "train/sad/1.jpg")
    with pytest.raises(DataError, match=r"class folders and split folders \(train\) side by side"):
        read_folder(tmp_path)


def test_two_folders_of_one_split_are_refused(tmp_path):
    tree(tmp_path, *(f"{s}/{c}/1.jpg" for s in ("train", "train_set") for c in ("happy", "sad")))
    with pytest.raises(DataError, match=r"2 folders .* are the split train: train .* train_set"):
        read_folder(tmp_path)


def test_numbers_before_names_and_classes_of_numbers(tmp_path):
    tree(tmp_path, "0_angry/1.jpg", "1-disgust/1.jpg", "02. Happiness/1.jpg")
    assert set(read_folder(tmp_path).frame["label"]) == {"angry", "disgust", "happy"}


def test_empty_and_nested_class_folders_are_said(tmp_path):
    tree(tmp_path, "happy/1.jpg", "sad/1.jpg", "happy/sad/2.jpg")
    (tmp_path / "fear").mkdir()
    index = read_folder(tmp_path)
    assert index.warnings == [
        "1 class folders hold no image: fear",
        "1 images lie in a class folder inside another, e.g. happy/sad/2.jpg; the outer one is "
        "taken as their class",
    ]


def test_a_very_deep_folder_is_no_trouble(tmp_path):
    deep = "/".join(["a"] * 600)
    index = read_folder(tree(tmp_path, f"happy/{deep}/1.jpg", "sad/1.jpg"))
    assert len(index) == 2


def test_what_is_held_out_is_not_trained_on(ferkit, tmp_path):
    make(tmp_path / "data", people=2)
    shutil.rmtree(tmp_path / "data" / "train")
    words = ("dataset=folder", "dataset.root=data")
    code, out, _ = ferkit("data", "check", *words)
    assert code == 0 and "28 samples" in out
    code, _, err = ferkit("train", *words, "run_dir=run")
    assert code == 3 and "there is no train folder" in err and "split=random" in err


@pytest.mark.parametrize("labels", [None, "own"])
def test_folders_of_no_known_emotion_are_classes_of_their_own(tmp_path, labels):
    for name in ("cat", "very happy, (posed)"):
        tree(tmp_path, f"{name}/1.png")
    index = read_folder(tmp_path, labels=labels)
    assert index.emotions == ("cat", "very happy, (posed)")
    assert any("labels=own" in warning for warning in index.warnings) == (labels is None)


def test_unknown_folders_are_all_named_with_a_map_to_paste(ferkit, tmp_path):
    for name in ("happy", "cat", "very sad, (posed)"):
        (tmp_path / "faces" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "faces" / name / "1.png"), np.full((48, 48), 9, np.uint8))
    words = ["data", "check", "dataset=folder", "dataset.root=faces"]
    code, _, err = ferkit(*words)
    assert code == 3 and "'cat', 'very sad, (posed)'" in err, err
    pasted = shlex.split(err[err.index("'dataset.labels.map") : err.index(", or take")])
    code, out, err = ferkit(*words, *pasted)
    assert code == 0, err
    assert "1 samples, 1 classes" in out
    assert ferkit(*words, "dataset.labels=own")[0] == 0
