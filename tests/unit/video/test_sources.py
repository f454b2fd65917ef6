"""What `source=` takes: folders, lists, globs, standard input, cameras, streams, pages."""

import io
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pandas as pd
import pytest

from ferkit.errors import DataError
from ferkit.video.sources import Source, find_sources, folders_of

av = pytest.importorskip("av")
QUICK = ("video=none", "timeline=false")


@pytest.fixture
def serve():
    """A loopback server: path to (type, bytes) or to a function that writes; gives its address."""
    servers = []

    def start(pages):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                page = pages.get(self.path.split("?")[0])
                if page is None:
                    return self.send_error(404)
                if callable(page):
                    return page(self)
                self.send_response(200)
                self.send_header("Content-Type", page[0])
                self.send_header("Content-Length", str(len(page[1])))
                self.end_headers()
                return self.wfile.write(page[1])

            def log_message(self, *words):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def names(found):
    return [(s.kind, s.name.rsplit("/", 1)[-1]) for s in found]


@pytest.fixture
def mixed(tmp_path, clip, scene):
    folder = tmp_path / "mixed"
    (folder / "below").mkdir(parents=True)
    for name in ("b.mp4", "below/B.MP4", "no_suffix"):
        (folder / name).write_bytes(clip.read_bytes())
    cv2.imwrite(str(folder / "a.png"), scene[8][..., ::-1])
    (folder / "notes.txt").write_text("no video")
    return folder


def test_a_folder_is_walked_and_what_is_neither_is_named(mixed, tmp_path, capsys):
    found = find_sources(str(mixed), tmp_path / "out")
    assert names(found) == [("picture", "a.png"), ("video", "b.mp4"), ("video", "B.MP4")]
    assert "2 files are neither" in capsys.readouterr().err
    out = mixed / "below"
    assert names(find_sources(str(mixed), out)) == [("picture", "a.png"), ("video", "b.mp4")]


def test_lists_globs_and_files_judged_by_their_bytes(mixed, tmp_path):
    given = [
        str(mixed / "*.mp4"),
        str(mixed / "no_suffix"),
        str(mixed / "a.png"),
        str(mixed / "b.mp4"),
    ]
    assert names(find_sources(given, tmp_path / "out")) == [
        ("video", "b.mp4"),
        ("video", "no_suffix"),
        ("picture", "a.png"),
    ]


@pytest.mark.parametrize("between", ["\n", "\0"])
def test_paths_on_standard_input(mixed, tmp_path, monkeypatch, between):
    paths = [mixed / "b.mp4", mixed / "a.png"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(between.join(map(str, paths)) + between))
    assert [s.kind for s in find_sources("-", tmp_path / "out")] == ["video", "picture"]


def test_cameras_and_addresses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_sources(0, tmp_path) == [Source("camera", "0")]
    (tmp_path / "7").mkdir()
    with pytest.raises(DataError, match="no image there"):  # a folder of that name comes first
        find_sources(7, tmp_path / "out")
    assert find_sources("rtsp://cam/1?x=2", tmp_path)[0].kind == "address"


def test_videos_of_one_name_get_folders_of_their_own(tmp_path):
    sources = [Source("video", name) for name in ("a/x.mp4", "b/x.mkv", "c/X.avi", "..mp4")]
    found = [f.name for f in folders_of(sources, tmp_path)]
    assert found == ["x", "x-2", "X-3", "stream"]
    assert folders_of(sources[:1], tmp_path) == [tmp_path]
    assert folders_of(sources[:1], tmp_path, alone=False) == [tmp_path / "x"]


def test_mixed_sources_end_in_one_place_each(predict, mixed, tmp_path):
    (mixed / "broken.mp4").write_bytes(b"no video")
    code, out, err = predict("source=mixed", "out=out", *QUICK)
    assert code == 0, err
    assert "passed over" in err and "broken.mp4" in err
    assert out.split() == ["out/faces.csv", "out/b/faces.csv", "out/B-2/faces.csv"]
    assert len(pd.read_csv(tmp_path / "out" / "faces.csv")) == 2
    videos = [pd.read_csv(tmp_path / "out" / name / "faces.csv") for name in ("b", "B-2")]
    pd.testing.assert_frame_equal(*(v.drop(columns="source") for v in videos))


@pytest.mark.parametrize("name", ["a b (1).mp4", "x=1,y.mp4", "it's.mp4", "[a].mp4", "${b}.mp4"])
def test_a_file_of_any_name_needs_no_quoting_for_hydra(predict, clip, tmp_path, name):
    (tmp_path / name).write_bytes(clip.read_bytes())
    code, _, err = predict(f"source={name}", "out=out", "seconds=0.3", *QUICK)
    assert code == 0, err
    assert set(pd.read_csv(tmp_path / "out" / "faces.csv")["source"]) == {name}


def test_a_video_at_an_address(predict, clip, serve, tmp_path, look_at):
    home = serve({"/clip": ("video/mp4", clip.read_bytes())})
    code, _, err = predict(f"source={home}/clip?a=b&c=[d],e", "out=out", "timeline=false")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "out" / "faces.csv")
    assert table["track"].nunique() == 2
    assert look_at(tmp_path / "out" / "annotated.mp4")["sound"] == look_at(clip)["sound"]


