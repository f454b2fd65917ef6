"""ferkit from a plain script and from a shell, in real processes; family and fixtures as below."""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

MARK = "FERKIT_TEST_FAMILY"
PREPARE = """
import sys
from ferkit import compose
from ferkit.faces import prepare
from ferkit.views import make_store
import ferkit.workers as workers
prepare.CHUNK, workers.WORTH = 8, -1  # as if it were much
words = "dataset=folder", "dataset.root=raw", "prepared_root=" + sys.argv[-1]
print(len(make_store(compose(*words))))
"""
TRAIN = """
from ferkit import compose, evaluate, load_model, train
import ferkit.workers as workers
workers.WORTH = -1
run = train(compose("dataset=folder", "dataset.root=raw", "debug=default", "trainer.threads=1",
                    "run_dir=run"))
print(sorted(evaluate(run.folder)), type(load_model(run.folder)).__name__)
"""


def running(mark):
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{MARK}={mark}".encode() in environ.read_bytes():
                found.append((environ.parent / "cmdline").read_text())
    return found


def wait(until, seconds=60.0):
    end = time.monotonic() + seconds
    while not (done := until()) and time.monotonic() < end:
        time.sleep(0.1)
    return done


@pytest.fixture
def python(tmp_path):
    """Start Python in a folder with pictures, in a session of its own, as a terminal does."""
    rng = np.random.default_rng(0)
    for i in range(48):
        path = tmp_path / "raw" / ["happy", "sad"][i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (48, 48), dtype=np.uint8))
    started = []

    def start(*words, text=None):
        mark = uuid.uuid4().hex
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=tmp_path,
            env=os.environ | {MARK: mark},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        if text is not None:
            process.stdin.write(text)
            process.stdin.close()
            process.stdin = None
        return process, mark

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["file", "stdin", "words"])
def test_a_plain_script_prepares_the_same_bytes_as_one_process(ferkit, tmp_path, python, how):
    (tmp_path / "plain.py").write_text(PREPARE)
    words = {"file": ["plain.py"], "stdin": ["-"], "words": ["-c", PREPARE]}[how]
    process, _ = python(*words, "stores", text=PREPARE if how == "stdin" else None)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (0, "48\n"), err
    words = ("dataset=folder", "dataset.root=raw", "prepared_root=one")
    assert ferkit("data", "prepare", *words)[0] == 0
    (folder,) = (p for p in (tmp_path / "one").iterdir() if p.is_dir())
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / "stores" / folder.name / file.name).read_bytes()


@pytest.mark.slow
def test_the_readmes_script_trains_without_a_guard(tmp_path, python):
    (tmp_path / "plain.py").write_text(TRAIN)
    process, _ = python("plain.py")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert out.startswith("['") and out.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
@pytest.mark.parametrize("action", ["prepare", "check"])
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_a_stopped_command(tmp_path, python, action, sign):
    image = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (9, 400, 400, 3))[0])[1]
    for i in range(1500):
        (tmp_path / "raw" / "happy" / f"{i}.png").write_bytes(image.tobytes())
    words = ["data", action, "dataset=folder", "dataset.root=raw"]
    process, mark = python("-m", "ferkit", *words, *["faces=haar_48"] * (action == "prepare"))
    workers = wait(lambda: [w for w in running(mark) if "popen_loky" in w] or process.poll(), 240)
    assert isinstance(workers, list), process.communicate()
    (os.killpg if sign == signal.SIGINT else os.kill)(process.pid, sign)
    codes = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}
    assert process.wait(60) == codes[sign]
    assert wait(lambda: not running(mark), 10)
    assert "Traceback" not in process.stderr.read()
