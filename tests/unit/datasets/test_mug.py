import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from ferkit.datasets.fakes.mug import make
from ferkit.datasets.mug import read_mug
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    """Subjects 001, 002, 006, 007 and 008, who have all the traps between them."""
    root = tmp_path_factory.mktemp("mug")
    make(root, people=5)
    return root


def take(root, folder, *frames):
    (root / folder).mkdir(parents=True, exist_ok=True)
    for frame in frames:
        (root / folder / f"img_{frame:04d}.jpg").touch()
    return root


def test_five_frames_from_the_middle_of_each_good_take(fake):
    index = read_mug(fake)
    assert index.emotions == SEVEN and index.root.name == "subjects3"
    sizes = index.frame.groupby("sequence")["frame"].agg(["size", "min", "max"])
    assert set(map(tuple, sizes.to_numpy().tolist())) == {(5, 2, 8), (5, 7, 13)}
    counts = dict.fromkeys(SEVEN, 30) | {"angry": 35, "fear": 25}
    assert index.frame["label"].value_counts().to_dict() == counts
    assert index.dropped == {"take of other quality": 1}
    assert all((index.root / path).is_file() for path in index.frame["path"])


def test_sessions_are_one_subject(fake):
    index = read_mug(fake)
    assert set(index.frame["subject"]) == {"001", "002", "006", "007", "008"}
    second = index.frame[index.frame["subject"] == "002"]
    assert set(second["session"]) == {"session0", "session1"}
    assert second["sequence"].nunique() == 14
    assert any("session folders: 002" in note for note in index.notes)


def test_the_first_frame_need_not_be_zero(fake):
    everything = read_mug(fake, frames="all").frame
    late = everything[everything["sequence"] == "001/disgust/take000"]
    assert late["frame"].tolist() == list(range(5, 16))


def test_an_emotion_folder_may_hold_the_frames_itself(fake):
    frame = read_mug(fake).frame
    direct = frame[frame["sequence"] == "008/happiness"]
    assert direct["take"].eq("").all() and direct["quality"].eq("good").all() and len(direct) == 5
    assert direct["label"].eq("happy").all()


def test_takes_of_other_quality_are_read_when_asked_for(fake):
    frame = read_mug(fake, takes="all").frame
    other = frame[frame["quality"] == "other"]
    assert set(other["sequence"]) == {"001/anger/take001end"} and len(other) == 5


def test_a_missing_emotion_is_noted(fake):
    assert any("007 fear" in note for note in read_mug(fake).notes)


def test_the_second_half_ends_at_the_middle_not_at_the_end(fake):
    frame = read_mug(fake, frames="onset_apex_second_half").frame
    rising = frame[frame["sequence"] == "001/fear/take000"]
    assert rising["frame"].tolist() == [3, 4, 5]
    assert read_mug(fake, frames="peak").frame["frame"].isin([5, 10]).all()


def test_neutral_from_the_first_frames(fake):
    index = read_mug(fake, neutral_from_first=True)
    neutral = index.frame[index.frame["label"] == "neutral"]
    takes = index.frame["sequence"].nunique()
    assert len(neutral) == 30 + (takes - 6)
    everything = read_mug(fake, frames="all", neutral_from_first=True).frame
    late = everything[everything["sequence"] == "001/disgust/take000"]
    assert late["label"].tolist() == ["neutral"] + ["disgust"] * 10


@pytest.mark.parametrize("policy", ["all", "last_k", "evenly_k", "every_nth"])
def test_policies_that_reach_the_neutral_ends_warn(fake, policy):
    assert any("neutral start or end" in w for w in read_mug(fake, frames=policy).warnings)
    assert not any("neutral start or end" in w for w in read_mug(fake).warnings)


