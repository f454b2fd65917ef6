import pandas as pd
import pytest

from ferkit.reports.blocks import Table
from ferkit.reports.markdown import write_table
from ferkit.reports.tables import (
    confusion_shares,
    confusion_table,
    counts_table,
    dropped_table,
    environment_table,
    format_metric,
    leaks_table,
    lost_table,
    rounded,
    setup_table,
)


def test_rounding_reaches_every_metric_and_leaves_counts():
    nested = {"a": 1 / 3, "b": [2 / 3, None], "c": {"n": 7, "name": "x"}}
    assert rounded(nested) == {"a": 0.333333, "b": [0.666667, None], "c": {"n": 7, "name": "x"}}


@pytest.mark.parametrize(
    ("value", "interval", "shown"),
    [
        (0.61349, [0.59, 0.6301], "0.613 [0.590, 0.630]"),
        (1.0, None, "1.000"),
        (None, None, "—"),
    ],
)
def test_a_metric_is_shown_with_its_interval(value, interval, shown):
    assert format_metric(value, interval) == shown


def test_counts_stand_before_and_after_resampling_with_a_sum():
    data = {
        "emotions": ["sad", "happy"],
        "counts": {"train": {"sad": 10, "happy": 1200}, "val": {"sad": 3}},
        "counts_after": {"train": {"sad": 1200, "happy": 1200}},
    }
    table = counts_table(data)
    assert table.columns == ("Emotion", "train", "train after resampling", "val")
    assert table.rows == (
        ("sad", "10", "1,200", "3"),
        ("happy", "1,200", "1,200", "0"),
        ("all", "1,210", "2,400", "3"),
    )


def test_the_share_that_each_class_lost_is_shown_where_one_lost_any():
    assert lost_table({"dropped_share": {"sad": 0.0, "fear": 0.125}}).rows == (
        ("sad", "0.0%"),
        ("fear", "12.5%"),
    )
    assert lost_table({"dropped_share": {"sad": 0.0}}) is None


def test_missing_parts_have_no_table():
    assert counts_table({}) is None
    assert leaks_table({"leaks": {}}) is None
    assert dropped_table({"dataset": {}}) is None
    assert setup_table({"seed": 0}) is None
    assert environment_table({"format": 1}) is None


def test_a_class_without_faces_has_shares_of_zero():
    matrix = pd.DataFrame([[3, 1], [0, 0]], index=["a", "b"], columns=["a", "b"])
    assert confusion_shares(matrix).to_numpy().tolist() == [[0.75, 0.25], [0, 0]]
    assert confusion_table(matrix).rows == (("a", "3 (75%)", "1 (25%)"), ("b", "0", "0"))


def test_setup_names_each_choice_and_each_slot():
    config = {
        "seed": 3,
        "loss": {"_target_": "ferkit.losses.Focal", "gamma": 2.0, "alpha": None, "mean": True},
        "strategy": {"_target_": "x.Strategy", "sampler": {"_target_": "y.Even", "power": 0.5}},
        "imbalance": {"resample": {"_target_": "ferkit.x.Smote", "k": 5}, "sampler": None},
        "tests": {},
    }
    assert setup_table(config).rows == (
        ("loss", "Focal", "gamma 2.0, mean true"),
        ("strategy", "Strategy", "sampler Even (power 0.5)"),
        ("imbalance.resample", "Smote", "k 5"),
    )


def test_environment_writes_versions_in_one_cell():
    env = {"format": 1, "versions": {"torch": "2", "numpy": "3"}, "git": {"changed": False}}
    assert environment_table(env).rows == (
        ("versions", "torch 2, numpy 3"),
        ("git", "changed false"),
    )


def test_pipes_and_line_breaks_cannot_break_a_pipe_table():
    table = write_table(Table(("Why", "Images"), (("a | b\nc", "1,000"),)))
    lines = table.splitlines()
    assert lines[2] == "| a \\| b c |  1,000 |"
    assert len({len(line) for line in lines}) == 1
