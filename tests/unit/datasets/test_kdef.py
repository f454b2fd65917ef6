import shutil

import cv2
import pandas as pd
import pytest
from PIL import Image

from ferkit.datasets.fakes.kdef import make
from ferkit.datasets.kdef import ANGLES, read_kdef
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    """The original arrangement with six people: those with all the traps."""
    root = tmp_path_factory.mktemp("kdef")
    make(root, people=6)
    return root


def touch(root, *files):
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_all_angles_of_both_sessions(fake):
    index = read_kdef(fake, angles=ANGLES)
    assert index.emotions == SEVEN and len(index) == 6 * 70
    assert index.frame["label"].value_counts().to_dict() == dict.fromkeys(SEVEN, 60)
    assert index.dropped == {"averaged face of AKDEF": 14}
    assert any("14 AKDEF averaged images ignored" in note for note in index.notes)
    assert all((index.root / path).is_file() for path in index.frame["path"])


def test_the_subject_spans_both_sessions(fake):
    frame = read_kdef(fake).frame
    assert set(frame["subject"]) == {"F01", "F20", "F31", "M05", "M10", "M31"}
    assert frame.groupby("subject")["session"].nunique().eq(2).all()
    assert frame.groupby("subject")["path"].apply(lambda p: p.str[:4].nunique()).eq(2).all()
    assert set(zip(frame["subject"].str[0], frame["sex"], strict=True)) == {("F", "F"), ("M", "M")}


def test_profiles_are_left_out_by_default_and_counted(fake):
    index = read_kdef(fake)
    assert set(index.frame["angle"]) == {"HL", "S", "HR"} and len(index) == 6 * 42
    assert index.dropped["angle not asked for"] == 6 * 28
    frontal = read_kdef(fake, angles=["s"], sessions="A")
    assert len(frontal) == 42 and frontal.frame["key"].str.fullmatch(r"A[FM]\d\d..S").all()
    assert frontal.dropped["session not asked for"] == 42


def test_irregular_names_mean_what_they_are(fake):
    rows = read_kdef(fake, angles=ANGLES).frame.set_index("key")
    assert rows.loc["AF31SAHL", ["path", "label"]].tolist() == ["AF31/AF31V.JPG", "sad"]
    assert rows.loc["AM31SUHR", ["path", "label"]].tolist() == ["AM31/AM31H.JPG", "surprise"]
    assert rows.loc["BF01NES", "path"] == "BF01/bf01nes.jpg"
    assert rows.loc["AF01AFS", "label"] == "fear"  # af is afraid


def test_black_photographs_are_left_to_the_preparation_by_content(fake):
    index = read_kdef(fake, angles=ANGLES)
    assert index.dark_below == 10 and read_kdef(fake, drop_black=False).dark_below == 0
    paths = index.frame.set_index("key")["path"]
    dark = {key for key, path in paths.items() if cv2.imread(str(index.root / path)).mean() < 10}
    assert dark == {"AF01SUFR", "AF20DIHL"}


def test_files_that_lie_on_their_side_are_named(fake):
    notes = read_kdef(fake, angles=ANGLES).notes
    assert "AM05/AM05ANFR.JPG is 76x56, not upright" in notes
    assert "BM10/BM10ANFR.JPG is 76x56, not upright" in notes
    assert not any("upright" in note for note in read_kdef(fake).notes)


def test_the_index_is_the_same_from_every_nesting(fake, tmp_path):
    shutil.copytree(fake, tmp_path / "a" / "b")
    inner = fake / "KDEF_and_AKDEF"
    frames = [read_kdef(root).frame for root in (fake, inner, inner / "KDEF", tmp_path)]
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frames[0], frame)


def test_the_folder_of_one_person_is_accepted_and_told(fake):
    index = read_kdef(fake / "KDEF_and_AKDEF" / "KDEF" / "AF01", angles=ANGLES)
    assert len(index) == 35 and index.root.name == "KDEF"
    assert index.frame["path"].iloc[0] == "AF01/AF01AFFL.JPG"
    assert any("one person and session (AF01)" in note for note in index.notes)


