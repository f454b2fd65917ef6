"""The page in a real browser with a camera that plays a file."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

CHROMIUM = next(
    (p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()), ""
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install Debian's package chromium"),
]
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is missing: pip install -e '.[dev]'"
)
SCENE = """title: A short scene
sections:
  - {text: She hears the news., emotion: happy, seconds: 1}
  - {text: She waits., emotion: sad, cue: space}
"""
DETECT = ("faces.detector=haar_alt2", "faces.scale_factor=1.2", "faces.min_face=30")
FACE = (265, 480, 80, 330)  # x and y between which the face of the camera moves, of 640 x 480


@pytest.fixture(scope="module")
def camera(tmp_path_factory, pictures):
    """A film of a face, as Chromium plays it for a camera."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    head = cv2.resize(pictures[0][30:210, 20:200], (400, 400), interpolation=cv2.INTER_CUBIC)
    with path.open("wb") as file:
        for number in range(40):
            frame = np.full((480, 640, 3), 90, np.uint8)
            left = 140 + round(30 * np.sin(2 * np.pi * number / 40))
            frame[40:440, left : left + 400] = head
            done, data = cv2.imencode(".jpg", frame[:, :, ::-1], [1, 92])
            assert done
            file.write(data.tobytes())
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory, mirror_model):
    """A mirror as a process of its own."""
    folder = tmp_path_factory.mktemp("mirror")
    words = [f"model={mirror_model}", "runtime=torch", "port=0", *DETECT]
    command = [sys.executable, "-m", "ferkit", "mirror", *words]
    environ = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=folder, env=environ, text=True
    ) as running:
        yield re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())[0]
        running.terminate()


@pytest.fixture(scope="module")
def play():
    with sync_api.sync_playwright() as found:
        yield found


@contextmanager
def browser_of(play, *words):
    browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *words])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def browser(play, camera):
    with browser_of(
        play,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ) as found:
        yield found


class Visitor:
    """A page, and what went wrong or out in it."""

    def __init__(self, context, address):
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.faults, self.asked = [], []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("#model option", state="attached")

    def start(self):
        self.page.click("#start")
        assert self.page.is_disabled("#agree")  # nothing starts before one has agreed
        self.page.check("#agreed")
        self.page.click("#agree")

    def see(self):
        """Until a face is drawn; its boxes."""
        self.until("ferkitMirror.stage.boxes.length > 0")
        return self.page.evaluate("ferkitMirror.stage.boxes")

    def until(self, condition, seconds=60):
        for _ in range(seconds * 10):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(100)
        pytest.fail(f"not within {seconds} s: {condition}")


@pytest.fixture
def visit(browser, address):
    """Open the page; options are those of a browser's context."""
    contexts = []

    def opened(**options):
        contexts.append(
            browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        )
        return Visitor(contexts[-1], address)

    yield opened
    for context in contexts:
        context.close()


def test_boxes_lie_on_the_face_and_everything_moves(visit, address):
    visitor = visit()
    page = visitor.page
    visitor.start()
    (box,) = visitor.see()
    width = page.evaluate("document.getElementById('stage').clientWidth")
    scale = width / 640
    centre = width - (box["x"] + box["width"] / 2)  # the picture is mirrored
    middle = box["y"] + box["height"] / 2
    assert FACE[0] - 80 < centre / scale < FACE[1]
    assert FACE[2] < middle / scale < FACE[3]
    before = page.evaluate("ferkitMirror.charts.person.length")
    bars = page.inner_text("#bars")
    visitor.until(f"ferkitMirror.charts.person.length > {before + 10}")
    visitor.until(f"document.getElementById('bars').innerText !== {bars!r}")
    assert page.evaluate("ferkitMirror.numbers.rate") > 0
    assert re.fullmatch(r"\d+ ms", page.inner_text("#delay"))
    page.click("#boxes", position={"x": box["x"] + box["width"] / 2, "y": middle})
    page.wait_for_selector("#chosen", state="visible")
    page.keyboard.press("Escape")
    assert not page.is_visible("#chosen")
    page.keyboard.press("c")
    assert page.is_visible("#idle")
    assert visitor.faults == []
    foreign = [url for url in visitor.asked if not url.startswith((address, "data:", "blob:"))]
    assert [url for url in foreign if not url.startswith(address.replace("http", "ws"))] == []


def test_a_recording_is_saved_plays_and_is_deleted(visit):
    visitor = visit()
    page = visitor.page
    visitor.start()
    visitor.see()
    page.click("#record")
    page.wait_for_timeout(3000)
    page.click("#record")
    page.wait_for_selector("#kept video")
    folder = Path(re.search(r"lies in (\S+)", page.inner_text("#kept"))[1])
    assert sorted(p.name for p in folder.iterdir()) == ["faces.csv", "faces.parquet", "video.webm"]
    assert plays(page) > 0
    page.click("#kept button:has-text('Delete')")
    page.wait_for_selector("#kept li", state="detached")
    assert not folder.exists()
    assert visitor.faults == []


