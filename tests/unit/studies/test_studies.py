"""Tables of studies from run folders that a test writes."""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ferkit.emotions import EMOTIONS
from ferkit.studies.runs import Experiment, StudyRuns, find_runs

VIDEOS = ["angry", "disgust", "fear", "happy", "sad", "surprise"]
VIEWS = ["val", "public", "private", "ckplus"]


def read(folder, sheet):
    with (folder / f"{sheet}.csv").open() as file:
        return list(csv.DictReader(file))


def pick(rows, **wanted):
    found = [r for r in rows if all(r[k.replace("_", " ")] == v for k, v in wanted.items())]
    assert len(found) == 1, found
    return found[0]


def test_newest_run_of_a_seed_wins_and_nested_runs_are_none(tmp_path, monkeypatch, make_run):
    monkeypatch.chdir(tmp_path)
    old = make_run("tekula2023", "base", ["val"], name="b/old")
    new = make_run("tekula2023", "base", ["val"], name="a/new")
    make_run("tekula2023", "base", ["val"], name="c/other_seed", seed=1)
    make_run("tekula2023", "base", ["val"], name="a/new/eval/drawn-val")
    make_run("kurmi2022", "smote", ["val"], name="stranger")
    make_run("tekula2023", "base", [], name="unfinished")
    os.utime(old / "config.yaml", (1, 1))
    runs = find_runs("tekula2023")
    assert [run.folder.name for run in runs.of("base")] == ["new", "other_seed"]
    assert len(runs.every) == 3
    assert runs.of("base")[0].folder == new.relative_to(tmp_path)


def test_a_point_of_a_sweep_does_not_push_the_trial_out(tmp_path, monkeypatch, make_run):
    monkeypatch.chdir(tmp_path)
    plain = make_run("tekula2023", "base", ["val"], name="plain")
    (plain / "overrides.yaml").write_text("- experiment=tekula2023/base\n- run_dir=outputs/plain\n")
    os.utime(plain / "config.yaml", (1, 1))
    point = make_run("tekula2023", "base", ["val"], name="point")
    (point / "overrides.yaml").write_text("- experiment=tekula2023/base\n- optimizer.lr=0.01\n")
    runs = find_runs("tekula2023")
    assert [run.folder.name for run in runs.of("base")] == ["plain"]
    assert [run.changed for run in runs.every] == [("optimizer.lr=0.01",), ()]


def test_variants_begin_as_published_and_commands_follow_the_experiments():
    planned = {("trial08", "lr_factor"): Experiment("balanescu2020/trial08_lr_factor", 110)}
    runs = StudyRuns("balanescu2020", (), planned)
    assert runs.variants("trial08") == ["as_published", "lr_factor"]
    assert runs.variants("trial08", run=True) == ["as_published"]
    command = runs.command("trial08", "lr_factor")
    assert command == "ferkit train experiment=balanescu2020/trial08_lr_factor"


def test_balanescu_fills_and_says_what_is_missing(report, make_run, no_pictures):
    eight = make_run("balanescu2020", "trial08", VIEWS)
    nine = make_run("balanescu2020", "trial09", VIEWS[:3], emotions=[*VIDEOS[2:], "angry"])
    folder = report("balanescu2020")
    rows = read(folder, "trial08_precision")
    assert all(r["Ours"] and r["95% interval"] and r["Difference"] for r in rows)
    frame = pd.read_parquet(eight / "predictions" / "public.parquet")
    said = frame[frame["predicted"] == "happy"]
    cell = pick(rows, Table="5.21", Class="happy")
    assert cell["Ours"] == f"{(said['label'] == 'happy').mean():.3f}"
    assert cell["Difference"] == f"{(said['label'] == 'happy').mean() - 0.83:+.2f}"
    missing = pick(read(folder, "ckplus"), Trial="trial09", Variant="as_published")
    asked = f"ferkit eval run={nine.relative_to(Path.cwd()).as_posix()} view=ckplus"
    assert (missing["Ours"], missing["To fill"]) == ("", asked)
    matrix = read(folder, "trial08_confusion")
    ours = [r for r in matrix if r["Whose"] == "ours, as_published" and r["Table"] == "5.23"]
    assert [r["Sum"] for r in ours] == ["1.00"] * 7


