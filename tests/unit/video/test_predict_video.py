"""ferkit predict on videos: right tables, tracks, pictures and copies, whatever the file."""

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib import cbook
from PIL import Image

av = pytest.importorskip("av")
BLANK, BOTH, ONE, FRAMES, RATE = 6, 12, 24, 30, 10
TIMES = [n / RATE for n in range(FRAMES)]
EMOTIONS = ("angry", "happy", "sad")
QUICK = ("video=none", "timeline=false")


def read(folder):
    return pd.read_csv(folder / "faces.csv")


def faces_of(table):
    """Track ids of each frame."""
    rows = table[table["success"] == 1]
    return {n: sorted(rows["track"][rows["frame"] == n]) for n in range(FRAMES)}


EXPECTED = {n: [] if n < BLANK or n >= ONE else [0, 1] if n < BOTH else [0] for n in range(FRAMES)}


def test_a_video_gives_table_summary_timeline_and_a_copy_with_its_sound(
    predict, clip, tmp_path, look_at
):
    code, out, err = predict(f"source={clip}", "out=out")
    assert code == 0, err
    assert out.split() == ["out/faces.csv"]
    folder = tmp_path / "out"
    table = read(folder)
    p, smooth = [f"p_{e}" for e in EMOTIONS], [f"smooth_{e}" for e in EMOTIONS]
    head = ["source", "frame", "time", "track", "x", "y", "w", "h", "score", "success", "label"]
    assert list(table.columns) == [*head, *p, *smooth]
    assert faces_of(table) == EXPECTED
    nobody = table[table["success"] == 0]
    assert len(nobody) == BLANK + FRAMES - ONE == nobody["frame"].nunique()
    assert nobody[["track", "x", "score", "label", *p, *smooth]].isna().all(axis=None)
    assert table["time"].tolist() == pytest.approx((table["frame"] / RATE).tolist())
    found = table[table["success"] == 1]
    assert np.allclose(found[p].sum(axis=1), 1, atol=1e-4)
    left = found[found["track"] == 0]
    assert (left["x"] + left["w"] / 2).between(60, 110).all()
    assert (found[found["track"] == 1]["x"] > 180).all()
    same = pd.read_parquet(folder / "faces.parquet").astype({"track": "float64"})
    same["label"] = same["label"].replace("", np.nan)
    pd.testing.assert_frame_equal(table, same, check_dtype=False, atol=1e-5)
    check_summary(pd.read_csv(folder / "summary.csv"), found, p)
    segments = pd.read_csv(folder / "segments.csv")
    spans = segments.groupby("track").agg({"start": "min", "end": "max"}).to_numpy()
    assert np.allclose(spans, [[0.6, 2.4], [0.6, 1.2]])
    for name in ("timeline", "timeline_track0", "timeline_track1"):
        assert cv2.imread(str(folder / f"{name}.png")) is not None
    before, after = look_at(clip), look_at(folder / "annotated.mp4")
    assert after["codecs"] == ("h264", "aac")
    assert after["pixels"] == "yuv420p"
    assert after["times"] == pytest.approx(before["times"], abs=1e-3)
    assert after["seconds"] == pytest.approx(before["seconds"], abs=0.05)
    assert after["sound"] == before["sound"] != []
    assert not list(folder.glob(".*"))


def check_summary(summary, found, p):
    tracks = summary[summary["kind"] == "track"].set_index("track")
    assert tracks["seconds"].to_dict() == pytest.approx({0: 1.8, 1: 0.6})
    assert tracks["frames"].to_dict() == {0: 18, 1: 6}
    means = found.groupby("track")[p].mean()
    assert np.allclose(tracks[p], means, atol=1e-5)
    assert tracks["dominant"].tolist() == [EMOTIONS[k] for k in means.to_numpy().argmax(axis=1)]
    video = summary[summary["kind"] == "video"].set_index("rule")
    assert set(video.index) == {"mean_scores", "majority_vote"}
    assert np.allclose(video.loc["mean_scores", p].astype(float), found[p].mean(), atol=1e-5)
    votes = [float((found["label"] == e).mean()) for e in EMOTIONS]
    assert np.allclose(video.loc["majority_vote", p].astype(float), votes)
    assert video["seconds"].tolist() == pytest.approx([1.8, 1.8])


