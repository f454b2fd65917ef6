"""Two workers share a study on a real PostgreSQL; one is killed, and every trial ends once."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
WORKER = """
import sys, time
from ferkit.sweeps.search import Plan, search
from ferkit.sweeps.shared import connect, join_study
from ferkit.sweeps.space import read_space
from ferkit.sweeps.study import make_pruner, make_sampler

class Made:
    def __init__(self):
        self.end = time.monotonic() + 1
    def poll(self):
        return 0 if time.monotonic() > self.end else None
    def rows(self):
        return [{"epoch": 1, "val_accuracy": 0.5}] if self.poll() == 0 else []
    def stop(self):
        pass
    def last_line(self):
        return ""

shared = connect(sys.argv[1], 6)
study = join_study(shared, "s", {"a": 1}, "maximize", make_sampler("random", 0, 1),
                   make_pruner("none", 1, 1))
space = read_space(["optimizer.lr=interval(0.1,0.2)"])
search(study, space, Plan(8, "val_accuracy", lambda _: 1, shared=shared), lambda *_: Made())
"""


@pytest.fixture
def address(tmp_path_factory):
    if BIN is None or not shutil.which("su"):
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql.")
    pytest.importorskip("psycopg")
    home = Path("/tmp") / f"ferkit-postgres-{time.time_ns()}"
    home.mkdir()
    shutil.chown(home, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def as_postgres(line):
        subprocess.run(["su", "postgres", "-c", line], check=True, capture_output=True, cwd="/")

    as_postgres(f"{BIN}/initdb -D {home}/d -A trust -U postgres")
    options = f"-p {port} -h 127.0.0.1 -k {home}"
    as_postgres(f"{BIN}/pg_ctl -D {home}/d -o '{options}' -w -l {home}/log start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        as_postgres(f"{BIN}/pg_ctl -D {home}/d -m immediate stop")
        shutil.rmtree(home)


def test_one_of_two_workers_is_killed_and_every_trial_ends_once(address, tmp_path):
    from ferkit.sweeps.shared import connect, results

    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, address], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    time.sleep(8)  # both have begun
    workers[0].send_signal(signal.SIGKILL)
    workers[0].communicate()
    _, err = workers[1].communicate(timeout=60)
    assert workers[1].returncode == 0, err
    import optuna

    trials = optuna.load_study(study_name="s", storage=connect(address, 6).storage).get_trials()
    ended = results(trials)
    assert [t.state.name for t in ended] == ["COMPLETE"] * 8
    assert len({t.params["optimizer.lr"] for t in ended}) == 8
    print(len(trials), "rows in all")
