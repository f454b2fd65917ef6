import numpy as np
import pandas as pd
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import ConfigError, DataError
from ferkit.splits import (
    VIEWS,
    count_leaks,
    leak_warnings,
    split_auto,
    split_official,
    split_random,
    split_sequence,
    split_subject,
)

CK48 = {
    "angry": 45,
    "contempt": 18,
    "disgust": 59,
    "fear": 25,
    "happy": 69,
    "sad": 28,
    "surprise": 83,
}


def index_of(rows, name="x", tmp="."):
    return make_index(rows, name=name, variant="v", root=tmp).frame


def ck48(subjects=40):
    """Videos of three frames, as CK+48 has them, of people who each show several emotions."""
    rows = []
    for label, videos in CK48.items():
        for video in range(videos):
            subject = f"S{video * 7 % subjects:03d}"
            rows += [
                {
                    "key": f"{label}/{subject}_{video:03d}_{frame}",
                    "label": label,
                    "subject": subject,
                    "sequence": f"{subject}_{label}_{video}",
                    "frame": frame,
                    "path": f"{label}/{subject}_{video:03d}_{frame}.png",
                }
                for frame in range(3)
            ]
    return index_of(rows, "ckplus")


def plain(counts, **columns):
    rows = [
        {"key": f"{label}{i}", "label": label, **columns}
        for label, n in counts.items()
        for i in range(n)
    ]
    return index_of(rows)


def counts(frame, views):
    return pd.crosstab(frame["label"].to_numpy(), views)


def test_random_split_keeps_the_shares_of_every_class():
    frame = plain({"happy": 1000, "disgust": 20, "sad": 300})
    table = counts(frame, split_random(frame, seed=0, val=0.2, test=0.1).views)
    assert table.loc["happy"].to_dict() == {"test": 100, "train": 700, "val": 200}
    assert table.loc["disgust"].to_dict() == {"test": 2, "train": 14, "val": 4}


def test_random_split_depends_on_the_seed_alone():
    frame = plain({"happy": 100, "sad": 100})
    first, again, other = (split_random(frame, seed=seed).views for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_rare_classes_stay_in_train_first_and_the_loss_is_noted():
    frame = plain({"happy": 50, "disgust": 1, "fear": 2, "sad": 3})
    split = split_random(frame, seed=0)
    table = counts(frame, split.views)
    assert table.loc["disgust", "train"] == 1
    assert table.loc["fear", ["train", "val", "test"]].to_list() == [1, 1, 0]
    assert table.loc["sad", ["train", "val", "test"]].to_list() == [1, 1, 1]
    assert split.notes == [
        "too few rows to give val any of disgust",
        "too few rows to give test any of disgust, fear",
    ]


def test_unlabelled_rows_belong_to_no_view():
    frame = plain({"happy": 30, "": 10})
    views = split_random(frame, seed=0).views
    assert set(views[frame["label"] == ""]) == {""}
    assert "" not in set(views[frame["label"] != ""])


@pytest.mark.parametrize("split", [split_random, split_subject, split_sequence, split_auto])
def test_copies_stay_with_the_image_they_were_made_from(split):
    rows = [
        {
            "key": f"{i}",
            "label": "happy" if i % 2 else "sad",
            "subject": f"s{i // 4}",
            "sequence": f"f{i // 2}",
        }
        for i in range(80)
    ]
    rows += [
        {"key": f"{i}-{k}", "label": "happy" if i % 2 else "sad", "source": f"{i}"}
        for i in range(80)
        for k in range(3)
    ]
    rows += [{"key": "0-0-0", "label": "sad", "source": "0-0"}]  # a copy of a copy
    frame = index_of(rows)
    views = split(frame, seed=3).views
    parent = frame["key"].str.split("-").str[0]
    assert (pd.Series(views).groupby(parent.to_numpy()).nunique() == 1).all()
    assert all(leaks["source"] == 0 for leaks in count_leaks(frame, views).values())


def test_faces_of_one_photograph_stay_together_and_frames_of_a_video_file_need_not():
    photos = [{"key": f"{i}", "label": "sad", "path": f"{i // 2}.jpg"} for i in range(60)]
    frame = index_of(photos)
    views = pd.Series(split_random(frame, seed=0).views)
    assert (views.groupby(frame["path"].to_numpy()).nunique() == 1).all()
    video = index_of(
        [{"key": f"{i}", "label": "sad", "path": "a.avi", "frame": i} for i in range(60)]
    )
    assert set(split_random(video, seed=0).views) == set(VIEWS)


def test_subject_split_puts_nobody_in_two_views_and_every_class_in_each():
    frame = ck48()
    split = split_subject(frame, seed=0)
    assert pd.Series(split.views).groupby(frame["subject"].to_numpy()).nunique().max() == 1
    assert (counts(frame, split.views) > 0).all(axis=None)
    shares = pd.Series(split.views).value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.8, abs=0.05)
    assert "by subject (" in split.protocol


