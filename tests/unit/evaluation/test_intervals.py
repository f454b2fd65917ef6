import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ferkit.evaluation.intervals import (
    bootstrap,
    draw_counts,
    percentile_interval,
    rank,
    resampling_units,
    weighted_auc,
    wilson,
)
from ferkit.evaluation.metrics import METRICS, compute_metrics
from ferkit.evaluation.outcomes import read_outcomes


# Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (score, without correction).
@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_equals_the_published_values(hits, trials, low, high):
    assert wilson(hits, trials) == pytest.approx([low, high], abs=5e-5)


def test_wilson_without_trials_is_none():
    assert wilson(0, 0) is None


def test_people_are_resampled_where_known_else_videos_else_images():
    rows = pd.DataFrame(
        {
            "key": list("abcdef"),
            "dataset": ["x", "x", "y", "y", "y", "y"],
            "subject": ["1", "1", "1", "", "", ""],
            "sequence": ["s", "t", "s", "s", "s", ""],
        }
    )
    units = resampling_units(rows)
    assert units.words == "2 subjects and 1 video and 1 image"
    assert units.count == 4
    a, b, c, d, e, f = units.class_ids
    assert a == b and d == e and len({a, c, d, f}) == 4


def test_images_are_resampled_where_nothing_is_known(make_predictions):
    assert resampling_units(make_predictions(n=40)).words == "40 images"


def test_draws_depend_on_the_seed_and_not_on_the_block(monkeypatch):
    whole = np.concatenate(list(draw_counts(7, 50, seed=3)))
    monkeypatch.setattr("ferkit.evaluation.intervals._CELLS", 21)
    assert np.array_equal(np.concatenate(list(draw_counts(7, 50, seed=3))), whole)
    assert (whole.sum(axis=1) == 7).all()
    assert not np.array_equal(np.concatenate(list(draw_counts(7, 50, seed=4))), whole)


def test_weighted_auc_equals_scikit_learn_with_ties_and_weights(rng):
    scores = rng.integers(0, 6, 60) / 5.0
    positive = rng.random(60) < 0.4
    weights = rng.integers(0, 4, (5, 60)).astype(float)
    expected = [roc_auc_score(positive, scores, sample_weight=w) for w in weights]
    assert weighted_auc(rank(scores, positive), weights) == pytest.approx(expected)


def test_weighted_auc_is_no_number_without_positives():
    alone = rank(np.array([0.1, 0.2]), np.array([True, False]))
    assert np.isnan(weighted_auc(alone, np.eye(2))).all()


@pytest.mark.parametrize("subjects", [0, 9])
def test_bootstrap_equals_a_slow_loop_over_the_same_resamples(make_predictions, subjects):
    rows = make_predictions(n=45, classes=3, subjects=subjects)
    units = resampling_units(rows)
    samples = bootstrap(read_outcomes(rows), units, resamples=12, seed=5)
    for r, drawn in enumerate(np.concatenate(list(draw_counts(units.count, 12, 5)))):
        copied = rows.loc[np.repeat(rows.index, drawn[units.class_ids].astype(int))]
        slow = compute_metrics(copied, intervals=False)
        for name in METRICS:
            assert samples[name][r] == pytest.approx(slow[name]), name
        slow_f1 = [slow["per_class"][c]["f1"] for c in ("angry", "disgust", "fear")]
        assert samples["per_class_f1"][r] == pytest.approx(slow_f1)


def test_interval_holds_the_metric_and_narrows_with_more_rows(make_predictions):
    widths = []
    for n in (100, 2500):
        metrics = compute_metrics(make_predictions(n=n), resamples=200)
        low, high = metrics["intervals"]["accuracy"]
        assert low < metrics["accuracy"] < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 3


def test_accuracy_interval_is_the_binomial_one_for_images(make_predictions):
    rows = make_predictions(n=2000)
    metrics = compute_metrics(rows, resamples=2000)
    low, high = metrics["intervals"]["accuracy"]
    expected = wilson(round(metrics["accuracy"] * 2000), 2000)
    assert [low, high] == pytest.approx(expected, abs=0.004)


def test_faces_of_few_people_give_wider_intervals(make_predictions):
    rows = make_predictions(n=600)
    person = np.arange(600) // 100
    always = rows.assign(subject=person.astype(str))
    always["predicted"] = always["label"].where(person % 2 == 0, "happy")

    def width(frame):
        low, high = compute_metrics(frame, resamples=300)["intervals"]["accuracy"]
        return high - low

    assert width(always) > 3 * width(always.assign(subject=""))


def test_percentile_interval_passes_over_undefined_samples():
    samples = np.append(np.linspace(0, 1, 1001), np.nan)
    assert percentile_interval(samples) == pytest.approx([0.025, 0.975])
    assert percentile_interval(np.array([np.nan])) is None
