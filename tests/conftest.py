import os
import signal

import pytest

# In the background of a shell a process ignores SIGINT, and so would those that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def ferkit(tmp_path, monkeypatch, capsys):
    """Type a command line in an empty folder; answers (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def type_words(*words):
        from ferkit.cli import main

        code = main(list(words))
        out = capsys.readouterr()
        return code, out.out, out.err

    return type_words
