"""Uploaded files: processed as `ferkit predict` does, or refused in a sentence."""

import time
from fractions import Fraction

import pandas as pd
import pytest

from ferkit.mirror.settings import Limits

av = pytest.importorskip("av")


@pytest.fixture
def clip(tmp_path, pictures):
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 10)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def processed(mirror, name, data):
    response = mirror.client.post(f"/uploads?name={name}", content=data)
    assert response.status_code == 202, response.text
    found = response.json()
    for _ in range(1500):
        if found["state"] in ("done", "failed"):
            return found
        time.sleep(0.02)
        found = mirror.client.get(f"/uploads/{found['key']}").json()
    pytest.fail(f"{found}")


def test_a_video_gives_what_predict_gives(open_mirror, clip, ferkit, mirror_model, tmp_path):
    with open_mirror(every=5, scale=0.5) as mirror:
        found = processed(mirror, "clip.mp4", clip.read_bytes())
        assert found["state"] == "done", found
        assert {"annotated.mp4", "faces.csv", "summary.csv", "timeline.png"} <= set(found["files"])
        assert "clip.mp4" not in found["files"]
        live = pd.read_parquet(f"{found['folder']}/faces.parquet")
        video = mirror.client.get(
            f"/kept/{found['key']}/annotated.mp4", headers={"range": "bytes=0-9"}
        )
        assert video.status_code == 206
    detect = ("faces.detector=haar_alt2", "faces.scale_factor=1.2", "faces.min_face=60")
    assert (
        ferkit("predict", f"source={clip}", "out=out", f"model={mirror_model}", *detect).code == 0
    )
    known = pd.read_parquet(tmp_path / "out" / "faces.parquet")
    pd.testing.assert_frame_equal(live.drop(columns="source"), known.drop(columns="source"))


def test_a_picture_is_annotated(open_mirror, jpegs):
    with open_mirror() as mirror:
        found = processed(mirror, "a%20photo.jpg", jpegs[0])
        assert found["sentence"] == "Faces: 1."
        assert found["files"] == ["annotated.png", "faces.csv"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("clip.mp4", b"hello, this is no video"),
        ("clip.mp4", b""),
        ("photo.jpg", b"\xff\xd8\xff\xe0 cut short"),
        ("photo.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("page.html", b"<script>alert(1)</script>"),
        ("../../x.mp4", b"MZ" + bytes(200)),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n"),
        ("list.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("two%0Alines.mp4", b"no"),
        ("", b"no"),
    ],
)
def test_what_is_neither_is_refused_in_a_sentence(open_mirror, name, data, tmp_path):
    with open_mirror() as mirror:
        response = mirror.client.post(f"/uploads?name={name}", content=data)
        assert response.status_code == 422
        assert response.json()["sentence"].startswith("This is neither an image nor a video")
        assert str(tmp_path) not in response.json()["sentence"]
        assert "\n" not in response.json()["sentence"]
        assert not mirror.out.exists()


def test_a_file_that_is_too_large_is_refused(open_mirror, clip):
    with open_mirror(limits=Limits(upload=1000)) as mirror:
        response = mirror.client.post("/uploads?name=clip.mp4", content=clip.read_bytes())
        assert response.status_code == 422
        assert "ferkit predict" in response.json()["sentence"]


def test_a_model_that_is_not_known_is_a_sentence(open_mirror, clip):
    with open_mirror() as mirror:
        response = mirror.client.post(
            "/uploads?name=clip.mp4&model=/etc", content=clip.read_bytes()
        )
        assert response.status_code == 422
        assert "Unknown model" in response.json()["sentence"]
