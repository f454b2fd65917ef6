"""Measure `ferkit mirror`: frames a second, agreement with full detection, delay, memory.

python scripts/bench_mirror.py speed                 0, 1, 20 faces at 640 x 480
python scripts/bench_mirror.py agreement             IoU of the default's boxes with full detection
python scripts/bench_mirror.py delay                 capture to drawn box, in Chromium
python scripts/bench_mirror.py memory --frames 100000
python scripts/bench_mirror.py round-trip            one frame to the server and back

Pictures: the portrait that matplotlib ships (public domain), moved and turned. Prints markdown.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib import cbook

from ferkit.faces.crop import make_face_detector
from ferkit.faces.detection import overlap
from ferkit.mirror.live import Live
from ferkit.mirror.models import find_models, loader
from ferkit.mirror.protocol import Picture, pixels_of
from ferkit.video.analysis import AnalysisSettings, DetectSettings

WIDTH, HEIGHT, RATE = 640, 480, 30
FULL, DEFAULT = (1, 1.0), (5, 0.5)
AIMS = {0: 60, 1: 30, 20: 15}
STUDY = {0: 14.6, 1: 11, 20: 3.5}  # balanescu2020
CHROMIUM = "/usr/bin/chromium"


def portrait():
    """The head of the portrait, RGB."""
    path = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    return cv2.imread(path)[:, :, ::-1][60:320, 120:400]  # [260, 280, 3]: the head


def moved(number, faces):
    """Frame `number` of a scene: so many heads that sway, nod and come closer."""
    frame = np.full((HEIGHT, WIDTH, 3), 105, np.uint8)
    side, columns = (300, 1) if faces == 1 else (116, 5)
    head = cv2.resize(portrait(), (side, side), interpolation=cv2.INTER_AREA)
    for face in range(faces):
        phase = 2 * np.pi * (number / 60 + face / 7)
        angle, grow = 6 * np.sin(phase), 1 + 0.06 * np.sin(phase / 2)
        matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, grow)
        turned = cv2.warpAffine(head, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        free = (WIDTH - side * columns) / columns
        left = (face % columns) * (side + free) + free / 2
        left += min(free / 2, 60 if faces == 1 else 5) * np.sin(phase)
        top = (face // columns) * (HEIGHT // max(1, -(-faces // columns)))
        top += (60 + 40 * np.cos(phase)) if faces == 1 else 0
        y, x = round(top), round(left)
        part = frame[y : y + side, x : x + side]
        part[:] = turned[: part.shape[0], : part.shape[1]]
    return frame


def scene(faces, frames=60):
    """JPEGs of a scene, as the page sends them."""
    made = []
    for number in range(frames):
        done, data = cv2.imencode(".jpg", moved(number, faces)[:, :, ::-1], [1, 85])
        assert done
        made.append(data.tobytes())
    return made


def network():
    """The packaged model, as the mirror runs it."""
    torch.set_num_threads(1)
    name, path = next(iter(find_models(None, Path("outputs")).items()))
    return loader("auto", None, force=False)(name, path)


def live(loaded, every, scale):
    """A camera's analysis."""
    settings = AnalysisSettings(detect=DetectSettings(every, scale), together=1)
    return Live(
        loaded.predictor, loaded.faces, settings, make_face_detector(loaded.faces, device="cpu")
    )


def decoded(jpeg):
    """The pixels of a frame, as the mirror reads them."""
    return pixels_of(Picture(0, 0.0, jpeg), WIDTH * HEIGHT)


def speed(options):
    """Frames a second of decoding, detection, tracking and classification in one thread."""
    loaded = network()
    print(
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; frames a second by the clock, "
    )
    print("in brackets a second of CPU time\n")
    print("| faces | full detection | default (every 5th, half size) | aim | balanescu2020 |")
    print("|---|---|---|---|---|")
    for faces in AIMS:
        jpegs = scene(faces)
        cells = []
        for every, scale in (FULL, DEFAULT):
            camera, found = live(loaded, every, scale), 0
            frames = options.frames or (60 if every == 1 else 240)
            for number in range(5):
                camera.see(decoded(jpegs[number]), number / RATE)
            began, busy = time.perf_counter(), time.process_time()
            for number in range(frames):
                seen = camera.see(decoded(jpegs[number % len(jpegs)]), 1 + number / RATE)
                found += len(seen.faces)
            clock, cpu = time.perf_counter() - began, time.process_time() - busy
            cells.append(f"{frames / clock:.0f} ({frames / cpu:.0f}), {found / frames:.1f} found")
        print(f"| {faces} | {' | '.join(cells)} | {AIMS[faces]} | {STUDY[faces]} |", flush=True)


def agreement(options):
    """IoU of the default's boxes with those of full detection, over a scene."""
    loaded = network()
    print("| faces | frames | IoU, mean | 5% of the boxes below | >= 0.7 | missed | beside |")
    print("|---|---|---|---|---|---|---|")
    for faces in (1, 20):
        full, fast = live(loaded, *FULL), live(loaded, *DEFAULT)
        shared, missed, beside = [], 0, 0
        for number, jpeg in enumerate(scene(faces, options.frames or 90)):
            image = decoded(jpeg)
            wanted = [f.box for f in full.see(image, number / RATE).faces]
            found = [f.box for f in fast.see(image, number / RATE).faces]
            best = [max((overlap(box, other) for other in found), default=0.0) for box in wanted]
            shared += [value for value in best if value > 0.1]
            missed += sum(value <= 0.1 for value in best)
            back = [max((overlap(box, other) for other in wanted), default=0.0) for box in found]
            beside += sum(value <= 0.1 for value in back)
        low = np.percentile(shared, 5)
        good = np.mean(np.array(shared) >= 0.7)
        print(
            f"| {faces} | {options.frames or 90} | {np.mean(shared):.3f} | {low:.3f} | {good:.1%} "
            f"| {missed} | {beside} |"
        )


