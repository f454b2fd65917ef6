"""Faces of other data that a run was trained on."""

import pandas as pd
import pytest

from ferkit.splits.overlap import alike_subjects, overlap_with_train


def rows(dataset, *given):
    columns = ["key", "content", "subject", "source"]
    frame = pd.DataFrame([dict(zip(columns, each, strict=True)) for each in given])
    return frame.assign(label="happy", dataset=dataset)


TRAIN = rows("ckplus", ("S005/1", "aa", "S005", ""), ("S010/1_flip", "bb", "", "S010/1"))


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (("x", "aa", "", ""), "image"),
        (("x", "zz", "S005", ""), "subject"),
        (("x", "aa", "S005", ""), "image"),
        (("S005/1", "zz", "", ""), "source"),
        (("S010/1", "zz", "", ""), "source"),  # what a training row was made from
        (("y", "zz", "", "S010/1"), "source"),  # made from the same
        (("y", "zz", "", "S005/1"), "source"),  # made from a training row
        (("y", "zz", "S006", ""), ""),
        (("y", "", "", ""), ""),
    ],
)
def test_kinds(row, kind):
    assert overlap_with_train(TRAIN, rows("ckplus", row)).tolist() == [kind]


def test_merged_set_and_its_part_name_the_same_people():
    merged = rows("ckplus", ("ckplus/S005/1", "aa", "ckplus/S005", ""))
    assert overlap_with_train(merged, rows("ckplus", ("q", "z", "S005", ""))).tolist() == [
        "subject"
    ]
    assert overlap_with_train(TRAIN, merged.assign(content="z")).tolist() == ["source"]
    twice = rows("ckplus", ("ckplus-2/S005/1", "y", "ckplus/S005", ""))
    assert overlap_with_train(twice, rows("ckplus", ("S005/1", "z", "", ""))).tolist() == ["source"]


def test_ids_of_other_datasets_mean_other_people():
    assert overlap_with_train(TRAIN, rows("mug", ("S005/1", "zz", "S005", ""))).tolist() == [""]


@pytest.mark.parametrize("name", ["folder", "table", "drawn"])
def test_unnamed_sets_are_told_by_their_images_alone(name):
    train, other = TRAIN.assign(dataset=name), rows(name, ("S005/1", "zz", "S005", ""))
    assert overlap_with_train(train, other).tolist() == [""]
    assert alike_subjects(train, other) == (name != "drawn")
    assert overlap_with_train(train, other.assign(content="bb")).tolist() == ["image"]
