import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat

from ferkit.datasets.emotic import read_emotic
from ferkit.datasets.emotic.mapping import CATEGORIES, MAPPINGS, load_mapping
from ferkit.datasets.emotic.mat import persons
from ferkit.datasets.fakes.emotic import make
from ferkit.datasets.matlab import load_mat
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

SIX = ("angry", "disgust", "fear", "happy", "sad", "surprise")


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    root = tmp_path_factory.mktemp("emotic")
    for variant in ("mat", "pre"):
        make(root / variant, people=2, variant=variant)
    return root


@pytest.fixture(scope="module")
def index(fakes):
    return read_emotic(fakes / "mat")


@pytest.fixture
def copy(fakes, tmp_path):
    return Path(shutil.copytree(fakes / "mat", tmp_path / "emotic"))


def refused(error, root, *words, **options):
    with pytest.raises(error) as caught:
        read_emotic(root, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_a_single_category_is_a_word_and_not_its_letters(fakes):
    content = load_mat("emotic", fakes / "mat/Annotations/Annotations.mat")
    rows = persons(content)
    assert {c for row in rows for c in row["categories"]} <= set(CATEGORIES)
    assert {len(row["categories"]) for row in rows} == {0, 1, 2, 3}


def test_width_is_read_by_name(fakes):
    rows = persons(load_mat("emotic", fakes / "mat/Annotations/Annotations.mat"))
    assert {(row["width"], row["height"]) for row in rows} == {(64.0, 48.0)}


def test_the_strict_index(index):
    assert index.emotions == SIX
    counts = index.frame.groupby("split")["label"].value_counts().unstack(0)
    assert (counts >= 2).all().all() and list(counts.columns) == ["test", "train", "val"]
    assert index.dropped == {
        "photograph missing": 1,
        "no usable body box": 1,
        "no category at all": 1,
        "no mapped category": 9,
        "several emotions (ambiguous)": 1,
    }
    assert len(index) == 63 - sum(index.dropped.values())
    assert (index.frame["subject"] == "").all()
    assert any(
        "mapping, not the authors'" in note and "Aversion -> disgust" in note
        for note in index.notes
    )


def test_a_photograph_is_a_sequence_of_its_people(index):
    people = index.frame.groupby("sequence")["key"].count()
    assert people.max() == 2
    assert index.frame.groupby("sequence")["split"].nunique().max() == 1
    assert all((index.root / path).is_file() for path in index.frame["path"])
    assert {p.split("/")[0] for p in index.frame["path"]} == {
        *("mscoco", "framesdb", "emodb_small", "ade20k"),
    }


def test_boxes_are_cut_to_the_photograph(index):
    boxes = np.array(index.frame["box"].to_list())
    assert boxes[:, :2].min() == 0 and boxes[:, 2].max() <= 64 and boxes[:, 3].max() <= 48
    cut = index.frame.set_index("key").loc["train/ade20k/images/photo_009003.jpg#0"]
    assert cut["box"] == [0.0, 0.0, pytest.approx(38.4), 48.0]
    assert np.isnan(cut["valence"]) and cut["arousal"] == 5


def test_measures_sex_age_and_categories_are_carried_along(index):
    frame = index.frame
    assert set(frame["sex"]) == {"F", "M"} and set(frame["age"]) == {"adult", "teenager", "kid"}
    assert frame["valence"].dropna().between(1, 10).all()
    doubtful = frame[frame["category_Doubt_Confusion"]]
    assert doubtful["label"].tolist() == ["surprise"]
    assert frame.filter(like="category_").shape[1] == 26


def test_the_broad_mapping_adds_neutral(fakes):
    broad = read_emotic(fakes / "mat", mapping="broad")
    assert broad.emotions == (*SIX, "neutral")
    assert (broad.frame["label"] == "neutral").sum() > 0
    assert MAPPINGS["broad"].items() >= MAPPINGS["strict"].items()


def test_a_mapping_of_the_users_own(fakes, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("Peace: Neutral\nDisquitement: afraid\nHappiness: happy\n")
    index = read_emotic(fakes / "mat", mapping=str(own))
    assert index.emotions == ("fear", "happy", "neutral")
    assert set(index.frame["label"]) == {"happy", "neutral"}


def test_without_a_mapping_the_known_ones_are_named(fakes):
    refused(ConfigError, fakes / "mat", "strict", "broad", "yaml", "multi_hot", mapping=None)
    refused(ConfigError, fakes / "mat", "Did you mean 'strict'", mapping="strikt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Peece: neutral", "Did you mean 'Peace'"),
        ("Peace: calm", "Unknown emotion 'calm'"),
        ("[Peace]", "Category: emotion"),
        ("{", "not a yaml"),
        ("", "Category: emotion"),
    ],
)
def test_mistakes_in_a_mapping(tmp_path, text, words):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        load_mapping(str(tmp_path / "own.yaml"))
    assert "own.yaml" in str(caught.value)


