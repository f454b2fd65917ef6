import pytest

from ferkit.datasets import layout, walk
from ferkit.errors import DataError, DatasetLayoutError, DatasetNotFoundError

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def touch(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def missing(root):
    return str(layout.not_found("ck", root, "a/*.png", "a form", "research", "x/*.png"))


@pytest.mark.parametrize(
    "name", [".DS_Store", "._a.jpg", "__MACOSX", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"]
)
def test_litter_is_junk(name):
    assert walk.is_junk(name)
    assert not walk.is_junk("S005_001.png")


def test_split_names_are_known_in_any_case():
    assert [layout.split_name(n) for n in ("Training", "VALID", "testing", "trainer")] == [
        "train",
        "val",
        "test",
        "",
    ]


def test_the_nearest_root_wins_and_levels_bound_the_search(tmp_path):
    touch(tmp_path / "a" / "b" / "mark")
    touch(tmp_path / "z" / "mark")
    assert layout.find_root(tmp_path, lambda f: (f / "mark").exists()) == tmp_path / "z"
    assert layout.find_root(tmp_path / "a", lambda f: (f / "mark").exists(), levels=0) is None
    assert layout.find_root(tmp_path / "a" / "b", lambda f: (f / "mark").exists()) is not None
    assert layout.find_root(tmp_path / "nowhere", lambda f: True) is None


def test_junk_folders_are_not_searched(tmp_path):
    touch(tmp_path / "__MACOSX" / "mark")
    assert layout.find_root(tmp_path, lambda f: (f / "mark").exists()) is None


def test_files_are_found_by_name_in_any_case_and_in_order_of_preference(tmp_path):
    deep = touch(tmp_path / "x" / "FER2013.CSV")
    touch(tmp_path / "train.csv")
    assert layout.find_file(tmp_path, ["fer2013.csv", "train.csv"]) == deep
    assert layout.find_file(tmp_path, ["icml.csv"]) is None


def test_listing_sorts_images_others_and_junk(tmp_path):
    for name in ("b/2.JPG", "a/1.png", "a/notes.txt", "a/.DS_Store", "__MACOSX/a/1.png"):
        touch(tmp_path / name)
    listing = walk.list_files(tmp_path)
    assert listing.images == ["a/1.png", "b/2.JPG"] == walk.image_files(tmp_path)
    assert listing.others == ["a/notes.txt"]
    assert listing.junk == 2


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path / "real" / "1.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "data" / "self").symlink_to(tmp_path / "data")
    assert walk.image_files(tmp_path / "data") == ["linked/1.png"]


def test_class_folders_are_named_canonically(tmp_path):
    for name in ("Happiness", "sadness", "Faces"):
        (tmp_path / name).mkdir()
    assert layout.class_folders(tmp_path) == {"Happiness": "happy", "sadness": "sad"}


def test_a_pointer_is_refused_and_data_is_not(tmp_path):
    pointer = touch(tmp_path / "train.csv", POINTER.encode())
    with pytest.raises(DataError, match=rf"Git-LFS pointer \({len(POINTER)} bytes\).*git lfs pull"):
        layout.refuse_lfs_pointer(pointer)
    layout.refuse_lfs_pointer(touch(tmp_path / "good.csv", b"emotion,pixels"))


def test_not_found_says_the_likeliest_cause(tmp_path):
    assert "does not exist" in missing(tmp_path / "nowhere")
    assert "is a file" in missing(touch(tmp_path / "f" / "a.txt"))
    (tmp_path / "empty").mkdir()
    assert "Directory holds: nothing" in missing(tmp_path / "empty")
    text = missing(tmp_path / "f")
    for part in ("ck: nothing recognisable under", "a/*.png", "a.txt", "a form", "research", "x/*"):
        assert part in text
    touch(tmp_path / "g" / "in" / "ck.tar.gz")
    assert "found the archive" in missing(tmp_path / "g")
    assert "extract it first" in missing(tmp_path / "g")


def test_not_found_lists_eight_entries_at_most(tmp_path):
    for i in range(12):
        touch(tmp_path / f"f{i:02d}")
    assert "f07, ... (12 entries)" in missing(tmp_path)
    assert "f08" not in missing(tmp_path)


def test_errors_are_data_errors():
    assert isinstance(layout.incomplete("ck", "CK+", "Emotion/", "ask again"), DatasetLayoutError)
    assert issubclass(DatasetNotFoundError, DataError)


def test_counts_warn_and_stop_only_when_strict():
    found, expected = {"happy": 3, "odd": 1}, {"happy": 3, "sad": 2}
    (warning,) = layout.check_counts("ck", "images", found, expected, strict=False)
    assert "sad 0 (expected 2)" in warning
    assert "odd 1 (expected 0)" in warning
    assert "happy" not in warning
    assert layout.check_counts("ck", "images", expected, expected, strict=True) == []
    with pytest.raises(DataError, match="4 images instead of the published 5"):
        layout.check_counts("ck", "images", found, expected, strict=True)


def test_per_class_counts_in_canonical_order():
    assert list(layout.per_class(["sad", "bored", "", "angry", "sad"]).items()) == [
        ("angry", 1),
        ("sad", 2),
        ("bored", 1),
    ]
