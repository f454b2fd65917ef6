import numpy as np
import pandas as pd
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import ConfigError
from ferkit.faces.copies import KINDS, Copy, as_copies
from ferkit.faces.prepare import prepare
from ferkit.faces.settings import FaceSettings
from ferkit.splits import count_leaks, split_random, split_subject, split_training_random

STRENGTHS = {
    "noise": 0.07,
    "multiply": [0.25, 1.5],
    "salt_and_pepper": 0.03,
    "blur": 0.5,
    "clouds": 0.75,
    "rotate": [-10, 10],
    "flip": 0.0,
}
X6 = [{"kind": kind, "strength": STRENGTHS[kind]} for kind in list(STRENGTHS)[:5]]


@pytest.fixture
def face():
    return np.random.default_rng(0).integers(60, 190, (48, 48)).astype(np.uint8)


@pytest.fixture
def index(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (60, 20, 20)).astype(np.uint8)
    rows = [
        {
            "key": f"{i:02d}",
            "label": ("happy", "sad")[i % 2],
            "subject": f"s{i // 6}",
            "split": ("train", "train", "test")[i % 3],
        }
        for i in range(60)
    ]
    return make_index(rows, name="x", variant="v", root=tmp_path, images=images, fingerprint="1")


def store_of(index, tmp_path, **settings):
    return prepare(index, FaceSettings(size=20, **settings), tmp_path / "stores")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 3)])
def test_a_copy_is_another_picture_and_the_same_each_time(kind, shape):
    face = np.random.default_rng(0).integers(60, 190, shape).astype(np.uint8)
    copy = as_copies([{"kind": kind, "strength": STRENGTHS[kind]}])[0]
    before = face.copy()
    made = copy(face, "a")
    assert made.shape == shape and made.dtype == np.uint8
    assert not np.array_equal(made, face) and np.array_equal(face, before)
    assert np.array_equal(made, copy(face, "a"))
    if kind not in ("flip", "blur"):
        assert not np.array_equal(made, copy(face, "b"))


def test_copies_do_what_the_study_says(face):
    struck = Copy("salt_and_pepper", 0.03, 0.03)(face, "a")
    assert 0.015 < np.isin(struck, (0, 255)).mean() < 0.045
    assert {0, 255} <= set(np.unique(struck))
    noise = Copy("noise", 0.07, 0.07)(face, "a") - face.astype(float)
    assert noise.std() == pytest.approx(0.07 * 255, rel=0.1)
    means = [Copy("multiply", 0.25, 1.5)(face, str(i)).mean() / face.mean() for i in range(200)]
    assert 0.25 <= min(means) < 0.35 and 1.2 < max(means) <= 1.5
    clouded = Copy("clouds", 0.75, 0.75)(face, "a").astype(int) - face
    assert clouded.min() == 0 and clouded.max() > 30
    assert np.array_equal(Copy("flip")(face, "a"), face[:, ::-1])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([{"kind": "blurr", "strength": 1}], "Did you mean 'blur'"),
        ([{"kind": "noise", "strenght": 1}], "Did you mean 'strength'"),
        ([{"kind": "noise", "strength": 7}], "from 0 to 1"),
        ([{"kind": "rotate", "strength": [1, 2, 3]}], "a number or"),
        ("flip", "give a list"),
        (["flip"], "kind: flip"),
    ],
)
def test_wrong_copies_are_answered_in_a_sentence(wrong, words):
    with pytest.raises(ConfigError, match=words):
        FaceSettings(copies=wrong)


def test_the_store_holds_copies_that_know_their_original(index, tmp_path):
    store = store_of(index, tmp_path, copies=X6, copied="train")
    assert len(store) == 60 + 5 * 40
    assert store.card["n"] == 260 and store.card["copies"]["clouds"] == 40
    rows = store.index.set_index("key")
    assert rows.index.is_unique
    copies = rows[rows["source"] != ""]
    assert (copies["split"] == "train").all() and len(copies) == 200
    originals = rows.loc[copies["source"]]
    for column in ("label", "subject", "split"):
        assert copies[column].tolist() == originals[column].tolist()
    assert (originals["source"] == "").all()
    assert rows["content"].nunique() > 250  # a copy is not mistaken for an identical image
    plain = store_of(index, tmp_path)
    assert plain.folder != store.folder and "copy" not in plain.index
    assert np.array_equal(store.faces[:60], plain.faces)


def sides(frame, views):
    """Views of every copy beside those of its original."""
    view = pd.Series(views, index=frame["key"].to_numpy())
    copies = frame[frame["source"] != ""]
    return view[copies["key"]].to_numpy(), view[copies["source"]].to_numpy()


@pytest.mark.parametrize("split", [split_random, split_subject, split_training_random])
def test_splits_keep_relatives_together(index, tmp_path, split):
    frame = store_of(index, tmp_path, copies=X6).index
    made = split(frame, seed=0, val=0.2)
    own, original = sides(frame, made.views)
    assert np.array_equal(own, original)
    assert {"train", "val", "test"} <= set(made.views) and "leaky" not in made.name
    assert all(counts["source"] == 0 for counts in count_leaks(frame, made.views).values())


@pytest.mark.parametrize("split", [split_random, split_training_random])
def test_apart_tears_them_and_says_so(index, tmp_path, split):
    frame = store_of(index, tmp_path, copies=X6, copied="train").index
    made = split(frame, seed=0, val=0.2, copies="apart")
    own, original = sides(frame, made.views)
    assert (own != original).mean() > 0.1
    assert made.name.endswith("_leaky") and "LEAKY" in " ".join(made.notes)
    assert count_leaks(frame, made.views)["train|val"]["source"] > 0


@pytest.mark.parametrize("split", [split_random, split_subject, split_training_random])
def test_train_only_leaves_copies_out_of_val_and_test(index, tmp_path, split):
    frame = store_of(index, tmp_path, copies=X6).index
    made = split(frame, seed=0, val=0.2, copies="train_only")
    copies = (frame["source"] != "").to_numpy()
    assert set(made.views[copies]) == {"train", ""}
    whole = split(frame, seed=0, val=0.2)
    assert np.array_equal(made.views[~copies], whole.views[~copies])


def test_other_words_are_refused(index, tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'apart'"):
        split_random(index.frame, seed=0, copies="appart")
    with pytest.raises(ConfigError, match="split=random"):
        split_subject(index.frame, seed=0, copies="apart")


def test_near_constant_crops_are_dropped_by_a_threshold(index, tmp_path):
    images = index.images.copy()
    images[0] = 9
    images[1, :18], images[1, 18:] = 0, 200  # 90% of one level
    images[2, :17], images[2, 17:] = 0, 200  # 85%
    index.images = images
    store = store_of(index, tmp_path, max_one_value=0.875)
    assert store.card["dropped"] == {"blank": 1, "near-constant": 1}
    assert store.index["key"].tolist()[0] == "02"
    index.fingerprint = "2"
    kept = store_of(index, tmp_path, max_one_value=0.875, drop_blank=False)
    assert kept.card["dropped"] == {"near-constant": 2}
    assert len(store_of(index, tmp_path, drop_blank=False)) == 60
