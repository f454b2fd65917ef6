import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from ferkit.errors import DataError
from ferkit.evaluation.confusion import count_confusion, overall_metrics, per_class_metrics
from ferkit.evaluation.metrics import METRICS, compute_metrics, confusion_frame, quick_metrics


def probabilities(frame):
    return frame[[c for c in frame if c.startswith("p_")]].to_numpy()


def loop_ece(frame):
    p = probabilities(frame)
    names = [c[2:] for c in frame if c.startswith("p_")]
    error = 0.0
    for b in range(15):
        low, high = b / 15, (b + 1) / 15
        inside = [i for i in range(len(p)) if low < p[i].max() <= high]
        if inside:
            right = np.mean([names[p[i].argmax()] == frame["label"].iloc[i] for i in inside])
            error += len(inside) / len(p) * abs(right - np.mean([p[i].max() for i in inside]))
    return error


def test_metrics_equal_scikit_learn_when_all_classes_are_there(make_predictions):
    frame = make_predictions()
    truth, predicted, p = frame["label"], frame["predicted"], probabilities(frame)
    names = [c[2:] for c in frame if c.startswith("p_")]
    class_ids = truth.map(names.index)
    expected = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
        "macro_f1": sk.f1_score(truth, predicted, average="macro"),
        "weighted_f1": sk.f1_score(truth, predicted, average="weighted"),
        "weighted_precision": sk.precision_score(truth, predicted, average="weighted"),
        "top2_accuracy": sk.top_k_accuracy_score(class_ids, p, k=2),
        "mcc": sk.matthews_corrcoef(truth, predicted),
        "roc_auc": sk.roc_auc_score(class_ids, p, multi_class="ovr", average="macro"),
        "ece": loop_ece(frame),
    }
    metrics = compute_metrics(frame, intervals=False)
    assert {name: metrics[name] for name in METRICS} == pytest.approx(expected)
    assert metrics["n"] == 200
    assert "intervals" not in metrics


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_counts_give_what_scikit_learn_gives(make_predictions, classes):
    frame = make_predictions(n=90, classes=classes)
    confusion = confusion_frame(frame).to_numpy()
    metrics = compute_metrics(frame, intervals=False)
    for name, value in overall_metrics(confusion).items():
        assert float(value) == pytest.approx(metrics[name]), name
    for name, values in per_class_metrics(confusion).items():
        assert list(values) == pytest.approx([c[name] for c in metrics["per_class"].values()])


def test_confusion_has_the_truth_in_rows():
    assert count_confusion([0, 0, 1], [1, 1, 1], 2).tolist() == [[0, 2], [0, 1]]


def test_macro_is_over_classes_with_support_and_the_absent_are_named(make_predictions):
    frame = make_predictions(classes=4)
    frame = frame[frame["label"] != "fear"]
    assert (frame["predicted"] == "fear").any()
    metrics = compute_metrics(frame, intervals=False)
    assert metrics["absent"] == ["fear"]
    f1 = sk.f1_score(
        frame["label"], frame["predicted"], labels=["angry", "disgust", "happy"], average="macro"
    )
    assert metrics["macro_f1"] == pytest.approx(f1)
    assert metrics["per_class"]["fear"]["support"] == 0
    assert metrics["shared"]["classes"] == ["angry", "disgust", "happy"]


def test_never_predicted_is_marked_and_counts_as_zero(make_predictions):
    frame = make_predictions(classes=3)
    frame["predicted"] = frame["predicted"].replace("angry", "fear")
    metrics = compute_metrics(frame, resamples=20)
    assert metrics["never_predicted"] == ["angry"]
    assert metrics["per_class"]["angry"]["precision"] == 0
    assert "precision" not in metrics["intervals"]["per_class"]["angry"]
    assert metrics["intervals"]["per_class"]["angry"]["recall"][0] == 0


