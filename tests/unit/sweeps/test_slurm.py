"""Waiting for Slurm's jobs, with stand-ins for its programs; the real ones: tests/reliability."""

import pickle
from types import SimpleNamespace

import pytest

pytest.importorskip("submitit")
pytest.importorskip("hydra_plugins.hydra_submitit_launcher")

from hydra.core.utils import JobReturn, JobStatus
from submitit import AutoExecutor
from submitit.core.utils import FailedJobError, UncompletedJobError

from ferkit.errors import ConfigError
from ferkit.sweeps import slurm
from ferkit.sweeps.slurm import LOST, slurm_jobs, time_is_up, wait_for

GRID = ("train", "-m", "seed=0,1", "hydra/launcher=cluster", "run_dir=grid")


@pytest.fixture(autouse=True)
def logged(caplog):
    caplog.set_level("INFO", logger="ferkit")


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Programs of Slurm on the path; `squeue` gives what `answer` is called with, in turn."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sbatch", "srun", "squeue"):
        (programs / name).write_text("#!/bin/sh\nexit 0\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(slurm, "EVERY", 0.0)

    def answer(*answers):
        rest = list(answers)

        def run(*_, **__):
            out = rest.pop(0) if len(rest) > 1 else rest[0]
            if isinstance(out, dict):
                for path, result in out.items():
                    path.write_bytes(result)
                out = rest[0]
            failed = "error" in out
            return SimpleNamespace(returncode=int(failed), stdout="" if failed else out, stderr=out)

        monkeypatch.setattr(slurm.subprocess, "run", run)

    return answer


def job(folder, name, result=None):
    """A job as submitit gives it: its result, once there, is in a file."""
    path = folder / f"{name}.pkl"

    def results():
        outcome, value = pickle.loads(path.read_bytes())
        if outcome == "error":
            raise FailedJobError(value)
        return [value]

    if result is not None:
        path.write_bytes(pickle.dumps(result))
    paths = SimpleNamespace(result_pickle=path, stderr=folder / f"{name}_log.err")
    return SimpleNamespace(job_id=name, paths=paths, results=results)


def done(code=0):
    return ("success", JobReturn(status=JobStatus.COMPLETED, _return_value=code))


def returned(ended):
    return [value.return_value for value in ended.results()]


def test_results_come_in_the_order_of_the_jobs(cluster, tmp_path):
    late = tmp_path / "7_0.pkl"
    jobs = [job(tmp_path, "7_0"), job(tmp_path, "7_1", done())]
    cluster("7_0|RUNNING|None", {late: pickle.dumps(done(2))}, "7_0|RUNNING|None")
    assert [returned(each) for each in wait_for(jobs, tmp_path)] == [[2], [0]]


@pytest.mark.parametrize(
    ("logged", "said"),
    [
        ("run: x\nferkit: No room.\nferkit: Free some.\nsrun: error\n", "7_log.err: Free some."),
        ("Traceback\n", "7_log.err has what it logged."),
        (None, "7_log.err has what it logged."),
    ],
)
def test_a_run_that_failed_gives_the_reason(cluster, tmp_path, caplog, logged, said):
    cluster("7|COMPLETED|None")
    if logged is not None:
        (tmp_path / "7_log.err").write_text(logged)
    (ended,) = wait_for([job(tmp_path, "7", done(3))], tmp_path)
    assert returned(ended) == [3]
    assert "Slurm's 7 failed with exit code 3; " in caplog.text
    assert said in caplog.text


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("7_0|CANCELLED|None", "CANCELLED"),
        ("7_0|OUT_OF_MEMORY|OutOfMemory", "OUT_OF_MEMORY, OutOfMemory"),
        ("7_0|NODE_FAIL|NodeDown", "NODE_FAIL, NodeDown"),
        ("slurm_load_jobs error: Invalid job id specified", "ENDED"),
        ("7_1|RUNNING|None", "ENDED"),  # forgotten before the others
    ],
)
def test_a_job_that_slurm_ended_costs_that_job_alone(cluster, tmp_path, caplog, answer, why):
    cluster(answer)
    jobs = [job(tmp_path, "7_0"), job(tmp_path, "7_1", done())]
    assert [returned(each) for each in wait_for(jobs, tmp_path)] == [[LOST], [0]]
    said = caplog.text
    assert f"Slurm's 7_0 ended without a result ({why}); {tmp_path}/7_0_log.err has" in said


