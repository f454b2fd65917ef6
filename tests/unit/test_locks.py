import json
import os
import subprocess
import sys
import threading

import pytest

from ferkit import locks
from ferkit.locks import HeldError, held, holder

HOLD = """
import sys
from pathlib import Path
from ferkit.locks import held
with held(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds `tmp_path / "x.lock"`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "x.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_holder_stands_beside_while_it_is_held(tmp_path):
    path = tmp_path / "x.lock"
    with held(path, "it"):
        note = json.loads((tmp_path / "x.lock.json").read_text())
        assert note["pid"] == os.getpid()
        assert note["host"] and note["since"]
        assert f"process {os.getpid()} on {note['host']} since " in holder(path)
    assert not (tmp_path / "x.lock.json").exists()
    assert holder(path) == "another process"


def test_a_long_wait_is_said_once_with_what_to_do(tmp_path, monkeypatch, caplog, other):
    caplog.set_level("INFO")
    monkeypatch.setattr(locks, "PATIENCE", 0.2)
    threading.Timer(1.0, lambda: other.stdin.close()).start()
    with held(tmp_path / "x.lock", "the faces"):
        pass
    (err,) = caplog.messages
    for words in ("waiting for the faces", f"process {other.pid} on ", f"`kill {other.pid}`"):
        assert words in err


def test_a_short_wait_is_not_said(tmp_path, caplog, other):
    caplog.set_level("INFO")
    threading.Timer(0.3, lambda: other.stdin.close()).start()
    with held(tmp_path / "x.lock", "it"):
        pass
    assert not caplog.messages


def test_the_lock_of_a_killed_process_never_blocks(tmp_path, caplog, other):
    caplog.set_level("INFO")
    other.kill()
    other.wait()
    assert (tmp_path / "x.lock.json").exists()  # it had no time to take its note away
    with held(tmp_path / "x.lock", "it"):
        assert f"process {os.getpid()} " in holder(tmp_path / "x.lock")
    assert not caplog.messages


def test_who_does_not_wait_is_told_who_holds_it(tmp_path, other):
    with (
        pytest.raises(HeldError, match=f"process {other.pid} on "),
        held(tmp_path / "x.lock", "it", wait=False),
    ):
        pass


@pytest.mark.parametrize("note", ["", "{", "[]", '{"pid": 1}', "null"])
def test_a_broken_note_says_less_and_harms_nothing(tmp_path, note):
    (tmp_path / "x.lock.json").write_text(note)
    assert holder(tmp_path / "x.lock") == "another process"
    with held(tmp_path / "x.lock", "it"):
        pass
