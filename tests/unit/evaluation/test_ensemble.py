"""The mean of several networks."""

import numpy as np
import pandas as pd
import pytest

from ferkit.errors import DataError
from ferkit.evaluation.ensemble import mean_predictions


def frame(shares, keys=("a", "b", "c"), labels=("sad", "happy", "sad")):
    shares = np.asarray(shares)
    table = pd.DataFrame({"key": keys, "label": labels})
    table["predicted"] = np.array(["sad", "happy"])[shares.argmax(1)]
    return table.assign(p_sad=shares[:, 0], p_happy=shares[:, 1])


def test_probabilities_are_averaged_by_key():
    first = frame([[0.9, 0.1], [0.4, 0.6], [0.45, 0.55]])
    second = frame([[0.5, 0.5], [0.1, 0.9], [0.65, 0.35]]).iloc[[2, 0, 1]]
    found = mean_predictions([first, second])
    assert found["key"].tolist() == ["a", "b", "c"]
    assert found["p_sad"].tolist() == pytest.approx([0.7, 0.25, 0.55])
    assert found["predicted"].tolist() == ["sad", "happy", "sad"]
    assert first["p_sad"].tolist() == [0.9, 0.4, 0.45]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (frame([[1, 0]] * 3, keys=("a", "b", "x")), "did not predict the rows"),
        (frame([[1, 0]] * 3, labels=("sad", "sad", "sad")), "other labels"),
        (frame([[1, 0]] * 3).rename(columns={"p_happy": "p_fear"}), "other outputs"),
        (frame([[1, 0]] * 3, keys=("a", "a", "b")), "did not predict the rows"),
    ],
)
def test_members_that_do_not_fit_are_refused(other, words):
    with pytest.raises(DataError, match=words):
        mean_predictions([frame([[1, 0]] * 3), other])
