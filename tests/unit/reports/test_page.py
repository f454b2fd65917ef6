import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from ferkit.errors import DataError
from ferkit.evaluation.metrics import compute_metrics
from ferkit.reports.page import write_report

FILES = {
    "report.md",
    "report.tex",
    "report.html",
    "metrics.json",
    "curves.png",
    *(
        f"{name}{suffix}"
        for name in ("per_class", "confusion_matrix", "confusion_shares")
        for suffix in (".csv", "_test.csv")
    ),
    "confusion_matrix.png",
    "confusion_matrix_test.png",
}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Links(HTMLParser):
    """Collects what a browser would load, and checks that tags are closed."""

    def __init__(self):
        super().__init__()
        self.loaded, self.open = [], []

    def handle_starttag(self, tag, attributes):
        self.loaded += [v for k, v in attributes if k in ("src", "srcset", "href", "data")]
        if tag not in ("meta", "img", "link", "rect", "path", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("rect", "path"):
            return
        assert self.open.pop() == tag


def test_the_promised_files_are_there_and_no_other(reported):
    run, _ = reported
    assert contents(run / "report").keys() == FILES


def test_made_again_elsewhere_the_report_is_the_very_same(reported, tmp_path):
    run, _ = reported
    first = contents(run / "report")
    moved = tmp_path / "another" / "place"
    shutil.copytree(run, moved, ignore=shutil.ignore_patterns("report"))
    write_report(moved)
    assert contents(moved / "report") == first


def test_metrics_json_holds_the_metrics_of_every_view(reported):
    run, returned = reported
    metrics = json.loads((run / "report" / "metrics.json").read_text())
    assert metrics == returned
    assert metrics["format"] == 1
    assert list(metrics["views"]) == ["val", "test"]
    found = compute_metrics(pd.read_parquet(run / "predictions" / "test.parquet"))
    assert metrics["views"]["test"]["macro_f1"] == pytest.approx(found["macro_f1"], abs=1e-6)
    assert metrics["views"]["test"]["intervals"]["accuracy"] == pytest.approx(
        found["intervals"]["accuracy"], abs=1e-6
    )


def test_csv_metrics_equal_those_of_metrics_json(reported):
    run, metrics = reported
    views = metrics["views"]
    for view, suffix in (("val", ""), ("test", "_test")):
        table = pd.read_csv(run / "report" / f"per_class{suffix}.csv").set_index("emotion")
        assert list(table.index) == list(views[view]["per_class"])
        for name, each in views[view]["per_class"].items():
            for metric, value in each.items():
                assert table.loc[name, metric] == value
            for metric, span in views[view]["intervals"]["per_class"][name].items():
                assert table.loc[name, [f"{metric}_low", f"{metric}_high"]].tolist() == span


def test_confusion_csv_has_the_truth_in_rows(reported):
    run, _ = reported
    frame = pd.read_parquet(run / "predictions" / "val.parquet")
    table = pd.read_csv(run / "report" / "confusion_matrix.csv", index_col=0)
    expected = confusion_matrix(frame["label"], frame["predicted"], labels=list(table.index))
    assert table.to_numpy().tolist() == expected.tolist()
    shares = pd.read_csv(run / "report" / "confusion_shares.csv", index_col=0)
    assert shares.sum(axis=1).tolist() == pytest.approx([1] * 4, abs=1e-5)
    assert shares.loc["sad", "happy"] == pytest.approx(
        table.loc["sad", "happy"] / table.loc["sad"].sum(), abs=1e-6
    )


def test_the_page_loads_nothing_and_is_well_formed(reported):
    run, _ = reported
    page = (run / "report" / "report.html").read_text()
    assert not re.search(r"https?://", page)
    assert "@import" not in page and "url(" not in page and "<script" not in page
    links = Links()
    links.feed(page)
    assert links.open == []
    assert all(link.startswith(("data:image/", "#")) for link in links.loaded)
    assert sum(link.startswith("data:image/svg+xml") for link in links.loaded) == 5


def test_page_and_text_say_the_same_metrics_and_the_protocol(reported):
    run, metrics = reported
    views = metrics["views"]
    page = (run / "report" / "report.html").read_text()
    text = (run / "report" / "report.md").read_text()
    low, high = views["val"]["intervals"]["balanced_accuracy"]
    shown = f"{views['val']['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]"
    for sentence in (
        shown,
        "MiniXception on drawn",
        "Auto: by subject (split auto, seed 0, hash abc123)",
        "those of epoch 2, with the lowest val_loss",
        "Accessed once: test of drawn on 2026-11-21",
        "from 150 to 280 faces",
        "val: 9 subjects; test: 9 subjects",
        "A warning.",
        "A note.",
        "imbalance.resample",
    ):
        assert sentence in page, sentence
        assert sentence in text, sentence


def test_settings_cannot_break_the_page(reported):
    run, _ = reported
    page = (run / "report" / "report.html").read_text()
    assert "&lt;b&gt;bold &amp; brave&lt;/b&gt;" in page
    assert "<b>bold" not in page


def test_faces_are_shown_unless_forbidden(reported, run):
    shown = (reported[0] / "report" / "report.html").read_text()
    assert shown.count("data:image/png") > 5
    assert "val/" in shown
    write_report(run, faces=False)
    hidden = (run / "report" / "report.html").read_text()
    assert "data:image/png" not in hidden
    assert "shows no example faces" in hidden


def test_predictions_alone_are_enough(run, tmp_path):
    bare = tmp_path / "bare"
    (bare / "predictions").mkdir(parents=True)
    shutil.copy(run / "predictions" / "test.parquet", bare / "predictions" / "public.parquet")
    metrics = write_report(bare)
    assert list(metrics["views"]) == ["public"]
    assert contents(bare / "report").keys() == {
        "report.md",
        "report.tex",
        "report.html",
        "metrics.json",
        "per_class.csv",
        "confusion_matrix.csv",
        "confusion_shares.csv",
        "confusion_matrix.png",
    }


def test_absent_foreign_and_never_predicted_classes_are_marked(run):
    path = run / "predictions" / "val.parquet"
    frame = pd.read_parquet(path)
    frame = frame[frame["label"] != "fear"]
    frame["predicted"] = frame["predicted"].replace("happy", "sad")
    frame["label"] = frame["label"].mask(frame.index % 7 == 0, "contempt")
    frame.to_parquet(path)
    write_report(run)
    table = pd.read_csv(run / "report" / "per_class.csv").set_index("emotion")
    assert table["remark"].fillna("").to_dict() == {
        "angry": "",
        "fear": "no face with this label",
        "happy": "never predicted",
        "sad": "",
        "contempt": "no output of the network",
    }
    for name in ("report.html", "report.md"):
        text = (run / "report" / name).read_text()
        assert "no face with this label" in text
        assert "In val: never predicted: happy." in text
        assert "val, shared classes" in text


@pytest.mark.parametrize("name", ["data.json", "env.json", "metrics.jsonl", "config.yaml"])
def test_a_higher_format_is_refused_by_a_sentence(run, name):
    text = (run / name).read_text()
    (run / name).write_text(re.sub(r'(format"?: )1', r"\g<1>2", text))
    with pytest.raises(DataError, match=rf"{name} has format 2, this ferkit reads up to 1"):
        write_report(run)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("data.json", "data.json is no valid JSON"),
        ("metrics.jsonl", "Line 1 of .*metrics.jsonl is no valid JSON"),
        ("predictions/val.parquet", "val.parquet cannot be read"),
        ("predictions/examples.npz", "holds no example faces"),
        ("config.yaml", "config.yaml is no valid yaml"),
    ],
)
def test_a_broken_file_gets_a_sentence_and_no_report(run, name, sentence):
    (run / name).write_text("{ broken : [")
    with pytest.raises(DataError, match=sentence):
        write_report(run)
    assert not (run / "report").exists()


