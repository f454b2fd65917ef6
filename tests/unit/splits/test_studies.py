import numpy as np
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import DataError
from ferkit.splits import split_training_random, split_validated_on_test


@pytest.fixture
def frame():
    rows = [
        {
            "key": f"{i:03d}",
            "label": ("happy", "sad", "")[i % 3] if i < 30 else "happy",
            "split": ("train", "train", "train", "val", "test")[i % 5],
        }
        for i in range(200)
    ]
    return make_index(rows, name="x", variant="v", root=".").frame


def test_training_is_cut_and_the_official_rest_is_test(frame):
    split = split_training_random(frame, seed=0, val=0.2)
    labelled = (frame["label"] != "").to_numpy()
    train = (frame["split"] == "train").to_numpy()
    assert set(split.views[labelled & train]) == {"train", "val"}
    assert (split.views[labelled & ~train] == "test").all()
    assert (split.views[~labelled] == "").all()
    shares = (split.views == "val").sum() / (labelled & train).sum()
    assert shares == pytest.approx(0.2, abs=0.02)
    other = split_training_random(frame, seed=1, val=0.2)
    assert not np.array_equal(split.views, other.views)


def test_validating_on_test_says_so(frame):
    split = split_validated_on_test(frame, seed=0)
    labelled = (frame["label"] != "").to_numpy()
    held_out = frame["split"].isin(["val", "test"]).to_numpy()
    assert (split.views[labelled & held_out] == "val").all()
    assert not (split.views == "test").any()
    assert split.name == "validated_on_test"
    assert "VALIDATED ON TEST" in split.notes[0]


@pytest.mark.parametrize("split", [split_training_random, split_validated_on_test])
def test_without_an_official_train_there_is_none(frame, split):
    with pytest.raises(DataError, match="no official train rows; use split=random"):
        split(frame.assign(split=""), seed=0)
