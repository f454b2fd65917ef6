import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferkit.datasets.fakes.fer2013 import make
from ferkit.datasets.fer2013 import read_fer2013
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

SEVEN = EMOTIONS[:7]
REAL = Path(__file__).parents[3] / "data" / "raw" / "fer2013"
ROW = " ".join(["7"] * 2304)
PEOPLE = 2


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    out = tmp_path_factory.mktemp("fer2013")
    for variant in ("folder", "csv", "icml", "train_csv"):
        make(out / variant, people=PEOPLE, variant=variant)
    return out


def counts(index):
    return index.frame["split"].value_counts().to_dict()


def write_csv(folder, *rows, name="fer2013.csv", header="emotion,pixels,Usage"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([header, *rows]) + "\n")
    return folder


def tree(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"\xff\xd8")
    return root


def seven(root, pattern):
    return tree(root, *(pattern.format(c=emotion) for emotion in SEVEN))


@pytest.mark.parametrize("variant", ["folder", "csv", "icml"])
def test_every_whole_form_gives_the_official_splits(fakes, variant):
    index = read_fer2013(fakes / variant)
    assert counts(index) == {"train": 7 * PEOPLE + 1, "val": 14, "test": 15}
    assert index.emotions == SEVEN
    per_split = index.frame.groupby("split")["label"].nunique()
    assert (per_split == 7).all()
    assert (index.frame["subject"] == "").all()


def test_the_forms_agree_on_what_each_class_and_part_holds(fakes):
    columns = ["usage", "label"]
    folder, csv, icml = (read_fer2013(fakes / v).frame for v in ("folder", "csv", "icml"))
    expected = folder.value_counts(columns)
    assert csv.value_counts(columns).sort_index().equals(expected.sort_index())
    assert icml.value_counts(columns).sort_index().equals(expected.sort_index())


def test_csv_pixels_follow_their_rows(fakes):
    index = read_fer2013(fakes / "csv")
    assert index.variant == "fer2013.csv"
    assert index.images.shape == (len(index), 48, 48)
    assert index.images.dtype == np.uint8
    assert index.frame["key"].tolist() == [f"csv/{row:08d}" for row in range(len(index))]
    lines = (fakes / "csv" / "fer2013.csv").read_text().splitlines()[1:]
    for row in (0, 5, len(lines) - 1):
        code, pixels, usage = lines[row].split(",")
        assert index.images[row].ravel().tolist() == [int(p) for p in pixels.split()]
        assert index.frame["label"][row] == SEVEN[int(code)]
        assert index.frame["usage"][row] == usage
    assert (index.images[0] == 0).all()


def test_the_fingerprint_is_of_the_bytes(fakes, tmp_path):
    shutil.copytree(fakes / "csv", tmp_path / "copy")
    first = read_fer2013(fakes / "csv").fingerprint
    assert first == read_fer2013(tmp_path / "copy").fingerprint != ""
    assert first != read_fer2013(fakes / "icml").fingerprint


def test_icml_has_the_same_faces_and_a_note(fakes):
    icml, plain = read_fer2013(fakes / "icml"), read_fer2013(fakes / "csv")
    assert (icml.images == plain.images).all()
    assert icml.frame.equals(plain.frame)
    assert icml.variant == "icml_face_data.csv"
    assert icml.notes == ["icml_face_data.csv variant"]


def test_train_csv_has_no_official_split_and_says_so(fakes):
    index = read_fer2013(fakes / "train_csv")
    assert counts(index) == {"": 7 * PEOPLE + 1}
    assert "no official val or test" in index.notes[0]


def test_traps_of_the_folder_release(fakes):
    index = read_fer2013(fakes / "folder")
    assert index.dropped == {"junk file": 1, "augmented copy": 1}
    assert any("augmented copies found (1" in warning for warning in index.warnings)
    names = index.frame["path"].str.rsplit("/").str[-1]
    assert names.duplicated().any(), "the fake shares a number between two classes"
    assert index.frame["key"].is_unique
    assert not names.str.contains("jpg0").any()


def test_the_fake_holds_a_black_image_and_a_leak(fakes):
    index = read_fer2013(fakes / "folder")
    pixels = [cv2.imread(str(index.root / p), 0) for p in index.frame["path"]]
    assert sum(image.max() == image.min() for image in pixels) == 1
    train = {p.tobytes() for p, s in zip(pixels, index.frame["split"], strict=True) if s == "train"}
    test = [p.tobytes() for p, s in zip(pixels, index.frame["split"], strict=True) if s == "test"]
    assert sum(image in train for image in test) == 1


@pytest.mark.parametrize("nesting", ["archive", "fer2013/fer2013", "a/b/c"])
def test_the_index_does_not_depend_on_the_nesting(fakes, tmp_path, nesting):
    shutil.copytree(fakes / "folder", tmp_path / nesting)
    nested, plain = read_fer2013(tmp_path), read_fer2013(fakes / "folder")
    assert nested.frame.equals(plain.frame)
    assert nested.root == tmp_path / nesting


