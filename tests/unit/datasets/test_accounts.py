"""Whatever lies below the root is read, counted under a name, or named in a warning."""

import os
import shutil
import socket
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.datasets.accounts import account
from ferkit.datasets.class_tree import OUTSIDE_CLASSES
from ferkit.datasets.fakes.fer2013 import make as make_fer2013
from ferkit.datasets.fer2013 import read_fer2013
from ferkit.datasets.folder import read_folder
from ferkit.datasets.index import make_index
from ferkit.datasets.video_files import is_video
from ferkit.datasets.walk import is_image, list_files
from ferkit.errors import DataError
from ferkit.tree import choices
from ferkit.views import read_index

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

# Every adapter, and the variants whose files lie differently.
VARIANTS = {
    "fer2013": ("folder", "csv"),
    "ferplus": ("csv", "written"),
    "ckplus": ("original", "ck48", "csv"),
    "emotic": ("mat", "pre"),
    "afew": ("videos", "frames"),
    "folder": ("splits", "flat"),
}
FAKES = [
    (dataset, variant)
    for dataset in choices("dataset")
    if dataset != "drawn"
    for variant in VARIANTS.get(dataset, ("",))
]


def node_of(dataset, root):
    return as_plain(compose(f"dataset={dataset}", f"dataset.root={root}").dataset)


@pytest.fixture(scope="module", params=FAKES, ids=["-".join(f).strip("-") for f in FAKES])
def made(request, tmp_path_factory):
    dataset, variant = request.param
    root = tmp_path_factory.mktemp("accounts") / dataset
    node = node_of(dataset, root)
    maker = import_module(f"ferkit.datasets.fakes.{node['_target_'].rsplit('.', 2)[1]}")
    maker.make(root, people=2, **({"variant": variant} if variant else {}))
    return node, root


def pictures(root):
    return sum(is_image(n) or is_video(n) for _, _, names in os.walk(root) for n in names)


def test_all_of_a_genuine_layout_is_accounted_for(made):
    node, root = made
    index = read_index(node)
    assert sum(index.files.values()) == pictures(root)
    if index.name != "merged":  # its fake holds more datasets than each merge takes
        assert index.outside not in index.files


def test_strays_are_counted_and_named_by_every_adapter(made, tmp_path):
    node, root = made
    root = shutil.copytree(root, tmp_path / "copy")
    before = read_index({**node, "root": str(root)})
    deep = next(Path(folder) for folder, _, names in os.walk(root) if names)
    strays = [f"stray{i}.png" for i in range(6)] + ["odd one/a.png", "odd one/b.jpg"]
    strays += ["odd two/deeper/c.png", f"{deep.relative_to(root)}/odd two/d.bmp"]
    for name in strays:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\xff\xd8\xff")
    try:
        index = read_index({**node, "root": str(root)})
    except DataError as error:  # a folder of images beside class folders may be a class
        assert "odd one" in str(error) or "odd two" in str(error)
        return
    assert sum(index.files.values()) == pictures(root)
    gained = {k: n - before.files.get(k, 0) for k, n in index.files.items()}
    assert sum(gained.values()) == len(strays)
    if index.outside != OUTSIDE_CLASSES:  # there, a folder in a class folder is of the class
        assert gained.get("read", 0) == 0
    assert all(reason == "read" or n >= 0 for reason, n in gained.items())
    named = " ".join(index.warnings)
    assert "stray" in named or "odd" in named


# ------------------------------------------------------------------ what is no data


def tree(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"\xff\xd8\xff")
    return root


PLAIN = ("happy/1.jpg", "happy/2.jpg", "sad/1.jpg", "sad/2.jpg")


def test_litter_of_operating_systems_and_disks_is_counted(tmp_path):
    litter = (
        "@eaDir/1.jpg",
        ".thumbnails/1.jpg",
        "happy/@eaDir/1.jpg/SYNO.jpg",
        "sad/._1.jpg",
        "__MACOSX/happy/1.jpg",
        "$RECYCLE.BIN/1.jpg",
        "#recycle/1.jpg",
    )
    tree(tmp_path, *PLAIN, *litter, "happy/Thumbs.db")
    index = read_folder(tmp_path)
    assert index.files == {"read": 4, "junk file": len(litter)}
    assert index.dropped == {"junk file": len(litter) + 1}