def test_a_folder_without_predictions_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no predictions/<view>\.parquet"):
        write_report(tmp_path)


def test_names_of_others_do_nothing_anywhere(run):
    evil = {
        "angry": "<img src=x onerror=alert(1)>",
        "fear": "=1+1|cmd",
        "sad": "a\x1b[2J\nb",
        "happy": "50% a_b $x$ #z~^ `*",
    }
    path = run / "predictions" / "val.parquet"
    frame = pd.read_parquet(path)
    for column in ("label", "predicted"):
        frame[column] = frame[column].map(evil)
    frame.columns = [f"p_{evil[c[2:]]}" if c.startswith("p_") else c for c in frame.columns]
    frame.to_parquet(path)
    write_report(run)
    report = run / "report"
    text = (report / "report.md").read_text()
    assert "\\<img src=x" in text
    assert "<img src=x" not in text.replace("\\<", "")
    assert "<img src=x" not in (report / "report.html").read_text()
    for name in ("per_class.csv", "confusion_matrix.csv", "confusion_shares.csv"):
        content = (report / name).read_text()
        assert "'=1+1|cmd" in content
        assert not [line for line in content.splitlines() if line.startswith("=")]
    for path in report.glob("*.[hmc]*"):
        assert "\x1b" not in path.read_text(errors="replace"), path


def test_every_table_of_the_page_stands_in_the_text_and_in_the_tex(reported):
    report = reported[0] / "report"
    page, text, tex = ((report / f"report.{s}").read_text() for s in ("html", "md", "tex"))
    tables = page.count("<table")
    assert tables == tex.count(r"\begin{tabular}") - tex.count("Share of the true class")
    assert tables == len(re.findall(r"^\| :--", text, re.M)) - text.count("Share of the true class")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_report_of_awkward_names_compiles(run):
    path = run / "predictions" / "test.parquet"
    frame = pd.read_parquet(path)
    frame["label"] = frame["label"].replace("fear", "50% a_b $x$ #z~^ \\ {é")
    frame.to_parquet(path)
    write_report(run)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=run / "report", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
    assert "Overfull" not in done.stdout