def test_a_camera_that_streams_jpegs(predict, scene, serve, tmp_path, look_at):
    jpegs = [cv2.imencode(".jpg", scene[8][..., ::-1])[1].tobytes() for _ in range(12)]

    def stream(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        for jpeg in jpegs:
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            handler.wfile.write(head.encode() + jpeg + b"\r\n")
        handler.wfile.write(b"--frame--\r\n")

    code, _, err = predict(f"source={serve({'/cam': stream})}/cam", "out=out", "timeline=false")
    assert code == 0, err
    assert "no known end" in err
    table = pd.read_csv(tmp_path / "out" / "faces.csv")
    assert set(table["track"]) == {0, 1}
    times = table.drop_duplicates("frame")["time"].to_numpy()
    assert (np.diff(times) > 0).all()
    copied = look_at(tmp_path / "out" / "annotated.mp4")["times"]
    assert len(copied) == table["frame"].max() + 1 >= 11


def test_a_camera_by_its_number(predict, scene, tmp_path, monkeypatch, look_at):
    class Camera:  # of six frames, then unplugged
        def __init__(self, number):
            self.frames = [scene[8][..., ::-1]] * 6 if number == 3 else []

        def isOpened(self):  # noqa: N802
            return bool(self.frames)

        def get(self, what):
            return 0.0

        def read(self):
            return (True, self.frames.pop()) if self.frames else (False, None)

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", Camera)
    code, _, err = predict("source=3", "out=out", "timeline=false")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "out" / "faces.csv")
    assert (table["frame"].nunique(), table["track"].nunique()) == (6, 2)
    assert len(look_at(tmp_path / "out" / "annotated.mp4")["times"]) == 6


def test_a_password_in_an_address_stands_nowhere(predict, clip, serve, tmp_path):
    home = serve({"/clip": ("video/mp4", clip.read_bytes())}).replace("//", "//me:secret@")
    code, out, err = predict(f"source={home}/clip", "out=out", *QUICK)
    assert code == 0, err
    written = [p.read_bytes() for p in (tmp_path / "out").iterdir()]
    assert not any(b"secret" in content for content in [*written, out.encode(), err.encode()])
    code, out, err = predict(f"source={home}/nowhere", "out=o", *QUICK)
    assert code == 3
    assert "secret" not in err


STAND_IN = """
from yt_dlp.extractor.common import InfoExtractor

class FerkitStandInIE(InfoExtractor):
    _VALID_URL = r"http://127\\.0\\.0\\.1:\\d+/page/(?P<id>\\w+)"

    def _real_extract(self, url):
        return {"id": "1", "title": "a page", "formats": [
            {"format_id": "a", "url": url.replace("/page/", "/clip/"), "ext": "mp4",
             "vcodec": "h264", "acodec": "aac"}]}
"""


def test_the_video_of_a_page_by_a_stand_in_extractor(predict, clip, serve, tmp_path, monkeypatch):
    yt_dlp = pytest.importorskip("yt_dlp")
    scope = {}
    exec(STAND_IN, scope)
    real = yt_dlp.YoutubeDL.__init__

    def with_stand_in(self, *args, **kwargs):
        real(self, *args, **kwargs)
        self._ies = {}
        self.add_info_extractor(scope["FerkitStandInIE"]())

    monkeypatch.setattr(yt_dlp.YoutubeDL, "__init__", with_stand_in)
    home = serve(
        {
            "/page/watch": ("text/html", b"<html>a page</html>"),
            "/clip/watch": ("video/mp4", clip.read_bytes()),
        }
    )
    code, _, err = predict(f"source={home}/page/watch?v=a&t=1", "out=out", *QUICK)
    assert code == 0, err
    assert pd.read_csv(tmp_path / "out" / "faces.csv")["track"].nunique() == 2
    code, _, err = predict(f"source={home}/clip/nowhere", "out=o", *QUICK)
    assert (code, "no video can be read there" in err) == (3, True), err


@pytest.mark.parametrize(("package", "extra"), [("av", "video"), ("yt_dlp", "stream")])
def test_a_missing_extra_is_one_sentence(predict, clip, serve, monkeypatch, package, extra):
    from ferkit import errors

    real = errors.find_spec
    monkeypatch.setattr(errors, "find_spec", lambda name: None if name == package else real(name))
    home = serve({"/page": ("text/html", b"<html></html>")})
    source = clip if package == "av" else f"{home}/page"
    code, _, err = predict(f"source={source}", "out=out", *QUICK)
    assert (code, f"[{extra}]" in err, err.count("\n")) == (2, True, 1), err


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("nowhere.mp4", 3, "no image there"),
        ("empty.mp4", 3, "empty"),
        ("text.mp4", 3, "not a video"),
        ("sound.mp4", 3, "sound alone"),
        ("gopher://x/y", 2, "gopher"),
        ("http://127.0.0.1:9/x", 3, "no video can be read there"),
        ("873", 2, "no camera"),
    ],
)
def test_mistakes(predict, tmp_path, source, code, said):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video")
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=16000)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        tone.sample_rate = 16000
        out.mux(stream.encode(tone))
        out.mux(stream.encode(None))
    found, _, err = predict(f"source={source}", "out=out", *QUICK)
    assert (found, said in err, "Traceback" in err) == (code, True, False), err
    assert not (tmp_path / "out").exists()


def test_no_list_in_a_file_leads_into_the_net(predict, clip, serve, tmp_path):
    asked = []

    def page(handler):
        asked.append(handler.path)
        handler.send_error(404)

    home = serve({"/a.ts": page})
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{home}/a.ts\n#EXT-X-ENDLIST\n")
    code, _, err = predict("source=list.mp4", "out=out", *QUICK)
    assert (code, asked) == (3, []), err