def test_a_view_predicted_later_fills_and_another_dataset_does_not(
    report, make_run, add_view, no_pictures
):
    run = make_run("balanescu2020", "trial02", ["val", "public"])
    add_view(run, "ckplus", "drawn-ckplus")
    add_view(run, "private", "kdef-private", dataset="kdef.read_kdef")
    rows = read(report("balanescu2020"), "trial02_precision")
    assert all(bool(r["Ours"]) is (r["Table"] != "5.4") for r in rows)


def test_seeds_give_mean_and_spread_and_one_run_none(report, make_run, no_pictures):
    metrics = []
    for seed in (0, 1, 2):
        run = make_run("balanescu2020", "trial05", VIEWS, seed=seed)
        frame = pd.read_parquet(run / "predictions" / "val.parquet")
        metrics.append((frame["label"] == frame["predicted"]).mean())
    make_run("balanescu2020", "trial04", VIEWS)
    rows = read(report("balanescu2020"), "validation")
    cell = pick(rows, Trial="trial05", Variant="as_published")["Ours"]
    assert cell == f"{np.mean(metrics):.3f} ± {np.std(metrics, ddof=1):.3f} (3 seeds)"
    assert "±" not in pick(rows, Trial="trial04", Variant="as_published")["Ours"]


def test_quick_runs_are_called_quick_in_every_table_that_uses_them(report, make_run, no_pictures):
    make_run(
        "balanescu2020",
        "trial02",
        VIEWS,
        counts=dict.fromkeys([*VIDEOS, "neutral"], 571),
        trainer={"max_epochs": 3, "max_train_images": 4000},
    )
    folder = report("balanescu2020")
    page = (folder / "balanescu2020.md").read_text()
    quick = (
        "quick: 3,997 training images, 3 epochs (trial02); the published value is of 110 epochs."
    )
    sections = {s.split("\n")[0]: s for s in page.split("\n## ")[1:]}
    using = ("Validation", "CK+", "FER-2013's", "Trial 2:", "Images of each")
    for title, section in sections.items():
        assert (quick in section) is title.startswith(using), title
    assert pick(read(folder, "runs"), Trial="trial02", Variant="as_published")["Remark"] in quick


def test_never_predicted_class_is_called_so(report, make_run, no_pictures):
    run = make_run("balanescu2020", "trial06", VIEWS)
    path = run / "predictions" / "public.parquet"
    frame = pd.read_parquet(path)
    frame.loc[frame["predicted"] == "disgust", "predicted"] = "angry"
    frame.to_parquet(path)
    cell = pick(read(report("balanescu2020"), "trial06_precision"), Table="5.15", Class="disgust")
    assert (cell["Ours"], cell["95% interval"]) == ("0.000", "never predicted")


def test_a_network_that_diverged_leaves_the_other_tables_whole(report, make_run, no_pictures):
    run = make_run("balanescu2020", "trial03", VIEWS)
    path = run / "predictions" / "public.parquet"
    frame = pd.read_parquet(path)
    frame.assign(p_sad=np.nan).to_parquet(path)
    folder = report("balanescu2020")
    rows = read(folder, "trial03_precision")
    assert all(bool(r["Ours"]) is (r["Table"] != "5.6") for r in rows)
    assert "trial03 (as_published), public: 140 of 140" in (folder / "balanescu2020.md").read_text()


