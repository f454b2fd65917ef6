"""Writing: atomic, summed, alone."""

import errno
import json
import os
import subprocess
import threading
import time
from contextlib import suppress

import pytest

from ferkit.errors import ConfigError, DataError
from ferkit.files import (
    alone,
    atomic_write,
    is_as_written,
    remove_unfinished,
    require_as_written,
    usable_folder,
    write_summed,
    write_text,
)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "x"), ValueError(), KeyboardInterrupt()])
def test_what_goes_wrong_leaves_the_old_file_and_nothing_beside(tmp_path, error):
    write_text(tmp_path / "a.txt", "old")

    def write(beside):
        beside.write_text("half")
        raise error

    with pytest.raises(type(error)) as raised:
        atomic_write(tmp_path / "a.txt", write, durable=True)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]
    if isinstance(error, OSError):
        assert raised.value.filename == str(tmp_path / "a.txt")


def test_a_full_disk_behind_another_error_is_found(tmp_path):
    def write(_):
        try:
            raise OSError(errno.EFBIG, "too large")
        except OSError as error:
            raise RuntimeError("unexpected pos 64 vs 0") from error

    with pytest.raises(OSError, match="too large"):
        atomic_write(tmp_path / "x" / "a", write)
    assert names(tmp_path / "x") == []


def test_a_folder_has_one_holder_and_a_dead_one_does_not_count(tmp_path):
    (tmp_path / ".lock").write_text("1 on elsewhere")
    with (
        alone(tmp_path, "ferkit train"),
        pytest.raises(ConfigError) as refused,
        alone(tmp_path, "ferkit train"),
    ):
        pass
    assert f"process {os.getpid()} on " in str(refused.value)
    with alone(tmp_path, "ferkit train"):
        assert str(os.getpid()) in (tmp_path / ".lock.json").read_text()


def test_sums_hold_at_every_moment(tmp_path, monkeypatch):
    write_summed(tmp_path, "a/b.bin", b"one")
    assert is_as_written(tmp_path, "a/b.bin")
    import ferkit.files as files

    real, left = files.write_bytes, [0]

    def dying(path, content, **options):
        if left[0] == 0:
            raise SystemExit
        left[0] -= 1
        real(path, content, **options)

    monkeypatch.setattr(files, "write_bytes", dying)
    for moment in range(4):
        left[0] = moment
        with suppress(SystemExit):
            write_summed(tmp_path, "a/b.bin", f"two {moment}".encode())
        assert is_as_written(tmp_path, "a/b.bin"), moment
    (tmp_path / "a/b.bin").write_bytes(b"three")
    with pytest.raises(DataError, match="is damaged"):
        require_as_written(tmp_path, "a/b.bin")
    assert is_as_written(tmp_path, "of nobody")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sha256": 3}', '{"sha256": {"a": 3}}'])
def test_broken_sums_are_said(tmp_path, text):
    (tmp_path / "a").write_text("x")
    (tmp_path / "checksums.json").write_text(text)
    with pytest.raises(DataError, match=r"checksums\.json is damaged"):
        is_as_written(tmp_path, "a")


def test_a_usable_folder_is_tried_and_left_as_it_was(tmp_path):
    (tmp_path / "file").write_text("x")
    usable_folder(tmp_path / "new" / "deep", "out")
    assert names(tmp_path) == ["file"]
    for path, said in [
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "below", "cannot be made"),
        (tmp_path / ("e" * 300), "File name too long"),
    ]:
        with pytest.raises(ConfigError, match=said) as refused:
            usable_folder(path, "out")
        assert str(refused.value).startswith("out=")
        assert len(str(refused.value)) < 300
    assert names(tmp_path) == ["file"]


def test_what_a_killed_process_left_goes(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".a.999999999.tmp").write_text("")
    (tmp_path / "sub" / ".b.json.999999999.tmp").write_text("")
    (tmp_path / f".c.{os.getpid()}.tmp").write_text("")
    remove_unfinished(tmp_path)
    assert names(tmp_path) == [f".c.{os.getpid()}.tmp", "sub"]
    assert names(tmp_path / "sub") == []


def test_a_number_that_was_given_again_keeps_nothing(tmp_path):
    other = subprocess.Popen(["sleep", "60"])  # has the number of a writer that was killed
    thread = threading.Thread(target=(done := threading.Event()).wait)
    thread.start()
    try:
        for number in (other.pid, thread.native_id):
            (tmp_path / f".a.{number}.tmp").write_text("")
        remove_unfinished(tmp_path)
    finally:
        done.set()
        other.kill()
        other.wait()
    assert names(tmp_path) == []


def test_a_file_that_nobody_has_written_to_for_long_goes(tmp_path):
    path = tmp_path / f".a.{os.getpid()}.tmp"
    path.write_text("")
    os.utime(path, (time.time() - 3600,) * 2)
    remove_unfinished(tmp_path)
    assert names(tmp_path) == []


def test_sums_are_sorted_json(tmp_path):
    for name in ("b", "a"):
        write_summed(tmp_path, name, b"x")
    sums = json.loads((tmp_path / "checksums.json").read_text())
    assert sums["format"] == 1
    assert list(sums["sha256"]) == ["a", "b"]
