"""What the rows of a study are about: cases, axes and counts."""

import pytest

from ferkit.studies.case import Case, fill_in, look_up, our_value, published_value, shares
from ferkit.studies.columns import count_ours
from ferkit.studies.rows import AXES, make_cases
from ferkit.studies.runs import find_runs

LABELS = ["happy", "sad"]


def cases(axes, subject, **start):
    return make_cases(axes, Case(**start), subject)


def test_a_text_takes_the_fields_and_what_the_yaml_says_of_the_trial(make_subject):
    subject, case = make_subject(), Case("first", "as_published")
    assert fill_in("{trial}: {own[loss]}{of_variant}", case, subject) == "first: squared"
    assert fill_in("{own[no_such]}", case, subject) == ""
    assert fill_in("a{_variant}", Case("first", "honest"), subject) == "a_honest"


def test_a_published_value_is_found_by_its_place(make_subject):
    subject = make_subject()
    assert published_value(Case("first", published="trials.{trial}.accuracy"), subject) == 0.5
    assert look_up(Case("first", published="trials.{trial}.rows.{at}"), subject) == [0.4, 0.6]
    assert look_up(Case("first", published="trials.{trial}.accuracy.no.more"), subject) is None
    assert published_value(Case(published=""), subject) is None


def test_without_a_class_the_published_counts_are_summed(make_subject):
    subject, place = make_subject(), "counts.train.{label}"
    assert published_value(Case(label="sad", published=place), subject) == 12
    assert published_value(Case(published=place), subject) == 42
    assert published_value(Case("second", published=place), subject) == 12  # it has sad alone


def test_our_value_is_of_the_view_the_class_or_the_curve(ran):
    frame = ran.runs.of("first")[0].views["test"]
    right = frame["label"] == frame["predicted"]
    ours = our_value(Case("first", "as_published", "test", metric="accuracy"), ran)
    assert ours.value == pytest.approx(right.mean())
    recall = our_value(Case("first", "as_published", "test", label="sad", metric="recall"), ran)
    assert recall.value == pytest.approx(right[frame["label"] == "sad"].mean())
    curve = {"trial": "first", "variant": "as_published", "curve": "train_loss"}  # 2 / epoch
    values = [
        our_value(Case(**curve, **where), ran).value
        for where in (
            {},
            {"at": 0},
            {"at": 0, "tail": 2},
            {"epoch": 0},
            {"epoch": 2},
        )
    ]
    assert values == pytest.approx([2 / 4, 2 / 1, 2 / 3, 2 / 1, 2 / 2])
    assert our_value(Case("first", "as_published", "no_such", metric="accuracy"), ran) is None
    assert our_value(Case("second", "as_published", "test", metric="accuracy"), ran) is None


def test_matrices_are_published_ours_or_their_difference(ran):
    case = {"trial": "first", "variant": "as_published", "view": "test"}
    place = "trials.{trial}.rows"
    published, ours, difference = (
        shares(Case(**case, whose=whose, published=place), ran)
        for whose in ("published", "ours", "difference")
    )
    assert published.loc["sad"].tolist() == [0.4, 0.6]
    assert ours.sum(axis="columns").tolist() == pytest.approx([1, 1])
    assert (difference - (ours - published)).abs().to_numpy().max() == pytest.approx(0)
    assert shares(Case(**case, whose="difference"), ran) is None
    assert shares(Case("second", view="test"), ran) is None


def test_axes_multiply_and_a_list_is_one_after_the_other(make_subject):
    subject = make_subject()
    made = cases(["trials", [{"metric": "accuracy"}, {"metric": "macro_f1"}]], subject)
    assert [(c.trial, c.metric) for c in made] == [
        ("first", "accuracy"),
        ("first", "macro_f1"),
        ("second", "accuracy"),
        ("second", "macro_f1"),
    ]
    made = cases([{"trial": "first"}, ["classes", {"named": "total"}]], subject)
    assert [c.label or c.named for c in made] == ["happy", "sad", "total"]


def test_a_row_stands_once_and_only_where_it_is_published(make_subject):
    subject = make_subject()
    assert len(cases([["trials", "trials"]], subject)) == 2
    asked = {"published": "trials.{trial}.accuracy", "only_published": True}
    assert [c.trial for c in cases(["trials"], subject, **asked)] == ["first"]