def test_the_index_is_the_same_from_every_nesting(fake, tmp_path):
    shutil.copytree(fake, tmp_path / "a" / "b")
    shutil.move(tmp_path / "a" / "b" / "subjects3", tmp_path / "a" / "b" / "MUG")
    frames = [read_mug(root).frame for root in (fake, fake / "subjects3", tmp_path)]
    pd.testing.assert_frame_equal(frames[0], frames[1])
    pd.testing.assert_frame_equal(frames[0], frames[2])


@pytest.mark.parametrize("inside", ["001", "002", "002/session0", "001/anger", "001/anger/take000"])
def test_a_root_too_low_is_refused(fake, inside):
    with pytest.raises(DatasetLayoutError, match="lies inside the layout") as error:
        read_mug(fake / "subjects3" / inside)
    assert "001, 002" in str(error.value) and "\n" not in str(error.value)


def test_happiness_under_another_name(tmp_path):
    index = read_mug(take(tmp_path, "001/happy/take000", 0, 1, 2), frames="peak")
    assert index.frame["label"].tolist() == ["happy"]


def test_session_folders_that_were_missed(tmp_path):
    take(tmp_path, "001/anger/take000", 0, 1)
    (tmp_path / "003").mkdir()
    warnings = read_mug(tmp_path).warnings
    assert any("(003)" in w and "002, 003 and 049 use session folders" in w for w in warnings)


def test_foreign_names_and_empty_takes_are_counted(tmp_path):
    take(tmp_path, "001/anger/take000", 0, 1)
    take(tmp_path, "001/anger/take001")
    (tmp_path / "001/anger/take000/frame7.jpg").touch()
    (tmp_path / "001/anger/take000/Thumbs.db").touch()
    (tmp_path / "landmarks").mkdir()
    index = read_mug(tmp_path)
    assert index.dropped == {"take without frames": 1, "name is no frame of MUG": 1}
    assert any("001/anger/take000/frame7.jpg" in warning for warning in index.warnings)
    assert any("passed over: landmarks" in note for note in index.notes)


def test_no_frame_under_a_name_of_mug(tmp_path):
    take(tmp_path, "001/anger/take000")
    (tmp_path / "001/anger/take000/frame7.jpg").touch()
    with pytest.raises(
        DatasetLayoutError, match=r"img_0000\.jpg \(but e\.g\. 001/anger/take000/frame7"
    ):
        read_mug(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="nothing recognisable") as error:
        read_mug(tmp_path)
    assert "mug.ee.auth.gr" in str(error.value)
    with pytest.raises(DatasetNotFoundError, match="does not exist"):
        read_mug(tmp_path / "none")
    (tmp_path / "subjects3.zip").touch()
    with pytest.raises(DatasetNotFoundError, match="not unpacked"):
        read_mug(tmp_path)


def test_a_git_lfs_pointer(tmp_path):
    take(tmp_path, "001/anger/take000")
    pointer = tmp_path / "001/anger/take000/img_0000.jpg"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match="git lfs pull"):
        read_mug(tmp_path)


def test_the_number_of_people_stops_the_load_only_when_strict(fake):
    assert any("5 people instead of the published 52" in w for w in read_mug(fake).warnings)
    with pytest.raises(DataError, match="5 people instead of the published 52"):
        read_mug(fake, strict=True)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"frames": "middle"}, "Did you mean 'middle_k'"),
        ({"count": 0}, "count=0"),
        ({"takes": "best"}, "Known: all, good"),
    ],
)
def test_wrong_options_are_answered(fake, option, says):
    with pytest.raises(ConfigError, match=says):
        read_mug(fake, **option)


def test_a_fake_take_is_strongest_in_the_middle(fake):
    index = read_mug(fake, frames="all")
    rows = index.frame[index.frame["sequence"] == "001/surprise/take000"]
    frames = [cv2.imread(str(index.root / path)).astype(float) for path in rows["path"]]
    distance = [np.abs(frame - frames[0]).mean() for frame in frames]
    assert 4 <= int(np.argmax(distance)) <= 6
    assert distance[-1] < 0.6 * max(distance)