def test_multi_hot_has_columns_and_no_labels(fakes):
    index = read_emotic(fakes / "mat", mapping="multi_hot")
    assert set(index.frame["label"]) == {""} and index.emotions == ()
    assert index.frame["category_Engagement"].sum() > 5
    assert any("nothing can be trained" in warning for warning in index.warnings)


def test_ambiguous_people_can_be_kept_unlabelled(fakes, index):
    kept = read_emotic(fakes / "mat", ambiguous="unlabelled")
    assert len(kept) == len(index) + 1 and (kept.frame["label"] == "").sum() == 1
    refused(ConfigError, fakes / "mat", "drop, unlabelled", ambiguous="kept")


def test_the_preprocessed_form(fakes, index):
    pre = read_emotic(fakes / "pre")
    assert pre.images.shape == (len(pre), 32, 32, 3) and pre.fingerprint
    same = index.frame.set_index("key")["label"]
    both = pre.frame.set_index("key")["label"].reindex(same.index)
    assert both.equals(same)  # the .mat has lost a missing and an outside person besides


def test_pixels_of_the_preprocessed_form_stay_with_their_row(fakes):
    pre = read_emotic(fakes / "pre")
    for split in ("train", "val", "test"):
        table = pd.read_csv(fakes / f"pre/emotic_pre/{split}.csv")
        crops = np.load(fakes / f"pre/emotic_pre/{split}_body_arr.npy")
        first = table.drop_duplicates("Filename")
        paths = first["Folder"] + "/" + first["Filename"]
        rows = dict(zip(paths, first.index, strict=True))
        for place, key in enumerate(pre.frame["key"]):
            if key.startswith(f"{split}/") and key.endswith("#0"):
                photo = key.split("/", 1)[1][:-2]
                assert (pre.images[place] == crops[rows[photo]]).all()


def test_preprocessed_csv_with_photographs_instead_of_arrays(fakes, copy, index):
    shutil.copytree(fakes / "pre/emotic_pre", copy / "emotic_pre")
    shutil.rmtree(copy / "Annotations")
    for path in (copy / "emotic_pre").glob("*.npy"):
        path.unlink()
    pre = read_emotic(copy)
    assert pre.images is None and pre.frame["key"].equals(index.frame["key"])


def test_no_code_in_a_cell_is_run(fakes, tmp_path):
    shutil.copytree(fakes / "pre", tmp_path / "pre")
    path = tmp_path / "pre/emotic_pre/val.csv"
    bad = path.read_text().replace("['Anger']", "__import__('os').listdir()", 1)
    path.write_text(bad)
    refused(DataError, tmp_path / "pre", "val.csv, data row 0", "Categorical_Labels", "not a list")


def test_csv_and_array_of_other_lengths(fakes, tmp_path):
    shutil.copytree(fakes / "pre", tmp_path / "pre")
    path = tmp_path / "pre/emotic_pre/val_body_arr.npy"
    np.save(path, np.load(path)[:-1])
    refused(DataError, tmp_path / "pre", "val_body_arr.npy", "val.csv has")
    path.unlink()
    refused(DatasetLayoutError, tmp_path / "pre", "val_body_arr.npy is missing")
    (tmp_path / "pre/emotic_pre/test.csv").unlink()
    refused(DatasetLayoutError, tmp_path / "pre", "test.csv is missing")


