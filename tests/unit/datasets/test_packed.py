"""Zip and tar archives read where they lie."""

import io
import shutil
import stat
import tarfile
import zipfile
from importlib import import_module

import pandas as pd
import pytest

from ferkit.cli import main
from ferkit.composition import compose
from ferkit.datasets.packed import inside, open_text, read_bytes
from ferkit.errors import DataError
from ferkit.views import read_index

READABLE = ("ckplus", "fer2013", "ferplus", "folder", "kdef", "mug", "table")


def zipped(folder, archive):
    shutil.make_archive(str(archive.with_suffix("")), archive.suffix[1:], folder)
    return archive


def read(dataset, root):
    return read_index(compose(f"dataset={dataset}", f"dataset.root={root}").dataset)


def by_words(index):
    return index.frame.drop(columns="path")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("packed") / "faces"
    import_module("ferkit.datasets.fakes.folder").make(root, people=3)
    return root


@pytest.mark.parametrize("dataset", READABLE)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_is_read_as_its_folder_is(dataset, kind, tmp_path):
    import_module(f"ferkit.datasets.fakes.{dataset}").make(tmp_path / "in", people=3)
    packed = zipped(tmp_path / "in", tmp_path / f"{dataset}.{kind}")
    folder, archive = read(dataset, tmp_path / "in"), read(dataset, packed)
    pd.testing.assert_frame_equal(by_words(folder), by_words(archive))
    assert folder.dropped == archive.dropped
    assert folder.files == archive.files
    assert not any("refused" in warning for warning in archive.warnings)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([packed.name, "in"])


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_trained_and_checked_from_an_archive(tree, kind, tmp_path, monkeypatch, capsys):
    packed = zipped(tree, tmp_path / f"faces.{kind}")
    monkeypatch.chdir(tmp_path)
    assert main(["data", "check", "dataset=folder", f"dataset.root={packed}"]) == 0
    assert "Unreadable: none" in capsys.readouterr().out
    assert main(["data", "prepare", "dataset=folder", f"dataset.root={packed}"]) == 0


def test_a_folder_in_an_archive_is_a_root_of_its_own(tree, tmp_path):
    packed = zipped(tree.parent, tmp_path / "all.ZIP".lower())
    inner = read("folder", f"{packed}/faces")
    pd.testing.assert_frame_equal(by_words(inner), by_words(read("folder", tree)))


def test_a_suffix_of_any_case_and_a_folder_of_such_a_name(tree, tmp_path):
    packed = zipped(tree, tmp_path / "a.zip").rename(tmp_path / "Großes Archiv.ZIP")
    assert len(read("folder", packed)) == len(read("folder", tree))
    shutil.copytree(tree, tmp_path / "folder.zip")
    assert len(read("folder", tmp_path / "folder.zip")) == len(read("folder", tree))


