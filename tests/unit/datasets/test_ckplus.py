import shutil

import numpy as np
import pandas as pd
import pytest

from ferkit.datasets.ckplus import read_ckplus
from ferkit.datasets.fakes.ckplus import make
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "contempt")


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    """A folder with the three variants, each of four people."""
    root = tmp_path_factory.mktemp("ckplus")
    for variant in ("original", "ck48", "csv"):
        make(root / variant, people=4, variant=variant)
    return root


def tree(root, *files, **texts):
    for name in (*files, *texts):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(texts.get(name, ""))
    return root


def sequence(root, *frames, name="S005_001", code=3, named=None):
    """One sequence of empty image files; `code` None leaves it without a label."""
    folder = name.replace("_", "/")
    tree(root, *(f"cohn-kanade-images/{folder}/{name}_{frame:08d}.png" for frame in frames))
    if code is not None:
        peak = named or max(frames)
        label = f"Emotion/{folder}/{name}_{peak:08d}_emotion.txt"
        tree(root, **{label: f"   {code:.7e}\n"})
    return root


def one_line(error):
    return "\n" not in str(error.value)


def test_the_original_by_default_gives_three_frames_of_each_labelled_sequence(fakes):
    index = read_ckplus(fakes / "original")
    assert index.variant == "original" and index.emotions == SEVEN
    assert index.frame["label"].value_counts().to_dict() == dict.fromkeys(SEVEN, 12)
    assert set(index.frame["subject"]) == {"S005", "S010", "S011", "S999"}
    assert index.frame["sequence"].nunique() == 28
    assert index.dropped == {"sequence without an emotion label": 3}
    assert any("327" in warning for warning in index.warnings)


def test_codes_of_the_label_files_are_ck_pluss_own(fakes):
    labels = read_ckplus(fakes / "original", frames="peak").frame.set_index("sequence")["label"]
    assert labels["S005_001"] == "disgust"  # written as 3
    assert labels["S010_002"] == "surprise"  # 7
    assert labels["S999_003"] == "contempt"  # 2


def test_frames_are_the_last_on_disk_whatever_the_gaps(fakes):
    frame = read_ckplus(fakes / "original").frame
    gap = frame[frame["sequence"] == "S005_002"]
    assert gap["frame"].tolist() == [7, 8, 9]
    everything = read_ckplus(fakes / "original", frames="all").frame
    gap = everything[everything["sequence"] == "S005_002"]
    assert gap["frame"].tolist() == [1, 4, 5, 6, 7, 8, 9]
    late = everything[everything["sequence"] == "S005_005"]
    assert late["frame"].min() == 4


def test_every_row_is_a_file_below_the_chosen_root(fakes):
    for variant in ("original", "ck48"):
        index = read_ckplus(fakes / variant, frames="all")
        assert index.frame["path"].str.fullmatch(r"[\w/]+_\d{8}\.png").all()
        assert all((index.root / path).is_file() for path in index.frame["path"])
        assert set(index.dropped) <= {"sequence without an emotion label"}  # no litter among it


def test_onset_apex_second_half_ends_at_the_last_frame(fakes):
    frame = read_ckplus(fakes / "original", frames="onset_apex_second_half").frame
    assert frame[frame["sequence"] == "S005_002"]["frame"].tolist() == [6, 7, 8, 9]
    assert frame[frame["sequence"] == "S005_001"]["frame"].tolist() == [4, 5, 6]


@pytest.mark.parametrize(("neutral", "starts"), [("labelled", 28), ("all", 31)])
def test_neutral_from_first_frames(fakes, neutral, starts):
    index = read_ckplus(fakes / "original", neutral=neutral, frames="all")
    first = index.frame[index.frame["label"] == "neutral"]
    assert len(first) == starts
    assert index.emotions == (*SEVEN[:6], "neutral", "contempt")
    assert first[first["sequence"] == "S005_005"]["frame"].tolist() == [4]
    assert index.frame["key"].is_unique


def test_a_sequence_of_one_frame_has_no_neutral_start(tmp_path):
    index = read_ckplus(sequence(tmp_path, 9), neutral="all")
    assert index.frame["label"].tolist() == ["disgust"]
    assert index.dropped == {"neutral start of a sequence of one frame": 1}


