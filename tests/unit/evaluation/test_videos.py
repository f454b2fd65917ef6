import numpy as np
import pandas as pd
import pytest

from ferkit.errors import ConfigError
from ferkit.evaluation.events import event_metrics, has_events
from ferkit.evaluation.videos import find_positions, has_videos, video_metrics, video_predictions

A, B, C = "angry", "happy", "sad"


def frames(*videos, subject=""):
    """Videos as (sequence, label, [[p_angry, p_happy, p_sad], ...])."""
    rows = [
        {
            "key": f"{name}#{i}",
            "dataset": "drawn",
            "view": "val",
            "subject": subject,
            "sequence": name,
            "frame": i,
            "label": label,
            "predicted": (A, B, C)[int(np.argmax(p))],
            "p_angry": p[0],
            "p_happy": p[1],
            "p_sad": p[2],
        }
        for name, label, shares in videos
        for i, p in enumerate(shares)
    ]
    return pd.DataFrame(rows)


def segments(labels, predicted, name="s", subject=""):
    """One sequence as two words, a letter a frame: a, h, s, or - for no label."""
    names = {"a": A, "h": B, "s": C, "-": ""}
    one = {"a": [1, 0, 0], "h": [0, 1, 0], "s": [0, 0, 1]}
    table = frames((name, "", [one[letter] for letter in predicted]), subject=subject)
    return table.assign(label=[names[letter] for letter in labels])


VIEW = frames(
    # two of three frames say happy, one is nearly sure of angry: the rules differ
    ("one", A, [[0.9, 0.05, 0.05], [0.4, 0.5, 0.1], [0.3, 0.4, 0.3]]),
    # a tie of votes, which the mean score decides for sad
    ("two", C, [[0.6, 0.2, 0.2], [0.1, 0.2, 0.7]]),
    ("three", B, [[0.2, 0.7, 0.1]]),
)


def test_rules_by_hand():
    votes = video_predictions(VIEW, "majority_vote").set_index("key")
    assert votes["predicted"].to_dict() == {"one": B, "two": C, "three": B}
    assert votes.loc["one", ["p_angry", "p_happy", "p_sad"]].tolist() == [1 / 3, 2 / 3, 0]
    assert votes.loc["two", ["p_angry", "p_happy", "p_sad"]].tolist() == [0.5, 0, 0.5]
    means = video_predictions(VIEW, "mean_scores").set_index("key")
    assert means["predicted"].to_dict() == {"one": A, "two": C, "three": B}
    expected = [1.6 / 3, 0.95 / 3, 0.45 / 3]
    assert means.loc["one", ["p_angry", "p_happy", "p_sad"]].tolist() == pytest.approx(expected)
    for pooled in (votes, means):
        assert pooled["frame"].to_dict() == {"one": 3, "two": 2, "three": 1}
        assert pooled["label"].to_dict() == {"one": A, "two": C, "three": B}
        assert set(pooled["view"]) == {"val"}
    with pytest.raises(ConfigError, match="median"):
        video_predictions(VIEW, "median")


def test_order_of_rows_and_lengths_of_other_videos_do_not_matter():
    longer = pd.concat([VIEW, frames(("four", B, [[0.2, 0.5, 0.3]] * 40))])
    for rule in ("majority_vote", "mean_scores"):
        whole = video_predictions(VIEW, rule).set_index("key").sort_index()
        mixed = video_predictions(longer.sample(frac=1, random_state=0), rule).set_index("key")
        pd.testing.assert_frame_equal(whole, mixed.loc[whole.index])


def test_metrics_are_of_videos_and_intervals_draw_videos():
    metrics = video_metrics(VIEW)
    assert metrics["majority_vote"]["accuracy"] == pytest.approx(2 / 3)
    assert metrics["mean_scores"]["accuracy"] == 1
    assert metrics["mean_scores"]["n"] == 3
    assert metrics["mean_scores"]["resampled"]["units"] == "3 videos"
    assert metrics["mean_scores"]["intervals"]["accuracy"] == [1, 1]


