import numpy as np
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import DataError
from ferkit.splits import count_leaks, drop_leaks, leak_warnings, split_random
from ferkit.splits.units import carve, units

NONE = {"subject": 0, "sequence": 0, "source": 0, "identical": 0}


def table(rows):
    """Rows of (key, view, extra columns) to a frame and its views, in the order given."""
    frame = make_index(
        [{"key": key, "label": "happy", **more} for key, _, more in rows],
        name="x",
        variant="v",
        root=".",
    ).frame.set_index("key", drop=False)
    frame = frame.loc[[key for key, _, _ in rows]].reset_index(drop=True)
    return frame, np.array([view for _, view, _ in rows], "<U5")


def test_leaks_are_counted_in_rows_of_the_later_view():
    frame, views = table(
        [
            ("a", "train", {"subject": "1", "sequence": "f", "content": "x"}),
            ("b", "train", {"subject": "1", "content": "x"}),
            ("c", "val", {"subject": "1", "content": "x"}),
            ("d", "val", {"subject": "2", "content": "y"}),
            ("e", "test", {"sequence": "f", "content": "y"}),
            ("f", "test", {"source": "a", "content": "z"}),
            ("g", "", {"subject": "2", "content": "z"}),
        ]
    )
    assert count_leaks(frame.fillna({"content": ""}), views) == {
        "train|val": NONE | {"subject": 1, "identical": 1},
        "train|test": NONE | {"sequence": 1, "source": 1},
        "val|test": NONE | {"identical": 1},
    }


def test_siblings_of_one_source_are_relatives_even_when_the_source_is_not_there():
    frame, views = table([("a", "train", {"source": "gone"}), ("b", "val", {"source": "gone"})])
    assert count_leaks(frame, views)["train|val"] == NONE | {"source": 1}


def test_unknown_ids_and_missing_hashes_are_no_leaks():
    frame, views = table([("a", "train", {}), ("b", "val", {}), ("c", "test", {})])
    assert set(map(tuple, (c.items() for c in count_leaks(frame, views).values()))) == {
        tuple(NONE.items())
    }
    assert count_leaks(frame.assign(content=""), views)["train|val"] == NONE


def test_every_kind_of_leak_gets_a_sentence_with_its_cure():
    leaks = {"train|test": {"subject": 1200, "sequence": 3, "source": 0, "identical": 288}}
    assert leak_warnings(leaks) == [
        "Leak: 1,200 test images show a subject who is also in train, so metrics on test "
        "are too good; split=subject repairs it.",
        "Leak: 3 test images are sibling frames of a video in train, so metrics on test are too "
        "good; split.drop_leaks=true or split=subject repairs it.",
        "Leak: 288 test images are identical to an image in train, so metrics on test are too "
        "good; split.drop_leaks=true repairs it.",
    ]


def test_dropping_takes_from_train_what_later_views_hold_and_from_val_what_test_holds():
    frame, views = table(
        [
            ("a", "train", {"content": "x"}),  # identical to val
            ("b", "train", {"content": "u"}),
            ("c", "train", {"source": "i", "content": "v"}),  # made from a test image
            ("d", "train", {"sequence": "f", "content": "w"}),  # sibling of a test frame
            ("e", "train", {"subject": "1", "content": "q"}),  # a person alone is kept
            ("f", "val", {"content": "x"}),
            ("g", "val", {"content": "y"}),  # identical to test
            ("h", "test", {"content": "y", "sequence": "f", "subject": "1"}),
            ("i", "test", {"content": "z"}),
        ]
    )
    kept, dropped = drop_leaks(frame, views)
    assert kept.tolist() == ["", "train", "", "", "train", "val", "", "test", "test"]
    assert dropped == 4
    assert views[0] == "train"  # the argument is not changed
    after = count_leaks(frame, kept)
    assert all(n == 0 for c in after.values() for kind, n in c.items() if kind != "subject")


def test_dropping_never_empties_a_view():
    frame, views = table([("a", "train", {"content": "x"}), ("b", "val", {"content": "x"})])
    with pytest.raises(DataError, match="would empty train: every image of it has a relative"):
        drop_leaks(frame, views)


def test_a_split_told_to_drop_leaks_has_none_and_says_how_many_went():
    rows = [(f"{i:03d}", "", {"content": f"c{i // 2}"}) for i in range(200)]
    frame, _ = table(rows)
    assert count_leaks(frame, split_random(frame, seed=0).views)["train|val"]["identical"] > 0
    split = split_random(frame, seed=0, drop_leaks=True)
    assert all(n == NONE for n in count_leaks(frame, split.views).values())
    assert f"{(split.views == '').sum()} leaking rows left out" in split.protocol


def test_units_join_by_any_chain_of_ties():
    frame, _ = table(
        [
            ("a", "", {"subject": "1"}),
            ("b", "", {"subject": "1", "path": "p.jpg"}),
            ("c", "", {"subject": "2", "path": "p.jpg"}),
            ("d", "", {"source": "c"}),
            ("e", "", {"subject": "3"}),
            ("f", "", {}),
        ]
    )
    frame = frame.fillna({"path": "", "subject": "", "source": ""})
    joined = units(frame, "subject")
    assert len(set(joined[:4])) == 1
    assert len(set(joined)) == 3
    assert len(set(units(frame))) == 4


def test_carving_nothing_or_from_nothing_is_allowed():
    labels, groups = np.array(["a", "b"]), np.array([0, 1])
    assert not carve(labels, groups, 0.0, seed=0).any()
    assert carve(labels[:0], groups[:0], 0.5, seed=0).shape == (0,)