def test_the_copy_shows_boxes_where_faces_are(predict, clip, tmp_path):
    assert predict(f"source={clip}", "out=out", "timeline=false").code == 0
    with av.open(str(tmp_path / "out" / "annotated.mp4")) as copy, av.open(str(clip)) as original:
        pairs = zip(copy.decode(video=0), original.decode(video=0), strict=True)
        changed = [
            float(
                np.abs(
                    a.to_ndarray(format="rgb24").astype(int) - b.to_ndarray(format="rgb24")
                ).max()
            )
            for a, b in pairs
        ]
    assert max(changed[:BLANK]) < 40 < min(changed[BLANK:ONE])


def test_every_frame_has_the_answer_of_the_single_picture(predict, clip, tmp_path):
    (tmp_path / "pictures").mkdir()
    with av.open(str(clip)) as video:
        for number, frame in enumerate(video.decode(video=0)):
            image = Image.fromarray(frame.to_ndarray(format="rgb24"))
            image.save(tmp_path / "pictures" / f"{number:03d}.png")
    assert predict(f"source={clip}", "out=video", *QUICK).code == 0
    assert predict("source=pictures", "out=single", "annotate=false").code == 0
    video, single = read(tmp_path / "video"), read(tmp_path / "single")
    video, single = (t[t["success"] == 1].reset_index(drop=True) for t in (video, single))
    assert video["frame"].tolist() == [int(s[-7:-4]) for s in single["source"]]
    boxes = np.column_stack(
        [video["x"], video["y"], video["x"] + video["w"], video["y"] + video["h"]]
    )
    assert np.allclose(boxes, single[["x1", "y1", "x2", "y2"]], atol=0.11)
    assert np.allclose(video["score"], single["score"])
    assert video["label"].tolist() == single["label"].tolist()
    p = [f"p_{e}" for e in EMOTIONS]
    assert np.allclose(video[p], single[p], atol=1e-5)


def test_a_rotated_video_is_analysed_and_copied_upright(
    predict, scene, write_clip, look_at, tmp_path
):
    turned = [np.ascontiguousarray(np.rot90(frame, -1)) for frame in scene]  # as a phone held it
    write_clip(tmp_path / "phone.mp4", turned, rotation=90)
    assert predict("source=phone.mp4", "out=out", "timeline=false").code == 0
    assert faces_of(read(tmp_path / "out")) == EXPECTED
    assert look_at(tmp_path / "out" / "annotated.mp4")["size"] == (320, 240)


def test_a_variable_rate_keeps_its_times(predict, scene, write_clip, look_at, tmp_path):
    steps = np.where(np.arange(FRAMES) % 3 == 0, 0.25, 0.04)
    times = np.round(np.cumsum(steps) - steps[0], 3)
    write_clip(tmp_path / "variable.mp4", scene, times=times)
    assert predict("source=variable.mp4", "out=out", "timeline=false").code == 0
    table = read(tmp_path / "out")
    assert faces_of(table) == EXPECTED
    assert np.allclose(table["time"], times[table["frame"]], atol=2e-3)
    copied = look_at(tmp_path / "out" / "annotated.mp4")
    assert copied["times"] == pytest.approx(times.tolist(), abs=2e-3)
    summary = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("track")
    assert summary.loc[1, "seconds"] == pytest.approx(times[BOTH] - times[BLANK], abs=2e-3)


def test_a_silent_video_with_odd_sides(predict, scene, write_clip, look_at, tmp_path):
    odd = [np.ascontiguousarray(frame[:239, :319]) for frame in scene]
    write_clip(tmp_path / "silent.mkv", odd, sound=None, codec="ffv1")
    assert predict("source=silent.mkv", "out=out", "timeline=false").code == 0
    assert faces_of(read(tmp_path / "out")) == EXPECTED
    copied = look_at(tmp_path / "out" / "annotated.mp4")
    assert copied["codecs"] == ("h264", None)
    assert copied["size"] == (320, 240)
    assert len(copied["times"]) == FRAMES