def test_what_is_no_frame_of_a_video_is_passed_over():
    photo = VIEW.assign(frame=-1)  # several people on one photo
    assert has_videos(VIEW) and not has_videos(photo) and not has_videos(VIEW.assign(sequence=""))
    assert not has_videos(VIEW.drop_duplicates("sequence"))
    assert not has_videos(VIEW.drop(columns=["sequence", "frame"]))
    mixed = pd.concat([VIEW, VIEW.assign(key=VIEW["key"] + "x", sequence="")])
    assert len(video_predictions(mixed, "mean_scores")) == 3
    unlabelled = VIEW.assign(label=VIEW["label"].where(VIEW["sequence"] == "one", ""))
    assert video_predictions(unlabelled, "mean_scores")["key"].tolist() == ["one"]


def test_segments_of_a_sequence_are_videos_of_their_own():
    pooled = video_predictions(segments("aahha", "aahhh"), "majority_vote")
    assert pooled["key"].tolist() == [f"drawn/s#{n:06d}" for n in (0, 2, 4)]
    assert pooled["predicted"].tolist() == [A, B, B]
    other = pd.concat([VIEW, VIEW.assign(dataset="other", key=VIEW["key"] + "o")])
    assert video_predictions(other, "mean_scores")["key"].is_unique


def test_places_are_video_by_video():
    shuffled = VIEW.sample(frac=1, random_state=1).reset_index(drop=True)
    found = find_positions(shuffled)
    assert shuffled["key"].iloc[found.positions].tolist() == sorted(VIEW["key"])
    assert found.lengths.tolist() == [3, 1, 2]


def test_an_event_is_found_by_half_of_intersection_over_union():
    #                        4 of 4           2 of 4         2 of 5, and one too many
    rows = segments("aaaa" + "hhhh" + "ssss", "aaaa" + "hhaa" + "asas")
    metrics = event_metrics(rows)
    assert (metrics["n"], metrics["detected"], metrics["found"]) == (3, 6, 2)
    each = metrics["per_class"]
    # angry: frames 0-3, 6-8 and 10 are detected, one event is true
    assert (each[A]["support"], each[A]["detected"]) == (1, 3)
    assert each[A]["f1"] == pytest.approx(2 * 1 / (1 + 3))
    assert each[B]["f1"] == 1  # 2 of 4 frames are exactly one half
    assert each[C]["recall"] == 0
    assert metrics["macro_f1"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert metrics["micro_f1"] == pytest.approx(2 * 2 / (3 + 6))
    stricter = event_metrics(rows, overlap=0.75)
    assert stricter["per_class"][B]["f1"] == 0 and stricter["found"] == 1
    assert metrics["intervals"] == {}  # a single sequence
    with pytest.raises(ConfigError, match=r"0\.3"):
        event_metrics(rows, overlap=0.3)


def test_events_and_frames_tell_different_things():
    flicker = event_metrics(segments("aaaaaaaaa", "aahaaahaa"))  # 7 of 9 frames are right
    assert (flicker["n"], flicker["detected"], flicker["found"]) == (1, 5, 0)
    late = event_metrics(segments("aaaahhhh", "aaaaahhh"))
    assert late["macro_f1"] == 1  # 7 of 8 frames


def test_unlabelled_frames_end_events_and_are_not_judged():
    rows = segments("aa--aa", "aahhaa")
    metrics = event_metrics(rows)
    assert (metrics["n"], metrics["detected"], metrics["found"]) == (2, 2, 2)
    assert has_events(rows) and not has_events(VIEW)
    assert has_events(segments("aahh", "aaaa"))


def test_event_intervals_draw_people():
    rows = pd.concat(
        segments("aahh", "aahh" if n % 3 else "hhaa", name=f"s{n}", subject=f"p{n // 2}")
        for n in range(24)
    )
    metrics = event_metrics(rows, resamples=200)
    low, high = metrics["intervals"]["micro_f1"]
    assert metrics["micro_f1"] == pytest.approx(2 / 3)
    assert low < metrics["micro_f1"] < high
    assert metrics == event_metrics(rows, resamples=200)
