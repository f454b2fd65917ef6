"""A real Slurm of two nodes on this machine: grids and shared preparing by its jobs."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from ferkit.cli import main
from ferkit.sweeps import slurm

DAEMONS = ("munged", "mungekey", "slurmctld", "slurmd")
CONF = """ClusterName=trial
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={home}/munge.socket
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
KillWait=2
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1
PartitionName=trial Nodes=ALL Default=YES
"""


@pytest.fixture(scope="module")
def cluster():
    """Slurm with two nodes of one core, as long as the tests of this file run."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    if lacking := [name for name in DAEMONS if shutil.which(name, path=path) is None]:
        pytest.skip(f"no Slurm on this machine: {', '.join(lacking)} (Debian: slurm-wlm, munge)")
    home = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))  # a socket's path is short
    (home / "state").mkdir()
    conf = CONF.format(home=home, user=getpass.getuser(), ports=free_ports(3))
    (home / "slurm.conf").write_text(conf)
    (home / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        patch.setenv("SLURM_CONF", str(home / "slurm.conf"))
        key = f"--key-file={home}/munge.key"
        subprocess.run(["mungekey", "--create", f"--keyfile={home}/munge.key"], check=True)
        files = [f"--{name}={home}/munge.{name[:-5]}" for name in ("pid-file", "log-file")]
        files += [f"--seed-file={home}/munge.seed", f"--socket={home}/munge.socket"]
        lines = [["munged", "--force", "--foreground", key, *files], ["slurmctld", "-D"]]
        lines += [["slurmd", "-D", "-N", node] for node in ("n1", "n2")]
        log = (home / "log").open("wb")
        daemons = []
        for line in lines:
            daemons.append(subprocess.Popen(line, stdout=log, stderr=log))
            time.sleep(1)
        try:
            wait_until(lambda: said("sinfo", "-h", "-t", "idle", "-o", "%D") == "2", 60, home)
            yield home
        finally:
            said("scancel", "--user", getpass.getuser())
            for daemon in reversed(daemons):
                daemon.terminate()
                daemon.wait(60)
            log.close()
            shutil.rmtree(home, ignore_errors=True)


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def said(*line):
    return subprocess.run(line, capture_output=True, text=True, check=False).stdout.strip()


def wait_until(true, seconds, home=None):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, (home / "log").read_text()[-2000:] if home else "too late"
        time.sleep(0.2)


def test_a_cancelled_job_costs_its_run_and_goes_on_to_the_same_end(
    cluster, quick, tmp_path, monkeypatch, capsys, same_run
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slurm, "EVERY", 1.0)
    training = [*quick, "trainer.max_epochs=60", "trainer.patience=60"]
    keys = ("gpus_per_node=null", "cpus_per_task=1", "mem_gb=null", "timeout_min=10")
    grid = [*training, "-m", "seed=0,1", "hydra/launcher=cluster", "run_dir=grid"]
    grid += [f"hydra.launcher.{key}" for key in keys]

    def cancel():
        wait_until((tmp_path / "grid" / "1" / "metrics.jsonl").is_file, 120)
        said("scancel", said("squeue", "-h", "-o", "%F").split()[0] + "_1")

    canceller = threading.Thread(target=cancel)
    canceller.start()
    assert main(grid) == slurm.LOST
    canceller.join()
    err = capsys.readouterr().err
    assert "_1 ended without a result (CANCELLED)" in err
    assert "1 of 2 runs done" in err
    assert (tmp_path / "grid" / "0" / "report" / "report.html").is_file()
    assert main(grid) == 0
    assert main([*training, "seed=1", "run_dir=whole"]) == 0
    same_run(tmp_path / "grid" / "1", tmp_path / "whole")


def test_what_slurm_refuses_is_a_sentence(cluster, quick, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*quick, "-m", "seed=0,1", "hydra/launcher=cluster", "run_dir=grid"]) == 2
    assert "Slurm refuses the jobs (Invalid generic resource" in capsys.readouterr().err


def test_an_array_prepares_the_store_of_one_go(cluster, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["data", "prepare", "dataset=drawn", "dataset.train=1800", "dataset.val=100"]
    assert main([*words, "prepared_root=whole"]) == 0
    whole = tmp_path / capsys.readouterr().out.strip()
    job = f"{sys.executable} -m ferkit {' '.join(words)} shards=4 shard=$SLURM_ARRAY_TASK_ID"
    array = ("sbatch", "--wait", "--array=0-3", "--output=prepared-%a.log", "--wrap", job)
    ran = subprocess.run(array, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr + Path("prepared-0.log").read_text()
    for path in whole.iterdir():
        assert path.read_bytes() == (Path("data/prepared") / whole.name / path.name).read_bytes()