def test_what_is_no_regular_file_is_passed_over_and_never_opened(tmp_path):
    tree(tmp_path, *PLAIN)
    (tmp_path / "happy" / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "happy" / "nowhere.png").symlink_to("gone.png")
    (tmp_path / "happy" / "itself.png").symlink_to("itself.png")
    os.mkfifo(tmp_path / "sad" / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sad" / "s.png"))
    index = read_folder(tmp_path)
    assert len(index) == 4
    assert index.dropped == {"no regular file": 5}
    assert "5 entries below" in index.warnings[0] and "happy/itself.png" in index.warnings[0]


def test_a_folder_named_like_an_image_is_a_folder(tmp_path):
    index = read_folder(tree(tmp_path, *PLAIN, "happy/3.png/inner.png"))
    assert index.files == {"read": 5}


def test_folders_that_link_to_each_other_end(tmp_path):
    tree(tmp_path, *PLAIN)
    (tmp_path / "happy" / "to sad").symlink_to(tmp_path / "sad")
    (tmp_path / "sad" / "to happy").symlink_to(tmp_path / "happy")
    assert list_files(tmp_path).images.count("happy/1.jpg") == 1
    assert len(list_files(tmp_path).images) < 20


def test_a_folder_linked_from_outside_is_followed_and_said(tmp_path):
    tree(tmp_path / "disk", "1.jpg", "2.jpg")
    tree(tmp_path / "data", "sad/1.jpg")
    (tmp_path / "data" / "happy").symlink_to(tmp_path / "disk")
    index = read_folder(tmp_path / "data")
    assert index.files == {"read": 3}
    assert "links that lead out of it, e.g. happy" in index.notes[0]


def test_formats_that_cannot_be_read_are_named(tmp_path):
    tree(tmp_path, *PLAIN, "happy/3.heic", "sad/3.AVIF", "sad/without_an_ending")
    (tmp_path / "sad" / "README").write_text("no image")
    index = read_folder(tmp_path)
    assert index.dropped["image of a format or name that is not read"] == 3
    assert "3 images below" in index.warnings[0] and "happy/3.heic" in index.warnings[0]
    assert read_folder(tree(tmp_path / "b", "happy/1.JPG", "sad/1.webp", "sad/2.gif")).files == {
        "read": 3
    }


def test_names_that_are_no_text_are_named(tmp_path):
    tree(tmp_path, *PLAIN, "happy/开心 1.jpg", "sad/a\nb.jpg")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/sad/\xff\xfe.jpg")).write_bytes(b"\xff\xd8")
    except OSError:
        pytest.skip("the file system takes no such name")
    index = read_folder(tmp_path)
    assert index.files == {"read": 6, "name is no UTF-8": 1}
    assert "\\udcff" in index.warnings[0] and "\n" not in index.warnings[0]
    index.frame["key"].str.encode("utf-8")


def test_folders_that_cannot_be_read(tmp_path, monkeypatch):
    tree(tmp_path, *PLAIN, "private/1.jpg")
    scandir = os.scandir

    def refusing(folder):
        if Path(folder).name in closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    closed = {"private"}
    index = read_folder(tmp_path)
    assert "private" in index.warnings[0] and "Permission denied" in index.warnings[0]
    closed = {"sad"}
    with pytest.raises(DataError, match=r"sad cannot be read \(Permission denied\)"):
        read_folder(tmp_path)
    closed = {tmp_path.name}
    with pytest.raises(DataError, match=r"dataset\.root=.* cannot be read \(Permission denied\)"):
        read_folder(tmp_path)


def test_a_row_by_another_spelling_is_the_file_itself(tmp_path):
    tree(tmp_path, "real/1.jpg", "real/2.jpg")
    (tmp_path / "real" / "back").symlink_to(tmp_path / "real")
    rows = [{"key": "a", "path": "real/back/1.jpg", "label": "sad"}]
    index = make_index(rows, name="t", variant="v", root=tmp_path, roots=[tmp_path])
    account(index)
    assert index.files == {"read": 1, "outside the layout": 1}


def test_a_folder_with_a_line_break_is_said_on_one_line(tmp_path):
    root = tree(tmp_path / "a\nb", *PLAIN, "stray.jpg", "@eaDir/x.heic")
    index = read_folder(root)
    assert index.files == {"read": 4, "outside the class folders": 1, "junk file": 1}
    assert all("\n" not in said for said in index.warnings)
    with pytest.raises(DataError) as caught:
        read_folder(tree(root / "alone", "happy/1.jpg"))
    assert "\n" not in str(caught.value) and "a\\nb" in str(caught.value)


def test_archives_and_second_copies_are_said(tmp_path):
    tree(tmp_path / "a", *PLAIN, "test.zip")
    assert "1 archives below" in read_folder(tmp_path / "a").notes[0]
    for copy in ("FER2013", "FER2013 (1)"):
        make_fer2013(tmp_path / "b" / copy, people=1, variant="csv")
    index = read_fer2013(tmp_path / "b")
    assert any("FER2013 (1)/fer2013.csv" in warning for warning in index.warnings)


def test_many_folders_are_summed_up_in_a_warning(tmp_path):
    tree(tmp_path, "train/happy/1.jpg", "train/sad/1.jpg", *(f"odd{i}/1.jpg" for i in range(9)))
    (warning,) = read_folder(tmp_path).warnings
    assert "9 images below" in warning and "4 in 4 other folders" in warning


@pytest.mark.parametrize("trial", range(20))
def test_spoiled_datasets_are_read_or_refused(trial, tmp_path):
    from mutate_datasets import run

    _, faults = run(tmp_path, [trial], seed=12)
    assert faults == []