def test_a_recording_is_deleted_while_it_runs(visit):
    visitor = visit()
    page = visitor.page
    visitor.start()
    visitor.see()
    page.click("#record")
    page.wait_for_timeout(2500)
    folder = Path(re.search(r"lies in (\S+)", page.inner_text("#kept"))[1])
    page.click("#kept button:has-text('Stop and delete')")
    page.wait_for_selector("#kept li", state="detached")
    page.wait_for_timeout(1000)
    assert not folder.exists()
    assert not page.query_selector("#kept li")
    assert page.is_hidden("#notice")
    assert page.inner_text("#record") == "Record"
    assert visitor.faults == []


def plays(page):
    return page.evaluate(
        """async () => {
            const video = document.querySelector('#kept video');
            video.muted = true;
            await video.play();
            await new Promise((done) => setTimeout(done, 1200));
            return video.currentTime;
        }"""
    )


def test_an_upload_is_processed_and_another_file_refused(visit, camera, tmp_path):
    page = visit().page
    (tmp_path / "words.mp4").write_text("no video")
    page.set_input_files("#upload-file", tmp_path / "words.mp4")
    page.wait_for_selector("#notice:has-text('neither an image nor a video')")
    page.set_input_files("#upload-file", camera)
    page.wait_for_selector("#kept a:has-text('annotated.mp4')")
    assert "Frames: 40" in page.inner_text("#kept")
    assert not page.is_visible("#notice")
    assert plays(page) > 0


def test_a_script_runs_to_its_report(visit, tmp_path, address):
    (tmp_path / "scene.yaml").write_text(SCENE)
    visitor = visit()
    page = visitor.page
    page.set_input_files("#script-file", tmp_path / "scene.yaml")
    page.wait_for_selector("#sections li >> nth=1")
    assert page.is_disabled("#script-start")
    visitor.start()
    visitor.see()
    page.click("#script-start")
    page.wait_for_selector("#prompt:has-text('She hears the news.')")
    page.wait_for_selector("#prompt:has-text('She waits.')")
    page.keyboard.press("Space")
    link = page.wait_for_selector("#kept a:has-text('script.html')").get_attribute("href")
    assert not page.is_visible("#prompt")
    page.goto(address.rstrip("/") + link)
    assert "A short scene" in page.inner_text("body")
    assert visitor.faults == []


def test_a_map_is_shown(visit):
    visitor = visit()
    visitor.start()
    visitor.see()
    visitor.page.select_option("#saliency", "guided_backprop")
    visitor.page.wait_for_selector("#map", state="visible")
    assert visitor.page.evaluate("document.getElementById('map-picture').naturalWidth") == 192


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--use-fake-device-for-media-stream", "--deny-permission-prompts"), "was not allowed"),
        (("--use-fake-ui-for-media-stream",), "No camera was found"),
    ],
)
def test_without_a_camera_there_is_a_sentence(play, address, words, sentence):
    with browser_of(play, *words) as browser:
        visitor = Visitor(browser.new_context(), address)
        visitor.start()
        visitor.page.wait_for_selector(f"#notice:has-text('{sentence}')")
        assert visitor.page.is_visible("#start")


def test_an_insecure_page_says_so(visit):
    context_page = visit()
    page = context_page.page
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.reload()
    page.wait_for_selector("#model option", state="attached")
    context_page.start()
    page.wait_for_selector("#notice:has-text('ssh -L')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_all_of_it(visit, scheme):
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "color_scheme": scheme}
    visitor = visit(**phone)
    page = visitor.page
    page.tap("#start")
    page.tap("#agreed")
    page.tap("#agree")
    visitor.see()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    back = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(back)
    assert (sum(map(int, re.findall(r"\d+", before))) < 200) == (scheme == "dark")
    page.tap("#theme")
    assert page.evaluate(back) != before
    box = visitor.see()[0]
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.tap("#boxes", position={"x": x, "y": y})
    page.wait_for_selector("#chosen", state="visible")


def test_two_pages_at_once(visit):
    first, second = visit(), visit()
    for visitor in (first, second):
        visitor.start()
        visitor.see()
    assert first.faults == second.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_it_can_be_read_and_hit(visit, scheme, width):
    """Contrast of WCAG's level AA, buttons that a finger meets, nothing beside the screen."""
    visitor = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = visitor.page
    visitor.start()
    visitor.see()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = """() => [...document.querySelectorAll("button:not(.link), select")]
        .filter((part) => part.offsetParent && part.getBoundingClientRect().height < 32)
        .map((part) => part.id || part.textContent)"""
    assert page.evaluate(small) == []
    inks = page.evaluate(
        """() => [...document.querySelectorAll("p, dt, dd, h1, h2, label, #bars span")]
        .filter((part) => part.offsetParent && part.innerText.trim() && !part.closest("#idle"))
        .map((part) => [part, part.closest("section") ?? document.body].map((e, n) =>
            getComputedStyle(e)[n ? "backgroundColor" : "color"]))"""
    )
    assert len(inks) > 20
    assert min(contrast(*pair) for pair in inks) >= 4.5


def contrast(first, second):
    """WCAG's ratio of two colours, 1..21."""

    def luminance(text):
        parts = np.array([float(v) for v in re.findall(r"[\d.]+", text)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
