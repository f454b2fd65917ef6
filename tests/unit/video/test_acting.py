"""ferkit predict script=: a recorded take measured by a script."""

import pandas as pd
import pytest

pytest.importorskip("av")
QUICK = ("video=none", "timeline=false")
SCENE = "- {emotion: happy, seconds: 1}\n- {emotion: angry, cue: space}\n"


def test_a_take_has_a_report_of_the_values_in_its_table(predict, clip, tmp_path):
    (tmp_path / "scene.yaml").write_text(SCENE)
    code, out, err = predict(f"source={clip}", "out=out", "script=scene.yaml", *QUICK)
    assert code == 0, err
    assert out.split() == ["out/faces.csv", "out/script/script.html"]
    line = pd.read_csv(tmp_path / "out/script/timeline.csv")
    faces = pd.read_csv(tmp_path / "out/faces.csv").drop_duplicates(["frame", "track"])
    seen = line.dropna(subset="track")
    both = seen.merge(faces, on=["time", "track"], suffixes=("", "_of_predict"))
    assert len(both) == len(seen) > 10
    assert both["p_sad"].to_numpy() == pytest.approx(both["smooth_sad"].to_numpy(), abs=2e-6)
    assert line["section"].value_counts().to_dict() == {1: 10, 2: 20}
    sections = pd.read_csv(tmp_path / "out/script/sections.csv")
    assert sections["To"].tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("script", "words", "expected", "said"),
    [
        ("- {emotion: bored, seconds: 1}", (), 3, "unknown emotion 'bored'"),
        ("- {emotion: fear, seconds: 1}", (), 3, "the model does not know"),
        ("- {emotion: sad, cue: a}\n- {emotion: sad, seconds: 1}", (), 2, "cues=["),
        (SCENE, ("match.threshold=2",), 2, "match.threshold is 2"),
        (SCENE, ("cues=[1,2,3]",), 2, "3 times"),
    ],
)
def test_a_fault_is_one_sentence_and_nothing_is_written(
    predict, clip, tmp_path, script, words, expected, said
):
    (tmp_path / "scene.yaml").write_text(script)
    code, _, err = predict(f"source={clip}", "out=out", "script=scene.yaml", *QUICK, *words)
    assert (code, said in err) == (expected, True), err
    assert not (tmp_path / "out").exists()


def test_a_script_needs_a_video_and_cues_a_script(predict, clip, tmp_path):
    assert predict(f"source={clip}", "out=out", "cues=[1]", *QUICK)[0] == 2
    assert predict(f"source={clip}", "out=out", "script=no.yaml", *QUICK)[0] == 3
