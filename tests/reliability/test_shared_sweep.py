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
    "stale_after=8",
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


def worker(folder, address, *words, **environment):
    """A worker in a process of its own, its output in <out>.log."""
    out = next(w.partition("=")[2] for w in words if w.startswith("out="))
    with (folder / f"{out}.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "ferkit", "sweep", f"storage={address}", *WORDS, *words],
            cwd=folder,
            env=os.environ | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def wait_for(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_of_two_workers_is_killed_and_every_trial_ends_once(server, tmp_path):
    address = f"postgresql://postgres@{server}/postgres"
    killed = worker(tmp_path, address, "trials=4", "out=a")
    other = worker(tmp_path, address, "trials=4", "out=b")
    wait_for(lambda: list((tmp_path / "a").glob("trials/*/train.log")))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert other.wait(240) == 0, (tmp_path / "b.log").read_text()
    assert "queued again" in (tmp_path / "b.log").read_text()
    rows = list(csv.DictReader((tmp_path / "b" / "trials.csv").open()))
    assert [row["State"] for row in rows] == ["done"] * 4
    assert [row["Epochs"] for row in rows] == ["2"] * 4
    assert len({row["optimizer.lr"] for row in rows}) == 4

    assert worker(tmp_path, address, "trials=4", "out=c").wait(120) == 0  # joins what has ended
    assert (tmp_path / "c" / "trials.csv").read_text() == (tmp_path / "b/trials.csv").read_text()
    assert worker(tmp_path, address, "study_name=x", "out=d", "trials=1").wait(120) == 0
    assert worker(tmp_path, address, "study_name=x", "out=e", "loss=focal").wait(120) == 2
    assert "give the same words to join it" in (tmp_path / "e.log").read_text()


def test_ctrl_c_gives_the_trial_to_the_other_worker_of_the_same_folder(server, tmp_path):
    address = f"postgresql://postgres@{server}/postgres"
    words = ("trials=2", "out=same", "study_name=same", "stale_after=600")
    stopped = worker(tmp_path, address, *words)
    wait_for(lambda: list((tmp_path / "same").glob("trials/*/train.log")))
    other = worker(tmp_path, address, *words)
    stopped.send_signal(signal.SIGINT)
    assert stopped.wait(60) == 130
    assert other.wait(240) == 0, (tmp_path / "same.log").read_text()
    assert "trial 0: given back" in (tmp_path / "same.log").read_text()
    rows = list(csv.DictReader((tmp_path / "same" / "trials.csv").open()))
    assert [row["State"] for row in rows] == ["done"] * 2


def test_a_password_from_the_environment_is_in_no_file(server, tmp_path):
    address = f"postgresql://anna@{server}/postgres"
    words = ("trials=1", "out=p", "study_name=p")
    none = str(tmp_path / "none")
    assert worker(tmp_path, address, *words, PGPASSFILE=none).wait(120) == 3
    assert "PGPASSWORD or ~/.pgpass" in (tmp_path / "p.log").read_text()
    done = worker(tmp_path, address, *words, PGPASSWORD=PASSWORD)
    assert done.wait(240) == 0, (tmp_path / "p.log").read_text()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