def test_the_train_folder_itself_keeps_its_keys(fakes):
    whole = read_fer2013(fakes / "folder").frame
    index = read_fer2013(fakes / "folder" / "train")
    assert set(index.frame["key"]) == set(whole.loc[whole["split"] == "train", "key"])
    assert (index.root / index.frame["path"][0]).is_file()
    assert any(warning.startswith("only ") for warning in index.warnings)


def test_holdout_makes_all_of_the_test_folder_test(fakes):
    assert counts(read_fer2013(fakes / "folder", val="holdout")) == {"train": 15, "test": 29}
    assert counts(read_fer2013(fakes / "csv", val="holdout")) == {"train": 15, "test": 29}


def test_validation_folders_are_an_unofficial_val(tmp_path):
    seven(tmp_path / "images", "train/{c}/1.jpg")
    seven(tmp_path / "images", "validation/{c}/2.jpg")
    index = read_fer2013(tmp_path)
    assert counts(index) == {"train": 7, "val": 7}
    assert index.frame["key"][0] == "train/angry/1.jpg"
    assert any("no official split" in note for note in index.notes)


def test_plain_names_keep_their_folders_split(tmp_path):
    seven(tmp_path, "train/{c}/1.jpg")
    seven(tmp_path, "test/{c}/2.jpg")
    assert counts(read_fer2013(tmp_path)) == {"train": 7, "test": 7}


def test_flat_class_folders_have_no_split_and_a_note(tmp_path):
    index = read_fer2013(seven(tmp_path, "{c}/1.jpg"))
    assert counts(index) == {"": 7}
    assert any("without an official split" in note for note in index.notes)


def test_aliases_and_capitals_are_accepted_and_order_comes_not_from_names(tmp_path):
    names = ["Anger", "Disgusted", "FEAR", "happiness", "sadness", "surprised", "Neutral"]
    index = read_fer2013(tree(tmp_path, *(f"{name}/1.jpg" for name in names)))
    labels = dict(zip(index.frame["path"], index.frame["label"], strict=True))
    assert labels == {f"{n}/1.jpg": e for n, e in zip(names, SEVEN, strict=True)}
    assert index.emotions == SEVEN


def test_numeric_folders_need_an_order(tmp_path):
    tree(tmp_path, *(f"{code}/1.jpg" for code in range(7)))
    with pytest.raises(DataError, match=r"'0' .* never guessed.*label_order"):
        read_fer2013(tmp_path)
    index = read_fer2013(tmp_path, label_order=["neutral", *SEVEN[:6]])
    assert index.frame["label"].tolist() == ["neutral", *SEVEN[:6]]
    with pytest.raises(ConfigError, match="2 names for 7"):
        read_fer2013(tmp_path, label_order=["sad", "happy"])
    with pytest.raises(ConfigError, match="Did you mean 'happy'"):
        read_fer2013(tmp_path, label_order=["hapy", *SEVEN[:6]])


def test_a_foreign_class_folder_is_named(tmp_path):
    seven(tmp_path, "{c}/1.jpg")
    with pytest.raises(DataError, match=r"'contemptt'.*none of the seven"):
        read_fer2013(tree(tmp_path, "contemptt/1.jpg"))


def test_a_name_that_contradicts_its_folder_is_followed_and_warned_of(tmp_path):
    seven(tmp_path, "train/{c}/Training_1.jpg")
    seven(tmp_path, "test/{c}/Training_2.jpg")
    index = read_fer2013(seven(tmp_path, "test/{c}/PublicTest_3.jpg"))
    assert counts(index) == {"train": 14, "val": 7}
    assert any("7 files lie in another split's folder" in w for w in index.warnings)


@pytest.mark.parametrize(("have", "lacks"), [("train", "test/"), ("test", "train/")])
def test_a_missing_half_is_a_layout_error(tmp_path, have, lacks):
    with pytest.raises(DatasetLayoutError, match=f"{lacks}.*missing. Fix"):
        read_fer2013(seven(tmp_path, have + "/{c}/1.jpg"))


def test_counts_stop_only_when_strict(fakes):
    index = read_fer2013(fakes / "csv")
    assert any("15 Training images instead of the published 28709" in w for w in index.warnings)
    with pytest.raises(DataError, match="disgust 2 \\(expected 436\\)"):
        read_fer2013(fakes / "csv", strict=True)


def test_auto_prefers_the_whole_csv(fakes, tmp_path):
    for variant in ("folder", "train_csv", "icml"):
        shutil.copytree(fakes / variant, tmp_path, dirs_exist_ok=True)
    assert read_fer2013(tmp_path).variant == "icml_face_data.csv"
    assert read_fer2013(tmp_path, variant="folder").variant.startswith("image folders")
    assert read_fer2013(tmp_path, variant="train_csv").variant == "train.csv"
    with pytest.raises(DatasetNotFoundError, match=r"fer2013\.csv"):
        read_fer2013(tmp_path, variant="csv")