def test_contempt_is_kept_dropped_or_renamed(fakes):
    root = fakes / "original"
    dropped = read_ckplus(root, contempt="drop", neutral="labelled")
    assert "contempt" not in dropped.emotions and dropped.dropped["contempt"] == 12
    assert "task ck7n: 7 classes" in dropped.notes
    renamed = read_ckplus(root, contempt="as:disgusted")
    assert renamed.frame["label"].value_counts()["disgust"] == 24
    assert "task ck6: 6 classes" in renamed.notes
    assert "12 faces of contempt are counted as disgust" in renamed.notes
    assert "task ck7c: 7 classes" in read_ckplus(root).notes


def test_ck48_has_three_sibling_frames_a_sequence(fakes):
    index = read_ckplus(fakes / "ck48")
    assert index.variant == "CK+48" and len(index) == 84 and index.emotions == SEVEN
    assert (
        index.frame.groupby("sequence")["frame"].agg(["size", np.ptp]).eq([3, 2]).to_numpy().all()
    )
    assert set(index.frame["subject"]) == {"S005", "S010", "S011", "S999"}
    assert len(read_ckplus(fakes / "ck48", frames="peak")) == 28
    assert read_ckplus(fakes / "ck48", contempt="drop").dropped == {"contempt": 12}


def test_original_and_copy_agree_on_sequences_and_labels(fakes):
    def labels(variant):
        frame = read_ckplus(fakes / variant, frames="peak").frame
        return frame.set_index("sequence")["label"].sort_index()

    pd.testing.assert_series_equal(labels("original"), labels("ck48"))


def test_ckextended_uses_fer2013s_codes_and_its_own_split(fakes):
    index = read_ckplus(fakes / "csv")
    counts = index.frame["label"].value_counts()
    assert counts["neutral"] == 29 and counts["contempt"] == 4 and counts["surprise"] == 4
    assert index.images.shape == (57, 48, 48) and index.images.dtype == np.uint8
    assert set(index.frame["split"]) == {"train", "val", "test"}
    assert set(index.frame["subject"]) == {""}
    assert any("no subject ids" in warning for warning in index.warnings)
    assert index.fingerprint
    lines = (index.root / "ckextended.csv").read_text().splitlines()
    assert index.images[5].ravel().tolist() == list(map(int, lines[6].split(",")[1].split()))


def test_dropping_contempt_from_the_table_keeps_images_aligned(fakes):
    whole = read_ckplus(fakes / "csv")
    part = read_ckplus(fakes / "csv", contempt="drop")
    kept = whole.frame["label"] != "contempt"
    assert part.frame["key"].tolist() == whole.frame["key"][kept].tolist()
    assert np.array_equal(part.images, whole.images[kept.to_numpy()])


@pytest.mark.parametrize(
    ("variant", "inner"),
    [("original", "cohn-kanade-images"), ("ck48", "CK+48"), ("csv", ".")],
)
def test_the_index_is_the_same_from_every_nesting(fakes, tmp_path, variant, inner):
    deep = tmp_path / "download" / "unpacked"
    shutil.copytree(fakes / variant, deep)
    roots = [fakes / variant, fakes / variant / inner, tmp_path]
    frames = [read_ckplus(root).frame for root in roots]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    pd.testing.assert_frame_equal(frames[0], frames[2])


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("source_images", "source_emotion"),
        ("images", "labels"),
        ("CKPlus_Images", "CKPlus_Labels"),
        ("extended-cohn-kanade-images/cohn-kanade-images", "Emotion_labels/Emotion"),
    ],
)
def test_trees_are_found_by_what_they_hold(fakes, tmp_path, images, labels):
    shutil.copytree(fakes / "original" / "cohn-kanade-images", tmp_path / images)
    shutil.copytree(fakes / "original" / "Emotion", tmp_path / labels)
    shutil.copytree(fakes / "original" / "FACS", tmp_path / "FACS")
    index = read_ckplus(tmp_path)
    pd.testing.assert_frame_equal(index.frame, read_ckplus(fakes / "original").frame)
    names = images.split("/")[-1], labels.split("/")[-1]
    assert "frames from {}, labels from {}".format(*names) in index.notes
    pd.testing.assert_frame_equal(index.frame, read_ckplus(tmp_path / images).frame)


def test_counts_stop_the_load_only_when_strict(fakes):
    for variant in ("original", "ck48"):
        with pytest.raises(DataError, match="labelled sequences instead of the published 327"):
            read_ckplus(fakes / variant, strict=True)
    assert len(read_ckplus(fakes / "csv", strict=True)) == 57  # its counts are hearsay


