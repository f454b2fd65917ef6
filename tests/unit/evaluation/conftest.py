import numpy as np
import pandas as pd
import pytest

from ferkit.emotions import EMOTIONS


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def make_predictions():
    def make(n=200, classes=7, subjects=0, seed=0, skill=1.5):
        rng = np.random.default_rng(seed)
        names = np.array(EMOTIONS[:classes])
        truth = rng.choice(classes, n, p=np.arange(1, classes + 1) / sum(range(classes + 1)))
        scores = rng.normal(size=(n, classes))
        scores[np.arange(n), truth] += skill
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        frame = pd.DataFrame(
            {
                "key": [f"k{i:04d}" for i in range(n)],
                "dataset": "fer2013",
                "view": "val",
                "subject": [f"s{i % subjects}" for i in range(n)] if subjects else "",
                "sequence": "",
                "frame": -1,
                "label": names[truth],
                "predicted": names[p.argmax(axis=1)],
            }
        )
        return frame.assign(**{f"p_{name}": p[:, i] for i, name in enumerate(names)})

    return make
