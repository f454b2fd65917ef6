"""A page's socket: frames, models, recordings, scripts, maps."""

import io
import json
import os
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ferkit.faces.crop import make_face_detector
from ferkit.mirror.live import Live
from ferkit.mirror.models import loader
from ferkit.mirror.script import parse_script
from ferkit.mirror.settings import Limits, shown_label
from ferkit.video.analysis import AnalysisSettings, analyse
from ferkit.video.reader import Frame

from .conftest import DETECT, EMOTIONS, jpeg_of, message_of

SCENE = """sections:
  - {text: One, emotion: happy, seconds: 0.4}
  - {text: Two, emotion: sad, cue: space}
"""


def test_a_face_is_found_and_followed(open_mirror, jpegs):
    with open_mirror() as mirror, mirror.page() as page:
        assert page.ready["emotions"] == EMOTIONS
        seen = [page.frame(number, jpeg) for number, jpeg in enumerate(jpegs)]
    assert [message["number"] for message in seen] == list(range(len(jpegs)))
    assert {message["faces"][0]["track"] for message in seen} == {0}
    assert {message["person"] for message in seen} == {0}
    lefts = [message["faces"][0]["box"][0] for message in seen]
    assert lefts[-1] - lefts[0] == pytest.approx(33, abs=8)
    for message in seen:
        assert sum(message["faces"][0]["p"]) == pytest.approx(1, abs=1e-5)


def test_live_values_are_those_of_predict(open_mirror, ferkit, tmp_path, jpegs, mirror_model):
    for number, jpeg in enumerate(jpegs[:4]):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg)
    detect = ("faces.detector=haar_alt2", "faces.scale_factor=1.2", "faces.min_face=60")
    words = ("source=[0.jpg,1.jpg,2.jpg,3.jpg]", "out=out", "annotate=false", "format=parquet")
    assert ferkit("predict", *words, f"model={mirror_model}", *detect).code == 0
    table = pd.read_parquet(tmp_path / "out" / "faces.parquet")
    with open_mirror(every=1, scale=1.0) as mirror, mirror.page() as page:
        faces = [page.frame(n, jpeg)["faces"] for n, jpeg in enumerate(jpegs[:4])]
    assert [len(found) for found in faces] == [1] * 4 == list(table.groupby("source").size())
    rows = np.float32([found[0]["p"] for found in faces])
    assert (rows == table[[f"p_{e}" for e in EMOTIONS]].to_numpy(np.float32)).all()
    boxes = np.array([found[0]["box"] for found in faces])
    assert (boxes == table[["x1", "y1", "x2", "y2"]].to_numpy()).all()


def test_tracks_and_smoothing_are_those_of_a_video(pictures, mirror_model):
    loaded = loader("torch", DETECT, force=False)("small", mirror_model)
    settings = AnalysisSettings()
    frames = [Frame(n, n / 10, picture) for n, picture in enumerate(pictures)]
    detect = make_face_detector(loaded.faces, device="cpu")
    wanted = [
        seen.faces for seen in analyse(frames, loaded.predictor, loaded.faces, detect, settings)
    ]
    live = Live(loaded.predictor, loaded.faces, settings)
    found = [live.see(frame.image, frame.time).faces for frame in frames]
    for ours, theirs in zip(found, wanted, strict=True):
        assert [face.track for face in ours] == [face.track for face in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert (one.box == other.box).all()
            assert one.state == other.state
            assert one.smooth == pytest.approx(other.smooth, abs=1e-6)  # batches of another size


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "holds no frame"),
        (b"12345", "holds no frame"),
        (struct.pack("<Id", 7, 1.0) + b"\x89PNG\r\n\x1a\n" + bytes(40), "no JPEG"),
        (struct.pack("<Id", 7, float("nan")) + b"\xff\xd8\xff" + bytes(40), "captured at"),
        (struct.pack("<Id", 7, 1.0) + b"\xff\xd8\xff" + bytes(40), "Frame 7"),
    ],
)
def test_what_is_no_frame_is_refused_and_the_page_goes_on(open_mirror, jpegs, data, word):
    with open_mirror() as mirror, mirror.page() as page:
        page.socket.send_bytes(data)
        assert word in page.wait("error")["sentence"]
        assert page.frame(1, jpegs[0])["faces"]