@pytest.mark.parametrize("variant", ["flat", "classes"])
def test_any_arrangement_gives_the_same_rows(fake, tmp_path, variant):
    make(tmp_path, people=1, variant=variant)
    rearranged = read_kdef(tmp_path, angles=ANGLES).frame
    original = read_kdef(fake, angles=ANGLES).frame
    original = original[original["subject"] == "F01"].reset_index(drop=True)
    columns = ["key", "label", "subject", "session", "angle"]
    pd.testing.assert_frame_equal(original[columns], rearranged[columns])


def test_the_name_is_believed_over_the_folder(tmp_path):
    index = read_kdef(touch(tmp_path, "sad/AF01ANS.JPG", "angry/AF02ANS.JPG"))
    assert index.frame["label"].tolist() == ["angry", "angry"]
    assert any("1 images lie in another emotion's folder" in w for w in index.warnings)
    assert any("sad/AF01ANS.JPG" in warning for warning in index.warnings)


def test_a_second_copy_is_skipped_and_counted(tmp_path):
    index = read_kdef(touch(tmp_path, "KDEF/AF31/AF31SAHL.JPG", "KDEF/AF31/AF31V.JPG"))
    assert len(index) == 1 and index.dropped == {"second copy": 1}
    assert any("1 second copies" in warning for warning in index.warnings)


def test_names_lost_altogether_and_in_part(tmp_path):
    touch(tmp_path, "angry/0001.jpg", "sad/0002.jpg")
    with pytest.raises(DatasetLayoutError, match="cannot parse the KDEF code") as error:
        read_kdef(tmp_path)
    assert "subject split is impossible" in str(error.value) and "angry/0001.jpg" in str(
        error.value
    )
    index = read_kdef(touch(tmp_path, "angry/AF01ANS.JPG"))
    assert index.dropped == {"name is no KDEF code": 2}
    assert any("2 images without a KDEF code" in warning for warning in index.warnings)


def test_akdef_alone_is_the_wrong_half(fake):
    with pytest.raises(DatasetLayoutError, match="14 AKDEF averaged images"):
        read_kdef(fake / "KDEF_and_AKDEF" / "AKDEF")


def test_nothing_there(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nothing recognisable") as error:
        read_kdef(tmp_path)
    assert "kdef.se" in str(error.value) and "\n" not in str(error.value)
    touch(tmp_path, "KDEF_and_AKDEF.zip")
    with pytest.raises(DatasetNotFoundError, match="not unpacked"):
        read_kdef(tmp_path)


def test_only_other_angles_than_those_asked_for(tmp_path):
    with pytest.raises(DatasetLayoutError, match="none with the angles S"):
        read_kdef(touch(tmp_path, "AF01ANFL.JPG"), angles=["S"])


def test_a_git_lfs_pointer(tmp_path):
    (tmp_path / "AF01ANS.JPG").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match="git lfs pull"):
        read_kdef(tmp_path)


def test_counts_follow_what_is_asked_for_and_stop_only_when_strict(fake):
    assert any("252 images instead of the published 2940" in w for w in read_kdef(fake).warnings)
    with pytest.raises(DataError, match="42 images instead of the published 490"):
        read_kdef(fake, angles=["S"], sessions=["B"], strict=True)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"angles": ["SL"]}, "Unknown angle of kdef 'SL'"),
        ({"sessions": ["C"]}, "Unknown session of kdef 'C'"),
        ({"angles": []}, "no angle is asked for"),
    ],
)
def test_wrong_options_are_answered(fake, option, says):
    with pytest.raises(ConfigError, match=says):
        read_kdef(fake, **option)


def test_the_fake_in_its_genuine_size(fake, tmp_path):
    make(tmp_path, people=0, real_size=True)
    averaged = next((tmp_path / "KDEF_and_AKDEF" / "AKDEF").glob("*.JPG"))
    image = Image.open(averaged)
    assert (image.size, image.mode, image.format) == ((562, 762), "RGB", "JPEG")
    with pytest.raises(ConfigError, match="original"):
        make(tmp_path, variant="orginal")
