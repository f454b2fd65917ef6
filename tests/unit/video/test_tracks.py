"""Tracks: ids that hold while a face is there, and are never used twice."""

import numpy as np
import pytest

from ferkit.errors import ConfigError
from ferkit.faces.detection import overlap
from ferkit.video.tracks import Tracker, TrackSettings, match, overlaps


def box(x, y=0.0, side=10.0):
    return np.array([x, y, x + side, y + side])


def test_overlaps_agree_with_the_pairwise_formula():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 20, (9, 2, 2))
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    expected = [[overlap(a, b) for b in boxes[4:]] for a in boxes[:4]]
    assert np.allclose(overlaps(boxes[:4], boxes[4:]), expected)
    assert overlaps(np.zeros((1, 4)), np.zeros((1, 4))) == 0


def test_ids_follow_faces_whatever_their_order():
    tracker = Tracker()
    assert tracker.update([box(0), box(50)], 0.0) == [0, 1]
    assert tracker.update([box(52), box(2)], 0.1) == [1, 0]
    assert tracker.update([box(100), box(4)], 0.2) == [2, 0]


def test_the_sum_of_overlaps_decides_not_the_first_pair():
    # box 0 overlaps both tracks, box 1 the first alone: greedy matching would lose one
    pairs = match([box(0), box(6)], [box(2), box(-5)], 0.3)
    assert pairs == {0: 1, 1: 0}
    assert match([box(0)], [box(8)], 0.3) == {}
    assert match([], [box(8)], 0.3) == {} == match([box(8)], [], 0.3)


@pytest.mark.parametrize(("away", "kept"), [(0.9, True), (1.1, False)])
def test_a_track_lives_for_its_age_and_its_id_is_not_given_again(away, kept):
    tracker = Tracker(TrackSettings(max_age=1.0))
    tracker.update([box(0)], 0.0)
    assert tracker.update([], away / 2) == []
    assert tracker.update([box(1)], away) == [0 if kept else 1]
    assert set(tracker.tracks) == {0 if kept else 1}


def test_an_age_of_zero_holds_between_frames_with_the_face_alone():
    tracker = Tracker(TrackSettings(max_age=0))
    assert [tracker.update([box(0)], t) for t in (0.0, 0.0, 0.1)] == [[0], [0], [1]]


def test_one_leaves_and_the_other_keeps_its_id():
    tracker = Tracker()
    ids = [tracker.update([box(0), box(40)][: 2 if t < 1 else 1], t) for t in np.arange(0, 4, 0.2)]
    assert ids[0] == [0, 1]
    assert ids[-1] == [0]
    assert set(tracker.tracks) == {0}


@pytest.mark.parametrize("wrong", [{"overlap": 0.0}, {"overlap": 1.1}, {"max_age": -1}])
def test_values_outside_their_range_are_named(wrong):
    with pytest.raises(ConfigError, match=f"track.{next(iter(wrong))}"):
        TrackSettings(**wrong)