def test_a_frame_cut_short_answers_its_number(open_mirror, jpegs):
    with open_mirror() as mirror, mirror.page() as page:
        page.socket.send_bytes(message_of(9, jpegs[0][: len(jpegs[0]) // 2]))
        assert page.wait("error")["number"] == 9


def test_frames_of_too_many_pixels_are_refused(open_mirror, jpegs):
    with open_mirror(limits=Limits(pixels=1000)) as mirror, mirror.page() as page:
        page.socket.send_bytes(message_of(1, jpegs[0]))
        assert "1,000 allowed" in page.wait("error")["sentence"]


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "[1]",
        "{}",
        '{"kind": 3}',
        '{"kind": "delete-everything"}',
        '{"kind": "model"}',
        '{"kind": "model", "name": "/etc/passwd"}',
        '{"kind": "follow", "track": "x"}',
        '{"kind": "saliency", "method": "magic"}',
        '{"kind": "script", "name": "a.yaml", "text": "sections: 3"}',
        '{"kind": "script-start"}',
        "[" * 100_000,
    ],
)
def test_a_wrong_message_is_answered_with_a_sentence(open_mirror, jpegs, text):
    with open_mirror() as mirror, mirror.page() as page:
        page.socket.send_text(text)
        assert page.wait("error")["sentence"].endswith(".")
        assert page.frame(1, jpegs[0])["faces"]


def test_between_detections_boxes_follow_the_face(open_mirror, jpegs):
    with open_mirror(every=50) as mirror, mirror.page() as page:
        seen = [page.frame(number, jpeg) for number, jpeg in enumerate(jpegs)]
    assert [message["searched"] for message in seen] == [True] + [False] * (len(jpegs) - 1)
    lefts = [message["faces"][0]["box"][0] for message in seen]
    assert lefts[-1] - lefts[0] == pytest.approx(33, abs=3)


def test_two_pages_at_once_know_nothing_of_each_other(open_mirror, jpegs, pictures):
    empty = jpeg_of(np.full_like(pictures[0], 90))
    with open_mirror() as mirror, mirror.page() as one, mirror.page() as two:
        assert len(one.frame(1, jpegs[0])["faces"]) == 1
        assert two.frame(1, empty)["faces"] == []
        assert len(one.frame(2, jpegs[1])["faces"]) == 1
        assert two.frame(2, jpegs[0])["faces"][0]["track"] == 0


def mirror_threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("ferkit-mirror")]


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_a_page_that_is_closed_in_the_middle_of_a_frame_leaves_no_thread(open_mirror, jpegs):
    with open_mirror() as mirror:
        with mirror.page() as page:
            page.say("saliency", method="guided_backprop")
            page.frame(1, jpegs[0])
            page.say("record")
            page.wait("recording")
            page.frame(2, jpegs[0])
            assert mirror_threads()
            page.socket.send_bytes(message_of(3, jpegs[1]))  # its answer is never read
        assert until(lambda: not mirror_threads()), mirror_threads()
        (folder,) = mirror.out.iterdir()
        assert until(lambda: (folder / "faces.csv").exists())  # what was recorded is whole


def test_a_recording_lies_where_the_page_says_and_can_be_deleted(open_mirror, jpegs):
    with open_mirror() as mirror, mirror.page() as page:
        assert not mirror.out.exists()
        page.say("record")
        begun = page.wait("recording")
        for number, jpeg in enumerate(jpegs):
            page.frame(number, jpeg, 5000 + 100 * number)
        path = f"/kept/{begun['key']}/video.webm"
        put = mirror.client.put
        assert put(f"{path}?at=0", content=b"abc").json()["size"] == 3
        assert put(f"{path}?at=9", content=b"xyz").status_code == 422  # a gap
        assert put(f"{path}?at=3", content=b"def").json()["size"] == 6
        assert put(f"/kept/{begun['key']}/faces.csv?at=0", content=b"x").status_code == 422
        assert put(f"{path}?at=-1", content=b"x").status_code == 422
        assert put(path, content=b"x").status_code == 422
        page.say("record-stop")
        done = page.wait("recording")
        assert done["files"] == ["faces.csv", "faces.parquet", "video.webm"]
        assert mirror.client.get(path).content == b"abcdef"
        table = pd.read_csv(f"{done['folder']}/faces.csv")
        assert list(table["frame"]) == list(range(len(jpegs)))
        assert table["time"].iloc[[0, -1]].tolist() == pytest.approx([0, 1.1])
        assert mirror.client.delete(f"/kept/{begun['key']}").json()["deleted"] == done["folder"]
        assert not mirror.out.exists()
        assert mirror.client.delete(f"/kept/{begun['key']}").status_code == 422


def test_nothing_is_kept_unless_asked(open_mirror, jpegs, tmp_path):
    with open_mirror(script=parse_script(SCENE, "scene.yaml")) as mirror, mirror.page() as page:
        page.say("script-start")
        for number, jpeg in enumerate(jpegs):
            page.frame(number, jpeg)
        page.say("script-stop")
        report = page.wait("script-report")
        folder = report["folder"]
        assert not report["kept"]
        assert mirror.client.get(f"/kept/{report['key']}/script.html").status_code == 200
    assert not mirror.out.exists()
    assert not any(tmp_path.glob("kept*"))
    assert not Path(folder).exists()