def test_deeper_roots_and_the_other_names_give_the_same_index(fakes, tmp_path, index):
    shutil.copytree(fakes / "mat", tmp_path / "a/b")
    (tmp_path / "cvpr").mkdir()
    shutil.copytree(fakes / "mat/emotic", tmp_path / "cvpr/cvpr_emotic")
    source = fakes / "mat/Annotations/Annotations.mat"
    shutil.copy(source, tmp_path / "cvpr/CVPR17_Annotations.mat")
    shutil.copytree(fakes / "mat/emotic", tmp_path / "low/emotic/emotic")
    (tmp_path / "low/Annotations").mkdir()
    shutil.copy(source, tmp_path / "low/Annotations/annotations.mat")
    for name in ("a", "cvpr", "low"):
        pd.testing.assert_frame_equal(read_emotic(tmp_path / name).frame, index.frame)


def test_images_elsewhere(copy, tmp_path, index):
    (copy / "emotic").rename(tmp_path / "elsewhere")
    refused(DatasetLayoutError, copy, "every photograph", "dataset.images_root=DIR")
    other = read_emotic(copy, images_root=str(tmp_path / "elsewhere"))
    pd.testing.assert_frame_equal(other.frame, index.frame)


def test_a_source_that_was_not_extracted(copy):
    shutil.rmtree(copy / "emotic/ade20k")
    refused(DatasetLayoutError, copy, "all under ade20k/images", "not extracted", "missing=drop")
    index = read_emotic(copy, missing="drop")
    assert index.dropped["photograph missing"] > 5
    assert not index.frame["path"].str.startswith("ade20k").any()


def test_missing_annotations(copy, tmp_path):
    (copy / "Annotations/Annotations.mat").unlink()
    refused(DatasetLayoutError, copy, "Annotations.mat is missing", "separate download")
    (tmp_path / "coco/val2014").mkdir(parents=True)
    refused(DatasetNotFoundError, tmp_path / "coco", "COCO itself")
    (tmp_path / "empty").mkdir()
    refused(DatasetNotFoundError, tmp_path / "empty", "nothing recognisable", "rkosti/emotic")


def test_damaged_mat_files(copy):
    path = copy / "Annotations/Annotations.mat"
    whole = path.read_bytes()
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n")
    refused(DataError, copy, "MATLAB v7.3", "-v7")
    path.write_bytes(whole[: len(whole) // 2])
    refused(DataError, copy, "cannot be read as a MATLAB file")
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    refused(DataError, copy, "Git-LFS pointer")


def test_a_mat_without_its_test_part(copy):
    from scipy.io import savemat

    path = copy / "Annotations/Annotations.mat"
    content = loadmat(path)
    savemat(path, {name: content[name] for name in ("train", "val")}, do_compression=True)
    refused(DatasetLayoutError, copy, "variable test is missing")


def test_strict_stops_at_other_counts(fakes, index):
    assert any("34320" in warning for warning in index.warnings)
    refused(DataError, fakes / "mat", "train", "23706", strict=True)


@pytest.mark.parametrize("compressed", [True, False])
def test_damaged_annotations_are_a_sentence_and_no_crash(tmp_path, compressed):
    from scipy.io import savemat

    from ferkit.datasets.matlab import load_mat

    cells = np.array([["a", np.arange(9.0), np.array(["b"], dtype=object)]], dtype=object)
    savemat(tmp_path / "a.mat", {"train": cells, "n": 3}, do_compression=compressed)
    assert load_mat("x", tmp_path / "a.mat")["n"] == 3
    whole = (tmp_path / "a.mat").read_bytes()
    rng = np.random.default_rng(0)
    for trial in range(40 if compressed else 2):
        spoiled = np.frombuffer(whole, np.uint8).copy()
        spoiled[rng.integers(136, len(whole), 5)] = rng.integers(0, 256, 5)
        data = spoiled.tobytes() if trial else whole[: len(whole) // 2]
        (tmp_path / "a.mat").write_bytes(data)
        try:
            load_mat("x", tmp_path / "a.mat")
        except DataError as error:
            assert "cannot be read as a MATLAB file" in str(error)