def test_a_job_that_is_queued_again_is_waited_for(cluster, tmp_path, caplog):
    failed, queued = "7|NODE_FAIL|None", "7|PENDING|BeginTime"
    late = {tmp_path / "7.pkl": pickle.dumps(done())}
    cluster(*[failed] * (slurm.GRACE - 1), queued, *[failed] * (slurm.GRACE - 1), late, failed)
    (ended,) = wait_for([job(tmp_path, "7")], tmp_path)
    assert returned(ended) == [0]
    assert "1 pending (BeginTime)" in caplog.text


def test_slurm_that_does_not_answer_ends_nothing(cluster, tmp_path):
    late = {tmp_path / "7.pkl": pickle.dumps(done())}
    cluster(*["error: Unable to contact slurm controller"] * 20, late, "7|RUNNING|None")
    (ended,) = wait_for([job(tmp_path, "7")], tmp_path)
    assert returned(ended) == [0]


def test_a_job_that_raised_is_a_sentence(cluster, tmp_path, caplog):
    cluster("7|COMPLETED|None")
    failed = job(tmp_path, "7", ("error", "Traceback:\n  File x\nValueError: broken\n"))
    (ended,) = wait_for([failed], tmp_path)
    assert returned(ended) == [LOST]
    assert "without a result (ValueError: broken)" in caplog.text


def test_what_is_refused_is_a_sentence(cluster, tmp_path, monkeypatch):
    def refuse(*_):
        raise FailedJobError("sbatch: error: invalid partition specified: nix\nsbatch: error: No.")

    monkeypatch.setattr(AutoExecutor, "map_array", refuse)
    with (
        slurm_jobs(tmp_path / "grid"),
        pytest.raises(ConfigError, match=r"\(invalid partition specified: nix; No\.\); change"),
    ):
        AutoExecutor.map_array(None, None)
    assert AutoExecutor.map_array is refuse


def test_ctrl_c_says_that_the_jobs_go_on(cluster, tmp_path, monkeypatch, caplog):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(slurm, "_states", stop)
    with pytest.raises(KeyboardInterrupt):
        wait_for([job(tmp_path, "7_0"), job(tmp_path, "7_1")], tmp_path)
    assert "Slurm's 7 goes on without this command; `scancel 7` ends it" in caplog.text


def test_a_machine_without_slurm_is_a_sentence(ferkit, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = ferkit(*GRID)
    assert code == 2
    assert "there is no sbatch on this machine; give the command on the cluster's login" in err


@pytest.mark.parametrize(
    ("queue", "refused"),
    [
        ("41_0|RUNNING\n41_1|PENDING\n99|RUNNING\n", True),
        ("41_1|PENDING\n", True),
        ("41_1|COMPLETING\n", False),
        ("41_0|RUNNING\n", False),  # its result is there
        ("99_1|RUNNING\n40|PENDING\n", False),
        ("error", False),
    ],
)
def test_jobs_of_a_grid_that_slurm_still_has_are_not_sent_again(cluster, tmp_path, queue, refused):
    for name in ("41", "41_0", "41_1"):
        (tmp_path / ".submitit" / name).mkdir(parents=True)
    (tmp_path / ".submitit" / "41_0" / "41_0_0_result.pkl").touch()
    cluster(queue)
    if not refused:
        with slurm_jobs(tmp_path):
            return
    with pytest.raises(ConfigError, match=r"Slurm's 41 is still at work on .*`squeue -j 41`"):
        slurm_jobs(tmp_path).__enter__()


def test_the_last_time_limit_is_a_sentence():
    said = time_is_up(UncompletedJobError("Job not requeued because: timed-out too many times."))
    assert said is not None
    assert "max_num_timeout=" in said
    assert time_is_up(ValueError("x")) is None
