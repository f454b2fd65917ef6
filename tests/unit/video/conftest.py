"""A video to try everything on: two persons, one leaving, blank stretches, sound."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from matplotlib import cbook
from PIL import Image

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.drawn.face import draw_photo
from ferkit.model import make_model, save_model

av = pytest.importorskip("av")

RATE, WIDTH, HEIGHT = 10, 320, 240
BLANK, BOTH, ONE = 6, 12, 24  # frames: nobody until BLANK, both until BOTH, one until ONE, nobody
FRAMES = 30
TIMES = [n / RATE for n in range(FRAMES)]


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    config = compose()
    nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
    torch.manual_seed(0)
    model = make_model(nodes, ["angry", "happy", "sad"], size=48, channels=1)
    for weights in model.parameters():  # an untrained network is sure of nothing
        weights.data.mul_(1.4)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(model, path)
    return path


@pytest.fixture
def predict(ferkit, model_file):
    """Type `ferkit predict` with a detector that is quick, and sure of these faces."""

    def type_words(*words):
        detect = ("faces.detector=haar_alt2", "faces.scale_factor=1.2", "faces.min_face=60")
        return ferkit("predict", f"model={model_file}", *detect, *words)

    return type_words


@pytest.fixture(scope="session")
def scene():
    """RGB frames: the photograph of Grace Hopper on the left, a drawn face on the right."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"))[20:420, 80:480]
    hopper = cv2.resize(hopper, (140, 140), interpolation=cv2.INTER_AREA)
    drawn, _, _ = draw_photo(
        "happy", person=0, rng=np.random.default_rng(0), width=130, height=130, vary=False
    )
    frames = []
    for number in range(FRAMES):
        frame = np.full((HEIGHT, WIDTH, 3), 160, np.uint8)
        if BLANK <= number < ONE:
            frame[50:190, 10 + number // 4 : 150 + number // 4] = hopper
        if BLANK <= number < BOTH:
            frame[60:190, 180:310] = drawn
        frames.append(frame)
    return frames


@pytest.fixture(scope="session")
def write_clip():
    """The function that writes a video."""
    return _write_clip


@pytest.fixture(scope="session")
def look_at():
    """The function that tells what a player finds in a video."""
    return _look_at


def _write_clip(path, frames, *, times=None, sound="aac", rotation=0, codec="libx264", rate=RATE):
    """A video of these frames; `times` in seconds for a variable rate; a tone where asked for."""
    times = [n / rate for n in range(len(frames))] if times is None else times
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=rate, options={"preset": "ultrafast"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 1000)
        if codec != "libx264":
            video.time_base = video.codec_context.time_base = Fraction(1, rate)
        video.codec_context.gop_size = 5
        if rotation:
            video.set_display_rotation(rotation)
        audio = out.add_stream(sound, rate=16000) if sound else None
        if audio is not None:
            audio.layout = "mono"
        for frame, time in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = round(time / video.codec_context.time_base)
            picture.time_base = video.codec_context.time_base
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        if audio is not None:
            add_tone(out, audio, times[-1] + 1 / rate)
    return path


def add_tone(out, audio, seconds):
    wave = np.sin(np.arange(round(seconds * 16000)) * 2 * np.pi * 440 / 16000) * 8000
    tone = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
    tone.sample_rate, tone.pts = 16000, 0
    size = audio.codec_context.frame_size or 1024
    resampler = av.AudioResampler(
        format=audio.codec_context.format, layout="mono", rate=16000, frame_size=size
    )
    for part in [*resampler.resample(tone), *resampler.resample(None)]:
        out.mux(audio.encode(part))
    out.mux(audio.encode(None))


@pytest.fixture(scope="session")
def clip(scene, tmp_path_factory):
    """The video as an mp4 with sound."""
    return _write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", scene)


def _look_at(path):
    """What a player finds: times, size of the frames, codec names, packets of sound."""
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        audio = next(iter(file.streams.audio), None)
        names = (video.codec_context.name, audio and audio.codec_context.name)
        times, packets = [], []
        for packet in file.demux():
            if audio is not None and packet.stream is audio and packet.size:
                packets.append(bytes(packet))
            elif packet.stream is video:
                for frame in packet.decode():
                    times.append(frame.time)
                    size = (frame.width, frame.height)
        return {
            "times": times,
            "size": size,
            "codecs": names,
            "sound": packets,
            "seconds": float(video.duration * video.time_base) if video.duration else None,
            "pixels": video.codec_context.pix_fmt,
        }
