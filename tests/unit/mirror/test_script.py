"""Acting scripts: what they hold, and one sentence for each fault."""

import pytest

from ferkit.errors import ConfigError, DataError
from ferkit.mirror.cues import key_name, timed
from ferkit.mirror.script import for_model, parse_script

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SCENE = """title: The letter
sections:
  - {text: Opens it., emotion: neutral, seconds: 4}
  - {text: From him!, emotion: {surprised: 3, joy: 1}, seconds: 5, cue: space}
  - {text: Reads on., emotion: any, cue: n}
"""


def section(line):
    return f"- {{{line}}}"


def test_a_yaml_and_a_csv_are_the_same_script():
    table = (
        "Text;Emotion;Seconds;Cue\nOpens it.;neutral;4;\n"
        "From him!;surprised:3 + joy:1;5;space\nReads on.;any;;n\n"
    )
    one, two = parse_script(SCENE, "a.yaml"), parse_script(table, "The_letter.csv")
    assert one.title == two.title == "The letter"
    assert one.sections == two.sections
    wanted = [dict(each.wanted) for each in for_model(one, EMOTIONS).sections]
    assert wanted == [{"neutral": 1.0}, {"surprise": 0.75, "happy": 0.25}, {}]
    assert [s["cue"] for s in one.as_json()["sections"]] == [None, "space", "n"]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "a.yaml", "no sections"),
        ("[]", "a.yaml", "no sections"),
        ("text,emotion,seconds\n", "a.csv", "no sections"),
        ("", "a.csv", "it is empty"),
        ("text,emotoin,seconds\na,sad,1\n", "a.csv", "Did you mean 'emotion'?"),
        ("text,seconds\na,1\n", "a.csv", "no column emotion"),
        ("emotion,emotion\nsad,sad\n", "a.csv", "twice"),
        (section("emotion: sad, seconds: -1"), "a.yaml", "seconds is '-1'"),
        (section("emotion: sad, seconds: .nan"), "a.yaml", "seconds is 'nan'"),
        (section("emotion: sad, seconds: true"), "a.yaml", "seconds is 'True'"),
        (section("emotion: sad"), "a.yaml", "has no end"),
        (section("seconds: 1"), "a.yaml", "has no emotion"),
        (section("emotion: {sad: -1}, seconds: 1"), "a.yaml", "the part of sad"),
        (section("emotion: {sad: [1]}, seconds: 1"), "a.yaml", "the part of sad"),
        (section("emotion: [], seconds: 1"), "a.yaml", "emotion is empty"),
        (section("emotion: any sad, seconds: 1"), "a.yaml", "any is mixed"),
        (section("emotion: sad, cue: spcae"), "a.yaml", "Did you mean 'space'?"),
        (section("emotion: sad, secs: 2"), "a.yaml", "Did you mean 'seconds'?"),
        (section("emotion: sad, seconds: 2, text: [a]"), "a.yaml", "in quotes"),
        ("- sad", "a.yaml", "write `- text"),
        ("sections: sad", "a.yaml", "no list of sections"),
        ("sectoins: []", "a.yaml", "Did you mean 'sections'?"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" * 1 + "c: [" + "*b, " * 60_000 + "]", "a.yaml", "values"),
        ("{", "a.yaml", "no valid yaml"),
        ("x", "a.txt", "no .yaml and no .csv"),
        ("- {emotion: sad, seconds: 1}\n" * 1001, "a.yaml", "at most 1,000"),
    ],
)
def test_a_fault_is_one_sentence(text, name, words):
    with pytest.raises(DataError) as fault:
        parse_script(text, name)
    said = str(fault.value)
    assert words in said
    assert said.startswith(name)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("emotion", "words"),
    [("hapyp", "Did you mean 'happy'?"), ("contempt", "the model does not know")],
)
def test_an_emotion_of_no_class_is_one_sentence(emotion, words):
    script = parse_script(section(f"emotion: {emotion}, seconds: 1"), "a.yaml")
    with pytest.raises(DataError, match="section 1") as fault:
        for_model(script, EMOTIONS)
    assert words in str(fault.value)


def test_a_recorded_video_has_times_for_keys():
    script = parse_script(
        "- {emotion: sad, cue: a}\n- {emotion: sad, seconds: 2}\n- {emotion: sad, cue: b}", "a.yaml"
    )
    with pytest.raises(ConfigError, match=r"add `seconds:` to section 1, or .*cues=\["):
        timed(script, None, 0.0)
    assert [s.seconds for s in timed(script, [3.5], 1.0).sections] == [2.5, 2.0, None]
    assert [s.seconds for s in timed(script, [3.5, 9], 1.0).sections] == [2.5, 2.0, 3.5]
    with pytest.raises(ConfigError, match="not after the beginning of section 3"):
        timed(script, [3.5, 5], 1.0)
    with pytest.raises(ConfigError, match="3 times"):
        timed(script, [1, 2, 3], 0.0)


def test_keys_are_named_as_browsers_send_them():
    assert [key_name(k) for k in (" ", "Enter", "PageDown", "N", "F1")] == [
        "space",
        "enter",
        "pagedown",
        "n",
        "",
    ]
