"""Columns, sheets and plots as the yaml of a study describes them."""

from pathlib import Path

import pytest
import yaml

from ferkit.studies import drawings
from ferkit.studies.case import Case, our_value
from ferkit.studies.cells import Style
from ferkit.studies.columns import CELLS, read_columns
from ferkit.studies.document import TO_FILL, Subject
from ferkit.studies.plots import make_plots
from ferkit.studies.published import read_published
from ferkit.studies.rows import make_cases
from ferkit.studies.runs import StudyRuns, find_runs
from ferkit.studies.sheets import make_sheets

LABELS = ["happy", "sad"]
PLOT = {
    "file": "bars.png",
    "kind": "bars",
    "rows": [{"named": "a panel"}],
    "title": "{named}",
    "along": ["trials"],
    "series": {"published": {"cell": "published", "published": "trials.{trial}.accuracy"}},
    "label": "accuracy",
}


def cases(axes, subject, **start):
    return make_cases(axes, Case(**start), subject)


def cell(word, case, subject, **fields):
    column = read_columns([{"Header": {"cell": word, **fields}}], LABELS)[0]
    return column.show(case, subject, Style())


def test_a_group_makes_a_column_for_each_class(ran):
    matrix = read_columns(["matrix"], LABELS)
    assert [c.header for c in matrix] == [*LABELS, "Sum", "95% interval of the diagonal"]
    case = Case("first", "as_published", "test", label="sad")
    row = [column.show(case, ran, Style()) for column in matrix]
    assert float(row[0]) + float(row[1]) == pytest.approx(1, abs=0.011) and row[2] == "1.00"
    assert row[3].startswith("[")
    turned = read_columns(["matrix_turned"], LABELS)
    happy = Case("first", "as_published", "test", label="happy")
    assert turned[1].show(happy, ran, Style()) == row[0]


@pytest.mark.parametrize("word", CELLS)
def test_every_cell_takes_a_study_without_a_run(make_subject, word):
    case = Case("first", "as_published", "test", label="sad", metric="recall")
    assert cell(word, case, make_subject()) in (
        "",
        "first",
        "as_published",
        "test",
        "recall",
        "sad",
    )


def test_counts_are_of_a_class_or_of_all_of_the_study(ran):
    case = Case("first", counts={"happy": 3, "sad": 4, "no": 9}, published="counts.train.{label}")
    assert cell("our_count", case, ran) == "7"
    assert cell("our_count", case, ran, label="sad") == "4"
    assert cell("count_difference", case, ran, label="sad") == "-8"


def test_cells_hold_words_values_and_texts(ran):
    case = Case(
        "first", "as_published", "test", metric="macro_f1", published="trials.first.accuracy"
    )
    assert cell("metric", case, ran) == "macro F1"
    assert cell("{own[loss]} of {trial}", case, ran) == "squared of first"
    assert cell("published", case, ran) == "0.50"
    assert cell("text", case, ran, published="trials.{trial}.loss") == "squared"
    assert cell("faces", case, ran) == "140" and cell("faces", case, ran, label="sad") == "70"
    ours = our_value(case, ran).value
    assert cell("ours", case, ran) == f"{ours:.3f}"
    assert cell("difference", case, ran) == f"{ours - 0.5:+.2f}"
    assert (
        cell("published_share", case, ran, label="sad", published="counts.train.{label}") == "0.29"
    )


def test_a_sheet_says_the_command_of_a_view_once_or_in_every_row(sheet, make_subject):
    node = sheet | {"rows": [{"trial": "first", "variant": "as_published"}, "classes"]}
    asked = "ferkit train experiment=drawn2020/first"
    for fill, fills in (("view", [asked, ""]), ("row", [asked, asked])):
        made = make_sheets(make_subject(sheets=[node | {"fill": fill}]))[0]
        assert made.columns[-1] == TO_FILL and [row[-1] for row in made.rows] == fills


def test_each_makes_a_sheet_and_drop_a_column_less(sheet, make_subject):
    node = sheet | {
        "name": "{trial}",
        "title": "Of {trial}",
        "each": ["trials"],
        "rows": ["variants"],
        "drop": "Variant",
    }
    made = make_sheets(make_subject(sheets=[node]))
    assert [(s.name, s.title) for s in made] == [("first", "Of first"), ("second", "Of second")]
    assert "Variant" not in made[0].columns and "Trial" in made[0].columns


