import os

import pytest

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
