"""ferkit predict on photographs of drawn people, good and bad files together."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from ferkit.config import as_plain
from ferkit.drawn.face import draw_photo
from ferkit.model import make_model, save_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from ferkit.composition import compose

    config = compose()
    torch.manual_seed(0)
    nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
    made = make_model(nodes, ["angry", "happy", "sad"], size=48, channels=1)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(made, path)
    return path


def photo(boxes, width=400, height=300, seed=0):
    picture = np.full((height, width, 3), 160, np.uint8)
    for i, (left, top, side) in enumerate(boxes):
        face, _, _ = draw_photo(
            "happy", person=i, rng=np.random.default_rng(seed), width=side, height=side, vary=False
        )
        picture[top : top + side, left : left + side] = face
    return Image.fromarray(picture)


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    folder = tmp_path_factory.mktemp("album")
    one, crowd = photo([(100, 50, 200)]), photo([(20, 50, 180), (210, 50, 180)])
    one.save(folder / "one.jpg")
    crowd.save(folder / "two.png")
    one.convert("P").save(folder / "palette.png")
    one.convert("CMYK").save(folder / "cmyk.jpg")
    one.convert("RGBA").save(folder / "alpha.png")
    turned = one.transpose(Image.Transpose.ROTATE_90)
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    turned.save(folder / "turned.jpg", exif=exif)
    Image.new("RGB", (300, 200), "skyblue").save(folder / "nobody.png")
    Image.new("L", (1, 1)).save(folder / "pixel.png")
    (folder / "text.jpg").write_text("not a picture")
    (folder / "empty.png").write_bytes(b"")
    whole = (folder / "one.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


def test_table_copies_and_losses(ferkit, model, album, tmp_path):
    code, out, err = ferkit("predict", f"source={album}", f"model={model}", "out=out")
    assert code == 0, err
    assert "3 broken files passed over" in err
    every = pd.read_csv(tmp_path / "out" / "faces.csv")
    assert set(every["source"]) == {str(path) for path in album.iterdir()}
    table = every[every["success"] == 1]
    assert every[every["success"] == 0].filter(like="p_").isna().all().all()
    found = table.groupby(table["source"].map(lambda p: p.rsplit("/", 1)[1])).size()
    assert found["two.png"] == 2
    for name in ("one.jpg", "palette.png", "cmyk.jpg", "alpha.png", "turned.jpg"):
        assert found[name] >= 1, name
    assert not {"nobody.png", "pixel.png", "text.jpg", "cut.jpg"} & set(found.index)
    assert np.allclose(table.filter(like="p_").sum(axis=1), 1, atol=1e-4)
    assert set(table["label"]) <= {"angry", "happy", "sad"}
    assert len(list((tmp_path / "out" / "annotated").iterdir())) == len(found)
    assert out.strip().endswith("faces.csv")


def test_faces_are_where_they_were_put(ferkit, model, album, tmp_path):
    ferkit("predict", f"source={album}/one.jpg", f"model={model}", "out=out", "annotate=false")
    row = pd.read_csv(tmp_path / "out" / "faces.csv").iloc[0]
    assert 100 <= (row.x1 + row.x2) / 2 <= 300
    assert 50 <= (row.y1 + row.y2) / 2 <= 250
    assert not (tmp_path / "out" / "annotated").exists()


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_formats_hold_the_same(ferkit, model, album, tmp_path, kind):
    words = [f"source={album}/two.png", f"model={model}", "out=out", "annotate=false"]
    ferkit("predict", *words)
    ferkit("predict", *words, f"format={kind}")
    csv = pd.read_csv(tmp_path / "out" / "faces.csv")
    path = tmp_path / "out" / f"faces.{kind}"
    other = (
        pd.read_parquet(path)
        if kind == "parquet"
        else pd.DataFrame(json.loads(line) for line in path.read_text().splitlines())
    )
    pd.testing.assert_frame_equal(csv, other, check_dtype=False, atol=1e-4)


def test_a_detector_and_a_glob_may_be_given(ferkit, model, album):
    words = [f"source={album}/*.png", f"model={model}", "out=out", "faces.detector=haar_alt2"]
    code, _, err = ferkit("predict", *words)
    assert code == 0, err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["source=nowhere", "model={model}", "out=out"], 3, "no image there"),
        (["source={album}/text.jpg", "model={model}", "out=out"], 3, "can be read"),
        (["source={album}", "model=nowhere", "out=out"], 3, "No model at"),
        (["source={album}", "model={album}/text.jpg", "out=out"], 3, "safetensors"),
        (["source={album}"], 2, "needs out="),
        (["source={album}", "model={model}", "out=out", "format=xls"], 2, "format"),
    ],
)
def test_mistakes(ferkit, model, album, words, code, said):
    found, _, err = ferkit("predict", *(w.format(model=model, album=album) for w in words))
    assert found == code
    assert said in err
    assert "Traceback" not in err


def test_bomb_is_refused_with_its_size(ferkit, model, tmp_path):
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    cv2.imwrite(str(tmp_path / "fine.png"), np.full((50, 50), 128, np.uint8))
    code, _, err = ferkit("predict", f"source={tmp_path}/*.png", f"model={model}", "out=out")
    assert code == 0
    assert "20,000" in err or "20000" in err


def test_every_image_without_a_face_is_named_and_crops_get_a_hint(ferkit, model, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("one.png", "two\x1b[2J.png"):
        Image.new("RGB", (60, 60), "skyblue").save(folder / name)
    code, _, err = ferkit("predict", f"source={folder}", f"model={model}", "out=out")
    assert code == 0, err
    assert f"no face found: {folder / 'one.png'}" in err
    assert "two\\x1b[2J.png" in err
    assert "\x1b" not in err
    assert "faces=none" in err
    code, _, err = ferkit("predict", f"source={folder}", f"model={model}", "out=o", "faces=none")
    assert "no face found" not in err
    assert len(pd.read_csv(tmp_path / "o" / "faces.csv")) == 2


def test_a_model_of_detected_faces_takes_no_other_crops_unless_forced(
    ferkit, model, album, tmp_path
):
    from ferkit.model import load_model

    network = load_model(model)
    network.nodes["faces"] = {**network.nodes["faces"], "detector": "haar", "margin": 0.1}
    save_model(network, tmp_path / "detected.safetensors")
    words = ["predict", f"source={album}/one.jpg", "model=detected.safetensors", "out=out"]
    code, _, err = ferkit(*words, "faces=none")
    assert (code, "faces.detector=haar" in err, "force=true" in err) == (2, True, True), err
    code, _, err = ferkit(*words, "faces.margin=0.3")
    assert (code, "faces.margin=0.1" in err) == (2, True), err
    for more in ([], ["faces.margin=0.1"], ["faces=none", "force=true"], ["faces.min_face=30"]):
        code, _, err = ferkit(*words, *more)
        assert code == 0, err


def test_a_model_of_ready_crops_says_how_faces_are_looked_for(ferkit, model, album):
    words = ["predict", f"source={album}/one.jpg", f"model={model}", "out=out"]
    assert "ready-made crops" in ferkit(*words).err
    assert "ready-made crops" not in ferkit(*words, "faces.detector=haar").err
