"""Measure `ferkit predict` on videos: frames a second, and memory over ten minutes.

python scripts/bench_video.py speed              0, 1 and 20 faces at 640 x 480
python scripts/bench_video.py speed --runtime onnx --seconds 4
python scripts/bench_video.py memory             peak memory of 10 s and of 10 minutes

Drawn faces; decoding, detection, tracking, classification, tables and the H.264 copy are all
counted, timelines are not. Prints markdown.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

from ferkit.composition import compose
from ferkit.config import as_plain, build
from ferkit.drawn.face import draw_photo
from ferkit.faces.crop import make_face_detector
from ferkit.inference.export import onnx_bytes
from ferkit.inference.onnx_file import weights_sum
from ferkit.inference.runtime import load_predictor
from ferkit.model import make_model, save_model
from ferkit.video.analysis import AnalysisSettings, DetectSettings
from ferkit.video.predict import VideoSettings, predict_video
from ferkit.video.sources import Source

RATE, WIDTH, HEIGHT = 25, 640, 480
DETECTOR = {"detector": "haar_alt2", "scale_factor": 1.2, "min_face": 40}
SETTINGS = [(1, 1.0), (1, 0.5), (3, 1.0), (3, 0.5), (10, 0.5)]
EMOTIONS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def scene(faces):
    """A frame with so many faces in rows."""
    frame = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    columns = 1 if faces == 1 else 5
    side = 300 if faces == 1 else 116
    for number in range(faces):
        rng = np.random.default_rng(number)
        emotion = EMOTIONS[number % 7]
        face, _, _ = draw_photo(
            emotion, person=number, rng=rng, width=side, height=side, vary=False
        )
        top, left = (number // columns) * (side + 2), (number % columns) * (side + 10)
        frame[top : top + side, left : left + side] = face
    return frame


def write_video(path, frame, seconds):
    """The frame, shaken by a pixel or two, for so many seconds."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for number in range(round(seconds * RATE)):
            moved = np.roll(frame, number % 4, axis=1)
            picture = av.VideoFrame.from_ndarray(moved, format="rgb24")
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def write_model(path, runtime):
    """An untrained mini-Xception of seven emotions, as fast as a trained one; with its .onnx."""
    config = compose()
    nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
    torch.manual_seed(0)
    model = make_model(nodes, EMOTIONS, size=48, channels=1).eval()
    save_model(model, path)
    if runtime == "onnx":
        path.with_suffix(".onnx").write_bytes(onnx_bytes(model, weights_sum(path)))
    return path


def run(path, model, folder, runtime, every, scale, copy="mp4"):
    """Seconds that a video takes by the clock and of the CPU, and what became of it."""
    predictor = load_predictor(model, runtime=runtime, device="cpu")
    node = {"_target_": "ferkit.faces.settings.FaceSettings", "size": 48, **DETECTOR}
    node["min_face"] = max(20, round(node["min_face"] * scale))
    faces = build(node, where="faces")
    detect = make_face_detector(faces)
    analysis = AnalysisSettings(detect=DetectSettings(every, scale))
    settings = VideoSettings(analysis, copy=copy, timeline=False)
    start, busy = time.perf_counter(), time.process_time()
    written = predict_video(Source("video", str(path)), predictor, faces, detect, settings, folder)
    return time.perf_counter() - start, time.process_time() - busy, written


def speed(options, work):
    """Frames a second by the clock, and in brackets a second of CPU time."""
    model = write_model(work / "model.safetensors", options.runtime)
    videos = {n: write_video(work / f"{n}.mp4", scene(n), options.seconds) for n in (0, 1, 20)}
    print(f"| detect.every | detect.scale | {' | '.join(f'{n} faces' for n in videos)} |")
    print("|---|---|---|---|---|")
    for every, scale in SETTINGS:
        cells = []
        for n, path in videos.items():
            clock, cpu, written = run(path, model, work / "out", options.runtime, every, scale)
            frames = written.totals.analysed
            assert 0.85 * n <= written.faces / frames <= 1.1 * n
            cells.append(f"{frames / clock:.0f} ({frames / cpu:.0f})")
        print(f"| {every} | {scale:g} | {' | '.join(cells)} |", flush=True)


def memory(options, work):
    """Peak memory of a process that analyses 10 s, and of one that analyses 10 minutes."""
    model = write_model(work / "model.safetensors", options.runtime)
    print("| video | frames | faces | seconds taken | frames/s | peak memory, MB |")
    print("|---|---|---|---|---|---|")
    for seconds in (10, options.long):
        path = write_video(work / "long.mp4", scene(1), seconds)
        words = [
            sys.executable,
            __file__,
            "one",
            str(path),
            str(model),
            "--runtime",
            options.runtime,
        ]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        frames, faces, taken, peak = (float(word) for word in said)
        print(
            f"| {seconds:g} s | {frames:,.0f} | {faces:,.0f} | {taken:.0f} | "
            f"{frames / taken:.0f} | {peak:.0f} |",
            flush=True,
        )


def one(options, work):
    """A single video in this process: frames, faces, seconds, peak memory in MB."""
    seconds, _, written = run(options.path, options.model, work / "out", options.runtime, 5, 0.5)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(written.totals.analysed, written.faces, seconds, peak)


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["speed", "memory", "one"])
    parser.add_argument("path", nargs="?")
    parser.add_argument("model", nargs="?")
    parser.add_argument("--runtime", default="torch", choices=["torch", "onnx"])
    parser.add_argument("--seconds", type=float, default=4.0, help="of the videos of speed")
    parser.add_argument("--long", type=float, default=600.0, help="seconds of the long video")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"speed": speed, "memory": memory, "one": one}[options.what](options, Path(folder))


if __name__ == "__main__":
    main()
