"""Stores that several jobs prepare together: each a shard, on one disk."""

import os
import signal
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import ConfigError, DataError
from ferkit.faces import prepare as module
from ferkit.faces.prepare import prepare, prepare_shard
from ferkit.faces.settings import FaceSettings
from ferkit.faces.shards import Shard, begun_apart, choose_shard, ranges
from ferkit.faces.store import is_complete

SETTINGS = FaceSettings(size=16)
CK = ("dataset=ckplus", "dataset.root=raw", "faces=haar_48", "faces.size=24")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """60 images, of which one is cut off and one is blank, in 9 chunks."""
    monkeypatch.setattr(module, "CHUNK", 7)
    rng, rows = np.random.default_rng(0), []
    (tmp_path / "raw").mkdir()
    for i in range(60):
        path = tmp_path / "raw" / f"{i:03d}.png"
        cv2.imwrite(str(path), rng.integers(0, 256, (20, 20), dtype=np.uint8) * (i != 33))
        rows.append({"key": path.name, "path": path.name, "label": ["happy", "sad"][i % 2]})
    path = tmp_path / "raw" / "003.png"
    path.write_bytes(path.read_bytes()[:40])
    return make_index(rows, name="test", variant="png", root=tmp_path / "raw")


def contents(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def shard(index, root, number, of):
    return prepare_shard(index, SETTINGS, root, Shard(number, of), processes=1)


@pytest.mark.parametrize("of", [1, 2, 4, 9, 20])
def test_shards_in_any_order_make_the_store_of_one_go(index, tmp_path, of):
    whole = prepare(index, SETTINGS, tmp_path / "whole", processes=1)
    assert whole.card["dropped"] == {"blank": 1, "unreadable": 1}
    order = np.random.default_rng(of).permutation(of).tolist()
    done = [shard(index, tmp_path / "stores", number, of) for number in order]
    assert sum(each.made for each in done) == 60
    assert done[-1].store is not None
    assert contents(done[-1].store.folder) == contents(whole.folder)
    name = whole.folder.name
    assert {p.name for p in (tmp_path / "stores").iterdir()} == {name, f".{name}.lock"}


def test_what_is_missing_is_counted_by_shard(index, tmp_path):
    done = shard(index, tmp_path, 2, 4)  # chunks 2 and 6 of 0 to 8, the last of 4 images
    assert (done.made, done.total, done.store) == (14, 60, None)
    assert done.missing == {0: 18, 1: 14, 3: 14}
    assert not is_complete(done.folder)
    again = shard(index, tmp_path, 2, 4)
    assert (again.made, again.missing) == (0, done.missing)


def test_preparing_without_shards_makes_the_rest_and_joins(index, tmp_path, monkeypatch):
    whole = contents(prepare(index, SETTINGS, tmp_path / "whole", processes=1).folder)
    for number in (0, 3):
        shard(index, tmp_path / "stores", number, 4)
    seen = []
    process = module.process_chunk
    monkeypatch.setattr(
        module,
        "process_chunk",
        lambda chunk, **k: (seen.append(chunk.start), process(chunk, **k))[1],
    )
    store = prepare(index, SETTINGS, tmp_path / "stores", processes=1)
    assert seen == [7, 14, 35, 42]  # those of shards 1 and 2
    assert contents(store.folder) == whole
    late = shard(index, tmp_path / "stores", 1, 4)
    assert late.store is not None
    assert late.made == 0


def test_other_numbers_of_shards_go_on_with_what_is_there(index, tmp_path):
    whole = contents(prepare(index, SETTINGS, tmp_path / "whole", processes=1).folder)
    root = tmp_path / "stores"
    made = [shard(index, root, *each).made for each in ((1, 2), (0, 3), (2, 3))]
    assert sum(made) < 60
    last = shard(index, root, 1, 3)
    assert last.store is not None
    assert sum(made) + last.made == 60
    assert contents(last.store.folder) == whole


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_a_shard_that_was_killed_goes_on_from_its_chunks(index, tmp_path, monkeypatch, chunks):
    whole = contents(prepare(index, SETTINGS, tmp_path / "whole", processes=1).folder)
    root, save, saved = tmp_path / "stores", module._save_part, []

    def dying(path, arrays):
        if len(saved) == chunks:
            path.with_name(f".{path.name}.1.tmp").write_bytes(b"half")
            raise SystemError("killed")
        saved.append(path)
        save(path, arrays)

    monkeypatch.setattr(module, "_save_part", dying)
    with pytest.raises(SystemError):
        shard(index, root, 0, 3)
    monkeypatch.setattr(module, "_save_part", save)
    assert shard(index, root, 0, 3).made == 7 * (3 - chunks)
    shard(index, root, 2, 3)
    last = shard(index, root, 1, 3)
    assert last.store is not None
    assert contents(last.store.folder) == whole
    assert not [p for p in root.rglob("*") if p.name.endswith(".tmp")]


def test_a_changed_setting_or_file_is_never_joined(index, tmp_path):
    first = shard(index, tmp_path, 0, 2)
    os.utime(index.root / "005.png", (1, 1))
    second = shard(index, tmp_path, 1, 2)
    assert second.store is None
    assert second.folder != first.folder
    assert [p.name for p in begun_apart(second.folder)] == [f".{first.folder.name}.partial"]


@pytest.mark.parametrize("left", [0, 100, -200])
def test_a_broken_chunk_costs_that_chunk_alone(index, tmp_path, left):
    root = tmp_path / "stores"
    whole = contents(prepare(index, SETTINGS, tmp_path / "whole", processes=1).folder)
    shard(index, root, 0, 2)
    part = sorted(root.glob(".*.partial/*.npz"))[1]
    part.write_bytes(part.read_bytes()[:left])  # as a machine leaves it that loses power
    with pytest.raises(DataError, match=r"was broken .*is deleted; the same command"):
        shard(index, root, 1, 2)
    assert shard(index, root, 1, 2).missing == {0: 7}
    done = shard(index, root, 0, 2)
    assert done.made == 7
    assert contents(done.folder) == whole


def test_too_many_broken_images_stop_the_join(index, tmp_path):
    for i in range(4, 8):
        (index.root / f"{i:03d}.png").write_bytes(b"")
    assert shard(index, tmp_path, 0, 2).missing == {1: 28}
    with pytest.raises(DataError, match=r"5 of 60 images cannot be read.*003\.png"):
        shard(index, tmp_path, 1, 2)


def slowly(monkeypatch, began, go):
    """Let the first chunk wait until `go`."""
    process = module.process_chunk

    def wait(chunk, **keys):
        began.set()
        assert go.wait(60)
        return process(chunk, **keys)

    monkeypatch.setattr(module, "process_chunk", wait)
    return process


def test_a_shard_at_work_keeps_its_like_out_and_no_other(index, tmp_path, monkeypatch):
    began, go = threading.Event(), threading.Event()
    process = slowly(monkeypatch, began, go)
    thread = threading.Thread(target=shard, args=(index, tmp_path, 0, 2))
    thread.start()
    try:
        assert began.wait(60)
        monkeypatch.setattr(module, "process_chunk", process)
        with pytest.raises(ConfigError, match=r"shard=0 of shards=2 is being prepared already"):
            shard(index, tmp_path, 0, 2)
        assert set(shard(index, tmp_path, 1, 2).missing) == {0}
    finally:
        go.set()
        thread.join()
    assert [p.name for p in tmp_path.glob("test-*")]


def test_preparing_the_whole_waits_for_shards_at_work(index, tmp_path, monkeypatch):
    whole = contents(prepare(index, SETTINGS, tmp_path / "whole", processes=1).folder)
    began, go, made = threading.Event(), threading.Event(), []
    process = slowly(monkeypatch, began, go)
    root = tmp_path / "stores"
    one = threading.Thread(target=lambda: made.append(shard(index, root, 1, 3)))
    all_ = threading.Thread(target=lambda: made.append(prepare(index, SETTINGS, root, processes=1)))
    one.start()
    try:
        assert began.wait(60)
        seen = []
        monkeypatch.setattr(
            module,
            "process_chunk",
            lambda chunk, **k: (seen.append(chunk.start), process(chunk, **k))[1],
        )
        all_.start()
        time.sleep(0.3)  # enough to go wrong in
        assert not seen
    finally:
        go.set()
        one.join()
        all_.join()
    assert len(made) == 2
    assert seen == [0, 14, 21, 35, 42, 56]  # those of shards 0 and 2
    (store,) = root.glob("test-*")
    assert contents(store) == whole


@pytest.mark.parametrize(
    ("shards", "number"),
    [
        (4, None),
        (4, ""),
        (4, 4),
        (4, -1),
        (4, "1.5"),
        (4, "x"),
        (0, 0),
        (-2, 0),
        (None, 1),
        (4, "²"),
    ],
)
def test_a_shard_out_of_range_is_a_sentence(shards, number):
    with pytest.raises(ConfigError) as caught:
        choose_shard(shards, number)
    if shards == 4:
        assert "give a number from 0 to 3, in a job of `sbatch --array=0-3`" in str(caught.value)
    else:
        assert "shards= must be how many shards there are" in str(caught.value)


def test_shards_are_chosen_as_slurm_numbers_them():
    assert choose_shard(None, None) is None
    assert choose_shard(4, 3) == choose_shard(4, "3") == Shard(3, 4)
    assert ranges([0]) == "0"
    assert ranges([9, 2, 3, 4, 0]) == "0,2-4,9"


def test_the_command_makes_the_same_store_with_rejected_faces(ferkit, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 20)
    assert ferkit("data", "fake", "dataset=ckplus", "out=raw", "people=5").code == 0
    pictures = sorted((tmp_path / "raw").rglob("S*_*.png"))
    for picture in pictures[::9]:  # in these no face is found
        cv2.imwrite(str(picture), np.full((48, 64), 90, np.uint8))
    code, out, err = ferkit("data", "prepare", *CK, "prepared_root=whole")
    assert code == 0, err
    whole = tmp_path / out.strip()
    for number in (2, 0, 1):
        code, out, err = ferkit("data", "prepare", *CK, "shards=3", f"shard={number}")
        assert code == 0, err
        assert f"shard={number} of shards=3: " in err
        if number == 2:
            assert "is unfinished" in out
            assert "of shards 0-1; the last to finish joins all" in out
    store = tmp_path / out.strip()
    assert b'"no face"' in (store / "card.json").read_bytes()
    assert contents(store) == contents(whole)


def test_the_command_names_shards_of_other_settings(ferkit, monkeypatch):
    words = ("data", "prepare", "dataset=drawn", "dataset.train=40", "dataset.val=8", "shards=2")
    monkeypatch.setattr(module, "CHUNK", 20)
    assert ferkit(*words, "dataset.test=8", "shard=0").code == 0
    code, out, err = ferkit(*words, "dataset.test=9", "shard=1")
    assert code == 0
    assert "of shards 0; the last" in out
    assert ".partial was begun by shards of this dataset with other settings or files" in err
    code, _, err = ferkit(*words, "shard=2")
    assert code == 2
    assert "shard=2 is no shard of shards=2; give a number from 0 to 1" in err


@pytest.mark.slow
def test_shards_in_processes_at_once_one_of_them_killed(ferkit, tmp_path):
    """Four processes, of which one is killed and started again."""
    data = ("dataset=drawn", "dataset.train=3200", "dataset.val=400", "dataset.test=400")
    code, out, err = ferkit("data", "prepare", *data, "prepared_root=whole")
    assert code == 0, err
    whole = contents(tmp_path / out.strip())
    line = [sys.executable, "-m", "ferkit", "data", "prepare", *data, "shards=4"]
    jobs = [
        subprocess.Popen([*line, f"shard={number}"], cwd=tmp_path, stderr=subprocess.PIPE)
        for number in range(4)
    ]
    started = time.monotonic()
    while not list(tmp_path.glob("data/prepared/.*.partial")) and time.monotonic() < started + 60:
        time.sleep(0.01)
    jobs[1].send_signal(signal.SIGKILL)
    for number, job in enumerate(jobs):
        said = job.communicate()[1].decode()
        assert number == 1 or job.returncode == 0, said
    last = subprocess.run(
        [*line, "shard=1"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert last.returncode == 0, last.stderr
    assert contents(tmp_path / last.stdout.strip()) == whole
