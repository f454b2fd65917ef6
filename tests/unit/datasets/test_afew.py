import shutil
from pathlib import Path

import pandas as pd
import pytest

from ferkit.datasets.afew import read_afew
from ferkit.datasets.fakes.afew import make
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

SEVEN = EMOTIONS[:7]


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    root = tmp_path_factory.mktemp("afew")
    for variant in ("videos", "frames", "faces"):
        make(root / variant, people=4, variant=variant)
    return root


@pytest.fixture
def copy(fakes, tmp_path):
    return Path(shutil.copytree(fakes / "videos", tmp_path / "afew"))


def refused(error, root, *words, **options):
    with pytest.raises(error) as caught:
        read_afew(root, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_three_frames_of_each_clip_by_default(fakes):
    index = read_afew(fakes / "videos")
    assert index.emotions == SEVEN
    clips = index.frame.groupby("sequence").first()
    counts = clips.groupby(["split", "label"]).size()
    assert len(clips) == 28 and (counts == 2).all() and len(counts) == 14
    assert set(index.frame["split"]) == {"train", "val"}
    frames = index.frame.groupby("sequence")["frame"].agg(list)
    assert frames.str.len().value_counts().to_dict() == {3: 27, 1: 1}  # one clip is one frame
    assert frames.str[0].eq(0).all()
    assert index.frame["sequence"].str.fullmatch(r"\d{9}").all()
    assert (index.frame["subject"] == "").all()
    assert any("epoch on Val" in note for note in index.notes)
    assert any("Test, which has no labels" in note for note in index.notes)
    assert any("773" in warning for warning in index.warnings)


def test_every_frame_of_a_video(fakes):
    index = read_afew(fakes / "videos", frames="all")
    lengths = index.frame.groupby("sequence")["frame"].agg(["min", "max", "count"])
    assert (lengths["min"] == 0).all() and (lengths["max"] + 1 == lengths["count"]).all()
    assert all((index.root / path).is_file() for path in index.frame["path"])


@pytest.mark.parametrize("form", ["frames", "faces"])
def test_folders_of_frames(fakes, form):
    index = read_afew(fakes / form)
    videos = read_afew(fakes / "videos")
    assert index.variant.startswith(form)
    assert index.frame["label"].value_counts().equals(videos.frame["label"].value_counts())
    assert (index.frame["frame"] == [int(Path(p).stem) for p in index.frame["path"]]).all()
    assert index.frame["frame"].min() == 1
    assert all((index.root / path).is_file() for path in index.frame["path"])


def test_videos_go_before_frames_and_frames_before_faces(fakes, tmp_path):
    for form, inner in (("faces", "face"), ("frames", "frame")):
        shutil.copytree(fakes / form / inner, tmp_path / inner)
    assert read_afew(tmp_path).variant.startswith("frames")
    assert read_afew(tmp_path, form="faces").variant.startswith("faces")
    refused(DatasetNotFoundError, tmp_path, "no videos", "dataset.form=frames", form="videos")
    for split in ("train_afew", "val_afew"):
        shutil.copytree(fakes / "videos" / split, tmp_path / split)
    assert read_afew(tmp_path).variant.startswith("videos")


def test_other_names_and_deeper_roots(fakes, copy, tmp_path):
    expected = read_afew(fakes / "videos").frame
    pd.testing.assert_frame_equal(read_afew(tmp_path).frame, expected)
    pd.testing.assert_frame_equal(read_afew(copy / "train_afew").frame, expected)
    (copy / "train_afew").rename(copy / "Train_AFEW")
    (copy / "val_afew").rename(copy / "Val")
    renamed = read_afew(copy).frame
    assert renamed["split"].value_counts().equals(expected["split"].value_counts())


def test_a_missing_half(copy):
    shutil.rmtree(copy / "val_afew")
    refused(DatasetLayoutError, copy, "the Val half (val_afew) is missing")


def test_only_the_archive_of_aligned_faces(copy):
    for folder in (copy / "train_afew", copy / "val_afew"):
        for inner in folder.iterdir():
            if inner.is_dir():
                shutil.rmtree(inner)
    sentence = "extract AlignedFaces_LBPTOP_Points.zip or give the .avi clips"
    refused(DatasetNotFoundError, copy, sentence)


def test_nothing_at_all(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(DatasetNotFoundError, tmp_path / "empty", "afew: nothing", "EmotiW", "train_afew")


def test_clips_without_an_id_are_counted(copy):
    folder = copy / "train_afew/Angry"
    first = sorted(folder.iterdir())[0]
    first.rename(folder / "my clip.avi")
    index = read_afew(copy)
    assert index.dropped == {"clip name is not nine digits": 1}
    assert any("my clip" in warning for warning in index.warnings)
    clips = [p for p in copy.rglob("*.avi") if p.parent.name != "test_afew"]
    for number, path in enumerate(clips):
        path.rename(path.with_name(f"clip{number}.avi"))
    refused(DatasetLayoutError, copy, "nine digits", "dataset=folder")


def test_broken_clips_and_litter(copy):
    clips = sorted((copy / "val_afew/Sad").iterdir())
    clips[0].write_bytes(b"")
    (copy / "val_afew/Sad" / f"._{clips[1].name}").write_bytes(b"\0\5\26\7")
    index = read_afew(copy)
    assert index.dropped == {"clip without frames": 1}


def test_policies_that_need_an_apex_are_refused(fakes):
    refused(ConfigError, fakes / "videos", "needs the apex", frames="peak")
    refused(ConfigError, fakes / "videos", "Did you mean 'videos'", form="video")
    refused(DataError, fakes / "videos", "773", strict=True)
