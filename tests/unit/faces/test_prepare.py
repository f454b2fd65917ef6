import os
import random
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ferkit.datasets.index import make_index
from ferkit.errors import DataError
from ferkit.faces import prepare as module
from ferkit.faces.prepare import prepare
from ferkit.faces.settings import FaceSettings
from ferkit.faces.store import open_store, store_name

SETTINGS = FaceSettings(size=16)


@pytest.fixture
def index(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(60):
        path = tmp_path / "raw" / f"{i:03d}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (20, 20), dtype=np.uint8))
        rows.append({"key": path.name, "path": path.name, "label": ["happy", "sad"][i % 2]})
    return make_index(rows, name="test", variant="png", root=tmp_path / "raw")


def contents(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_store_holds_every_face_with_its_row(index, tmp_path):
    store = prepare(index, SETTINGS, tmp_path / "stores")
    assert store.faces.shape == (60, 16, 16)
    assert list(store.index["key"]) == list(index.frame["key"])
    image = cv2.imread(str(index.root / "007.png"), cv2.IMREAD_GRAYSCALE)
    expected = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA)
    assert np.array_equal(store.faces[7], expected)
    assert store.index["content"].nunique() == 60


def test_prepared_once_and_a_changed_setting_makes_another(index, tmp_path, monkeypatch):
    first = prepare(index, SETTINGS, tmp_path / "stores")
    monkeypatch.setattr(module, "_make_parts", lambda *a: pytest.fail("prepared again"))
    assert prepare(index, SETTINGS, tmp_path / "stores").folder == first.folder
    monkeypatch.undo()
    second = prepare(index, replace(SETTINGS, size=12), tmp_path / "stores")
    assert second.folder != first.folder
    assert open_store(first.folder).faces.shape == (60, 16, 16)


def test_a_changed_file_makes_another_store(index, tmp_path):
    name = store_name(index, SETTINGS)
    cv2.imwrite(str(index.root / "000.png"), np.zeros((9, 9), np.uint8))
    os.utime(index.root / "000.png", (1, 1))
    assert store_name(index, SETTINGS) != name


def test_killed_anywhere_it_ends_in_the_same_bytes(index, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 7)
    whole = contents(prepare(index, SETTINGS, tmp_path / "whole", processes=1).folder)
    save = module._save_part
    for attempt in range(10):
        root = tmp_path / f"killed{attempt}"
        left = random.Random(attempt).randrange(9)

        def dying(path, arrays, left=left):
            if len(list(path.parent.glob("*.npz"))) >= left:
                path.with_suffix(".1.tmp").write_bytes(b"half")
                raise SystemError("killed")
            save(path, arrays)

        def dying_late(*_):
            raise SystemError("killed")

        if attempt < 7:
            monkeypatch.setattr(module, "_save_part", dying)
        else:  # when faces.npy lies there already
            monkeypatch.setattr(module, ("make_card", "write_sheet")[attempt % 2], dying_late)
        with pytest.raises(SystemError):
            prepare(index, SETTINGS, root, processes=1)
        monkeypatch.undo()
        monkeypatch.setattr(module, "CHUNK", 7)
        assert contents(prepare(index, SETTINGS, root, processes=1).folder) == whole
        assert not list(root.glob(".*partial"))


def test_half_made_store_is_made_again(index, tmp_path):
    folder = tmp_path / "stores" / store_name(index, SETTINGS)
    folder.mkdir(parents=True)
    (folder / "faces.npy").write_bytes(b"half")
    assert len(prepare(index, SETTINGS, tmp_path / "stores")) == 60


def test_processes_change_nothing(index, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 16)
    one = prepare(index, SETTINGS, tmp_path / "one", processes=1)
    two = prepare(index, SETTINGS, tmp_path / "two", processes=2)
    assert contents(one.folder) == contents(two.folder)


def test_truncated_file_is_counted_and_too_many_stop(index, tmp_path):
    bad = index.root / "003.png"
    bad.write_bytes(bad.read_bytes()[:40])
    store = prepare(index, SETTINGS, tmp_path / "stores")
    assert store.card["dropped"] == {"unreadable": 1}
    assert len(store) == 59
    for i in range(4, 8):
        (index.root / f"{i:03d}.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"5 of 60 images cannot be read.*003\.png"):
        prepare(index, SETTINGS, tmp_path / "stores")


def test_blank_and_dark_images_are_dropped_by_content(index, tmp_path):
    cv2.imwrite(str(index.root / "001.png"), np.zeros((20, 20), np.uint8))
    dark = np.random.default_rng(0).integers(0, 9, (20, 20), dtype=np.uint8)
    cv2.imwrite(str(index.root / "002.png"), dark)
    assert prepare(index, SETTINGS, tmp_path / "a").card["dropped"] == {"blank": 1}
    index.dark_below = 10
    assert prepare(index, SETTINGS, tmp_path / "b").card["dropped"] == {"blank": 1, "black": 1}


def test_two_preparers_of_one_store_do_not_harm_each_other(index, tmp_path, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr(module, "CHUNK", 7)
    made = []
    whole = module._write_store
    monkeypatch.setattr(module, "_write_store", lambda *a: (made.append(1), whole(*a)))
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(
            lambda _: prepare(index, SETTINGS, tmp_path / "stores", processes=1), range(2)
        )
    assert one.folder == two.folder
    assert len(made) == 1
    assert len(one) == 60


def test_damaged_store_is_a_sentence_never_a_crash(index, tmp_path):
    folder = prepare(index, SETTINGS, tmp_path / "stores").folder
    rng = random.Random(0)
    for name in ("faces.npy", "index.parquet", "card.json"):
        whole = (folder / name).read_bytes()
        for attempt in range(60):
            damaged = bytearray(whole)
            if attempt % 3 == 0:
                damaged = damaged[: rng.randrange(len(damaged))]
            else:
                place = rng.randrange(min(len(damaged), 300) if attempt % 3 == 1 else len(damaged))
                damaged[place] ^= 1 << rng.randrange(8)
            (folder / name).write_bytes(damaged)
            try:
                assert len(open_store(folder)) == 60
            except DataError as error:
                assert "delete it" in str(error) or "newer" in str(error)
        (folder / name).write_bytes(whole)


def test_card_and_sheet_say_what_was_done(index, tmp_path):
    cv2.imwrite(str(index.root / "001.png"), np.zeros((20, 20), np.uint8))
    store = prepare(index, SETTINGS, tmp_path / "stores")
    assert store.card["dropped_share"] == {"happy": 0.0, "sad": round(1 / 30, 4)}
    assert store.card["dropped_share_by_dataset"] == {"test": round(1 / 60, 4)}
    assert store.card["faces"]["size"] == 16
    sheet = cv2.imread(str(store.folder / "sheet.png"))
    assert sheet.shape == (6 * 96, 4 * 2 * 96, 3)
    assert sheet.std() > 10


def test_newer_format_is_refused(index, tmp_path):
    folder = prepare(index, SETTINGS, tmp_path / "stores").folder
    card = folder / "card.json"
    card.write_text(card.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(DataError, match="format 9"):
        open_store(folder)


@pytest.mark.parametrize(
    ("height", "width", "detector", "warned"),
    [
        (480, 640, "none", True),
        (640, 480, "none", True),
        (500, 500, "none", True),
        (224, 224, "none", False),  # a crop, as they are passed on
        (48, 64, "none", False),
        (480, 640, "haar", False),
    ],
)
def test_whole_photographs_are_warned_of(tmp_path, height, width, detector, warned):
    rng = np.random.default_rng(0)
    (tmp_path / "raw").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(tmp_path / "raw" / name), rng.integers(0, 256, (height, width, 3)))
    rows = [{"key": n, "path": n, "label": "happy"} for n in ("a.png", "b.png", "c.png")]
    index = make_index(rows, name="test", variant="png", root=tmp_path / "raw")
    settings = replace(SETTINGS, detector=detector, no_face="whole")
    store = prepare(index, settings, tmp_path / "stores")
    said = [w for w in store.card["dataset"]["warnings"] if "faces=haar_48" in w]
    assert bool(said) == warned
    if warned:
        assert f"{width} x {height} pixels" in said[0]


def test_classes_that_lose_unevenly_are_warned_of_with_what_helps(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "raw").mkdir()
    rows = []
    for i in range(8):
        image = rng.integers(0, 256, (20, 20), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "raw" / f"{i}.png"), image * (i != 0))  # one is black
        rows.append({"key": f"{i}", "path": f"{i}.png", "label": ["happy", "sad"][i % 2]})
    index = make_index(rows, name="test", variant="png", root=tmp_path / "raw")
    (said,) = prepare(index, SETTINGS, tmp_path / "stores").card["dataset"]["warnings"]
    assert "25% of happy but 0% of sad" in said
    assert "no_face" not in said  # no face was looked for