def test_a_label_the_network_has_not_is_an_error_of_it_and_left_out_of_shared(make_predictions):
    frame = make_predictions(classes=3, n=120)
    foreign = frame.index[:30]
    frame.loc[foreign, "label"] = "contempt"
    metrics = compute_metrics(frame, resamples=20)
    assert metrics["out_of_vocabulary"] == ["contempt"]
    assert metrics["per_class"]["contempt"] == {
        "precision": 0,
        "recall": 0,
        "f1": 0,
        "support": 30,
    }
    rest = frame[30:]
    assert metrics["accuracy"] == pytest.approx((rest["label"] == rest["predicted"]).sum() / 120)
    assert metrics["shared"]["n"] == 90
    assert metrics["shared"]["accuracy"] == pytest.approx(
        (rest["label"] == rest["predicted"]).mean()
    )


def test_restricted_to_shared_classes_the_prediction_is_the_best_of_them():
    frame = pd.DataFrame(
        {
            "key": list("abc"),
            "label": ["sad", "happy", "sad"],
            "predicted": ["fear", "happy", "sad"],
            "p_fear": [0.6, 0.1, 0.0],
            "p_happy": [0.1, 0.8, 0.4],
            "p_sad": [0.3, 0.1, 0.6],
        }
    )
    metrics = compute_metrics(frame, intervals=False)
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert metrics["shared"]["accuracy"] == 1
    assert list(metrics["shared"]["per_class"]) == ["happy", "sad"]


def test_rows_without_a_label_are_left_out(make_predictions):
    frame = make_predictions(n=50)
    frame.loc[:9, "label"] = ""
    assert compute_metrics(frame, intervals=False)["n"] == 40


def test_one_class_alone_has_no_roc_auc(make_predictions):
    frame = make_predictions(n=50).assign(label="happy")
    metrics = compute_metrics(frame, resamples=10)
    assert metrics["roc_auc"] is None
    assert "roc_auc" not in metrics["intervals"]


def test_one_subject_alone_has_no_bootstrap_interval(make_predictions):
    metrics = compute_metrics(make_predictions(n=50, subjects=1), resamples=10)
    assert metrics["resampled"]["units"] == "1 subject"
    assert list(metrics["intervals"]) == ["per_class"]
    assert set(metrics["intervals"]["per_class"]["happy"]) == {"precision", "recall"}


def test_metrics_are_json_and_the_same_for_a_seed(make_predictions):
    frame = make_predictions()
    once = json.dumps(compute_metrics(frame, resamples=50, seed=1), allow_nan=False)
    assert once == json.dumps(compute_metrics(frame, resamples=50, seed=1))
    assert once != json.dumps(compute_metrics(frame, resamples=50, seed=2))


def test_confidence_on_a_bin_edge_belongs_to_the_bin_below():
    frame = pd.DataFrame({"label": ["sad"], "predicted": ["sad"], "p_sad": [1.0], "p_fear": [0.0]})
    assert compute_metrics(frame, intervals=False)["ece"] == 0


def test_quick_metrics_equal_the_slow_ones_by_code_and_by_name(make_predictions):
    frame = make_predictions(classes=5)
    names = ["angry", "disgust", "fear", "happy", "sad"]
    slow = compute_metrics(frame, intervals=False)
    quick = quick_metrics(
        frame["label"].map(names.index), frame["predicted"].map(names.index), names
    )
    assert quick == pytest.approx({name: slow[name] for name in quick})
    assert quick_metrics(frame["label"], frame["predicted"], names) == quick


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f.assign(label=""), "No row of the predictions has a label"),
        (lambda f: f.drop(columns="label"), "no column 'label'"),
        (lambda f: f.drop(columns="predicted"), "lack the column 'predicted'"),
        (lambda f: f.assign(predicted="bored"), "'bored' is none of the network's outputs"),
        (lambda f: f.assign(p_sad=float("nan")), "200 of 200 predictions .* not numbers"),
    ],
)
def test_what_cannot_be_measured_gets_a_sentence(make_predictions, change, sentence):
    with pytest.raises(DataError, match=sentence):
        compute_metrics(change(make_predictions()))
