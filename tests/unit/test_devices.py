"""Devices by words, and what differs between systems."""

import os
import sys

import pytest
import torch

from ferkit import files
from ferkit.devices import choose_device, peak_memory, quick_layout
from ferkit.errors import ConfigError


def test_auto_takes_the_gpu_that_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    with pytest.raises(ConfigError, match="mps"):
        choose_device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == choose_device("mps").type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"


@pytest.mark.parametrize("channels", [1, 3])
def test_the_quick_layout_is_another_order_of_the_same_images(channels):
    images = torch.rand(2, channels, 6, 5)
    found = quick_layout(images)
    assert torch.equal(found, images)
    assert found.stride() == (6 * 5 * channels, 1, 5 * channels, channels)
    assert torch.nn.Conv2d(channels, 4, 3)(found).is_contiguous(memory_format=torch.channels_last)
    videos = torch.rand(2, 3, channels, 6, 5)
    assert quick_layout(videos) is videos


def test_peak_memory_where_nobody_counts_it(monkeypatch):
    assert peak_memory(torch.device("cpu")) > 10**7
    monkeypatch.setattr("ferkit.devices._linux_bytes", lambda *_: 0)
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory(torch.device("cpu")) == 0


def test_unfinished_files_of_living_processes_stay_without_proc(tmp_path, monkeypatch):
    mine = tmp_path / f".a.{os.getpid()}.tmp"
    gone = tmp_path / f".a.{2**22 + 5}.tmp"  # above every process number of Linux
    for path in (mine, gone):
        path.write_text("x")
    exists = files.Path.exists
    monkeypatch.setattr(
        files.Path, "exists", lambda path: str(path) != "/proc/self" and exists(path)
    )
    files.remove_unfinished(tmp_path)
    assert mine.is_file() and not gone.is_file()


def test_no_module_needs_what_windows_has_not():
    """Imported with fcntl, resource and pwd missing, every module still comes in."""
    import subprocess

    program = (
        "import sys; sys.modules.update(dict.fromkeys(['fcntl', 'resource', 'pwd', 'grp']));"
        "import ferkit.cli, ferkit.commands.train, ferkit.commands.eval, ferkit.commands.predict,"
        "ferkit.commands.data, ferkit.commands.sweep, ferkit.commands.multirun, ferkit.devices"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