def test_notes_are_texts_caveats_and_what_is_shortened(sheet, make_subject, make_run, tmp_path):
    make_run("drawn2020", "first", ["val"], emotions=LABELS, trainer={"max_epochs": 2})
    make_run("drawn2020", "unlisted", ["val"], emotions=LABELS, trainer={"max_epochs": 1})
    only_second = {"caveats": ["typed"], "trials": ["second"]}
    notes = ["Of the trial {trial}.", only_second, "quick"]
    node = sheet | {"each": ["trials"], "rows": ["variants"], "notes": notes, "name": "{trial}"}
    first, second = make_sheets(
        make_subject(find_runs("drawn2020", [tmp_path / "outputs"]), sheets=[node])
    )
    quick = "quick: 2 epochs (first); the published value is of 4 epochs."
    assert first.notes == ("Of the trial first.", quick)
    assert second.notes == ("Of the trial second.", "Typed by hand.")


def capture(monkeypatch, name):
    seen = []
    monkeypatch.setattr(drawings, name, lambda *given, **more: seen.append((given, more)) or b"png")
    return seen


def test_bars_take_published_values_and_none_is_drawn_without_any(make_subject, monkeypatch):
    seen = capture(monkeypatch, "draw_bars")
    assert make_plots(make_subject(plots=[PLOT])) == {"bars.png": b"png"}
    (panel,), label = seen[0][0]
    assert (panel.title, label) == ("a panel", "accuracy")
    assert panel.series == {"published": {"first": 0.5}} and panel.published == {"published"}
    empty = PLOT | {"series": {"ours": {"cell": "ours", "metric": "accuracy"}}}
    assert make_plots(make_subject(plots=[empty])) == {}


def test_matrices_are_those_that_are_there(monkeypatch, ran):
    seen = capture(monkeypatch, "draw_matrices")
    plot = {
        "file": "{trial}.png",
        "kind": "matrices",
        "case": {"view": "test", "published": "trials.{trial}.rows"},
        "each": ["trials"],
        "rows": [[{"whose": "published"}, "variants"]],
        "title": "ours",
        "title_published": "published",
    }
    assert make_plots(Subject(ran.published | {"plots": [plot]}, ran.runs)) == {"first.png": b"png"}
    assert list(seen[0][0][0]) == ["published", "ours"]


def test_curves_have_their_published_marks(monkeypatch, ran):
    seen = capture(monkeypatch, "draw_curves")
    marks = {
        "val_loss": {"at": {3: "trials.{trial}.accuracy"}},
        "train_loss": {"last": "tail"},
        "val_accuracy": {"points": "points"},
        "train_accuracy": {},
    }
    plot = {"file": "curves.png", "kind": "curves", "label": "", "names": {}, "marks": marks}
    published = ran.published | {"plots": [plot], "tail": [2.0, 1.0], "points": {0: 40, 5: 60}}
    make_plots(Subject(published, ran.runs))
    assert seen[0][0][0][0].published == {
        "val_loss": [(3, 0.5)],
        "train_loss": [(3, 2.0), (4, 1.0)],  # the last of four epochs
        "val_accuracy": [(1, 0.4), (5, 0.6)],
    }


def test_trials_at_a_glance_hold_published_and_ours(sheet, monkeypatch, ran):
    seen = capture(monkeypatch, "draw_trials")
    fields = sheet["case"] | {"view": "test"}
    plot = {"file": "trials.png", "kind": "trials", "panels": {"test": fields}}
    make_plots(Subject(ran.published | {"plots": [plot]}, ran.runs))
    panel = seen[0][0][0]["test"]
    assert panel["first"][0] == 0.5 and list(panel["first"][1]) == ["as_published"]
    assert panel["second"] == (None, {})


def test_the_example_of_the_docs_is_built():
    text = (Path(__file__).parents[3] / "docs" / "studies.md").read_text(encoding="utf-8")
    example = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    study = "tekula2023"
    subject = Subject(read_published(study) | example, StudyRuns(study, (), {}))
    test, *others = make_sheets(subject)
    assert [row[2:4] for row in test.rows[-2:]] == [("accuracy", ""), ("macro F1", "")]
    assert test.rows[-2][4] == "0.64" and len(test.notes) == 2
    assert [sheet.name for sheet in others] == ["runs", "other_published"]
    assert make_plots(subject) == {}  # no matrix without a run
