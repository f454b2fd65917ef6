"""`ferkit mirror` as it is typed."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("uvicorn")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("port=70000",), 2, "port is 70000"),
        (("labels=latin",), 2, "Unknown value of labels 'latin'"),
        (("saliency=magic",), 2, "Unknown saliency"),
        (("runtime=fast",), 2, "Unknown runtime"),
        (("detect.every=0",), 2, "detect.every is 0"),
        (("detect.evry=2",), 2, "detect.every"),
        (("match.threshold=2",), 2, "match.threshold"),
        (("modle=x",), 2, "model"),
        (("model=nowhere",), 3, "model=nowhere: no model there"),
        (("script=nowhere.yaml",), 3, "nowhere.yaml"),
        (("host=0.0.0.0",), 2, "host"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(ferkit, words, code, sentence):
    said = ferkit("mirror", *words)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_a_port_that_is_taken(ferkit):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = ferkit("mirror", f"port={port}")
    assert said.code == 2
    assert f"port={port} cannot be taken" in said.err


@pytest.mark.slow
@pytest.mark.parametrize(("signalled", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_listens_on_the_loopback_alone_and_ends_when_it_is_stopped(
    tmp_path, mirror_model, signalled, code
):
    words = [f"model={mirror_model}", "runtime=torch", "port=0"]
    command = [sys.executable, "-m", "ferkit", "mirror", *words]
    environ = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=tmp_path, env=environ, text=True
    ) as running:
        address = re.search(r"http://127\.0\.0\.1:(\d+)/", running.stdout.readline())
        with urllib.request.urlopen(address[0]) as page:
            assert b"ferkit mirror" in page.read()
        listening = listeners(int(address[1]))
        running.send_signal(signalled)
        assert running.wait(30) == code
    assert listening == ["0100007F"]  # 127.0.0.1
    assert not any(tmp_path.iterdir())


def listeners(port):
    """Addresses, in hexadecimal, on which somebody listens at a port (Linux)."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as file:  # noqa: PTH123
            rows = [line.split() for line in file.readlines()[1:]]
        places = [row[1].split(":") for row in rows if row[3] == "0A"]
        found += [place for place, number in places if int(number, 16) == port]
    return found