def test_a_share_that_is_no_unit_fraction_is_met_by_several_folds():
    frame = ck48()
    views = pd.Series(split_subject(frame, seed=0, val=0.1, test=0.3).views)
    assert (views == "test").mean() == pytest.approx(0.3, abs=0.04)


def test_people_of_two_datasets_with_one_id_are_two_people():
    parts = [ck48(), ck48().assign(dataset="mug", key=lambda f: "mug/" + f["key"])]
    frame = pd.concat(parts, ignore_index=True)
    views = pd.Series(split_subject(frame, seed=0).views)
    together = views.groupby(frame["subject"].to_numpy()).nunique()
    apart = views.groupby((frame["dataset"] + frame["subject"]).to_numpy()).nunique()
    assert together.max() > 1
    assert apart.max() == 1


def test_sequence_split_keeps_videos_whole():
    frame = ck48()
    split = split_sequence(frame, seed=0)
    assert pd.Series(split.views).groupby(frame["sequence"].to_numpy()).nunique().max() == 1
    leaks = count_leaks(frame, split.views)
    assert leaks["train|test"]["sequence"] == 0 < leaks["train|test"]["subject"]


def test_two_people_give_train_and_val_and_one_gives_nothing():
    frame = plain({"happy": 10, "sad": 10})
    two = frame.assign(subject=["a", "b"] * 10)
    split = split_subject(two, seed=0)
    assert set(split.views) == {"train", "val"}
    assert split.notes == ["there are too few rows for a test view"]
    with pytest.raises(DataError, match="1 groups that must stay together"):
        split_subject(frame.assign(subject="a"), seed=0)


def test_a_class_of_one_person_is_learnt_not_tested():
    rows = [
        {"key": f"{s}-{i}", "label": "happy", "subject": f"{s}"}
        for s in range(12)
        for i in range(4)
    ]
    rows += [{"key": f"3-c{i}", "label": "contempt", "subject": "3"} for i in range(4)]
    frame = index_of(rows)
    for seed in range(12):
        views = split_subject(frame, seed=seed, val=0.3, test=0.3).views
        assert set(views[frame["label"] == "contempt"]) == {"train"}


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (split_subject, r"split=subject\), but x has no subject ids; use split=official or"),
        (split_sequence, r"split=sequence\), but x has no sequence ids; use split=official"),
    ],
)
def test_ids_that_are_not_known_are_asked_for_in_a_sentence(split, sentence):
    with pytest.raises(DataError, match=sentence):
        split(plain({"happy": 9}, split="train"), seed=0)


def test_rows_without_a_subject_are_noted():
    frame = ck48()
    frame.loc[:9, "subject"] = ""
    assert split_subject(frame, seed=0).notes == [
        "10 rows without a subject id count as one subject each"
    ]


@pytest.mark.parametrize("shares", [{"val": 0.0}, {"val": 0.6, "test": 0.4}, {"test": -0.1}])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ConfigError, match="are shares"):
        split_random(plain({"happy": 9}), seed=0, **shares)


