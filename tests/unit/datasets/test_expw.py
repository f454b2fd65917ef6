import pytest

from ferkit.cli import main
from ferkit.datasets.expw import read_expw
from ferkit.datasets.fakes.expw import make
from ferkit.errors import DataError, DatasetLayoutError, DatasetNotFoundError


@pytest.fixture
def fake(tmp_path):
    make(tmp_path / "expw", people=3)
    return tmp_path / "expw"


def edit(root, change):
    path = root / "label" / "label.lst"
    path.write_text(change(path.read_text()))
    return root


def test_a_row_a_face_with_its_box(fake):
    index = read_expw(fake)
    assert len(index) == 42 and index.frame["path"].nunique() == 21
    row = index.frame.set_index("key").loc["image/photo_0003.jpg#1"]
    assert row["box"] == [60.0, 6.0, 108.0, 54.0] and row["label"] == "sad"
    assert index.dropped == {"face listed twice": 1}
    assert "image/angry actor_1.jpg#0" in set(index.frame["key"])
    assert all(min(box) >= 0 for box in index.frame["box"])


def test_faces_are_cut_by_their_boxes_and_photographs_stay_whole(fake, tmp_path, monkeypatch):
    from ferkit.composition import compose
    from ferkit.views import make_views

    monkeypatch.chdir(tmp_path)
    words = ["dataset=expw", f"dataset.root={fake}", "faces.detector=given", "split=random"]
    views = make_views(compose(*words, "split.val=0.2", "split.test=0.2"))
    assert views.store.faces.shape[1:] == (48, 48) and len(views.store) == 42
    paths = views.store.index["path"].groupby(views.split.views).apply(set)
    assert not paths["train"] & paths["test"] and not paths["train"] & paths["val"]
    assert main(["data", "check", *words[:2]]) == 0


def test_conflicts_empty_boxes_and_confidence(fake):
    edit(
        fake,
        lambda text: (
            text
            + "photo_0004.jpg 0 6 6 54 54 50 0\n"
            + "photo_0005.jpg 7 9 9 9 9 50 0\nphoto_0005.jpg 8 9 9 20 20 1.5 0\n"
        ),
    )
    index = read_expw(fake, confidence=50.1)
    assert index.dropped["conflicting labels of one face"] == 2
    assert index.dropped["box without an area"] == 1
    assert index.dropped["confidence below dataset.confidence"] == 1


@pytest.mark.parametrize(
    "line", ["a.jpg 0 1 2 3 4 50 7", "a.jpg 0 1 2 3 50 1", "a.jpg x 1 2 3 4 50 1", "5", "\x00 1"]
)
def test_a_broken_line_is_named(fake, line):
    edit(fake, lambda text: line + "\n" + text)
    with pytest.raises(DataError, match="line 1: expected image, face, top"):
        read_expw(fake)


def test_missing_photographs(fake):
    (fake / "image" / "photo_0009.jpg").unlink()
    index = read_expw(fake)
    assert index.dropped["missing photograph"] == 2
    assert any("photo_0009.jpg" in warning for warning in index.warnings)
    for path in sorted((fake / "image").iterdir())[:5]:
        path.unlink()
    with pytest.raises(DataError, match="of 43 faces are missing"):
        read_expw(fake)
    for path in (fake / "image").iterdir():
        path.unlink()
    with pytest.raises(DatasetLayoutError, match=r"origin\.7z"):
        read_expw(fake)


def test_lines_that_are_missing_leave_their_photograph_named(fake):
    edit(fake, lambda text: "\n".join(x for x in text.splitlines() if "photo_0008" not in x))
    assert read_expw(fake).dropped["in no line of label.lst"] == 1


def test_nothing_and_an_empty_list(fake, tmp_path):
    edit(fake, lambda _: "\n")
    with pytest.raises(DataError, match="is empty"):
        read_expw(fake)
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetNotFoundError, match="cuhk"):
        read_expw(tmp_path / "none")
