"""Killed at random moments of preparing, training and reporting, a run ends as unbroken."""

import random
import shutil
import signal

import pytest

MOMENTS = 14  # of file operations; as many again are of time
SECONDS = 6
DRAW = random.Random(20261125)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("unbroken")


@pytest.fixture
def unbroken(shared, command, quick):
    """A run that nothing disturbed, how many file operations it took, and its seconds."""
    if not (shared / "operations").exists():
        code, printed, operations = command(*quick, "run_dir=run", folder=shared)
        assert code == 0, printed
        (shared / "operations").write_text(str(operations))
    return shared / "run", int((shared / "operations").read_text())


def go_on(command, quick, folder):
    """What a person types after the kill: resume where a run is there, else the same again."""
    run = folder / "run"
    begun = (run / "config.yaml").is_file()
    words = ["train", "resume=run"] if begun else [*quick, "run_dir=run"]
    code, printed, _ = command(*words)
    assert code == 0, printed
    assert "Traceback" not in printed
    return run


@pytest.mark.parametrize("moment", [DRAW.random() for _ in range(MOMENTS)])
def test_killed_at_a_file_operation(
    command, quick, unbroken, tmp_path, moment, same_run, leftovers
):
    whole, operations = unbroken
    code, printed, _ = command(
        *quick, "run_dir=run", at=int(moment * operations), signal=int(signal.SIGKILL)
    )
    assert code == -signal.SIGKILL, printed
    same_run(go_on(command, quick, tmp_path), whole)
    assert leftovers(tmp_path / "run", tmp_path / "prepared") == []


@pytest.mark.parametrize("seconds", [0.2 + 2.5 * DRAW.random() for _ in range(SECONDS)])
def test_killed_at_a_time(command, quick, unbroken, tmp_path, seconds, same_run):
    code, printed, _ = command(*quick, "run_dir=run", seconds=seconds, signal=int(signal.SIGKILL))
    assert code in (-signal.SIGKILL, 0), printed
    if code:
        same_run(go_on(command, quick, tmp_path), unbroken[0])


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("moment", [0.15, 0.5, 0.7])
def test_stopped_by_a_signal_it_says_so_and_goes_on(
    command, quick, unbroken, tmp_path, ending, code, moment, same_run
):
    whole, operations = unbroken
    found, printed, _ = command(
        *quick, "run_dir=run", at=int(moment * operations), signal=int(ending)
    )
    assert found == code, printed
    assert "Traceback" not in printed
    if (tmp_path / "run" / "config.yaml").is_file():
        assert "resume=" in printed
    same_run(go_on(command, quick, tmp_path), whole)


def test_a_broken_last_checkpoint_falls_back_to_the_one_before(
    command, quick, unbroken, tmp_path, same_run
):
    shutil.copytree(unbroken[0], tmp_path / "run")
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    code, printed, _ = command("train", "resume=run")
    assert (code, "previous.ckpt" in printed) == (0, True), printed
    same_run(tmp_path / "run", unbroken[0])
