import numpy as np
import pytest
from scipy.stats import false_discovery_control

from ferkit.evaluation.metrics import compute_metrics
from ferkit.evaluation.seeds import (
    benjamini_hochberg,
    difference,
    holm,
    mcnemar_over_seeds,
    measure_runs,
)


def spoil(frame, share, seed):
    """The same rows with some predictions replaced by the first class."""
    rng = np.random.default_rng(seed)
    changed = rng.random(len(frame)) < share
    return frame.assign(predicted=frame["predicted"].mask(changed, "angry"))


def test_metrics_and_intervals_are_those_of_a_report(make_predictions):
    frame = make_predictions(n=400, subjects=30)
    (measured,), units = measure_runs([frame], [0], recall=["disgust"], resamples=1000)
    wanted = compute_metrics(frame)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert measured.metrics[name] == pytest.approx(wanted[name])
        interval = np.quantile(measured.resampled[name], [0.025, 0.975])
        assert interval == pytest.approx(wanted["intervals"][name])
    assert measured.metrics["recall_disgust"] == wanted["per_class"]["disgust"]["recall"]
    assert units.words == "30 subjects"


def test_a_single_pair_differs_as_the_paired_bootstrap_says(make_predictions, paired_differences):
    frame = make_predictions(n=300)
    worse = spoil(frame, 0.15, 1)
    runs, _ = measure_runs(
        [worse, frame.sample(frac=1, random_state=2)], [0, 0], recall=(), resamples=500
    )
    found = difference(runs[:1], runs[1:], "macro_f1")
    wanted = paired_differences(worse, frame, resamples=500)["macro_f1"]
    assert found.value == pytest.approx(wanted["difference"])
    assert found.interval == pytest.approx(wanted["interval"])
    assert found.per_seed == pytest.approx([found.value])


def test_the_difference_is_of_the_means_over_seeds(make_predictions):
    frame = make_predictions(n=500)
    frames = [spoil(frame, 0.3, 1), spoil(frame, 0.2, 2), frame, spoil(frame, 0.02, 3)]
    runs, _ = measure_runs(frames, [0, 1, 0, 1], recall=(), resamples=400)
    found = difference(runs[:2], runs[2:], "accuracy")
    accuracy = [(f["label"] == f["predicted"]).mean() for f in frames]
    assert found.value == pytest.approx(np.mean(accuracy[2:]) - np.mean(accuracy[:2]))
    assert found.per_seed == pytest.approx([accuracy[2] - accuracy[0], accuracy[3] - accuracy[1]])
    assert found.interval[0] > 0 and not found.is_tie and found.p_value < 0.01
    alone = difference(runs[:1], runs[1:2], "accuracy")
    assert alone.per_seed == []  # no seed in common


def test_a_method_against_itself_is_a_tie_with_certainty(make_predictions):
    runs, _ = measure_runs([make_predictions()] * 2, [0, 1], recall=(), resamples=50)
    found = difference(runs[:1], runs[1:], "accuracy")
    assert found.is_tie and found.p_value == 1 and found.interval == [0, 0]


def test_one_subject_gives_no_interval(make_predictions):
    runs, _ = measure_runs([make_predictions(subjects=1)] * 2, [0, 0], recall=(), resamples=50)
    found = difference(runs[:1], runs[1:], "accuracy")
    assert found.interval is None and found.p_value is None and found.is_tie


def test_one_pair_is_mcnemars_test_and_seeds_that_disagree_cancel(make_predictions, mcnemar):
    frame = make_predictions(n=600)
    worse, slightly = spoil(frame, 0.2, 1), spoil(frame, 0.03, 2)
    one, _ = measure_runs([worse, slightly], [0, 0], recall=(), resamples=5)
    alone = mcnemar_over_seeds(one[:1], one[1:])
    assert alone == pytest.approx(mcnemar(worse, slightly)["p_value"])
    runs, _ = measure_runs([worse, slightly, slightly, worse], [0, 1, 0, 1], recall=(), resamples=5)
    assert mcnemar_over_seeds(runs[:2], runs[2:]) == 1
    runs, _ = measure_runs([worse, worse, slightly, slightly], [0, 1, 0, 1], recall=(), resamples=5)
    assert mcnemar_over_seeds(runs[:2], runs[2:]) == pytest.approx(2 * alone, rel=1e-6)
    runs, _ = measure_runs([worse, slightly], [0, 7], recall=(), resamples=5)
    assert mcnemar_over_seeds(runs[:1], runs[1:]) == pytest.approx(alone)


def test_corrections_are_the_published_ones():
    # Holm by hand: 0.005*4, 0.011*3, 0.02*2, 0.04, each at least the one before
    assert holm([0.04, 0.005, 0.02, 0.011]) == pytest.approx([0.04, 0.02, 0.04, 0.033])
    assert holm([0.9, 0.8]) == [1, 1]
    given = [0.04, 0.005, 0.02, 0.011, 0.5]
    assert benjamini_hochberg(given) == pytest.approx(false_discovery_control(given))
    assert holm([]) == benjamini_hochberg([]) == []