def test_names_that_lead_out_links_and_doubles_are_refused_and_counted(tree, tmp_path):
    face = next(tree.rglob("*.jpg")).read_bytes()
    packed = zipped(tree, tmp_path / "a.zip")
    whole = len(read("folder", packed))
    with zipfile.ZipFile(packed, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        for name in ("../../happy/1.jpg", "/happy/2.jpg", "C:\\happy\\3.jpg", "train/../x/1.jpg"):
            file.writestr(name, face)
        link = zipfile.ZipInfo("train/disgust/link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
        file.writestr(next(n for n in file.namelist() if n.endswith(".jpg")), face)
    index = read("folder", packed)
    assert len(index) == whole
    assert index.dropped["refused member of an archive"] == 6
    assert any("6 members" in warning and "leads out" in warning for warning in index.warnings)
    assert not (tmp_path.parent / "happy").exists()


def test_a_tar_of_odd_members(tree, tmp_path):
    packed = zipped(tree, tmp_path / "a.tar")
    whole = len(read("folder", packed))
    with tarfile.open(packed, "a") as file:
        for name in ("../out/happy/1.jpg", "/abs/happy/2.jpg"):
            file.addfile(tarfile.TarInfo(name), io.BytesIO())
        for name, kind in (("l.jpg", tarfile.SYMTYPE), ("d.jpg", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(f"train/disgust/{name}")
            member.type, member.linkname = kind, "/etc/passwd"
            file.addfile(member)
    index = read("folder", packed)
    assert len(index) == whole
    assert index.dropped["refused member of an archive"] == 4


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("keep", [0.0, 0.4, 0.97])
def test_an_archive_cut_short_is_a_sentence(tree, kind, keep, tmp_path, capsys):
    packed = zipped(tree, tmp_path / f"a.{kind}")
    packed.write_bytes(packed.read_bytes()[: int(packed.stat().st_size * keep)])
    if kind == "tar" and keep > 0.9:
        return  # the zeros at its end alone
    assert main(["data", "check", "dataset=folder", f"dataset.root={packed}"]) == 3
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert str(packed) in said and "again" in said


def test_a_header_damaged_in_the_middle_of_a_tar_is_no_silent_loss(tree, tmp_path):
    packed = zipped(tree, tmp_path / "a.tar")
    with tarfile.open(packed) as file:
        middle = file.getmembers()[30].offset
    content = bytearray(packed.read_bytes())
    content[middle : middle + 512] = b"x" * 512
    packed.write_bytes(content)
    with pytest.raises(DataError, match="damaged or cut short at byte"):
        read("folder", packed)


def test_a_damaged_member_costs_one_image(tree, tmp_path, monkeypatch, capsys):
    packed = zipped(tree, tmp_path / "a.zip")
    with zipfile.ZipFile(packed) as file:
        info = next(i for i in file.infolist() if i.filename.endswith(".jpg"))
    content = bytearray(packed.read_bytes())
    start = info.header_offset + 60
    content[start : start + 40] = bytes(40)
    packed.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    assert main(["data", "check", "dataset=folder", f"dataset.root={packed}"]) == 0
    assert "Unreadable: 1" in capsys.readouterr().out


def test_a_bomb_is_not_unpacked(tmp_path):
    packed = tmp_path / "bomb.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("faces.csv", "w") as member:
            for _ in range(80):
                member.write(bytes(1 << 20))
        file.writestr("happy/1.jpg", b"")
    with pytest.raises(DataError, match="as no dataset does"):
        read("table", packed)
    with pytest.raises(DataError, match="more than"):
        read_bytes(zipped_text(tmp_path) / "long.txt", 10)


def zipped_text(folder):
    with zipfile.ZipFile(folder / "t.zip", "w") as file:
        file.writestr("long.txt", "ä" * 20)
        file.writestr("开心/ü.txt", "\ufeffgrün\n")
    return folder / "t.zip"


def test_text_of_names_that_are_not_ascii(tmp_path):
    with open_text(zipped_text(tmp_path) / "开心" / "ü.txt") as file:
        assert file.read() == "grün\n"
    assert inside(tmp_path / "absent.zip" / "a") is None


def test_videos_in_an_archive_are_answered_with_what_to_do(tmp_path, capsys):
    import_module("ferkit.datasets.fakes.afew").make(tmp_path / "in", people=1)
    packed = zipped(tmp_path / "in", tmp_path / "afew.zip")
    assert main(["data", "check", "dataset=afew", f"dataset.root={packed}"]) == 3
    assert f"unpack {packed} and set dataset.root" in capsys.readouterr().err


def test_a_folder_that_holds_a_zip_alone_is_told_of_both_ways(tree, tmp_path, capsys):
    packed = zipped(tree, tmp_path / "root" / "faces.zip")
    assert main(["data", "check", "dataset=folder", f"dataset.root={tmp_path / 'root'}"]) == 3
    assert f"dataset.root={packed}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.zip", "train.tar"])
@pytest.mark.parametrize("dataset", ["folder", "fer2013", "webdataset"])
def test_an_archive_that_is_a_pointer(name, dataset, tmp_path, capsys):
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    if dataset == "webdataset" and name == "a.zip":
        return
    assert main(["data", "check", f"dataset={dataset}", f"dataset.root={tmp_path / name}"]) == 3
    assert "git lfs pull" in capsys.readouterr().err


def test_names_and_sizes_of_every_kind_of_tar(tmp_path):
    names = ["a.jpg", "x" * 150 + ".jpg", "d/" * 60 + "b.jpg", "ü/开心.jpg", "c" * 99, "e" * 100]
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = tmp_path / f"{kind}.tar"
        with tarfile.open(path, "w", format=kind) as tar:
            for size, name in enumerate(names):
                if kind == tarfile.USTAR_FORMAT and len(name) > 149:
                    continue
                member = tarfile.TarInfo(name)
                member.size = size * 500
                tar.addfile(member, io.BytesIO(bytes([65 + size]) * member.size))
        archive, _ = inside(path)
        with tarfile.open(path) as tar:
            assert archive.sizes == {m.name: m.size for m in tar.getmembers()}
            for member in tar.getmembers():
                content = tar.extractfile(member).read()
                assert read_bytes(path / member.name, 10_000) == content
