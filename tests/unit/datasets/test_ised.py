import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat, savemat

from ferkit.datasets.fakes.ised import make
from ferkit.datasets.fakes.video_writer import write_video
from ferkit.datasets.ised import read_ised
from ferkit.datasets.video_files import count_frames
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

FOUR = ("disgust", "happy", "sad", "surprise")


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    root = tmp_path_factory.mktemp("ised")
    make(root / "ISED_database", people=3)
    return root


@pytest.fixture
def copy(fake, tmp_path):
    return Path(shutil.copytree(fake / "ISED_database", tmp_path / "ised"))


def refused(error, root, *words, **options):
    with pytest.raises(error) as caught:
        read_ised(root, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def change_details(root, change):
    path = root / "ISED_details.mat"
    details = loadmat(path)["ISED_details"]
    savemat(path, {"ISED_details": change(details)}, do_compression=True)


def test_one_peak_frame_a_clip_by_default(fake):
    index = read_ised(fake)
    assert index.emotions == FOUR and len(index) == 12
    assert index.frame["label"].value_counts().to_dict() == dict.fromkeys(FOUR, 3)
    assert sorted(set(index.frame["subject"])) == ["01", "02", "03"]
    assert index.frame["sequence"].nunique() == 12 and set(index.frame["split"]) == {""}
    assert index.dropped == {}
    assert any("428" in warning for warning in index.warnings)
    assert set(index.frame["sex"]) == {"F", "M"} and index.frame["intensity"].between(1, 5).all()


def test_codes_and_the_peak_counted_from_one(fake):
    frame = read_ised(fake).frame.set_index("path")
    assert frame["label"]["videos/PS 1/1.avi"] == "happy"
    assert frame["label"]["videos/PS 2/2.avi"] == "surprise"
    assert frame["label"]["videos/PS 3/3.avi"] == "sad"
    assert frame["label"]["videos/PS 3/4.avi"] == "disgust"
    still = next((fake / "ISED_database/peakImages").glob("2_3_*.jpg"))
    assert frame["frame"]["videos/PS 2/3.avi"] == int(still.stem.split("_")[2]) - 1


def test_the_peak_frame_of_the_video_is_the_still(fake):
    row = read_ised(fake).frame.iloc[0]
    video = cv2.VideoCapture(str(fake / "ISED_database" / row["path"]))
    video.set(cv2.CAP_PROP_POS_FRAMES, row["frame"])
    seen = video.read()[1].astype(float)
    stills = read_ised(fake, frames="peak_images")
    still = cv2.imread(str(stills.root / stills.frame["path"].iloc[0])).astype(float)
    assert abs(seen - still).mean() < 6


def test_stills_instead_of_videos(fake):
    index = read_ised(fake, frames="peak_images")
    assert len(index) == 12 and index.variant == "peak stills"
    assert index.frame["path"].str.fullmatch(r"peakImages/\d_\d_\d\.jpg").all()
    videos = read_ised(fake)
    assert set(index.frame["sequence"]) == set(videos.frame["sequence"])


def test_the_second_half_ends_at_the_given_peak(fake):
    index = read_ised(fake, frames="onset_apex_second_half")
    peaks = read_ised(fake).frame.set_index("sequence")["frame"]
    chosen = index.frame.groupby("sequence")["frame"].agg(["min", "max", "count"])
    assert (chosen["max"] == peaks).all()
    assert (chosen["min"] == (peaks + 1) // 2).all()
    assert (chosen["count"] == chosen["max"] - chosen["min"] + 1).all()


@pytest.mark.parametrize("inner", ["", "ISED_database", "ISED_database/videos"])
def test_any_of_the_nested_folders_gives_the_same_index(fake, inner, tmp_path):
    expected = read_ised(fake).frame
    pd.testing.assert_frame_equal(read_ised(fake / inner).frame, expected)
    shutil.copytree(fake, tmp_path / "deep/er")
    pd.testing.assert_frame_equal(read_ised(tmp_path).frame, expected)


def test_missing_parts(copy, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(DatasetNotFoundError, tmp_path / "empty", "ised: nothing", "ISED_details.mat", "IIT")
    shutil.rmtree(copy / "peakImages")
    refused(DatasetLayoutError, copy, "12 stills is missing", frames="peak_images")
    (copy / "videos/PS 1/1.avi").unlink()
    assert read_ised(copy).dropped == {"clip missing": 1}
    shutil.rmtree(copy / "videos")
    refused(DatasetLayoutError, copy, "12 clips is missing", "dataset.frames=peak_images")


def test_odd_rows_of_the_details(copy):
    def odd(details):
        details[0, 6] = np.array([[9]])  # no such emotion
        details[2, 3] = np.array([[500]])  # far beyond the video
        return np.vstack([details, details[3:4]])  # one video twice

    change_details(copy, odd)
    index = read_ised(copy)
    assert index.dropped == {"emotion code that is none of 1..4": 1, "video listed twice": 1}
    assert any("1 clips end before their peak" in warning for warning in index.warnings)
    assert index.frame.set_index("path")["frame"]["videos/PS 1/3.avi"] == 8

    def empty(details):
        details[5, 3] = np.empty((0, 0))
        return details

    change_details(copy, empty)
    refused(DataError, copy, "row 5", "peak frame")


def test_details_that_are_something_else(copy):
    savemat(copy / "ISED_details.mat", {"peaks": np.arange(3)}, do_compression=True)
    refused(DataError, copy, "['peaks']", "16 columns")
    (copy / "ISED_details.mat").write_bytes(b"nothing of the kind")
    refused(DataError, copy, "cannot be read as a MATLAB file")


def test_videos_that_are_none(copy):
    (copy / "videos/PS 1/1.avi").write_text("no video")
    (copy / "videos/PS 1/2.avi").write_bytes(b"")
    index = read_ised(copy)
    assert index.dropped == {"video without frames": 2} and len(index) == 10


def test_unknown_policy_and_strict(fake):
    refused(ConfigError, fake, "Did you mean 'peak_images'", frames="peak_image")
    refused(ConfigError, fake, "1 or more", frames="around_apex", count=0)
    refused(DataError, fake, "428", strict=True)


def test_frames_are_counted(tmp_path):
    frames = [np.full((32, 48, 3), 20 * i, np.uint8) for i in range(5)]
    write_video(tmp_path / "a.avi", frames)
    write_video(tmp_path / "b.avi", frames[:1])
    assert [count_frames(tmp_path / name) for name in ("a.avi", "b.avi", "no.avi")] == [5, 1, 0]
