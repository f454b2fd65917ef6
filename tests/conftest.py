import io
import os
import shutil
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

# In the background of a shell a process ignores SIGINT, and so would those that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("OMP_NUM_THREADS", "1")


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def ferkit(tmp_path, monkeypatch, capsys):
    """Type a command line in an empty folder; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def type_words(*words):
        from ferkit.cli import main

        return Said(main(list(words)), *capsys.readouterr())

    yield type_words
    for name, module in list(sys.modules.items()):  # own code of the next test may have its name
        place = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(place, str) and place.startswith(f"{tmp_path}{os.sep}"):
            del sys.modules[name]


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Train once a session with given words; return a folder with run/ and the prepared data/.

    No test may change what lies there: `trained` copies it.
    """
    made = {}

    def train(*words):
        from ferkit.cli import main

        if words not in made:
            folder, said = tmp_path_factory.mktemp("finished"), io.StringIO()
            with (
                pytest.MonkeyPatch.context() as patch,
                redirect_stdout(said),
                redirect_stderr(said),
            ):
                patch.chdir(folder)
                assert main(["train", *words, "run_dir=run"]) == 0, said.getvalue()
            made[words] = folder
        return made[words]

    return train


@pytest.fixture
def trained(finished, tmp_path):
    """The run that given words make, as a copy in the test's folder, which the test may change."""

    def copy(*words, name="run"):
        source = finished(*words)
        shutil.copytree(source / "data", tmp_path / "data", dirs_exist_ok=True)
        return Path(shutil.copytree(source / "run", tmp_path / name))

    return copy
