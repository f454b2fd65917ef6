import numpy as np
import pytest

from ferkit.evaluation.groups import known_groups, measure_groups, subject_accuracies


def test_a_gap_between_groups_is_found_with_its_interval(make_predictions):
    frame = make_predictions(n=600, subjects=40)
    frame["sex"] = np.where(frame["subject"].str[1:].astype(int) % 2, "F", "M")
    wrong = (frame["sex"] == "M") & (np.arange(600) % 4 == 0)
    frame["predicted"] = frame["predicted"].mask(wrong, "angry")
    assert known_groups(frame) == ["sex"]
    groups, gap = measure_groups([frame], "sex", "accuracy", resamples=500)
    right = frame["label"] == frame["predicted"]
    assert {g.group: g.value for g in groups} == pytest.approx(
        {sex: right[frame["sex"] == sex].mean() for sex in "FM"}
    )
    assert sum(g.rows for g in groups) == 600
    assert (gap.highest, gap.lowest) == ("F", "M")
    assert gap.interval[0] > 0
    assert all(g.interval[0] < g.value < g.interval[1] for g in groups)


def test_a_gap_within_the_same_people_is_paired(make_predictions):
    frame = make_predictions(n=800, subjects=20)
    frame["angle"] = np.where(np.arange(800) // 20 % 2, "S", "HL")
    groups, gap = measure_groups([frame, frame], "angle", "balanced_accuracy", resamples=300)
    assert len(groups) == 2
    assert gap.value == pytest.approx(abs(groups[0].value - groups[1].value))


def test_unknown_columns_and_lone_groups_are_no_groups(make_predictions):
    frame = make_predictions()
    assert known_groups(frame) == []
    assert known_groups(frame.assign(sex="F", age="")) == []


def test_rows_without_a_group_are_left_out(make_predictions):
    frame = make_predictions(n=90).assign(sex=["F", "M", ""] * 30)
    groups, _ = measure_groups([frame], "sex", "accuracy", resamples=20)
    assert [(g.group, g.rows) for g in groups] == [("F", 30), ("M", 30)]


def test_subjects_are_measured_over_all_runs(make_predictions):
    frame = make_predictions(n=90, subjects=3)
    spoilt = frame.assign(predicted="angry")
    found = subject_accuracies([frame, spoilt])
    assert list(found["faces"]) == [30, 30, 30]
    both = ((frame["label"] == frame["predicted"]) + 0.0 + (frame["label"] == "angry")) / 2
    wanted = sorted(both.groupby(frame["subject"]).mean())
    assert list(found["accuracy"]) == pytest.approx(wanted)
    assert subject_accuracies([make_predictions()]).empty


def test_predictions_carry_the_groups_that_the_index_knows():
    import pandas as pd

    from ferkit.inference.predict import make_predictions

    plain = {name: ["x", "y"] for name in ("key", "dataset", "subject", "sequence", "label")}
    index = pd.DataFrame(plain | {"frame": -1, "sex": ["F", "M"], "session": ["A", "B"]})
    frame = make_predictions(index, np.zeros((2, 2)), ["happy", "sad"], "val")
    assert list(frame["sex"]) == ["F", "M"]
    assert "session" not in frame and "age" not in frame
