import errno
import json
import resource

import numpy as np
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import ConfigError, DataError
from ferkit.faces import prepare as module
from ferkit.faces.prepare import prepare
from ferkit.faces.settings import FaceSettings
from ferkit.faces.store import FILES

SETTINGS = FaceSettings(size=16)


@pytest.fixture
def index(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 8)
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 20), dtype=np.uint8)
    rows = [{"key": str(i), "label": ["happy", "sad"][i % 2]} for i in range(40)]
    return make_index(rows, name="test", variant="array", root=tmp_path, images=images)


def half_made(root):
    return [path for path in root.rglob("*") if path.name.endswith(".tmp")]


@pytest.mark.parametrize("inner", ["", "below"])
def test_a_root_that_is_a_file_is_a_sentence(index, tmp_path, inner):
    (tmp_path / "file").touch()
    root = tmp_path / "file" / inner
    with pytest.raises(ConfigError, match=r"prepared_root=.*file.* is no folder .*give one"):
        prepare(index, SETTINGS, root)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_root_that_cannot_be_made_is_a_sentence(index, tmp_path, monkeypatch, code):
    def refuse(*_, **__):
        raise OSError(code, "refused by the test")

    monkeypatch.setattr(type(tmp_path), "mkdir", refuse)
    with pytest.raises(DataError, match=r"refused by the test.*another prepared_root"):
        prepare(index, SETTINGS, tmp_path / "stores")


def test_the_command_ends_with_2_for_a_file(ferkit, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = ferkit(
        "data", "prepare", "dataset=drawn", "dataset.train=8", "prepared_root=file"
    )
    assert code == 2, err
    assert "prepared_root=file is a file" in err


@pytest.mark.parametrize("limit", [200, 6_000, 12_000])
def test_a_limit_on_files_is_a_sentence_and_leaves_nothing_half_made(index, tmp_path, limit):
    root, whole = tmp_path / "stores", prepare(index, SETTINGS, tmp_path / "whole")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        limit = min(limit, max(path.stat().st_size for path in whole.folder.iterdir()) - 1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        with pytest.raises(DataError, match=r"cannot be written to .*make room"):
            prepare(index, SETTINGS, root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not half_made(root)
    again = prepare(index, SETTINGS, root, processes=1)
    for path in whole.folder.iterdir():
        assert path.read_bytes() == (again.folder / path.name).read_bytes()


@pytest.mark.parametrize("where", ["write_sheet", "make_card"])
def test_a_disk_that_is_full_at_the_end_keeps_what_was_done(index, tmp_path, monkeypatch, where):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, where, full)
    with pytest.raises(DataError, match=r"\(No space left on device\)"):
        prepare(index, SETTINGS, tmp_path / "stores")
    assert not half_made(tmp_path / "stores")
    assert len(list((tmp_path / "stores").glob(".*.partial/*.npz"))) == 5
    monkeypatch.undo()
    monkeypatch.setattr(module, "CHUNK", 8)
    monkeypatch.setattr(module, "process_chunk", lambda *a: pytest.fail("done before"))
    assert len(prepare(index, SETTINGS, tmp_path / "stores")) == 40


def test_what_killed_preparers_left_is_cleared(index, tmp_path):
    root = tmp_path / "stores"
    name = prepare(index, SETTINGS, tmp_path / "whole").folder.name
    for path in (root / f".{name}.9.tmp" / FILES[0], root / f".{name}.partial" / "0.9.tmp"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    (root / f".{name}.lock.json").write_text(json.dumps({"pid": 9, "host": "x", "since": "y"}))
    prepare(index, SETTINGS, root)
    assert {path.name for path in root.iterdir()} == {name, f".{name}.lock"}
