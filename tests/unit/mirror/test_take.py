"""A take: where in the script it is, whether the face matches, what the report holds."""

import numpy as np
import pandas as pd
import pytest

from ferkit.mirror.cues import timed
from ferkit.mirror.match import MatchSettings, overlap, rebase
from ferkit.mirror.results import results
from ferkit.mirror.scores import score_take
from ferkit.mirror.script import parse_script
from ferkit.mirror.script_report import write_script_report
from ferkit.mirror.take import Take
from ferkit.video.analysis import Face

EMOTIONS = ("happy", "sad", "neutral")
HAPPY, SAD, REST = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.1, 0.2, 0.7)
TEXT = "- {emotion: happy, seconds: 1}\n- {emotion: sad, cue: space}\n- {emotion: any, seconds: 1}"


def face(row, track=0, side=20.0):
    smooth = np.array(row)
    box = np.array([5.0, 5.0, 5 + side, 5 + side])
    return Face(track, box, 1.0, smooth.astype(np.float32), smooth, 0)


def make(settings=None, text=TEXT, **more):
    return Take(parse_script(text, "a.yaml"), EMOTIONS, settings, **more)


def test_the_clock_and_the_key_lead_on():
    take = make()
    states = [take.add(10.0, [face(HAPPY)]), take.add(10.9, [face(HAPPY)])]
    states.append(take.add(11.2, [face(HAPPY)]))
    assert [(s.place, s.word) for s in states] == [(0, "match"), (0, "match"), (1, "no match")]
    assert states[1].left == pytest.approx(0.1)
    assert states[2].left is None
    assert take.add(50.0, [face(SAD)]).place == 1
    assert not take.press("enter", 50.0)
    assert take.press("space", 51.0)
    assert take.add(51.5, []).word == "pause"
    assert take.is_over(52.1)
    assert take.add(52.2, [face(SAD)]).as_json()["phase"] == "over"
    assert take.pressed == [41.0]


def test_a_mix_is_matched_by_itself():
    mix = {"happy": 0.6, "sad": 0.4}
    rows = np.array([(0.6, 0.4, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)])
    assert overlap(rows, mix, EMOTIONS) == pytest.approx([1.0, 0.6, 0.0])
    assert overlap(rows, {"happy": 1.0}, EMOTIONS) == pytest.approx(rows[:, 0])


def test_the_resting_face_is_the_zero_line():
    rng = np.random.default_rng(0)
    rows = rng.dirichlet((0.3, 0.3, 0.3), 500)
    above = rebase(rows, np.array(REST), 2)
    assert above.min() >= 0
    assert above.sum(axis=1) == pytest.approx(1)
    assert rebase(np.array(REST), np.array(REST), 2) == pytest.approx([0, 0, 1])
    take = make(MatchSettings(calibrate=1.0), "- {emotion: neutral, seconds: 2}", start=0.0)
    assert take.add(0.5, [face(REST)]).word == "hold a neutral face"
    assert take.add(1.5, [face(REST)]).score == pytest.approx(1.0, abs=1e-6)


def test_another_face_takes_over_only_where_the_first_is_long_gone():
    take = make(start=0.0)
    small, large = face(HAPPY, 7, 10), face(SAD, 8, 20)
    assert take.add(0.0, [small]).track == 7
    assert take.add(0.1, [small, large]).track == 7
    assert take.add(0.2, [large]).track is None
    assert take.add(1.3, [large]).track == 8
    take.follow(7)
    assert take.add(1.4, [small, large]).track == 7


def played(**more):
    text = "- {emotion: happy, seconds: 1}\n- {emotion: sad, seconds: 1}\n- {emotion: sad, cue: a}"
    script = timed(parse_script(text, "a.yaml"), None, 0.0)
    take = Take(script, EMOTIONS, MatchSettings(settle=0.0), start=0.0, **more)
    image = np.full((60, 60, 3), 90, np.uint8)
    for n in range(18):
        row = HAPPY if n < 16 else SAD
        take.add(n / 10, [] if n in (2, 3) else [face(row)], image)
    take.end(1.8)
    return take


def test_results_are_weighted_by_time():
    take = played()
    first, second, third = results(take, score_take(take))
    assert (first.verdict, first.shown, second.verdict) == ("match", "happy", "no match")
    assert first.share == pytest.approx(0.8)
    assert first.seen == pytest.approx(0.8)
    assert second.share == pytest.approx(2 / 8)
    assert second.score == pytest.approx((6 * 0.05 + 2 * 0.9) / 8)
    assert second.reached == pytest.approx(0.6)
    assert third.verdict == "not played"


def test_the_report_has_page_tables_and_pictures(tmp_path):
    page = write_script_report(tmp_path / "r", played(), source="take.mp4")
    text = page.read_text(encoding="utf-8")
    assert "1 of 3 judged sections match." in text
    assert "Not played: section 3" in text
    assert text.count("data:image/png") == 2
    table = pd.read_csv(tmp_path / "r" / "timeline.csv")
    assert len(table) == 18
    assert table["match"].sum() == 8 + 2
    sections = pd.read_csv(tmp_path / "r" / "sections.csv")
    assert sections["Verdict"].tolist() == ["match", "no match", "not played"]


def test_a_take_that_never_saw_anything_has_a_report(tmp_path):
    take = make()
    take.end(0.0)
    assert "0 of 2" in write_script_report(tmp_path, take).read_text(encoding="utf-8")
