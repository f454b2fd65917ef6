"""Metrics typed from the studies' documents, against the tables that ferkit writes."""

import csv
from html import unescape

import pytest

from ferkit.studies.published import read_published, studies


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
        "private",
        "0.63",
        "607",
    )
    assert pick(rows, Table="5.20", Class="weighted mean")["Published"] == "0.71"
    assert (
        pick(read(folder, "trial05_precision"), Table="5.11", Class="disgust")["Published"]
        == "1.00"
    )
    eleven = read(folder, "trial11_precision")
    assert [r["Published"] for r in eleven if r["Table"] == "5.36"] == ["0.70", "0.73", "0.72"]
    validation = read(folder, "validation")
    assert pick(validation, Trial="trial11", Variant="as_published")["Published"] == "0.71"
    ckplus = pick(read(folder, "ckplus"), Trial="trial06", Variant="as_published")
    assert ckplus["Published"] == "0.57"
    confusion = read(folder, "trial10_confusion")
    fear = pick(confusion, Table="5.34", Whose="published", True_class="fear")
    assert [fear[c] for c in ("angry", "fear", "sad")] == ["0.14", "0.45", "0.18"]


def test_balanescu_shows_the_strange_row_as_published(empty_report):
    folder = empty_report("balanescu2020")
    rows = read(folder, "trial08_confusion")
    disgust = pick(rows, Table="5.23", Whose="published", True_class="disgust")
    assert (disgust["angry"], disgust["surprise"], disgust["Sum"]) == ("0.27", "0.18", "1.16")
    assert "sums to 1.16 as published" in (folder / "balanescu2020.md").read_text()


def test_kurmi(empty_report):
    folder = empty_report("kurmi2022")
    rows = read(folder, "results")
    rows = [row for row in rows if row["Variant"] != "quality"]
    loss = pick(rows, Trial="sequential_cnn", Metric="val loss")
    assert loss["Published"] == "1.2170"
    text = pick(rows, Trial="sequential_cnn", Metric="train accuracy, in the text")
    assert text["Published"] == "0.9850"
    happy = pick(read(folder, "chance"), Class="happy")
    assert [happy[f"Test: {w}"] for w in ("precision", "recall", "F1")] == ["0.25", "0.27", "0.26"]
    assert happy["Train: faces"] == "7,215"
    counts = read(folder, "class_counts")
    assert pick(counts, View="test", Class="total")["Published"] == "7,178"
    assert pick(counts, View="train", Class="total")["Published"] == "28,709"


def test_tekula(empty_report):
    folder = empty_report("tekula2023")
    test = pick(read(folder, "test"), Trial="tta", Variant="as_published", Metric="accuracy")
    assert test["Published"] == "0.6435"
    epochs = read(folder, "log_epochs")
    assert [row["9"] for row in epochs] == ["0.9177", "0.6383", "0.9980", "0.6205", "47"]
    assert epochs[2]["3"] == "1.1041" and epochs[3]["3"] == "0.5925"
    log = pick(read(folder, "log"), Trial="base", Variant="as_published", Curve="val accuracy")
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
        read(folder, "curves"), Trial="resnet50", Variant="as_published", Curve="val accuracy"
    )
    assert (curve["Published, first"], curve["Published, last"]) == ("0.4126", "0.5563")
    points = [r for r in read(folder, "curve_points") if r["Variant"] == "as_published"]
    named = {(r["Trial"], r["Curve"], r["Epoch"]): r["Published"] for r in points}
    assert len(named) == 13
    assert named["resnet50_smotetomek", "val accuracy", "10"] == "51.90"
    assert named["vgg16", "train accuracy", "8"] == "50.01"
    assert list(read(folder, "confusion")[0])[4:11] == [
        "angry",
        "disgust",
        "neutral",
        "sad",
        "surprise",
        "fear",
        "happy",
    ]


def test_athanasiadis(empty_report):
    folder = empty_report("athanasiadis2022")
    videos = [r for r in read(folder, "videos") if r["Variant"] == "as_published"]
    assert [r["Published"] for r in videos] == [
        "75.02",
        "80.49",
        "79.12",
        "83.32",
        "79.05",
        "81.12",
        "81.12",
        "85.81",
    ]
    named = pick(
        read(folder, "classes"), Implementation="first", Class="angry", Video_by="mean scores"
    )
    assert named["Published"] == "63.28"
    once = [r for r in read(folder, "classes") if r["Video by"] == "not said"]
    assert [(r["Implementation"], r["Class"], r["Published"]) for r in once] == [
        ("first", "disgust", "97.75"),
        ("third", "angry", "77.82"),
        ("fourth", "disgust", "96.95"),
    ]
    page = (folder / "athanasiadis2022.md").read_text()
    assert page.count("97.75 |") == 1 and "without saying for which pooling rule" in page
    counts = [r for r in read(folder, "video_counts") if r["Variant"] == "as_published"]
    totals = {r["View"]: r["Published"] for r in counts if r["Class"] == "total"}
    assert totals == {"train": "631", "test": "202", "val": "21"}


@pytest.mark.parametrize("study", studies())
def test_every_doubt_and_every_other_print_is_said(empty_report, study):
    folder = empty_report(study)
    published = read_published(study)
    page = unescape((folder / f"{study}.html").read_text())
    for word, sentence in published["caveats"].items():
        assert sentence.strip() in page, word
    published = [str(entry["published"]) for entry in published["others"]]
    assert [row["Published"] for row in read(folder, "other_published")] == published


@pytest.mark.parametrize("study", studies())
def test_a_page_without_a_run_leads_with_the_print_and_one_command(empty_report, study):
    folder = empty_report(study)
    first = next(iter(read_published(study)["trials"]))
    for suffix in ("md", "html"):
        page = (folder / f"{study}.{suffix}").read_text()
        lead = page.split("<h2" if suffix == "html" else "\n## ")[0]
        assert lead.count("ferkit train") == 1
        assert f"ferkit train experiment={study}/{first}\n" in lead
    sections = (folder / f"{study}.md").read_text().split("\n## ")[1:]
    for section in sections:
        header = section.split("\n")[2]
        assert "Ours" not in header and "Difference" not in header and "To fill" not in header
    assert "Published" in sections[0]
    assert "To fill" in read(folder, "runs")[0]  # the csv files are whole
