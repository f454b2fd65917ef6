"""A mirror in this process: a small network, quick detector, pictures of a known face."""

import struct
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
import torch
from matplotlib import cbook

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.model import make_model, save_model

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from starlette.testclient import TestClient

from ferkit.mirror.app import make_app
from ferkit.mirror.keeping import open_keeping
from ferkit.mirror.models import Models, loader
from ferkit.mirror.session import Parts
from ferkit.mirror.settings import MirrorSettings
from ferkit.video.analysis import AnalysisSettings, DetectSettings

PORT = 8765
ADDRESS = f"http://127.0.0.1:{PORT}"
SOCKET = f"ws://127.0.0.1:{PORT}/ws"  # the whole: the client takes another host for /ws
DETECT = {"detector": "haar_alt2", "scale_factor": 1.2, "min_face": 60}
EMOTIONS = ["angry", "happy", "sad", "neutral"]


@pytest.fixture(scope="session")
def mirror_model(tmp_path_factory):
    config = compose()
    nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
    torch.manual_seed(0)
    model = make_model(nodes, EMOTIONS, size=48, channels=1)
    for weights in model.parameters():
        weights.data.mul_(1.4)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(model, path)
    return path


@pytest.fixture(scope="session")
def pictures():
    """RGB frames: the photograph of Grace Hopper, moving to the right by 3 pixels a frame."""
    path = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    hopper = np.ascontiguousarray(cv2.imread(path)[20:420, 80:480, ::-1])
    hopper = cv2.resize(hopper, (180, 180), interpolation=cv2.INTER_AREA)
    frames = []
    for number in range(12):
        frame = np.full((240, 320, 3), 160, np.uint8)
        frame[30:210, 20 + 3 * number : 200 + 3 * number] = hopper
        frames.append(frame)
    return frames


def jpeg_of(image):
    done, data = cv2.imencode(".jpg", image[:, :, ::-1], [1, 95])
    assert done
    return data.tobytes()


@pytest.fixture(scope="session")
def jpegs(pictures):
    return [jpeg_of(picture) for picture in pictures]


def message_of(number, jpeg, milliseconds=None):
    captured = 100.0 * number if milliseconds is None else milliseconds
    return struct.pack("<Id", number, captured) + jpeg


class Page:
    """What a browser's page does, over a socket of the test client."""

    def __init__(self, socket):
        self.socket = socket
        self.others = []

    def wait(self, kind):
        while True:
            message = self.socket.receive_json()
            if message["kind"] == kind:
                return message
            assert message["kind"] != "error" or kind == "error", message
            self.others.append(message)

    def frame(self, number, jpeg, milliseconds=None):
        self.socket.send_bytes(message_of(number, jpeg, milliseconds))
        return self.wait("faces")

    def say(self, kind, **words):
        self.socket.send_json({"kind": kind, **words})


class Mirror:
    """The application and its client."""

    def __init__(self, client, keeping, out):
        self.client, self.keeping, self.out = client, keeping, out

    @contextmanager
    def page(self, origin=ADDRESS):
        headers = {} if origin is None else {"origin": origin}
        with self.client.websocket_connect(SOCKET, headers=headers) as socket:
            page = Page(socket)
            page.ready = page.wait("ready")
            yield page


@pytest.fixture
def open_mirror(tmp_path, mirror_model):
    """A context of a mirror; `every` and `scale` as of `detect`, the rest of MirrorSettings."""

    @contextmanager
    def opened(every=1, scale=1.0, script=None, models=None, **settings):
        out = tmp_path / "kept"
        analysis = AnalysisSettings(detect=DetectSettings(every, scale), together=1)
        chosen = MirrorSettings(port=PORT, analysis=analysis, out=out, **settings)
        known = Models(models or {"small": mirror_model}, loader("torch", DETECT, force=False))
        with open_keeping(out) as keeping:
            app = make_app(Parts(known, chosen, keeping, script), PORT)
            headers = {"origin": ADDRESS}
            with TestClient(app, base_url=ADDRESS, headers=headers) as client:
                yield Mirror(client, keeping, out)

    return opened