def test_a_script_runs_to_its_report(open_mirror, jpegs):
    with open_mirror() as mirror, mirror.page() as page:
        page.say("script", name="scene.yaml", text=SCENE)
        assert [s["text"] for s in page.wait("script")["sections"]] == ["One", "Two"]
        page.say("script-start", calibrate=0)
        states = [page.frame(n, jpeg)["script"] for n, jpeg in enumerate(jpegs[:8])]
        assert [state["section"] for state in states] == [1] * 4 + [2] * 4
        page.say("key", key="x")
        assert page.frame(8, jpegs[8])["script"]["section"] == 2
        page.say("key", key=" ")
        assert page.frame(9, jpegs[9])["script"]["phase"] == "over"
        assert page.frame(10, jpegs[10])["script"] is None
        report = page.wait("script-report")
        assert {"script.html", "sections.csv", "timeline.png"} <= set(report["files"])
        html = mirror.client.get(f"/kept/{report['key']}/script.html")
        assert "script-src" not in html.headers["content-security-policy"]
        kept = mirror.client.post(f"/kept/{report['key']}").json()
        assert kept["kept"]
        assert kept["folder"].startswith(str(mirror.out))
    assert any(mirror.out.iterdir())


def test_a_section_can_be_ended_by_touch(open_mirror, jpegs):
    with open_mirror(script=parse_script(SCENE, "scene.yaml")) as mirror, mirror.page() as page:
        page.say("script-start")
        for number, jpeg in enumerate(jpegs[:6]):
            page.frame(number, jpeg)
        page.say("next")
        assert page.frame(7, jpegs[7])["script"]["phase"] == "over"
        page.wait("script-report")


@pytest.mark.parametrize("method", ["grad_cam", "guided_backprop"])
def test_a_map_of_person_0_comes_at_its_own_pace(open_mirror, jpegs, method):
    with open_mirror() as mirror, mirror.page() as page:
        page.say("saliency", method=method)
        page.wait("saliency")
        for number in range(3):
            page.frame(number, jpegs[number])
        found = page.wait("map")
        assert found["method"] == method
        assert found["picture"].startswith("/9j/")  # a JPEG
        page.say("saliency", method="none")
        page.wait("saliency")
        assert until(lambda: not any("maps" in name for name in mirror_threads()))


def test_models_are_chosen_by_the_names_of_the_list(open_mirror, mirror_model, jpegs):
    with (
        open_mirror(models={"a": mirror_model, "b": mirror_model}) as mirror,
        mirror.page() as page,
    ):
        assert page.ready["models"] == ["a", "b"]
        page.say("model", name="b")
        assert page.wait("ready")["model"] == "b"
        assert page.frame(1, jpegs[0])["faces"]


def test_labels_of_the_study(open_mirror):
    with open_mirror(labels="study") as mirror, mirror.page() as page:
        assert page.ready["labels"] == EMOTIONS
    assert [shown_label(e, "study") for e in ("fear", "surprise", "happy")] == [
        "scared",
        "surprised",
        "happy",
    ]


def test_messages_are_plain_json(open_mirror, jpegs):
    with open_mirror() as mirror, mirror.page() as page:
        page.socket.send_bytes(message_of(1, jpegs[0]))
        json.loads(page.socket.receive_text(), parse_constant=lambda word: pytest.fail(word))


@pytest.mark.slow
def test_memory_does_not_grow_over_5000_frames(open_mirror, jpegs):
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    first = 0
    with open_mirror(every=5, scale=0.5) as mirror, mirror.page() as page:
        for number in range(5000):
            page.frame(number, jpegs[number % len(jpegs)])
            if number == 500:
                first = resident()
    assert resident() - first < 50 << 20


def test_a_take_gives_the_same_report_live_and_from_its_video(
    open_mirror, ferkit, tmp_path, pictures, mirror_model
):
    """But for the last digits: the page's frames are JPEG, the video's are not."""
    av = pytest.importorskip("av")
    scene = "sections:\n  - {emotion: happy, seconds: 0.5}\n  - {emotion: sad, seconds: 0.5}\n"
    (tmp_path / "scene.yaml").write_text(scene)
    with av.open(str(tmp_path / "take.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "bgr0"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="bgr0")))
        container.mux(stream.encode())
    detect = ("faces.detector=haar_alt2", "faces.scale_factor=1.2", "faces.min_face=60")
    words = ("source=take.mkv", "script=scene.yaml", "out=out", "video=none", "timeline=false")
    code, _, err = ferkit("predict", *words, f"model={mirror_model}", *detect, "detect.every=1")
    assert code == 0, err
    recorded = pd.read_csv(tmp_path / "out" / "script" / "sections.csv")
    with open_mirror(script=parse_script(scene, "scene.yaml")) as mirror, mirror.page() as page:
        page.say("script-start")
        for number, picture in enumerate(pictures):
            page.frame(number, jpeg_of(picture))
        report = page.wait("script-report")
        table = mirror.client.get(f"/kept/{report['key']}/sections.csv").content
    live = pd.read_csv(io.BytesIO(table))
    numbers = recorded.select_dtypes("number").columns
    assert live.columns.tolist() == recorded.columns.tolist()
    assert live.drop(columns=numbers).equals(recorded.drop(columns=numbers))
    assert live[numbers].to_numpy() == pytest.approx(
        recorded[numbers].to_numpy(), abs=0.02, nan_ok=True
    )
