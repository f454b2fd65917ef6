"""`ferkit data show` draws what a network would see, and shows the rest where it cannot."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from ferkit.training.augment import Augment
from ferkit.training.augmented import choose_faces, draw_augmented


def folder_of(path, broken=0):
    rng = np.random.default_rng(0)
    for emotion in ("happy", "sad"):
        (path / emotion).mkdir(parents=True)
        for number in range(10):
            picture = rng.integers(0, 256, (48, 48), dtype=np.uint8)
            Image.fromarray(picture).save(path / emotion / f"{number}.png")
            if number < broken:
                (path / emotion / f"{number}.png").write_bytes(b"no picture")


def seen(page):
    """The section's words, and its picture where it has one."""
    html = page.read_text().split('id="seen"')[-1].split('id="faces"')[0]
    found = re.search(r"data:image/png;base64,([^\"]+)", html)
    picture = None if found is None else np.asarray(Image.open(io.BytesIO(b64decode(found[1]))))
    return re.sub("<[^>]+>", " ", html), picture


def show(ferkit, tmp_path, *words):
    code, _, err = ferkit(
        "data", "show", "dataset=folder", "dataset.root=photos", "out=look.html", *words
    )
    assert code == 0, err
    return seen(tmp_path / "look.html")


def test_faces_and_augment_are_heeded(ferkit, tmp_path):
    folder_of(tmp_path / "photos")
    words, plain = show(ferkit, tmp_path, "augment=none", "faces.size=32")
    assert "gave a face of 32 x 32 pixels" in words
    tiles = plain[:96, 96:576].reshape(96, 5, 96, 3)
    assert all((tiles[:, 0] == tiles[:, k]).all() for k in range(5))
    _, erased = show(ferkit, tmp_path, "augment=none", "augment.erase=1.0")
    assert (erased == 0).sum() > (plain == 0).sum() + 1000
    assert not (tmp_path / "data").exists()  # nothing is kept of the faces tried


def test_broken_images_and_no_face_leave_the_page_standing(ferkit, tmp_path):
    folder_of(tmp_path / "photos", broken=4)
    _, picture = show(ferkit, tmp_path)
    assert picture is not None
    words, picture = show(ferkit, tmp_path, "faces=haar_48")  # noise holds no face
    assert picture is None
    assert "no face" in words


def test_a_word_that_is_wrong_is_refused_before_the_check(ferkit, tmp_path):
    folder_of(tmp_path / "photos")
    words = ("data", "show", "dataset=folder", "dataset.root=photos")
    code, _, err = ferkit(*words, "augment.rotation=400")
    assert code == 2
    assert "augment.rotation" in err


@pytest.mark.parametrize("channels", [(), (3,)])
def test_the_same_seed_draws_the_same_sheet(channels):
    faces = np.random.default_rng(0).integers(0, 256, (4, 48, 48, *channels), dtype=np.uint8)
    class_ids = np.array([0, 0, 1, 1])
    augment = Augment(flip=True, rotation=8.0, mixup=0.4)
    drawn = [draw_augmented(faces, class_ids, ("happy", "sad"), augment, s) for s in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_two_faces_a_class_are_chosen_and_rows_without_a_class_are_not():
    assert choose_faces(np.array([-1, 0, 0, 0, 1, -1])).tolist() == [1, 3, 4]
    assert not len(choose_faces(np.array([-1, -1])))
