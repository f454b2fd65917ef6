"""Class folders named by numbers, with a file that names them."""

import json
import shutil

import pandas as pd
import pytest

from ferkit.datasets.fakes.fer2013 import make
from ferkit.datasets.fakes.folder import make as make_folder
from ferkit.datasets.fer2013 import read_fer2013
from ferkit.datasets.folder import read_folder
from ferkit.emotions import EMOTIONS
from ferkit.errors import DataError

ALPHABETICAL = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]


@pytest.fixture
def mirror(tmp_path):
    """FER-2013's image folders with numbers in alphabetical order, as mirrors have them."""
    make(tmp_path / "fer", people=2, variant="folder")
    for split in ("train", "test"):
        for number, emotion in enumerate(ALPHABETICAL):
            folder = next(f for f in (tmp_path / "fer").rglob(split)) / emotion
            folder.rename(folder.with_name(str(number)))
    return tmp_path / "fer"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("labels.txt", "".join(f"{i} {name}\n" for i, name in enumerate(ALPHABETICAL))),
        ("Classes.TXT", "\n".join(name.upper() for name in ALPHABETICAL)),
        ("labels.json", json.dumps({name: i for i, name in enumerate(ALPHABETICAL)})),
        ("labels.csv", "id,emotion\n" + "".join(f"{i},{n}\n" for i, n in enumerate(ALPHABETICAL))),
    ],
)
def test_numbers_mean_what_the_file_says(mirror, file, text, tmp_path):
    with pytest.raises(DataError, match=r"never guessed.*labels\.txt"):
        read_fer2013(mirror)
    (mirror / file).write_text(text)
    make(tmp_path / "named", people=2, variant="folder")
    named, numbered = read_fer2013(tmp_path / "named"), read_fer2013(mirror)
    assert named.frame["label"].value_counts().to_dict() == (
        numbered.frame["label"].value_counts().to_dict()
    )
    assert any(f"named by {mirror / file}" in note for note in numbered.notes)
    by_hand = read_fer2013(mirror, label_order=ALPHABETICAL)
    pd.testing.assert_frame_equal(numbered.frame, by_hand.frame)


def test_a_file_that_misses_a_class_is_not_believed(mirror):
    (mirror / "labels.txt").write_text("0 angry\n1 disgust\n")
    with pytest.raises(DataError, match="never guessed"):
        read_fer2013(mirror)


def test_any_tree_and_an_archive_of_it(tmp_path):
    make_folder(tmp_path / "tree", people=2, variant="numbers")
    (tmp_path / "tree" / "labels.txt").write_text("\n".join(EMOTIONS[:7]))
    index = read_folder(tmp_path / "tree")
    assert index.frame["label"].nunique() == 7
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "tree")
    packed = read_folder(tmp_path / "packed.zip")
    pd.testing.assert_frame_equal(index.frame, packed.frame)