def test_the_csv_itself_may_be_the_root(fakes, tmp_path):
    shutil.copy(fakes / "csv" / "fer2013.csv", tmp_path / "renamed (1).csv")
    assert len(read_fer2013(tmp_path / "renamed (1).csv")) == 44


def test_unknown_options_are_answered_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'folder'"):
        read_fer2013(tmp_path, variant="folders")
    with pytest.raises(ConfigError, match="public"):
        read_fer2013(tmp_path, val="publc")


def test_nothing_there(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="does not exist"):
        read_fer2013(tmp_path / "nowhere")
    with pytest.raises(DatasetNotFoundError, match="Directory holds: nothing"):
        read_fer2013(tmp_path)
    (tmp_path / "fer2013.tar.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(DatasetNotFoundError, match=r"fer2013\.tar\.gz, not unpacked; extract"):
        read_fer2013(tmp_path)


def test_test_csv_alone_is_refused(tmp_path):
    write_csv(tmp_path, ROW, name="test.csv", header="pixels")
    with pytest.raises(DatasetLayoutError, match="no `emotion` column"):
        read_fer2013(tmp_path)
    (tmp_path / "test.csv").rename(tmp_path / "fer2013.csv")
    with pytest.raises(DatasetLayoutError, match="no `emotion` column"):
        read_fer2013(tmp_path)


def test_pointers_are_refused_in_both_forms(tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 301072766\n"
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "fer2013.csv").write_text(pointer)
    seven(tmp_path / "folders", "{c}/1.jpg")
    (tmp_path / "folders" / "sad" / "1.jpg").write_text(pointer)
    for form in ("csv", "folders"):
        with pytest.raises(DataError, match="Git-LFS pointer"):
            read_fer2013(tmp_path / form)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"3,{ROW[2:]},Training", "has 2,303 pixels, expected 2,304; was the file saved again"),
        (f"3,{ROW[1:]},Training", "has 2,303 pixels"),
        (f"3,256{ROW[1:]},Training", "pixel value '256'"),
        (f"3,4294967301{ROW[1:]},Training", "pixel value '4294967301'"),
        (f"3,-1{ROW[1:]},Training", "pixel value '-1'"),
        (f"3,x{ROW[1:]},Training", "pixel value 'x'"),
        (f"3,7.5{ROW[1:]},Training", "pixel value '7.5'"),
        ("3,,Training", "has 0 pixels"),
        (f"7,{ROW},Training", "emotion '7', expected a code 0..6"),
        (f"happy,{ROW},Training", "emotion 'happy'"),
        (f"3,{ROW},Trainin", "Did you mean 'Training'"),
        (f"3,{ROW}", "has 2 fields, expected 3"),
        (f"3,{ROW},Training,1", "has 4 fields, expected 3"),
    ],
)
def test_a_broken_row_is_named_with_its_file(tmp_path, row, says):
    write_csv(tmp_path, f"0,{ROW},Training", row, f"1,{ROW},PublicTest")
    with pytest.raises(DataError) as caught:
        read_fer2013(tmp_path)
    assert f"{tmp_path / 'fer2013.csv'}: row 1 (line 3)" in str(caught.value)
    assert says in str(caught.value)


def test_a_truncated_csv_is_named_by_its_last_row(fakes, tmp_path):
    text = (fakes / "csv" / "fer2013.csv").read_text()
    (tmp_path / "fer2013.csv").write_text(text[: len(text) - 2000])
    with pytest.raises(DataError, match=r"row 43 \(line 45\)"):
        read_fer2013(tmp_path)


def test_harmless_oddities_of_a_csv_are_read_silently(tmp_path):
    quoted = '0,"' + ROW.replace(" ", "  ", 1) + '", Training'
    write_csv(
        tmp_path, quoted, "", f"1,{ROW}\u00a0,PrivateTest", header="\ufeffemotion,pixels,Usage"
    )
    index = read_fer2013(tmp_path)
    assert index.frame["label"].tolist() == ["angry", "disgust"]
    assert (index.images == 7).all()
    semicolons = write_csv(tmp_path / "s", f"0;{ROW};Training", header="emotion;pixels;Usage")
    assert len(read_fer2013(semicolons)) == 1


@pytest.mark.parametrize(
    ("header", "says"), [("sep=;", "no `pixels` column"), ("emotion,pixels,Usage", "no rows")]
)
def test_a_csv_without_data_is_refused(tmp_path, header, says):
    with pytest.raises(DataError, match=says):
        read_fer2013(write_csv(tmp_path, header=header))


def test_the_fake_is_the_same_for_a_seed(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        make(tmp_path / name, people=1, seed=seed, variant="csv")
    first, second, third = ((tmp_path / n / "fer2013.csv").read_bytes() for n in "abc")
    assert first == second != third
    with pytest.raises(ConfigError, match="Did you mean 'csv'"):
        make(tmp_path, variant="cvs")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real FER-2013 is not here")
def test_the_real_folders_have_the_published_counts():
    index = read_fer2013(REAL, strict=True)
    assert counts(index) == {"train": 28709, "val": 3589, "test": 3589}
    assert index.warnings == []
    assert index.dropped == {}
