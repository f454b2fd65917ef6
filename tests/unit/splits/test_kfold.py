import numpy as np
import pandas as pd
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import ConfigError, DataError
from ferkit.splits import (
    count_leaks,
    number_of_folds,
    split_image_order_10fold_leaky,
    split_loso,
    split_stratified_group_kfold,
    split_subject_kfold,
)

LABELS = ("angry", "happy", "sad")


def people(subjects=23, videos=3, frames=2):
    rows = [
        {
            "key": f"S{s:03d}_{f}_{i}",
            "label": LABELS[(s + f) % 3] if s % 5 or f else "",
            "subject": f"S{s:03d}",
            "sequence": f"S{s:03d}_{f}",
            "frame": i,
        }
        for s in range(subjects)
        for f in range(videos)
        for i in range(frames)
    ]
    return make_index(rows, name="ckplus", variant="v", root=".").frame


def ck48():
    counts = {
        "angry": 135,
        "contempt": 54,
        "disgust": 177,
        "fear": 75,
        "happy": 207,
        "sad": 84,
        "surprise": 249,
    }
    rows = [
        {
            "key": f"{label}/{i:03d}",
            "label": label,
            "subject": f"S{i // 3 % 50:03d}",
            "sequence": f"{label}{i // 3}",
        }
        for label, n in counts.items()
        for i in range(n)
    ]
    return make_index(rows, name="ckplus", variant="CK+48", root=".").frame


def subjects_in(frame, views, view):
    return sorted(set(frame["subject"][views == view]))


def test_fold_k_takes_every_tenth_subject_from_k_on_and_val_is_the_next_fold():
    frame = people()
    ids = sorted(set(frame["subject"]))
    for k in range(10):
        split = split_subject_kfold(frame, seed=0, fold=k)
        assert subjects_in(frame, split.views, "test") == ids[k::10]
        assert subjects_in(frame, split.views, "val") == ids[(k + 1) % 10 :: 10]
        assert all(n["subject"] == 0 for n in count_leaks(frame, split.views).values())


def test_people_without_a_labelled_image_do_not_count():
    frame = people(videos=1)  # every fifth subject's only video is unlabelled
    ids = [s for s in sorted(set(frame["subject"])) if int(s[1:]) % 5]
    split = split_subject_kfold(frame, seed=0, fold=2, folds=5)
    assert subjects_in(frame, split.views, "test") == ids[2::5]
    assert set(split.views[frame["label"] == ""]) == {""}


def test_numbers_ascend_as_numbers():
    frame = people(12)
    frame["subject"] = frame["subject"].str[1:].astype(int).add(1).astype(str)
    split = split_subject_kfold(frame, seed=0, fold=1, folds=6)
    assert subjects_in(frame, split.views, "test") == ["2", "8"]


@pytest.mark.parametrize("protocol", [split_subject_kfold, split_stratified_group_kfold])
def test_every_labelled_image_is_tested_once(protocol):
    frame = people()
    tested = sum(protocol(frame, seed=0, fold=k, folds=5).views == "test" for k in range(5))
    assert (tested == (frame["label"] != "").to_numpy()).all()


def test_two_folds_carve_val_out_of_train_by_subject():
    frame = people()
    split = split_subject_kfold(frame, seed=0, folds=2)
    assert all(n["subject"] == 0 for n in count_leaks(frame, split.views).values())
    assert (split.views == "val").any()
    assert "val carved out of train" in split.protocol


def test_stratified_folds_have_like_class_counts_and_no_shared_people():
    frame = people(60)
    for k in range(4):
        split = split_stratified_group_kfold(frame, seed=0, fold=k, folds=4)
        assert all(n["subject"] == 0 for n in count_leaks(frame, split.views).values())
        shares = frame["label"][split.views == "test"].value_counts(normalize=True)
        assert shares.max() - shares.min() < 0.1


def test_stratified_folds_of_videos_where_people_are_not_known():
    frame = people().assign(subject="")
    split = split_stratified_group_kfold(frame, seed=0)
    assert "whole sequences" in split.protocol
    assert all(n["sequence"] == 0 for n in count_leaks(frame, split.views).values())