def test_images_without_emotion_folder(tmp_path):
    sequence(tmp_path, 1, 2, code=None)
    with pytest.raises(DatasetLayoutError, match=r"cohn-kanade-images.*`Emotion/`") as error:
        read_ckplus(tmp_path)
    assert "unpack Emotion_labels.zip" in str(error.value) and one_line(error)
    tree(tmp_path, "Emotion_labels.zip")
    with pytest.raises(DatasetLayoutError, match=str(tmp_path / "Emotion_labels.zip")):
        read_ckplus(tmp_path)


def test_labels_without_any_image(tmp_path):
    shutil.rmtree(sequence(tmp_path, 1, 2) / "cohn-kanade-images")
    with pytest.raises(DatasetLayoutError, match=r"extended-cohn-kanade-images\.zip"):
        read_ckplus(tmp_path)


def test_a_label_without_images_is_skipped_and_counted(tmp_path):
    sequence(tmp_path, 1, 2)
    sequence(tmp_path, 3, name="S010_004")
    (tmp_path / "cohn-kanade-images/S010/004/S010_004_00000003.png").unlink()
    index = read_ckplus(tmp_path)
    assert index.dropped == {"label without images": 1}
    assert any("sequence S010_004: label without images (1 such)" in w for w in index.warnings)


def test_a_label_that_names_another_frame_than_the_last(tmp_path):
    index = read_ckplus(sequence(tmp_path, 1, 2, 3, named=5), frames="peak")
    assert index.frame["frame"].tolist() == [3]
    assert any("S005_001: 5 against 3" in warning for warning in index.warnings)


@pytest.mark.parametrize("text", ["", "8.0", "anger", "nan", "-1"])
def test_a_label_file_without_a_code(tmp_path, text):
    sequence(tmp_path, 1)
    (tmp_path / "Emotion/S005/001/S005_001_00000001_emotion.txt").write_text(text)
    with pytest.raises(DataError, match="not one of the codes 0 to 7"):
        read_ckplus(tmp_path)


def test_a_label_file_that_is_a_git_lfs_pointer(tmp_path):
    label = "Emotion/S005/001/S005_001_00000001_emotion.txt"
    tree(sequence(tmp_path, 1), **{label: "version https://git-lfs.github.com/spec/v1\n"})
    with pytest.raises(DataError, match="git lfs pull"):
        read_ckplus(tmp_path)


def test_numbered_class_folders_are_not_guessed(tmp_path):
    tree(tmp_path, *(f"ck/{code}/S005_001_0000000{code + 1}.png" for code in range(8)))
    with pytest.raises(DatasetLayoutError, match="0 is neutral in CK") as error:
        read_ckplus(tmp_path)
    assert "rename them to anger" in str(error.value)


def test_class_folders_whose_images_lost_their_names(tmp_path):
    tree(tmp_path, "CK+48/anger/1.png", "CK+48/contempt/2.png")
    with pytest.raises(DatasetLayoutError, match="lost their names"):
        read_ckplus(tmp_path)


def test_a_neutral_folder_in_ck48_is_accepted_and_flagged(tmp_path):
    tree(tmp_path, "CK48/anger/S010_004_00000017.png", "CK48/neutral/S010_004_00000001.png")
    index = read_ckplus(tmp_path)
    assert index.frame["label"].tolist() == ["angry", "neutral"]
    assert any("non-standard CK+48 (has neutral)" in warning for warning in index.warnings)


def test_foreign_images_are_skipped_and_counted(tmp_path):
    tree(sequence(tmp_path / "a", 1, 2), "cohn-kanade-images/S005/001/cover.png")
    tree(tmp_path / "b", "anger/S010_004_00000017.png", "anger/copy.png")
    for name, example in (("a", "S005/001/cover.png"), ("b", "anger/copy.png")):
        index = read_ckplus(tmp_path / name)
        assert index.dropped == {"name is no CK+ frame": 1}
        assert any(example in warning for warning in index.warnings)