def test_kurmi_fills(report, make_run):
    make_run("kurmi2022", "sequential_cnn_as_coded", ["val", "public_and_private", "train"])
    folder = report("kurmi2022")
    rows = read(folder, "report_sequential_cnn_as_coded")
    assert len(rows) == 21
    assert all(r["Ours"] and r["95% interval"] for r in rows)
    assert all(r["Ours"] for r in read(folder, "report_train"))
    loss = pick(read(folder, "results"), Trial="sequential_cnn_as_coded", Metric="train loss")
    assert (loss["Ours, last epoch"], loss["Difference"]) == ("0.5000", "+0.3690")
    assert {"confusion.png", "curves_loss.png", "class_counts.png"} <= {
        p.name for p in folder.iterdir()
    }


def test_tekula_sets_tta_beside_the_same_network_and_lists_the_sweep(report, make_run, add_view):
    run = make_run("tekula2023", "base", ["val", "test"], trainer={"batch_size": 32}, epochs=12)
    make_run(
        "tekula2023",
        "base",
        ["val", "test"],
        trainer={"batch_size": 64},
        name="sweep/1",
        seed=1,
        epochs=12,
    )
    make_run("tekula2023", "tta", ["val", "test"], tta="random_k")
    add_view(run, "test", "drawn-test-random_k", tta="random_k", skill=2.5, seed=1)
    folder = report("tekula2023")
    gains = read(folder, "tta_gain")
    full = pick(gains, Trial="base", Seed="0")
    assert float(full["Gain"]) == pytest.approx(float(full["With"]) - float(full["Without"]), 1e-3)
    assert full["95% interval"].startswith("[")
    assert pick(gains, Trial="tta")["To fill"].endswith("view=test tta=none")
    # the run's own test view is the one without tta
    test = pick(read(folder, "test"), Trial="base", Variant="as_published", Metric="accuracy")
    assert "(2 seeds)" in test["Ours"]
    assert {r["Batch"] for r in read(folder, "sweep")} >= {"32", "64"}
    log = pick(read(folder, "log"), Trial="base", Variant="as_published", Curve="train loss")
    assert log["Ours, first"].startswith(f"{2 / 3:.4f}")  # the first of the last ten of 12 epochs


def test_ghafourian_takes_the_resampled_test_as_published_and_turns_its_matrices(report, make_run):
    make_run("ghafourian2021", "vgg16", ["val", "test"])
    after = make_run("ghafourian2021", "vgg16_smotetomek", ["val", "test", "resampled_test"])
    folder = report("ghafourian2021")
    frame = pd.read_parquet(after / "predictions" / "resampled_test.parquet")
    ours = pick(read(folder, "predicted_counts"), Network="VGG-16", Class="sad")["Ours"]
    assert ours == str((frame["predicted"] == "sad").sum())
    row = pick(
        read(folder, "confusion"),
        Trial="vgg16_smotetomek",
        Variant="as_published",
        Predicted="fear",
    )
    happy = frame[frame["label"] == "happy"]
    assert row["happy"] == f"{(happy['predicted'] == 'fear').mean():.2f}"
    precision = read(folder, "precision_vgg16")
    assert all(r["Before: ours"] and r["After: 95% interval"] for r in precision)


def test_athanasiadis_pools_frames_to_videos(report, make_run):
    run = make_run("athanasiadis2022", "first", ["val", "test"], emotions=VIDEOS, n=300, frames=5)
    folder = report("athanasiadis2022")
    frame = pd.read_parquet(run / "predictions" / "test.parquet")
    shares = frame.groupby("sequence")[[f"p_{e}" for e in VIDEOS]].mean()
    best = shares.idxmax(axis=1).str.removeprefix("p_")
    right = (best == frame.groupby("sequence")["label"].first()).mean()
    rows = read(folder, "videos")
    mean = pick(rows, Implementation="first", Variant="as_published", Video_by="mean scores")
    assert mean["Our accuracy"] == f"{100 * right:.2f}"
    assert mean["Difference"] == f"{100 * right - 80.49:+.2f}"
    counts = pick(read(folder, "video_counts"), Variant="as_published", View="test", Class="total")
    assert (counts["Published"], counts["Ours"], counts["Difference"]) == ("202", "60", "-142")
    assert (
        sum(r["Video by"] == "majority vote" and bool(r["Sum"]) for r in read(folder, "confusion"))
        == 6
    )


