import numpy as np
import pytest
from omegaconf import DictConfig

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.errors import ConfigError, DataError
from ferkit.inference.named_views import named_view
from ferkit.views import make_views

WORDS = [
    "dataset.train=60",
    "dataset.val=30",
    "dataset.test=40",
    "dataset.people=12",
    "faces.size=16",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    config = compose(*WORDS, f"prepared_root={tmp_path_factory.mktemp('stores')}")
    return config, make_views(config)


def view(made, **asked):
    config, views = made
    return named_view(DictConfig({**as_plain(config), "tests": {"it": asked}}), views, "it")


def test_views_are_joined_and_chosen_among(made):
    _, views = made
    shown, rows = view(made, views=["val", "test"])
    assert shown is views and len(rows) == 70
    label = views.store.index["label"].iloc[rows[0]]
    _, chosen = view(made, views=["val", "test"], where={"label": label})
    assert set(views.store.index["label"].iloc[chosen]) == {label}
    _, both = view(made, views=["val", "test"], where={"label": [label], "split": "test"})
    assert set(both) == set(chosen) & set(views.rows("test"))


def test_at_most_keeps_the_first_of_a_class(made):
    _, views = made
    _, rows = view(made, views=["test"])
    _, fewer = view(made, views=["test"], at_most={"happy": 1})
    labels = views.store.index["label"]
    assert (labels.iloc[fewer] == "happy").sum() == 1 < (labels.iloc[rows] == "happy").sum()
    others = rows[(labels.iloc[rows] != "happy").to_numpy()]
    assert set(others) < set(fewer) <= set(rows)


def test_another_dataset_is_prepared_as_the_run_was_but_not_copied(made):
    config, views = made
    data = {"name": "drawn", "train": 20, "val": 10, "test": 10, "people": 9, "seed": 5}
    asked = {"dataset": data, "where": {"split": ["train", "test"]}}
    own = as_plain(config)
    faces = {**own["faces"], "copies": [{"kind": "flip"}]}
    config = DictConfig({**own, "faces": faces, "tests": {"it": asked}})
    shown, rows = named_view(config, views, "it")
    assert len(shown.store) == 40 and len(rows) == 30
    assert shown.store.faces.shape[1:] == (16, 16)
    config.tests.it.faces = {"name": "none", "size": 12}
    assert named_view(config, views, "it")[0].store.faces.shape[1:] == (12, 12)


def test_a_resampled_view_says_what_was_done(made):
    _, views = made
    _, before = view(made, views=["test"])
    shown, rows = view(made, views=["test"], resample={"rule": "random_over"})
    counts = np.bincount(shown.class_ids[rows])
    assert len(set(counts)) == 1 and counts[0] == np.bincount(views.class_ids[before]).max()
    index = shown.store.index
    assert index["key"].is_unique and len(index) == len(shown.store.faces) == len(rows)
    made_rows = index["source"] != ""
    assert made_rows.sum() == len(rows) - len(before)
    assert (index["subject"][made_rows] == "").all()
    words = f"resampled by random_over ({len(before)} to {len(rows)} faces)"
    assert words in shown.split.protocol and words in shown.store.card["dataset"]["name"]
    own = views.store.index.set_index("key")["label"]
    assert index["label"][made_rows].tolist() == own[index["source"][made_rows]].tolist()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"view": ["test"]}, r"Did you mean 'tests\.it\.views'"),
        ({"views": ["test"], "where": {"labell": "happy"}}, "Did you mean 'label'"),
        ({"views": ["test"], "dataset": "drawn"}, "dataset and views"),
        ({"views": ["test"], "faces": "none"}, r"needs tests\.it\.dataset"),
        ({"views": ["test"], "resample": "smotee"}, "Did you mean 'smote"),
    ],
)
def test_a_wrong_description_is_answered_in_a_sentence(made, asked, words):
    with pytest.raises(ConfigError, match=words):
        view(made, **asked)


def test_an_empty_view_is_no_view(made):
    with pytest.raises(DataError, match="it view is empty"):
        view(made, views=["test"], where={"label": "contempt"})