def test_sound_that_browsers_do_not_play_is_encoded_anew(
    predict, scene, write_clip, look_at, tmp_path
):
    write_clip(tmp_path / "pcm.mkv", scene, sound="pcm_s16le")
    code, _, err = predict("source=pcm.mkv", "out=out", "timeline=false")
    assert (code, "was encoded anew as aac" in err) == (0, True), err
    copied = look_at(tmp_path / "out" / "annotated.mp4")
    assert copied["codecs"] == ("h264", "aac")
    assert len(copied["sound"]) == pytest.approx(3 * 16000 / 1024, abs=2)


@pytest.mark.parametrize("container", ["mkv", "ts"])
def test_of_a_video_cut_short_all_is_read_that_can_be(
    predict, scene, write_clip, look_at, tmp_path, container
):
    whole = write_clip(tmp_path / f"whole.{container}", scene).read_bytes()
    (tmp_path / f"cut.{container}").write_bytes(whole[: int(len(whole) * 0.75)])
    code, _, err = predict(f"source=cut.{container}", "out=out", "timeline=false")
    assert code == 0, err
    table = read(tmp_path / "out")
    assert BLANK < table["frame"].max() < FRAMES - 1
    assert faces_of(table)[BLANK + 1] == [0, 1]
    if container == "mkv":  # a ts does not say how long it is
        assert "was cut short" in err
    copied = look_at(tmp_path / "out" / "annotated.mp4")["times"]
    assert len(copied) == table["frame"].max() + 1