@pytest.mark.parametrize("fold", [7, "S007"])
def test_one_subject_is_left_out_by_place_or_name(fold):
    frame = people()
    split = split_loso(frame, seed=0, fold=fold)
    assert subjects_in(frame, split.views, "test") == ["S007"]
    assert all(n["subject"] == 0 for n in count_leaks(frame, split.views).values())
    assert (split.views == "val").any()
    assert "test is subject S007 (fold 7 of 23)" in split.protocol


def test_a_number_is_a_place_even_where_subjects_are_called_by_numbers():
    frame = people(5)
    frame["subject"] = frame["subject"].str[1:].astype(int).add(1).astype(str)  # 1..5
    assert subjects_in(frame, split_loso(frame, seed=0, fold=1).views, "test") == ["2"]
    assert subjects_in(frame, split_loso(frame, seed=0, fold="1").views, "test") == ["1"]


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda f: split_loso(f, seed=0, fold="S99"), ConfigError, "Did you mean 'S0"),
        (lambda f: split_loso(f, seed=0, fold=23), ConfigError, "number from 0 to 22, or all"),
        (lambda f: split_subject_kfold(f, seed=0, fold=10), ConfigError, "from 0 to 9, or all"),
        (lambda f: split_subject_kfold(f, seed=0, fold=-1), ConfigError, "from 0 to 9, or all"),
        (lambda f: split_subject_kfold(f, seed=0, folds=30), ConfigError, "23 subjects: give 2 to"),
        (lambda f: split_loso(f.assign(subject=""), seed=0), DataError, "has no subject ids"),
    ],
)
def test_mistakes_get_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(people())


def test_number_of_folds():
    frame = people()
    node = {"_target_": "ferkit.splits.split_subject_kfold", "folds": 7}
    assert number_of_folds(frame, node) == 7
    assert number_of_folds(frame, {"_target_": "ferkit.splits.split_loso"}) == 23
    leaky = {"_target_": "ferkit.splits.split_image_order_10fold_leaky"}
    assert number_of_folds(frame, leaky) == 10
    with pytest.raises(ConfigError, match="split=random has no folds"):
        number_of_folds(frame, {"_target_": "ferkit.splits.split_random"})


def old_loader_rows(fold):
    """The rows that the CK+48 loader of the literature tests, by its own arithmetic (1..10)."""
    starts, sizes = [0, 135, 312, 387, 594, 678, 927, 981], [12, 18, 9, 21, 9, 24, 6]
    if fold == 10:
        return [starts[j + 1] - 1 - k for j in range(7) for k in range(sizes[j])]
    return [starts[j] + (fold - 1) * sizes[j] + k for j in range(7) for k in range(sizes[j])]


@pytest.mark.parametrize("fold", range(10))
def test_image_order_is_the_old_loader_row_by_row(fold):
    frame = ck48()
    order = ["angry", "disgust", "fear", "happy", "sad", "surprise", "contempt"]
    keys = [key for label in order for key in sorted(frame["key"][frame["label"] == label])]
    split = split_image_order_10fold_leaky(frame, seed=0, fold=fold)
    expected = {keys[row] for row in old_loader_rows(fold + 1)}
    assert set(frame["key"][split.views == "test"]) == expected
    assert len(expected) == 99


def test_image_order_leaks_and_says_so():
    frame = ck48()
    split = split_image_order_10fold_leaky(frame, seed=0)
    assert split.notes[0].startswith("LEAKY protocol")
    assert count_leaks(frame, split.views)["train|test"]["subject"] > 90
    ninth = split_image_order_10fold_leaky(frame, seed=0, fold=8)
    per_class = pd.Series(frame["label"][ninth.views == "test"]).value_counts()
    assert per_class["fear"] == 3  # the block runs over into happy
    assert per_class["happy"] == 27


def test_image_order_of_other_counts_takes_a_tenth_of_each_class():
    frame = people(20)
    views = split_image_order_10fold_leaky(frame, seed=0, fold=9).views
    keys = np.array(sorted(frame["key"][frame["label"] == "happy"]))
    assert set(frame["key"][(views == "test") & (frame["label"] == "happy")]) == set(
        keys[-(len(keys) // 10) :]
    )
