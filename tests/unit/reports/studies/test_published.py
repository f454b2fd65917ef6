"""Figures typed from the studies' documents, against the tables that ferkit writes."""

import csv
from html import unescape

import pytest

from ferkit.published import read_published, studies


def read(folder, sheet):
    with (folder / f"{sheet}.csv").open() as file:
        return list(csv.DictReader(file))


def pick(rows, **wanted):
    found = [r for r in rows if all(r[k.replace("_", " ")] == v for k, v in wanted.items())]
    assert len(found) == 1, found
    return found[0]


def test_balanescu(empty_report):
    folder = empty_report("balanescu2020")
    rows = read(folder, "trial08_precision")
    cell = pick(rows, Table="5.22", Class="neutral")
    assert (cell["Test set"], cell["Published"], cell["Faces, published"]) == (
        "private", "0.63", "607"
    )  # fmt: skip
    assert pick(rows, Table="5.20", Class="weighted mean")["Published"] == "0.71"
    assert pick(read(folder, "trial05_precision"), Table="5.11", Class="disgust")[
        "Published"
    ] == "1.00"  # fmt: skip
    eleven = read(folder, "trial11_precision")
    assert [r["Published"] for r in eleven if r["Table"] == "5.36"] == ["0.70", "0.73", "0.72"]
    validation = read(folder, "validation")
    assert pick(validation, Trial="trial11", Variant="as_printed")["Published"] == "0.71"
    ckplus = pick(read(folder, "ckplus"), Trial="trial06", Variant="as_printed")
    assert ckplus["Published"] == "0.57"
    confusion = read(folder, "trial10_confusion")
    fear = pick(confusion, Table="5.34", Whose="published", True_class="fear")
    assert [fear[c] for c in ("angry", "fear", "sad")] == ["0.14", "0.45", "0.18"]


def test_balanescu_shows_the_strange_row_as_printed(empty_report):
    folder = empty_report("balanescu2020")
    rows = read(folder, "trial08_confusion")
    disgust = pick(rows, Table="5.23", Whose="published", True_class="disgust")
    assert (disgust["angry"], disgust["surprise"], disgust["Sum"]) == ("0.27", "0.18", "1.16")
    assert "sums to 1.16 as printed" in (folder / "balanescu2020.md").read_text()


def test_kurmi(empty_report):
    folder = empty_report("kurmi2022")
    rows = read(folder, "results")
    loss = pick(rows, Trial="sequential_cnn", Figure="val loss")
    assert loss["Published"] == "1.2170"
    happy = pick(read(folder, "chance"), Class="happy")
    assert [happy[f"Test: {w}"] for w in ("precision", "recall", "F1")] == ["0.25", "0.27", "0.26"]
    assert happy["Train: faces"] == "7,215"
    counts = read(folder, "class_counts")
    assert pick(counts, View="test", Class="total")["Published"] == "7,178"
    assert pick(counts, View="train", Class="total")["Published"] == "28,709"


def test_tekula(empty_report):
    folder = empty_report("tekula2023")
    test = pick(read(folder, "test"), Trial="tta", Variant="as_printed", Figure="accuracy")
    assert test["Published"] == "0.6435"
    log = pick(read(folder, "log"), Trial="base", Variant="as_printed", Curve="val accuracy")
    assert (log["Published, first"], log["Published, last"]) == ("0.6238", "0.6208")
    sizes = read(folder, "view_sizes")
    assert [r["Published"] for r in sizes[:3]] == ["23,040", "5,766", "7,066"]


def test_ghafourian(empty_report):
    folder = empty_report("ghafourian2021")
    happy = pick(read(folder, "precision_vgg16"), Class="happy")
    assert (happy["Before: published"], happy["After: published"]) == ("0.60295061", "0.52840159")
    total = pick(read(folder, "predicted_counts"), Network="ResNet-50", Class="total")
    assert total["Published"] == "7,020"
    hits = pick(read(folder, "predicted_counts"), Network="VGG-16", Class="surprise")
    assert hits["Published precision x count"] == "810.00"
    curve = pick(
        read(folder, "curves"), Trial="resnet50", Variant="as_printed", Curve="val accuracy"
    )
    assert (curve["Published, first"], curve["Published, last"]) == ("0.4126", "0.5563")
    assert list(read(folder, "confusion")[0])[4:11] == [
        "angry", "disgust", "neutral", "sad", "surprise", "fear", "happy"
    ]  # fmt: skip


def test_athanasiadis(empty_report):
    folder = empty_report("athanasiadis2022")
    films = [r for r in read(folder, "films") if r["Variant"] == "as_printed"]
    assert [r["Published"] for r in films] == [
        "75.02", "80.49", "79.12", "83.32", "79.05", "81.12", "81.12", "85.81"
    ]  # fmt: skip
    named = pick(
        read(folder, "classes"), Implementation="first", Class="angry", Film_by="mean scores"
    )
    assert named["Published"] == "63.28"
    counts = [r for r in read(folder, "film_counts") if r["Variant"] == "as_printed"]
    totals = {r["View"]: r["Published"] for r in counts if r["Class"] == "total"}
    assert totals == {"train": "631", "test": "202", "val": "21"}


@pytest.mark.parametrize("study", studies())
def test_every_doubt_and_every_other_print_is_said(empty_report, study):
    folder = empty_report(study)
    published = read_published(study)
    page = unescape((folder / f"{study}.html").read_text())
    for word, sentence in published["doubts"].items():
        assert sentence.strip() in page, word
    printed = [str(entry["printed"]) for entry in published["others"]]
    assert [row["Published"] for row in read(folder, "other_prints")] == printed