def serving(port, *words):
    """The mirror as a process, once it can be opened."""
    command = [sys.executable, "-m", "ferkit", "mirror", f"port={port}", *words]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None and "open http" in server.stdout.readline()
    return server


def ended(server):
    """Stop a mirror."""
    server.terminate()
    server.wait(20)


def round_trip(options):
    """Milliseconds from a frame's sending to its answer."""
    server = serving(options.port)
    try:
        times = asyncio.run(_round_trips(options.port, scene(1), options.frames or 300))
    finally:
        ended(server)
    ordered = sorted(1e3 * t for t in times)
    print(f"{len(ordered)} frames: median {statistics.median(ordered):.1f} ms, ", end="")
    print(f"95% below {ordered[int(0.95 * len(ordered))]:.1f} ms; load {os.getloadavg()[0]:.1f}")


async def _round_trips(port, jpegs, frames):
    from websockets.asyncio.client import connect

    address = f"ws://127.0.0.1:{port}/ws"
    times = []
    async with connect(address, origin=f"http://127.0.0.1:{port}", max_size=None) as socket:
        while json.loads(await socket.recv())["kind"] != "ready":
            pass
        for number in range(frames):
            data = struct.pack("<Id", number, 1e3 * number / RATE) + jpegs[number % len(jpegs)]
            began = time.perf_counter()
            await socket.send(data)
            while json.loads(await socket.recv())["kind"] != "faces":
                pass
            times.append(time.perf_counter() - began)
    return times


def delay(options):
    """Milliseconds from a frame's capture to the drawn box, in the page itself."""
    from playwright.sync_api import sync_playwright

    server = serving(options.port)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        video = Path(folder) / "camera.mjpeg"
        video.write_bytes(b"".join(scene(1, 120)))
        browser = play.chromium.launch(executable_path=CHROMIUM, args=chromium_words(video))
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"http://127.0.0.1:{options.port}/")
            page.wait_for_selector("#model option", state="attached")
            page.click("#start")
            page.check("#agreed")
            page.click("#agree")
            found = []
            for _ in range(options.seconds):
                page.wait_for_timeout(1000)
                found.append(
                    page.evaluate("[ferkitMirror.numbers.delay, ferkitMirror.numbers.rate]")
                )
            delays, rates = zip(*[pair for pair in found[3:] if pair[0]], strict=True)
            print(f"delay, median {statistics.median(delays):.0f} ms; ", end="")
            print(f"{statistics.median(rates):.1f} frames/s; load {os.getloadavg()[0]:.1f}")
        finally:
            browser.close()
            ended(server)


def chromium_words(video):
    """Options of Chromium with a film for a camera."""
    return [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={video}",
    ]


def memory(options):
    """Growth of the resident memory over many frames through a page's session."""
    from ferkit.mirror.keeping import open_keeping
    from ferkit.mirror.models import Models
    from ferkit.mirror.session import Parts, Session
    from ferkit.mirror.settings import MirrorSettings

    loaded = network()
    jpegs = [cv2.resize(decoded(j), None, fx=0.25, fy=0.25) for j in scene(1)]
    jpegs = [cv2.imencode(".jpg", image[:, :, ::-1])[1].tobytes() for image in jpegs]
    frames = options.frames or 100_000
    settings = MirrorSettings(
        analysis=AnalysisSettings(detect=DetectSettings(*DEFAULT), together=1)
    )
    models = Models({loaded.name: loaded.path}, lambda *_: loaded)
    with tempfile.TemporaryDirectory() as out, open_keeping(Path(out)) as keeping:
        session = Session(Parts(models, settings, keeping), print)
        session.open()
        began, first, faces = time.perf_counter(), 0, 0
        for number in range(frames):
            data = struct.pack("<Id", number, 1e3 * number / RATE) + jpegs[number % len(jpegs)]
            faces += len(session.frame(data)["faces"])
            if number == 1000:
                first = resident()
            if number % 5_000 == 0:
                print(f"{number:,} frames, {resident():.0f} MB", file=sys.stderr, flush=True)
        took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{frames:,} frames of 160 x 120, {faces:,} faces, in {took:.0f} s: "
        f"{first:.0f} MB after 1,000, ",
        end="",
    )
    print(f"{resident():.0f} MB at the end ({resident() - first:+.1f}), peak {peak:.0f} MB")


def resident():
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main():
    """Measure one thing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = {
        "speed": speed,
        "agreement": agreement,
        "delay": delay,
        "memory": memory,
        "round-trip": round_trip,
    }
    parser.add_argument("what", choices=what)
    parser.add_argument("--frames", type=int, default=0)
    parser.add_argument("--port", type=int, default=8791)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    what[options.what](options)


if __name__ == "__main__":
    main()
