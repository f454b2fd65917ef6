import shutil

import numpy as np
import pytest

from ferkit.cli import main
from ferkit.datasets.fakes.mmi import make
from ferkit.datasets.mmi import read_mmi
from ferkit.errors import ConfigError, DatasetLayoutError, DatasetNotFoundError
from ferkit.faces.originals import read_image

SIX = {"angry", "disgust", "fear", "happy", "sad", "surprise"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("mmi")
    for variant in ("videos", "frames"):
        make(root / variant, people=4, variant=variant)
    return root


@pytest.fixture
def fake(made, tmp_path):
    return shutil.copytree(made / "frames", tmp_path / "mmi")


@pytest.mark.parametrize("variant", ["videos", "frames"])
def test_the_middle_frames_of_what_carries_an_emotion(made, variant):
    index = read_mmi(made / variant)
    assert index.variant == variant and set(index.frame["label"]) == SIX
    assert len(index) == 4 * 6 * 3
    first = 2 if variant == "videos" else 3
    assert set(index.frame["frame"]) == {first, first + 1, first + 2}
    assert set(index.frame["subject"]) == {"S001", "S003", "S028", "S053"}
    assert index.dropped["session without an emotion"] == 1
    assert index.dropped["session of no basic emotion"] == 1


def test_both_forms_are_the_same_faces_in_position(made):
    videos, frames = read_mmi(made / "videos"), read_mmi(made / "frames")
    for subject in ("S001", "S003", "S028", "S053"):
        row = int(np.flatnonzero(videos.frame["subject"] == subject)[0])
        left, right = read_image(videos, row), read_image(frames, row)
        assert (
            left.shape
            == right.shape
            == {
                "S028": (60, 48, 3),
                "S053": (48, 60, 3),
            }.get(subject, (48, 30, 3))
        )
        assert abs(left.astype(int) - right).mean() < 12
    halved = frames.frame["orient"].str.endswith("half")
    assert set(frames.frame.loc[halved, "subject"]) == {"S001", "S003"}


def test_prepared_faces_are_turned_upright(made, tmp_path, monkeypatch):
    from ferkit.composition import compose
    from ferkit.views import make_store

    monkeypatch.chdir(tmp_path)
    words = ["dataset=mmi", f"dataset.root={made / 'frames'}"]
    upright = make_store(compose(*words))
    lying = make_store(compose(*words, "dataset.rotate=0"))
    rows = np.flatnonzero(upright.index["subject"] == "S028")
    other = np.flatnonzero(lying.index["subject"] == "S028")
    turned = np.rot90(lying.faces[other[0]], -1)
    assert abs(upright.faces[rows[0]].astype(int) - turned).mean() < 3
    assert upright.folder != lying.folder
    assert main(["data", "check", *words]) == 0


def test_first_frames_become_neutral(made):
    index = read_mmi(made / "frames", neutral_from_first=True, frames="peak")
    assert index.frame["label"].value_counts()["neutral"] == 24
    assert index.emotions[-1] == "neutral"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<Session>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a/>',
        b"\xff\xfe",
        b'<?xml version="1.0" encoding="none"?><a/>',
    ],
)
def test_a_broken_or_hostile_xml_costs_its_session(fake, content):
    next((fake / "Sessions" / "1").glob("S*1.xml")).write_bytes(content)
    index = read_mmi(fake)
    assert index.dropped["session whose xml cannot be read"] == 1
    assert any("S001-001.xml; copy them again" in warning for warning in index.warnings)


def test_missing_videos_are_counted_and_strays_named(fake):
    shutil.rmtree(fake / "Sessions" / "2" / "S001-002")
    (fake / "Sessions" / "stray ü.PNG").write_bytes(b"")
    index = read_mmi(fake)
    assert index.dropped["session without a video or frames"] == 1
    assert index.dropped["in no session"] == 1
    for folder in (fake / "Sessions").glob("*/S*-*/"):
        shutil.rmtree(folder)
    with pytest.raises(DatasetLayoutError, match="unpack the videos"):
        read_mmi(fake)


def test_wrong_options_and_nothing(fake, tmp_path):
    with pytest.raises(ConfigError, match="0, 90 or 270"):
        read_mmi(fake, rotate=45)
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetNotFoundError, match="mmifacedb"):
        read_mmi(tmp_path / "none")