def test_nothing_and_an_archive_and_no_folder(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nothing recognisable") as error:
        read_ckplus(tmp_path)
    assert "jeffcohn.net" in str(error.value) and one_line(error)
    with pytest.raises(DatasetNotFoundError, match="does not exist"):
        read_ckplus(tmp_path / "none")
    tree(tmp_path, "extended-cohn-kanade-images.zip")
    with pytest.raises(DatasetNotFoundError, match="not unpacked"):
        read_ckplus(tmp_path)


def test_a_variant_that_is_not_there_is_not_replaced(fakes):
    with pytest.raises(DatasetNotFoundError):
        read_ckplus(fakes / "original", variant="csv")
    assert read_ckplus(fakes, variant="ck48").variant == "CK+48"
    assert read_ckplus(fakes).variant == "original"


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"variant": "ck-48"}, "Did you mean 'ck48'"),
        ({"frames": "last"}, "Did you mean 'last_k'"),
        ({"neutral": "first"}, "Known: all, labelled"),
        ({"contempt": "as:boredom"}, "as:<emotion>"),
        ({"contempt": "remove"}, "keep, drop"),
    ],
)
def test_wrong_options_are_answered(fakes, option, says):
    with pytest.raises(ConfigError, match=says):
        read_ckplus(fakes / "original", **option)


def test_neutral_frames_that_a_copy_cannot_give(fakes):
    with pytest.raises(ConfigError, match=r"CK\+48.*holds only the last three"):
        read_ckplus(fakes / "ck48", neutral="all")
    with pytest.raises(ConfigError, match="has no ids"):
        read_ckplus(fakes / "csv", neutral="labelled")


def test_policies_that_label_the_neutral_start_warn(fakes):
    assert any("neutral start" in w for w in read_ckplus(fakes / "original", frames="all").warnings)
    assert not any("neutral start" in w for w in read_ckplus(fakes / "original").warnings)


def table(tmp_path, *codes, pixels="7 " * 2303 + "7", head="emotion,pixels,Usage"):
    lines = [head, *(f"{code},{pixels},Training" for code in codes)]
    (tmp_path / "ckextended.csv").write_text("\n".join(lines))
    return tmp_path


def test_ck_pluss_own_codes_in_the_table_are_refused(tmp_path):
    with pytest.raises(DatasetLayoutError, match=r"most frequent code of .* is 0"):
        read_ckplus(table(tmp_path, 0, 0, 0, 3, 7))


def test_a_table_without_its_neutral_rows_is_read_with_a_warning(tmp_path):
    index = read_ckplus(table(tmp_path, 5, 5, 3))
    assert index.frame["label"].tolist() == ["surprise", "surprise", "happy"]
    assert any("cannot be confirmed" in warning for warning in index.warnings)


def test_broken_rows_of_the_table(tmp_path):
    with pytest.raises(DataError, match=r"row 2 of .* pixels of 0 to 255"):
        read_ckplus(table(tmp_path, 6, pixels="1 2 3"))
    with pytest.raises(DataError, match=r"row 3 of .* emotion '9'"):
        read_ckplus(table(tmp_path, 6, 9))


def test_the_fake_is_drawn_in_the_genuine_modes(fakes, tmp_path):
    from PIL import Image

    images = fakes / "original" / "cohn-kanade-images"
    grey = Image.open(images / "S005/001/S005_001_00000001.png")
    colour = Image.open(images / "S010/002/S010_002_00000001.png")
    assert (grey.mode, grey.size, colour.mode, colour.size) == ("L", (64, 49), "RGB", (64, 48))
    make(tmp_path, people=0, real_size=True)  # leaves the two sequences without a label
    real = next((tmp_path / "cohn-kanade-images/S103/001").glob("*.png"))
    assert Image.open(real).size == (640, 490)
    with pytest.raises(ConfigError, match="ck48"):
        make(tmp_path, variant="ck-48")


def test_the_fake_moves_from_neutral_to_the_peak_and_repeats_itself(fakes, tmp_path):
    from PIL import Image

    make(tmp_path, people=4)
    folder = "cohn-kanade-images/S005/003"
    files = sorted(path.name for path in (tmp_path / folder).glob("S*.png"))
    frames = [np.asarray(Image.open(tmp_path / folder / name), float) for name in files]
    distance = [np.abs(frame - frames[0]).mean() for frame in frames]
    assert distance[-1] > 1.3 * distance[1]
    again = [np.asarray(Image.open(fakes / "original" / folder / name)) for name in files]
    assert all(np.array_equal(a, b) for a, b in zip(again, frames, strict=True))
