from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from ferkit.checking.check import check, render_text
from ferkit.checking.duplicates import identical, near_pairs
from ferkit.checking.measure import perceptual_hash
from ferkit.checking.page import write_page
from ferkit.datasets.index import make_index
from ferkit.errors import DataError


def smooth(seed, size=48):
    """A picture with low frequencies, as faces have them."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def index(tmp_path):
    """20 train, 6 val and 6 test pictures with known troubles."""
    rows = []

    def add(name, image, label, split, **more):
        save(tmp_path / name, image)
        rows.append({"key": name, "path": name, "label": label, "split": split, **more})

    for i in range(16):
        add(f"train/{i:02d}.png", smooth(i), ("happy", "sad")[i % 2], "train", subject=f"s{i}")
    add("train/copy.png", smooth(0), "happy", "train")
    add("train/other.bmp", smooth(1), "happy", "train")  # same pixels, other bytes, other label
    add("train/black.png", np.zeros((48, 48), np.uint8), "sad", "train")
    brighter = cv2.convertScaleAbs(smooth(2), alpha=0.97)
    add("train/near.png", brighter, "sad", "train")
    for i in range(4):
        add(f"val/{i}.png", smooth(100 + i), "happy", "val", subject="s3" if i else "v")
    add("val/leak.png", smooth(5), "sad", "val")
    add("val/turned.png", smooth(6), "sad", "val")  # a copy of a happy one
    for i in range(4):
        add(f"test/{i}.png", smooth(200 + i, 60), "sad", "test")
    add("test/colour.png", np.dstack([smooth(300), smooth(301), smooth(302)]), "happy", "test")
    add("test/near.png", cv2.convertScaleAbs(smooth(3), alpha=0.97), "sad", "test")
    (tmp_path / "test" / "cut.png").write_bytes((tmp_path / "test" / "0.png").read_bytes()[:200])
    rows.append({"key": "cut", "path": "test/cut.png", "label": "sad", "split": "test"})
    rows.append({"key": "gone", "path": "test/gone.png", "label": "sad", "split": "test"})
    return make_index(
        rows,
        name="made",
        variant="folders",
        root=tmp_path,
        dropped={"junk": 2},
        notes=["a note"],
        warnings=["a warning"],
    )


def test_everything_that_was_put_in_is_found(index):
    result = check(index)
    assert result.counts.loc["total"].to_list() == [20, 6, 8, 34]
    assert result.counts.loc["happy"].to_list() == [10, 4, 1, 15]
    assert result.identical.groups == 4
    assert result.identical.surplus == 4
    assert result.identical.distinct == 28
    assert result.identical.conflicting == 2
    assert result.identical.surplus_within == {"train": 2, "val": 0}
    assert result.identical.across == {"train|val": 2, "train|test": 0, "val|test": 0}
    assert result.identical.relabelled == {"train|val": 1, "train|test": 0, "val|test": 0}
    assert result.same_bytes.groups == 3
    images = result.images.set_index(index.frame["key"].iloc[result.images["row"]].to_numpy())
    assert list(images.index[images["blank"]]) == ["train/black.png"]
    assert set(images.index[images["error"] != ""]) == {"cut", "gone"}
    assert result.leaks["train|val"]["subject"] == 3
    assert result.leaks["train|val"]["identical"] == 2


def test_near_copies_are_told_from_identical_ones(index):
    near = check(index).near
    assert near.across == {"train|val": 0, "train|test": 1, "val|test": 0}
    assert near.groups == 2
    assert near.surplus == 2
    assert near.conflicting == 1  # sad copy of a happy picture
    assert check(index, near=False).near is None


def test_two_processes_find_what_one_finds(index, monkeypatch):
    monkeypatch.setattr("ferkit.checking.measure._CHUNK", 5)
    one, two = (check(index, processes=n).images for n in (1, 2))
    assert one.equals(two)


def test_the_text_says_it_all(index):
    text = render_text(check(index))
    for words in (
        "made | folders | ",
        "34 samples, 2 classes, 17 subjects, no sequences",
        "Dropped:    junk: 2",
        "48 x 48 (28), 60 x 60 (4)",
        "PNG L (30), PNG RGB (1), BMP L (1)",
        "Unreadable: 2 (2 test); cut: ",
        "Blank:      1 (1 train), of one grey level or all but black: train/black.png",
        "groups of copies: 4; surplus copies: 4 (2 inside train); groups with conflicting",
        "val images with an identical copy in train: 2 (1 of them never under the same label)",
        "by the bytes of the files: 29 distinct",
        "Leak:       3 val images show a subject who is also in train",
        "Note:       a note",
        "Warning:    a warning",
    ):
        assert words in text


def test_near_frames_of_one_video_are_told_from_others(tmp_path):
    images = np.stack([smooth(0), smooth(0) - smooth(0) // 30, smooth(1)])
    rows = [{"key": f"{i}", "label": "happy", "sequence": f"video{i // 2}"} for i in range(3)]
    text = render_text(check(make_index(rows, name="x", variant="v", root=tmp_path, images=images)))
    assert "groups of copies: 1; surplus copies: 1" in text
    assert "groups of one video, as is natural: 1" in text


def test_an_index_of_arrays_needs_no_files(tmp_path):
    images = np.stack([smooth(i) for i in (0, 1, 1, 2)])
    rows = [{"key": f"{i}", "label": "happy"} for i in range(4)]
    result = check(make_index(rows, name="x", variant="csv", root=tmp_path, images=images))
    assert (result.identical.groups, result.same_bytes) == (1, None)
    assert "grey array (4)" in render_text(result)


def test_darkness_below_the_dataset_s_own_limit_is_blank(tmp_path):
    images = np.stack([smooth(0), smooth(1) // 40])
    rows = [{"key": f"{i}", "label": "happy"} for i in range(2)]
    index = make_index(rows, name="x", variant="v", root=tmp_path, images=images, dark_below=9.0)
    assert check(index).images["blank"].tolist() == [False, True]


def test_people_of_one_photograph_are_no_copies_and_do_not_conflict(tmp_path):
    save(tmp_path / "a.png", smooth(0))
    rows = [
        {"key": f"{i}", "label": label, "path": "a.png", "box": [i * 20, 0, i * 20 + 20, 40]}
        for i, label in enumerate(["happy", "sad"])
    ]
    result = check(make_index(rows, name="x", variant="v", root=tmp_path))
    assert (len(result.images), result.identical.groups, result.counts.loc["total", "all"]) == (
        1,
        0,
        2,
    )


def test_an_empty_index_gets_a_sentence(tmp_path):
    with pytest.raises(DataError, match="holds no samples, so nothing can be checked"):
        check(make_index([], name="x", variant="v", root=tmp_path))


def test_images_that_are_all_alike_do_not_stop_the_check(tmp_path, monkeypatch):
    real = near_pairs
    monkeypatch.setattr(
        "ferkit.checking.duplicates.near_pairs", lambda hashes, bits: real(hashes, bits, most=3)
    )
    images = np.stack([smooth(0) // 2 + i for i in range(9)])
    rows = [{"key": f"{i}", "label": "happy"} for i in range(9)]
    result = check(make_index(rows, name="x", variant="v", root=tmp_path, images=images))
    assert result.near is None
    assert "more than 3 pairs of near images; the images are all alike" in result.notes[0]


def test_the_perceptual_hash_is_the_library_s():
    for seed in range(20):
        image = smooth(seed)
        assert f"{perceptual_hash(image):016x}" == str(imagehash.phash(Image.fromarray(image)))


@pytest.mark.parametrize("distance", [0, 1, 4, 9])
def test_near_pairs_are_those_of_a_full_comparison(distance):
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 60, dtype=np.uint64)
    flips = np.array(
        [sum(1 << int(b) for b in rng.choice(64, k % 12, replace=False)) for k in range(240)],
        np.uint64,
    )
    hashes = np.concatenate([hashes, hashes[rng.integers(0, 60, 240)] ^ flips])
    one, two = np.triu_indices(len(hashes), 1)
    close = np.bitwise_count(hashes[one] ^ hashes[two]) <= distance
    expected = np.stack([one[close], two[close]], axis=1)
    assert len(expected) > 10
    assert near_pairs(hashes, distance).tolist() == expected.tolist()


def test_near_pairs_of_few_and_of_none():
    assert near_pairs(np.array([], np.uint64)).shape == (0, 2)
    assert near_pairs(np.array([7], np.uint64)).shape == (0, 2)
    assert near_pairs(np.array([7, 7], np.uint64)).tolist() == [[0, 1]]
    with pytest.raises(OverflowError):
        near_pairs(np.zeros(9, np.uint64), most=20)


def test_an_image_is_relabelled_only_where_no_copy_agrees():
    content = np.array(["a", "a", "a", "b", "b"])
    labels = np.array(["happy", "sad", "sad", "fear", "sad"])
    views = np.array(["train", "train", "val", "train", "val"])
    copies = identical(content, labels, views)
    assert copies.across["train|val"] == 2
    assert copies.relabelled["train|val"] == 1


def test_unreadable_images_are_no_copies_of_each_other():
    copies = identical(np.array(["", "", "a"]), np.array(["x"] * 3), np.array(["train"] * 3))
    assert (copies.groups, copies.distinct, copies.group.tolist()) == (0, 1, [-1, -1, -1])


def test_the_page_holds_counts_and_faces_and_loads_nothing(index, tmp_path):
    page = write_page(check(index), tmp_path / "out")
    html = page.read_text()
    assert page == tmp_path / "out" / "made.html"
    assert html.count("data:image/png;base64,") > 1 + 2 * 12
    assert "http" not in html.replace("http://www.w3.org", "")
    for words in (
        "One image, several labels",
        "Near copies, several labels",
        "Blank images",
        "happy 1, sad 1",
        ">10</td>",
        "a warning",
    ):
        assert words in html


def test_a_page_name_may_be_given_and_names_are_escaped(tmp_path):
    rows = [{"key": "0", "label": "<b>"}]
    index = make_index(rows, name="x&y", variant="v", root=tmp_path, images=smooth(0)[None])
    page = write_page(check(index), tmp_path / "a.html")
    html = page.read_text()
    assert page.name == "a.html"
    assert "<b>&" not in html
    assert "x&amp;y" in html
    assert "&lt;b&gt;" in html


REAL = Path(__file__).parents[3] / "data" / "raw" / "fer2013"


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "train").is_dir(), reason="FER-2013 is not here")
def test_the_published_metrics_of_fer2013_are_found():
    from ferkit.datasets.fer2013 import read_fer2013

    result = check(read_fer2013(REAL), near=False)
    for copies in (result.identical, result.same_bytes):
        assert (copies.distinct, copies.groups, copies.conflicting) == (34_034, 1_516, 57)
        assert copies.across == {"train|val": 280, "train|test": 288, "val|test": 44}
        assert copies.surplus_within["train"] == 1_236
        assert copies.relabelled["train|val"] + copies.relabelled["train|test"] == 16
    assert result.images["blank"].sum() == 12
    assert result.counts.loc["total"].to_list() == [28_709, 3_589, 3_589, 35_887]
