"""Workers share a study on a real PostgreSQL; one is killed, and every trial ends once."""

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
PASSWORD = "geheim77"
PATIENCE = 600  # seconds, of a machine that has other work too
WORDS = [
    "dataset.train=160",
    "dataset.val=48",
    "dataset.test=48",
    "dataset.people=20",
    "backbone=kurmi_cnn",
    "trainer.max_epochs=2",
    "trainer.batch_size=32",
    "trainer.max_images=64",
    "trainer.device=cpu",
    "trainer.threads=1",
    "report.faces=false",
    "report.saliency=none",
    "pruner=none",
    "stale_after=20",
    "optimizer.lr=tag(log,interval(1e-5,1e-2))",
]


def as_postgres(*words, **more):
    """Run as the user postgres: initdb refuses root."""
    switch = ["su", "postgres", "-s", "/bin/sh", "-c", 'exec "$@"', "--", "sh"]
    subprocess.run(
        [*(switch if os.getuid() == 0 else []), *map(str, words)],
        check=True,
        capture_output=True,
        cwd="/",
        **more,
    )


@pytest.fixture(scope="module")
def server():
    """HOST:PORT of a server on loopback: user postgres is trusted, anna gives a password."""
    if BIN is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql.")
    pytest.importorskip("psycopg")
    home = Path(tempfile.mkdtemp(prefix="ferkit-postgres-"))  # a short path, as sockets need
    if os.getuid() == 0:
        shutil.chown(home, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    as_postgres(BIN / "initdb", "-D", home / "d", "-A", "trust", "-U", "postgres")
    rules = home / "d" / "pg_hba.conf"
    rules.write_text("host all anna 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    options = f"-p {port} -h 127.0.0.1 -k {home}"
    control = (BIN / "pg_ctl", "-D", home / "d", "-w")
    as_postgres(*control, "-o", options, "-l", home / "log", "start")
    try:
        query = f"CREATE ROLE anna LOGIN SUPERUSER PASSWORD '{PASSWORD}'"
        as_postgres(BIN / "psql", "-h", home, "-p", port, "-U", "postgres", "-c", query)
        yield f"127.0.0.1:{port}"
    finally:
        as_postgres(*control, "-m", "immediate", "stop")
        shutil.rmtree(home)


@pytest.fixture
def worker(tmp_path):
    """Begin a worker in a process of its own, its output in <out>.log."""
    begun = []

    def begin(address, *words, **environment):
        out = next(w.partition("=")[2] for w in words if w.startswith("out="))
        with (tmp_path / f"{out}.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "ferkit", "sweep", f"storage={address}", *WORDS, *words],
                cwd=tmp_path,
                env=os.environ | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.wait()


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_of_two_workers_is_killed_and_every_trial_ends_once(server, worker, tmp_path):
    address = f"postgresql://postgres@{server}/postgres"
    killed = worker(address, "trials=3", "out=a")
    other = worker(address, "trials=3", "out=b")
    wait_for(lambda: list((tmp_path / "a").glob("trials/*/train.log")))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert other.wait(PATIENCE) == 0, (tmp_path / "b.log").read_text()
    assert "queued again" in (tmp_path / "b.log").read_text()
    rows = list(csv.DictReader((tmp_path / "b" / "trials.csv").open()))
    assert [row["State"] for row in rows] == ["done"] * 3
    assert [row["Epochs"] for row in rows] == ["2"] * 3
    assert len({row["optimizer.lr"] for row in rows}) == 3

    assert worker(address, "trials=3", "out=c").wait(PATIENCE) == 0  # joins what has ended
    assert (tmp_path / "c" / "trials.csv").read_text() == (tmp_path / "b/trials.csv").read_text()


def test_ctrl_c_gives_the_trial_to_the_other_worker_of_the_same_folder(server, worker, tmp_path):
    address = f"postgresql://postgres@{server}/postgres"
    words = ("trials=1", "out=same", "study_name=same", "stale_after=600")
    stopped = worker(address, *words)
    wait_for(lambda: list((tmp_path / "same").glob("trials/*/train.log")))
    other = worker(address, *words)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(PATIENCE) == 130
    assert other.wait(PATIENCE) == 0, (tmp_path / "same.log").read_text()
    assert "trial 0: given back" in (tmp_path / "same.log").read_text()
    rows = list(csv.DictReader((tmp_path / "same" / "trials.csv").open()))
    assert [row["State"] for row in rows] == ["done"]


def test_a_password_from_the_environment_is_in_no_file(server, worker, tmp_path):
    address = f"postgresql://anna@{server}/postgres"
    words = ("trials=1", "out=p", "study_name=p")
    none = str(tmp_path / "none")
    assert worker(address, *words, PGPASSFILE=none).wait(PATIENCE) == 3
    assert "PGPASSWORD or ~/.pgpass" in (tmp_path / "p.log").read_text()
    done = worker(address, *words, PGPASSWORD=PASSWORD)
    assert done.wait(PATIENCE) == 0, (tmp_path / "p.log").read_text()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
