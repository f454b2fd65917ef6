"""A wrong word in the yaml of a study is answered with its place and the nearest word."""

import pytest

from ferkit.errors import ConfigError
from ferkit.studies.plots import make_plots
from ferkit.studies.sheets import make_sheets

PLOT = {
    "file": "bars.png",
    "kind": "bars",
    "rows": [{"named": "a panel"}],
    "title": "{named}",
    "along": ["trials"],
    "series": {"published": {"cell": "published", "published": "trials.{trial}.accuracy"}},
    "label": "accuracy",
}


@pytest.mark.parametrize(
    ("changed", "wrong", "right"),
    [
        ({"rows": ["trails"]}, "trails", "trials"),
        ({"rows": [["trials", "clases"]]}, "clases", "classes"),
        ({"rows": [{"metrik": "accuracy"}]}, "metrik", "metric"),
        ({"each": ["trails"]}, "trails", "trials"),
        ({"columns": ["compare"]}, "compare", "compared"),
        ({"columns": [{"Ours": "our"}]}, "our", "ours"),
        ({"columns": [{"Ours": {"cell": "ours", "lable": "sad"}}]}, "lable", "label"),
        ({"columns": [{"Ours": "{triall}"}]}, "triall", "trial"),
        ({"title": "Of {variannt}"}, "variannt", "variant"),
        ({"case": {"vew": "main"}}, "vew", "view"),
        ({"case": {"published": "trials.{triall}.accuracy"}}, "triall", "trial"),
        ({"style": {"our": 2}}, "our", "ours"),
        ({"notes": ["quik"]}, "quik", "quick"),
        ({"notes": [{"caveats": ["typd"]}]}, "typd", "typed"),
        ({"colums": []}, "colums", "columns"),
        ({"case": {"metric": "acuracy"}}, "acuracy", "accuracy"),
        ({"case": {"published": "trails.{trial}.accuracy"}}, "trails", "trials"),
        ({"case": {"whose": "publishd"}}, "publishd", "published"),
        ({"columns": [{"Recall": {"cell": "ours", "metric": "recal"}}]}, "recal", "recall"),
        ({"drop": "Varant"}, "Varant", "Variant"),
        ({"fill": "rows"}, "rows", "row"),
        ({"notes": [{"caveats": ["typed"], "trails": ["first"]}]}, "trails", "trials"),
        ({"notes": [{"caveats": ["typed"], "trials": ["frst"]}]}, "frst", "first"),
        ({"rows": [{"counted": {"views": {}, "firt": "first"}}]}, "firt", "first"),
        ({"rows": [{"counted": {"views": {}, "first": "frst"}}]}, "frst", "first"),
        (
            {"rows": [{"counted": {"views": {}, "first": "first", "same": ["varant"]}}]},
            "varant",
            "variant",
        ),
        (
            {"rows": [{"counted": {"views": {"a": [{"vews": []}]}, "first": "first"}}]},
            "vews",
            "views",
        ),
        (
            {"rows": [{"counted": {"views": {"a": [{"without": ["secnd"]}]}, "first": "first"}}]},
            "secnd",
            "second",
        ),
    ],
)
def test_a_wrong_word_of_a_sheet_is_answered(sheet, make_subject, changed, wrong, right):
    subject = make_subject(sheets=[sheet | changed])
    with pytest.raises(ConfigError) as caught:
        make_sheets(subject)
    said = str(caught.value)
    assert said.startswith("published/drawn2020.yaml, sheet 'test': Unknown ")
    assert repr(wrong) in said and f"Did you mean {right!r}?" in said


@pytest.mark.parametrize(
    ("changed", "wrong", "right"),
    [
        ({"kind": "bar"}, "bar", "bars"),
        ({"rows": ["trails"]}, "trails", "trials"),
        ({"along": ["trails"]}, "trails", "trials"),
        ({"title": "{name}"}, "name", "named"),
        ({"series": {"ours": {"cell": "our"}}}, "our", "ours"),
        ({"series": {"ours": {"cell": "ours", "metrik": "f1"}}}, "metrik", "metric"),
        ({"case": {"vew": "main"}}, "vew", "view"),
        ({"turnd": True}, "turnd", "turned"),
        ({"kind": "trials", "panels": {"a": {"metric": "acuracy"}}}, "acuracy", "accuracy"),
        ({"kind": "curves", "marks": {"val_loss": {"lst": "epochs"}}}, "lst", "last"),
    ],
)
def test_a_wrong_word_of_a_plot_is_answered(make_subject, changed, wrong, right):
    subject = make_subject(plots=[PLOT | changed])
    with pytest.raises(ConfigError) as caught:
        make_plots(subject)
    said = str(caught.value)
    assert said.startswith("published/drawn2020.yaml, plot 'bars.png': Unknown ")
    assert repr(wrong) in said and f"Did you mean {right!r}?" in said


@pytest.mark.parametrize("missing", ["file", "kind"])
def test_a_key_that_a_plot_must_have_is_asked_for(make_subject, missing):
    plot = {key: value for key, value in PLOT.items() if key != missing}
    with pytest.raises(ConfigError, match=rf"\.yaml, plot .*: The key '{missing}' is missing"):
        make_plots(make_subject(plots=[plot]))


def test_a_value_of_ours_without_a_metric_is_asked_for_one(make_subject, sheet):
    bare = sheet | {"case": {}, "columns": [{"Ours": "ours"}]}
    with pytest.raises(ConfigError, match="sheet 'test': A value of ours needs the field `metric`"):
        make_sheets(make_subject(sheets=[bare]))


@pytest.mark.parametrize(
    ("node", "entry"),
    [
        ("run", "sheet 'run'"),
        ({"odd": "tta_gian"}, "sheet 'odd'"),
        ({"others": ["typd"]}, "sheet 'others'"),
    ],
)
def test_a_wrong_word_in_place_of_a_sheet_names_the_entry(make_subject, node, entry):
    subject = make_subject(sheets=[node], study="tekula2023", others=[])
    with pytest.raises(ConfigError, match=rf"published/tekula2023\.yaml, {entry}: .*Did you mean"):
        make_sheets(subject)


@pytest.mark.parametrize("missing", ["title", "rows", "columns"])
def test_a_key_that_a_sheet_must_have_is_asked_for(sheet, make_subject, missing):
    sheet = {key: value for key, value in sheet.items() if key != missing}
    with pytest.raises(ConfigError, match=f"sheet 'test': The key '{missing}' is missing"):
        make_sheets(make_subject(sheets=[sheet]))


def test_an_odd_sheet_of_a_study_without_a_module_is_refused(make_subject):
    with pytest.raises(ConfigError, match=r"Unknown function of ferkit\.studies\.drawn2020 'gain'"):
        make_sheets(make_subject(sheets=[{"odd": "gain"}]))