def test_main_is_the_published_view_of_the_trial(make_subject):
    own = {"first": {"published_view": "resampled"}, "second": {}}
    made = cases(
        ["trials", [{"variant": "as_published"}, {"variant": "honest"}]],
        make_subject(trials=own),
        view="main",
    )
    assert [c.view for c in made] == ["resampled", "test", "test", "test"]


def test_variants_are_those_planned_or_run(make_subject, make_run, tmp_path):
    make_run("drawn2020", "first", ["val"], variant="honest")
    make_run("drawn2020", "first_more", ["val"], variant="text")
    runs = find_runs("drawn2020", [tmp_path / "outputs"])
    runs.planned["first", "planned"] = None
    subject = make_subject(runs, trials={"first": {}, "first_more": {}})

    def variants(axis):
        return [c.variant for c in cases([axis], subject, trial="first")]

    assert variants("variants") == ["as_published", "honest", "planned"]
    assert variants("variants_run") == ["as_published", "honest"]
    assert variants("all_variants") == ["as_published", "honest", "planned", "text"]
    assert variants("variants_of_pair") == ["as_published", "honest", "text"]


def test_rows_of_classes_need_a_measured_view(ran):
    def labels(**start):
        made = cases(["measured_classes"], ran, variant="as_published", **start)
        return [c.label for c in made]

    assert labels(trial="first", view="test") == LABELS
    assert labels(trial="first", view="private") == [""]
    assert labels(trial="first", view="private", whose="published") == LABELS
    made = cases(["predicted_views"], ran, trial="first", variant="as_published")
    assert [c.view for c in made] == ["val", "test"]
    assert cases(["predicted_views"], ran, trial="second")[0].view == "test"


def test_whose_sets_differences_only_beside_what_ran(ran):
    def whose(view):
        return [c.named for c in cases(["whose"], ran, trial="first", view=view)]

    assert whose("test") == ["published", "ours, as_published", "difference of ours, as_published"]
    assert whose("private") == ["published", "ours, as_published"]


def test_every_axis_takes_a_study_without_a_run(make_subject):
    subject = make_subject()
    case = Case("first", "as_published", "test", label="sad", metric="recall")
    for axis in AXES:
        assert cases([axis], subject, **vars(case)), axis


def counted(subject, axis, **start):
    found = cases([{"counted": axis}], subject, **start)
    return [(c.view, c.counts, c.fill, c.trial) for c in found]


def test_images_are_counted_in_the_first_view_that_a_run_has(ran):
    axis = {
        "first": "first",
        "views": {"train": [{"views": ["train", "val"]}], "test": [{"views": ["test"]}]},
    }
    train, test = counted(ran, axis)
    assert train == ("train", {"happy": 50, "sad": 50}, "", "first")
    assert test[1:3] == (None, "ferkit train experiment=drawn2020/first")
    case = Case("first", counts={"happy": 3, "sad": 4, "other": 9})
    assert count_ours(case, ran) == 7


def test_counts_of_some_trials_are_left_alone(ran):
    def of(**source):
        return counted(
            ran, {"first": "second", "views": {"train": [{"views": ["train"]} | source]}}
        )

    assert of(trials=["second"])[0][1] is None and of(without=["first"])[0][1] is None
    assert of(trials=["first"])[0][1] == {"sad": 40}  # the second trial has no happy faces
    same = {"same": ["trial"], "views": {"train": [{"views": ["train"]}]}}
    assert counted(ran, same, trial="second")[0][1] is None


def test_whole_runs_are_counted_before_shortened_ones(make_subject, make_run, tmp_path):
    trainer = {"max_train_images": 20}
    make_run(
        "drawn2020",
        "first",
        ["val"],
        emotions=LABELS,
        trainer=trainer,
        counts={"happy": 10, "sad": 10},
    )
    make_run("drawn2020", "second", ["val"], emotions=LABELS)
    subject = make_subject(
        find_runs("drawn2020", [tmp_path / "outputs"]), trials={"first": {}, "second": {}}
    )
    axis = {"first": "first", "views": {"train": [{"views": ["train"]}]}}
    assert counted(subject, axis)[0][1] == {"happy": 40, "sad": 40}
