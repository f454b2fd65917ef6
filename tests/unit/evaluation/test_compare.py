import pytest
from scipy.stats import binomtest

from ferkit.errors import DataError
from ferkit.evaluation.metrics import compute_metrics


def test_a_run_against_itself_differs_by_nothing(make_predictions, paired_differences, mcnemar):
    frame = make_predictions()
    result = paired_differences(frame, frame.sample(frac=1, random_state=1), resamples=30)
    assert result["macro_f1"] == {"difference": 0, "interval": [0, 0]}
    assert mcnemar(frame, frame) == {"only_first": 0, "only_second": 0, "p_value": 1}


def test_a_better_run_is_seen_and_the_pairing_narrows_the_interval(
    make_predictions, paired_differences, mcnemar
):
    worse = make_predictions(n=800)
    better = worse.copy()
    mended = better.index[better["label"] != better["predicted"]][:40]
    better.loc[mended, "predicted"] = better.loc[mended, "label"]
    result = paired_differences(worse, better, resamples=300)
    low, high = result["accuracy"]["interval"]
    assert result["accuracy"]["difference"] == pytest.approx(0.05)
    assert 0 < low < 0.05 < high
    alone = compute_metrics(worse, resamples=300)["intervals"]["accuracy"]
    assert high - low < (alone[1] - alone[0]) / 1.5
    test = mcnemar(worse, better)
    assert (test["only_first"], test["only_second"]) == (0, 40)
    assert test["p_value"] == pytest.approx(2 * 0.5**40)


def test_mcnemar_is_the_exact_binomial_test(make_predictions, mcnemar):
    first, second = make_predictions(seed=1), make_predictions(seed=1)
    second["predicted"] = second["predicted"].sample(frac=1, random_state=3).to_numpy()
    result = mcnemar(first, second)
    n = result["only_first"] + result["only_second"]
    assert n > 20
    assert result["p_value"] == pytest.approx(binomtest(result["only_second"], n).pvalue)


def test_other_rows_other_labels_and_twice_the_same_row_are_refused(
    make_predictions, paired_differences, mcnemar
):
    frame = make_predictions(n=30)
    with pytest.raises(DataError, match=r"1 keys are in one alone .*'k0029'"):
        paired_differences(frame, frame[:-1])
    with pytest.raises(DataError, match="disagree on the label of 30 rows"):
        mcnemar(frame, frame.assign(label="contempt"))
    with pytest.raises(DataError, match="'k0003' was predicted twice"):
        mcnemar(frame, frame.assign(key=frame["key"].replace("k0004", "k0003")))
