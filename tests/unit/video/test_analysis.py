"""Frames through the networks in batches: bounded, in order, each once."""

import numpy as np

from ferkit.faces.settings import FaceSettings
from ferkit.inference.runtime import Predictor
from ferkit.video import analysis
from ferkit.video.analysis import AnalysisSettings, analyse
from ferkit.video.reader import Frame
from ferkit.video.summary import Totals


def predictor(calls):
    def probabilities(faces):
        calls.append(len(faces))
        return np.full((len(faces), 2), 0.5, np.float32)

    return Predictor(("happy", "sad"), 8, 1, {}, probabilities)


def frames(count, side=16):
    for number in range(count):
        yield Frame(number, number / 10, np.full((side, side, 3), number, np.uint8))


WHOLE = FaceSettings(detector="none", size=8)


def test_faces_of_several_frames_go_through_the_network_together():
    calls = []
    seen = list(analyse(frames(40), predictor(calls), WHOLE, None, AnalysisSettings()))
    assert [a.frame.number for a in seen] == list(range(40))
    assert calls == [16, 16, 8]
    assert {face.track for a in seen for face in a.faces} == {0}


def test_no_more_frames_are_held_than_fit_whatever_their_size(monkeypatch):
    monkeypatch.setattr(analysis, "_HELD", 3 * 16 * 16 * 3)
    made = []

    def counted():
        for frame in frames(20):
            made.append(frame.number)
            yield frame

    for every in (1, 5):
        made.clear()
        settings = AnalysisSettings(every=every)
        for number, a in enumerate(analyse(counted(), predictor([]), WHOLE, None, settings)):
            assert a.frame.number == number
            assert len(made) - number <= 3
            assert (a.faces is None) == (number % every != 0)


def test_a_live_stream_is_not_kept_waiting():
    made = []

    def counted():
        for frame in frames(5):
            made.append(frame.number)
            yield frame

    settings = AnalysisSettings(together=1)
    for number, _ in enumerate(analyse(counted(), predictor([]), WHOLE, None, settings)):
        assert len(made) == number + 1


def test_totals_pool_by_each_rule_as_the_studys_evaluation_does():
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(3), 50)
    totals = Totals(3, 0.1)
    for number, row in enumerate(rows):
        face = analysis.Face(0, np.zeros(4), 1.0, row.astype(np.float32), row, 0)
        totals.add(analysis.Analysed(Frame(number, number / 10, np.zeros((2, 2, 3))), [face]))
    totals.finish()
    whole = totals.whole()
    assert whole.pooled("mean_scores")[1] == rows.mean(axis=0).argmax()
    votes = np.bincount(rows.argmax(axis=1), minlength=3)
    assert np.allclose(whole.pooled("majority_vote")[0], votes / 50)
    assert whole.seconds == totals.duration == totals.tracks[0].seconds
    assert np.isclose(whole.seconds, 5.0)
