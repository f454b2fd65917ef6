import numpy as np
import pytest

from ferkit.errors import ConfigError, DataError
from ferkit.imbalance.costs import cost_matrix, minimum_cost_decision
from ferkit.losses.class_weights import class_weights

EMOTIONS = ("angry", "fear", "sad")
COUNTS = (10, 20, 40)


def test_made_from_the_counts_a_confusion_costs_its_class_weight():
    costs = cost_matrix("balanced", COUNTS, EMOTIONS)
    weights = class_weights(COUNTS).numpy()
    for i in range(3):
        for j in range(3):
            assert costs[i, j] == pytest.approx(0 if i == j else weights[i])


def test_a_table_fills_the_rest_with_ones():
    costs = cost_matrix({"fear": {"sad": 5, "angry": "0.5"}}, COUNTS, EMOTIONS)
    assert costs.tolist() == [[0, 1, 1], [0.5, 0, 5], [1, 1, 0]]


def test_csv_and_yaml_files_say_the_same(tmp_path):
    table = tmp_path / "costs.csv"
    table.write_text("true,Anger,fear,sad,happy\nfear,2,0,3.5,9\nsadness, 4, ,0,9\nhappy,9,9,9,0\n")
    nested = tmp_path / "costs.yaml"
    nested.write_text("fear: {angry: 2, sad: 3.5}\nsad: {angry: 4}\n")
    for path in (table, nested):
        costs = cost_matrix(str(path), COUNTS, EMOTIONS)
        assert costs.tolist() == [[0, 1, 1], [2, 0, 3.5], [4, 1, 0]]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"fear": {"saad": 2}}, "Did you mean 'sad'"),
        ({"fear": {"sad": -1}}, "true fear, predicted sad: the cost is -1; give a number"),
        ({"fear": {"sad": "much"}}, "the cost is 'much'"),
        ({"fear": {"sad": "nan"}}, "the cost is 'nan'"),
        ({"fear": {"fear": 1}}, "a right decision costs nothing"),
        ({"fear": 3}, "row fear is not a table"),
        ("balancd", "Did you mean 'balanced'"),
    ],
)
def test_wrong_tables_are_said(table, said):
    with pytest.raises(ConfigError, match=said):
        cost_matrix(table, COUNTS, EMOTIONS)


def test_files_that_cannot_be_read_are_said(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        cost_matrix(str(tmp_path / "none.csv"), COUNTS, EMOTIONS)
    broken = tmp_path / "broken.yaml"
    broken.write_text("fear: {sad: [")
    with pytest.raises(DataError, match=r"broken\.yaml cannot be read"):
        cost_matrix(str(broken), COUNTS, EMOTIONS)
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    with pytest.raises(ConfigError, match=r"empty\.yaml is not a table"):
        cost_matrix(str(empty), COUNTS, EMOTIONS)


def test_a_class_without_an_image_is_named():
    with pytest.raises(DataError, match="fear without"):
        cost_matrix("balanced", (3, 0, 2), EMOTIONS)


def test_the_decision_by_hand():
    p = np.array([[0.6, 0.4], [0.9, 0.1]])
    costs = np.array([[0, 1.0], [3.0, 0]])  # expected: [1.2, 0.6] and [0.3, 0.9]
    assert minimum_cost_decision(p, costs).tolist() == [1, 0]


def test_even_costs_decide_for_the_likeliest():
    p = np.random.default_rng(0).dirichlet(np.ones(7), size=100)
    np.testing.assert_array_equal(minimum_cost_decision(p, 1 - np.eye(7)), p.argmax(1))
