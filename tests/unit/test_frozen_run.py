"""A run and a model that an earlier ferkit wrote stay readable: report, eval, resume, predict."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import get_sample_data

from ferkit import saved
from ferkit.errors import DataError

FROZEN = Path(__file__).parents[1] / "frozen" / "format1" / "run"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(FROZEN, folder)
    return folder


def views(folder):
    return json.loads((folder / "report" / "metrics.json").read_text())["views"]


def headline(metrics):
    return {key: metrics[key] for key in ("n", "accuracy", "macro_f1", "per_class")}


def test_report_is_made_again_with_the_metrics_it_had(ferkit, run):
    before = views(run)
    shutil.rmtree(run / "report")
    code, out, err = ferkit("eval", f"run={run}")
    assert code == 0, err
    assert out.startswith("MiniXception")
    after = views(run)
    assert {v: headline(after[v]) for v in after} == {v: headline(before[v]) for v in before}


def test_view_is_predicted_again_with_the_probabilities_it_had(ferkit, run):
    code, _, err = ferkit("eval", f"run={run}", "view=test")
    assert code == 0, err
    (made,) = (run / "eval").glob("drawn-test*")
    old = pd.read_parquet(run / "predictions" / "test.parquet").set_index("key")
    new = pd.read_parquet(made / "predictions" / "test.parquet").set_index("key").loc[old.index]
    assert list(new["label"]) == list(old["label"])
    columns = [name for name in old if name.startswith("p_")]
    np.testing.assert_allclose(new[columns], old[columns], atol=0.02)


def test_it_goes_on_from_its_last_epoch(ferkit, run):
    code, _, err = ferkit("train", f"resume={run}", "trainer.max_epochs=5")
    assert code == 0, err
    rows = (run / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[:4] == (FROZEN / "metrics.jsonl").read_text().splitlines()


def test_its_model_alone_predicts(ferkit, run, tmp_path):
    shutil.copyfile(run / "model.safetensors", tmp_path / "model.safetensors")
    with get_sample_data("grace_hopper.jpg") as file:
        (tmp_path / "hopper.jpg").write_bytes(file.read())
    code, _, err = ferkit("predict", "model=model.safetensors", "source=hopper.jpg", "out=out")
    assert code == 0, err
    assert len(pd.read_csv(tmp_path / "out" / "faces.csv")) == 1


def test_it_begins_another_run_and_is_compared_and_pooled(ferkit, run):
    small = [
        "dataset.train=70",
        "dataset.val=28",
        "dataset.test=28",
        "dataset.people=24",
        "trainer.max_epochs=1",
        "trainer.threads=1",
        "report.saliency=none",
    ]
    code, _, err = ferkit("train", *small, f"backbone.init_from={run}", "run_dir=more")
    assert (code, "head included" in err) == (0, True), err
    assert ferkit("eval", f"ensemble=[{run}]", "view=val", "out=pooled")[0] == 0
    assert ferkit("eval", f"runs=[{run}]", "view=val", "out=compared")[0] == 0


def test_what_moved_or_was_renamed_is_translated_before_the_gate_judges(ferkit, run, monkeypatch):
    config = run / "config.yaml"
    text = config.read_text().replace("ferkit.inference.tta.Tta", "ferkit.gone.Tta")
    config.write_text(text.replace("cache_frozen:", "keep_frozen:"))
    assert ferkit("eval", f"run={run}", "view=val")[0] == 2
    monkeypatch.setitem(saved.MOVED_TARGETS, "ferkit.gone.Tta", "ferkit.inference.tta.Tta")
    assert ferkit("eval", f"run={run}", "view=val")[0] == 2
    monkeypatch.setitem(saved.RENAMED_KEYS, "trainer.keep_frozen", "trainer.cache_frozen")
    assert ferkit("eval", f"run={run}", "view=val")[0] == 0


@pytest.mark.parametrize(
    "value", ["${oc.env:HOME}", "${seed}", "${nosuch:1}", "x${oc.decode:1}", "${", "${a.${b}}"]
)
def test_interpolations_of_a_saved_config_are_refused(ferkit, run, value):
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("root: null", f"root: '{value}'"))
    for words in (["eval", f"run={run}", "view=val"], ["train", f"resume={run}"]):
        code, _, err = ferkit(*words)
        assert (code, "interpolation" in err, "dataset.root" in err) == (3, True, True), err


def test_interpolation_in_a_key_or_a_list_is_refused_too():
    for node in ({"${oc.env:HOME}": 1}, {"a": [{"b": ["${oc.env:HOME}"]}]}):
        with pytest.raises(DataError, match="interpolation"):
            saved.as_of_now(node, "config.yaml")


def test_moved_targets_lead_to_what_can_be_built():
    from ferkit.config import GROUPS
    from ferkit.targets import shipped_targets

    known = set().union(*map(shipped_targets, GROUPS))
    assert set(saved.MOVED_TARGETS.values()) <= known


@pytest.mark.parametrize("old, new", saved.RENAMED_KEYS.items())
def test_a_renamed_key_that_is_typed_is_answered_with_the_new_one(ferkit, old, new):
    words = ["train", f"{old}=1"] if "." in old else ["eval", f"{old}=x"]
    code, _, err = ferkit(*words)
    assert (code, f"give {new}=" in err) == (2, True), err


def test_a_renamed_key_in_a_yaml_of_ones_own_is_answered_with_the_new_one(ferkit, tmp_path):
    folder = tmp_path / "ferkit_configs" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\ntrainer: {frames: 3}\n")
    code, _, err = ferkit("train", "experiment=mine")
    assert (code, "trainer.frames_per_clip" in err) == (2, True), err


def test_renamed_values_of_a_saved_config_are_translated(run):
    before = {"trainer": {"visits": "film"}, "study": {"variant": "as_printed"}, "seed": 3}
    assert saved.as_of_now(before, "x") == {
        "trainer": {"sampling": "video"},
        "study": {"variant": "as_published"},
        "seed": 3,
    }


def test_accesses_to_test_that_were_noted_before_are_still_counted(ferkit, run):
    assert (run / "looks.jsonl").is_file()
    assert ferkit("eval", f"run={run}")[0] == 0
    assert "Accessed" in (run / "report" / "report.md").read_text()