def test_damage_in_the_middle_is_passed_over(predict, scene, write_clip, tmp_path):
    content = bytearray(write_clip(tmp_path / "good.mkv", scene, sound=None).read_bytes())
    rng = np.random.default_rng(0)
    middle = slice(len(content) // 2, len(content) // 2 + 400)
    content[middle] = rng.integers(0, 256, 400, dtype=np.uint8).tobytes()
    (tmp_path / "bad.mkv").write_bytes(content)
    code, _, err = predict("source=bad.mkv", "out=out", *QUICK)
    assert code == 0, err
    assert faces_of(read(tmp_path / "out"))[BLANK + 1] == [0, 1]


def test_every_analyses_each_nth_frame_and_copies_all(predict, clip, look_at, tmp_path):
    assert predict(f"source={clip}", "out=out", "every=3", "timeline=false").code == 0
    table = read(tmp_path / "out")
    assert sorted(set(table["frame"])) == list(range(0, FRAMES, 3))
    assert {n: faces_of(table)[n] for n in range(0, FRAMES, 3)} == {
        n: EXPECTED[n] for n in range(0, FRAMES, 3)
    }
    assert len(look_at(tmp_path / "out" / "annotated.mp4")["times"]) == FRAMES
    summary = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("track")
    assert summary.loc[0, "seconds"] == pytest.approx(1.8)


def test_detect_every_carries_boxes_and_classifies_all_the_same(predict, clip, tmp_path):
    assert predict(f"source={clip}", "out=all", *QUICK).code == 0
    assert predict(f"source={clip}", "out=some", "detect.every=3", *QUICK).code == 0
    all_, some = read(tmp_path / "all"), read(tmp_path / "some")
    searched = list(range(0, FRAMES, 3))
    for n in range(FRAMES):
        assert faces_of(some)[n] == EXPECTED[n - n % 3]
    keys = ["frame", "track"]
    both = some[some["success"] == 1].merge(all_[all_["success"] == 1], on=keys)
    same = both[both["frame"].isin(searched)]
    assert (same["x_x"] == same["x_y"]).all()
    track = some[some["track"] == 0]
    assert track.groupby(track["frame"] // 3)["x"].nunique().eq(1).all()
    assert track["p_happy"].nunique() > track["x"].nunique()  # every frame is looked at


def test_detect_scale_finds_the_same_faces_nearly(predict, clip, tmp_path):
    assert predict(f"source={clip}", "out=full", *QUICK).code == 0
    words = ["detect.scale=0.5", "faces.min_face=30"]
    assert predict(f"source={clip}", "out=half", *words, *QUICK).code == 0
    full, half = (read(tmp_path / name) for name in ("full", "half"))
    full, half = (table.sort_values(["frame", "x"]) for table in (full, half))
    assert half["frame"].tolist() == full["frame"].tolist()
    for column in "xywh":
        assert np.allclose(full[column], half[column], atol=24, equal_nan=True)


def test_smoothing_can_be_switched_off_and_raw_values_stay(predict, clip, tmp_path):
    assert predict(f"source={clip}", "out=on", *QUICK).code == 0
    assert predict(f"source={clip}", "out=off", "smooth.seconds=0", *QUICK).code == 0
    on, off = read(tmp_path / "on"), read(tmp_path / "off")
    p, smooth = [f"p_{e}" for e in EMOTIONS], [f"smooth_{e}" for e in EMOTIONS]
    assert np.allclose(on[p], off[p], equal_nan=True)
    assert np.allclose(off[p], off[smooth], equal_nan=True)
    rows = on[on["track"] == 0]
    assert np.allclose(rows[p].iloc[0], rows[smooth].iloc[0])
    assert rows["smooth_happy"].diff().abs().sum() < rows["p_happy"].diff().abs().sum()


def test_seconds_ends_early(predict, clip, look_at, tmp_path):
    assert predict(f"source={clip}", "out=out", "seconds=1", "timeline=false").code == 0
    assert sorted(set(read(tmp_path / "out")["frame"])) == list(range(10))
    assert len(look_at(tmp_path / "out" / "annotated.mp4")["times"]) == 10


def test_output_avi_on_request(predict, clip, look_at, tmp_path):
    assert predict(f"source={clip}", "out=out", "video=avi", "timeline=false").code == 0
    copied = look_at(tmp_path / "out" / "output.avi")
    assert copied["codecs"] == ("mpeg4", "mp3float") or copied["codecs"] == ("mpeg4", "mp3")
    assert len(copied["times"]) == FRAMES
    assert not (tmp_path / "out" / "annotated.mp4").exists()


def test_a_stop_keeps_what_was_read(predict, clip, look_at, tmp_path, monkeypatch):
    from ferkit.errors import Stopped
    from ferkit.video import reader

    real, seen = reader.upright, []

    def stop_later(picture):
        seen.append(picture)
        if len(seen) == 20:
            raise Stopped
        return real(picture)

    monkeypatch.setattr(reader, "upright", stop_later)
    code, _, err = predict(f"source={clip}", "out=out")
    assert (code, "what was read until then" in err) == (143, True), err
    table = read(tmp_path / "out")
    assert faces_of(table)[BLANK] == [0, 1]
    assert len(look_at(tmp_path / "out" / "annotated.mp4")["times"]) == table["frame"].max() + 1
    assert (tmp_path / "out" / "summary.csv").exists()
    assert not list((tmp_path / "out").glob(".*"))


def test_an_hour_mark_keeps_its_decimals(scene, write_clip, predict, tmp_path):
    times = [3599.123 + n / RATE for n in range(4)]
    write_clip(tmp_path / "late.mkv", scene[:4], times=[0.0, *times[1:]], sound=None)
    assert predict("source=late.mkv", "out=out", *QUICK).code == 0
    assert read(tmp_path / "out")["time"].tolist() == pytest.approx([0, *times[1:]], abs=1e-3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["every=0"], "every is 0"),
        (["detect.every=0"], "detect.every"),
        (["detect.scale=2"], "detect.scale"),
        (["track.overlap=0"], "track.overlap"),
        (["smooth.margin=2"], "smooth.margin"),
        (["smooth.secnds=1"], "Did you mean 'smooth.seconds'"),
        (["smooth=5"], "smooth"),
        (["video=mp5"], "Did you mean 'mp4'"),
        (["seconds=-1"], "seconds"),
    ],
)
def test_wrong_values_are_named_before_anything_is_read(predict, clip, tmp_path, words, said):
    code, _, err = predict(f"source={clip}", "out=out", *words)
    assert (code, said in err, "Traceback" in err) == (2, True, False), err
    assert not (tmp_path / "out").exists()


def test_the_photograph_gives_its_table_and_copy(predict, tmp_path):
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        (tmp_path / "grace_hopper.jpg").write_bytes(file.read())
    code, out, err = predict("source=grace_hopper.jpg", "out=out")
    assert (code, out) == (0, "out/faces.csv\n"), err
    assert len(pd.read_csv(tmp_path / "out" / "faces.csv")) == 1
    assert len(list((tmp_path / "out" / "annotated").iterdir())) == 1