def test_made_again_every_file_has_the_same_bytes(report, make_run):
    make_run("kurmi2022", "sequential_cnn", ["val", "public_and_private"])
    make_run("kurmi2022", "mini_xception", ["val", "public_and_private"])
    first, second = (report("kurmi2022", out=out) for out in ("first", "second"))
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    assert {"confusion.png", "curves_accuracy.png", "kurmi2022.tex"} <= set(names)
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_given_runs_alone_are_taken(report, make_run, no_pictures):
    make_run("balanescu2020", "trial02", VIEWS)
    make_run("balanescu2020", "trial03", VIEWS, root="elsewhere")
    rows = read(report("balanescu2020", "runs=[elsewhere]"), "validation")
    assert [r["Trial"] for r in rows if r["Ours"]] == ["trial03"]


@pytest.mark.parametrize(("trial", "variant"), [("second", "text"), ("fourth", "as_published")])
def test_videos_are_counted_in_any_variant_that_ran(report, make_run, trial, variant):
    make_run("athanasiadis2022", trial, ["val", "test"], variant=variant, emotions=VIDEOS, frames=5)
    folder = report("athanasiadis2022")
    rows = read(folder, "video_counts")
    assert all(bool(r["Ours"]) is (r["View"] != "train") for r in rows)
    assert {(r["Trial"], r["Variant"]) for r in rows} == {(trial, variant)}
    asked = [r["To fill"] for r in rows if r["To fill"]]
    assert len(asked) == 1 and asked[0].endswith("view=train") and "ferkit eval run=" in asked[0]
    assert all(r["Ours"] for r in read(folder, "frame_counts"))


def test_without_a_run_video_counts_say_the_command_that_fills_them(empty_report):
    rows = read(empty_report("athanasiadis2022"), "video_counts")
    fills = {r["To fill"] for r in rows} - {""}
    assert fills == {"ferkit train experiment=athanasiadis2022/first"}


def test_class_counts_come_from_any_trial(report, make_run):
    emotions = ["angry", "disgust", "neutral", "sad", "surprise", "fear", "happy"]
    make_run("ghafourian2021", "resnet50", ["val", "test"], emotions=emotions)
    rows = read(report("ghafourian2021"), "class_counts")
    ours = [r for r in rows if r["View"] == "train" and r["Variant"] == "as_published"]
    assert [r["Ours"] for r in ours] == [*["50"] * 7, "350"]
    assert all(r["To fill"] == "" for r in ours)
    points = read(Path("report"), "curve_points")
    filled = [r for r in points if r["Trial"] == "resnet50" and r["Ours"]]
    assert [(r["Curve"], r["Epoch"]) for r in filled] == [
        ("train accuracy", "0"),
        ("val accuracy", "0"),
    ]


def test_commands_stand_below_a_table_and_no_column_is_empty(report, make_run, no_pictures):
    make_run("balanescu2020", "trial08", ["val"])
    text = (report("balanescu2020") / "balanescu2020.md").read_text()
    section = text.split("\n## CK+")[1].split("\n## ")[0]
    assert "To fill |" not in section
    assert section.count("\nferkit ") == 3 and "more in the column To fill of ckplus.csv" in section


@pytest.mark.parametrize(
    "study, trial, views",
    [
        ("balanescu2020", "trial11", ["val", "public"]),
        ("athanasiadis2022", "second", ["test"]),
        ("kurmi2022", "sequential_cnn", ["public_and_private"]),
        ("tekula2023", "base", ["val", "test"]),
    ],
)
@pytest.mark.parametrize("emotions", [[*EMOTIONS], ["happy", "sad", "angry"]])
def test_a_network_of_other_classes_is_reported(
    report, make_run, no_pictures, study, trial, views, emotions
):
    frames = 5 if study == "athanasiadis2022" else 0  # it has clips
    make_run(study, trial, views, emotions=emotions, n=240, frames=frames)
    assert (report(study) / f"{study}.md").is_file()