def test_an_index_without_labels_is_refused():
    with pytest.raises(DataError, match="no row of x carries a label"):
        split_random(plain({"": 9}), seed=0)


class TestOfficial:
    def test_three_official_views_are_taken_as_they_are(self):
        frame = plain({"happy": 9, "sad": 9})
        frame["split"] = ["train", "val", "test"] * 6
        split = split_official(frame, seed=0)
        assert (split.views == frame["split"]).all()
        assert split.protocol == "official train, val, test"

    def test_val_is_carved_out_of_train_by_subject_and_never_out_of_test(self):
        frame = ck48()
        frame["split"] = np.where(frame["subject"] < "S030", "train", "test")
        split = split_official(frame, seed=0, val=0.2)
        assert ((split.views == "test") == (frame["split"] == "test")).all()
        people = pd.Series(split.views).groupby(frame["subject"].to_numpy()).nunique()
        assert people.max() == 1
        assert (split.views == "val").sum() > 0
        assert "val: 20% carved out of train, by subject, seed 0" in split.protocol

    def test_without_subjects_val_is_stratified(self):
        frame = plain({"happy": 100, "sad": 50}, split="train")
        split = split_official(frame, seed=0)
        assert counts(frame, split.views)["val"].to_dict() == {"happy": 10, "sad": 5}
        assert "stratified" in split.protocol

    def test_a_dataset_of_train_and_val_has_no_test(self):
        frame = plain({"happy": 10})
        frame["split"] = ["train", "val"] * 5
        assert set(split_official(frame, seed=0).views) == {"train", "val"}

    def test_rows_of_no_official_split_are_left_out_and_counted(self):
        frame = plain({"happy": 9})
        frame["split"] = ["train", "val", ""] * 3
        split = split_official(frame, seed=0)
        assert (split.views == "").sum() == 3
        assert split.notes == ["3 labelled rows belong to no official split and are left out"]

    def test_without_official_train_rows_it_says_so(self):
        with pytest.raises(DataError, match="no official train rows; use split=auto"):
            split_official(plain({"happy": 9}), seed=0)


class TestAuto:
    @pytest.mark.parametrize(
        ("frame", "name"),
        [
            (plain({"happy": 9}).assign(split=["train", "val", "test"] * 3), "official"),
            (ck48(), "subject"),
            (ck48().assign(subject=""), "sequence"),
            (plain({"happy": 30}), "random"),
            (plain({"happy": 30}, split="train"), "random"),
        ],
    )
    def test_it_takes_the_best_protocol_that_the_index_allows_and_says_which(self, frame, name):
        split = split_auto(frame, seed=0)
        assert split.name == name
        assert split.protocol.startswith("auto: ")
        assert "val" in set(split.views)

    def test_merged_datasets_are_split_each_by_its_own_facts(self):
        official = plain({"happy": 9}).assign(split=["train", "val", "test"] * 3)
        frame = pd.concat([official, ck48()], ignore_index=True)
        split = split_auto(frame, seed=0)
        assert split.name == "subject+official"
        assert (split.views[:9] == official["split"]).all()
        people = pd.Series(split.views[9:]).groupby(frame["subject"][9:].to_numpy()).nunique()
        assert people.max() == 1


class TestProof:
    """The leak check proves itself on the layout of CK+48."""

    def test_split_at_random_it_warns_of_sibling_frames_and_shared_people(self):
        frame = ck48()
        leaks = count_leaks(frame, split_random(frame, seed=0).views)
        text = "\n".join(leak_warnings(leaks))
        for view in ("val", "test"):
            n = leaks[f"train|{view}"]
            assert n["sequence"] > 50
            assert n["subject"] > 90
            assert f"{n['sequence']} {view} images are sibling frames of a video in train" in text
            assert f"{n['subject']} {view} images show a subject who is also in train" in text

    @pytest.mark.parametrize("seed", range(3))
    def test_split_by_subject_it_is_silent(self, seed):
        frame = ck48()
        assert leak_warnings(count_leaks(frame, split_subject(frame, seed=seed).views)) == []
