"""ferkit export: a network as ONNX, the same probabilities by torch and by onnxruntime."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.drawn.face import draw_photo
from ferkit.inference import export
from ferkit.inference.onnx_file import open_onnx, weights_sum
from ferkit.inference.runtime import load_predictor
from ferkit.model import load_model, make_model, save_model

ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def small(seed=0, input_="symmetric"):
    config = compose(f"input={input_}")
    nodes = {name: as_plain(config[name]) for name in ("backbone", "input", "faces")}
    torch.manual_seed(seed)
    model = make_model(nodes, ["angry", "happy", "sad"], size=48, channels=1)
    for weights in model.parameters():  # an untrained network is sure of nothing
        weights.data.mul_(1.4)
    return model.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_model(small(), folder / "model.safetensors")
    from ferkit.cli import main

    assert main(["export", f"run={folder}"]) == 0
    return folder


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    picture = np.full((300, 400, 3), 160, np.uint8)
    face, _, _ = draw_photo(
        "happy", person=0, rng=np.random.default_rng(0), width=200, height=200, vary=False
    )
    picture[50:250, 100:300] = face
    path = tmp_path_factory.mktemp("photo") / "one.png"
    Image.fromarray(picture).save(path)
    return path


def test_the_file_needs_nothing_of_ferkit(folder):
    session = ort.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["emotions"]) == ["angry", "happy", "sad"]
    assert json.loads(said["input"])["scale"] == "-1..1"
    assert json.loads(said["faces"])["detector"] == "none"
    faces = np.random.default_rng(0).integers(0, 256, (256, 1, 48, 48)).astype(np.float32)
    model = load_model(folder)
    with torch.inference_mode():
        expected = model(torch.from_numpy(faces)).softmax(1).numpy()
    assert expected.std(axis=0).max() > 0.003
    for count in (1, 3, 256):  # the batch is free
        found = session.run(None, {session.get_inputs()[0].name: faces[:count]})[0]
        assert np.abs(found - expected[:count]).max() <= 1e-4


def test_what_was_measured_stands_beside(folder):
    facts = json.loads((folder / "model.onnx.json").read_text())
    assert facts["largest_difference"] <= 1e-4
    assert (facts["compared_faces"], facts["opset"], facts["format"]) == (256, 18, 1)
    for runtime in ("torch", "onnx"):
        assert set(facts["milliseconds"][runtime]) == {"1", "8", "20"}


def test_the_file_holds_no_path_of_this_machine_and_has_the_same_bytes_again(folder):
    content = (folder / "model.onnx").read_bytes()
    assert b"site-packages" not in content and b"/src/" not in content
    again = export.onnx_bytes(load_model(folder), weights_sum(folder / "model.safetensors"))
    assert again == content


@pytest.fixture
def converted(folder, monkeypatch):
    """The conversion, done before: it takes seconds."""
    content = (folder / "model.onnx").read_bytes()
    monkeypatch.setattr("ferkit.commands.export.onnx_bytes", lambda *_: content)


@pytest.mark.usefixtures("converted")
def test_a_conversion_that_differs_is_refused_and_nothing_is_written(ferkit, folder, monkeypatch):
    monkeypatch.setattr(export, "by_torch", lambda model, faces: np.full((len(faces), 3), 1 / 3))
    code, _, err = ferkit("export", f"model={folder}/model.safetensors", "out=x.onnx")
    assert (code, "differs" in err, "runtime=torch" in err) == (2, True, True), err
    assert not (folder / "x.onnx").exists()


@pytest.mark.parametrize("source", ["{folder}", "{folder}/model.onnx"])
def test_predict_gives_the_same_by_both_runtimes(ferkit, folder, photo, tmp_path, source):
    source = source.format(folder=folder)
    words = [f"source={photo}", "annotate=false"]
    assert ferkit("predict", *words, f"model={folder}", "runtime=torch", "out=a").code == 0
    code, _, err = ferkit("predict", *words, f"model={source}", "runtime=onnx", "out=b")
    assert code == 0, err
    a, b = (pd.read_csv(tmp_path / name / "faces.csv") for name in "ab")
    pd.testing.assert_frame_equal(a, b, atol=1e-4)


def test_auto_takes_the_file_beside_the_weights_if_it_is_of_them(folder, tmp_path):
    assert load_predictor(folder, device="cpu").network is None
    assert load_predictor(folder, device="cpu", runtime="torch").network is not None
    save_model(small(seed=1), tmp_path / "model.safetensors")
    (tmp_path / "model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    assert load_predictor(tmp_path, device="cpu").network is not None
    (tmp_path / "model.onnx").write_text("broken")
    assert load_predictor(tmp_path, device="cpu").network is not None


def test_saliency_takes_torch_where_nothing_else_is_asked(ferkit, folder, photo, tmp_path):
    words = [f"source={photo}", f"model={folder}", "saliency=grad_cam", "out=out"]
    code, _, err = ferkit("predict", *words)
    assert code == 0, err
    assert list((tmp_path / "out" / "saliency").iterdir())


@pytest.mark.slow
def test_a_file_of_other_weights_is_not_used(ferkit, folder, photo, tmp_path):
    other = tmp_path / "run"
    other.mkdir()
    save_model(small(seed=1), other / "model.safetensors")
    (other / "model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    words = [f"source={photo}", f"model={other}", "annotate=false"]
    assert ferkit("predict", *words, "out=a").code == 0
    code, _, err = ferkit("predict", *words, "runtime=onnx", "out=b")
    assert (code, "other weights" in err) == (0, True), err
    a, b = (pd.read_csv(tmp_path / name / "faces.csv") for name in "ab")
    pd.testing.assert_frame_equal(a, b, atol=1e-4)


def test_a_network_that_does_not_convert_runs_in_torch_with_a_sentence(
    ferkit, folder, photo, tmp_path, monkeypatch
):
    def fail(*args, **kwargs):
        raise RuntimeError("aten::strange has no ONNX")

    other = tmp_path / "run"
    other.mkdir()
    save_model(small(), other / "model.safetensors")
    monkeypatch.setattr(torch.onnx, "export", fail)
    code, _, err = ferkit("export", f"run={other}")
    assert (code, "cannot be converted" in err, "strange" in err) == (2, True, True), err
    words = [f"source={photo}", f"model={other}", "runtime=onnx", "out=out"]
    code, _, err = ferkit("predict", *words)
    assert (code, "It runs in torch" in err) == (0, True), err
    assert len(pd.read_csv(tmp_path / "out" / "faces.csv")) == 1


def test_tflite_needs_its_converter(ferkit, folder, monkeypatch):
    from ferkit import errors

    real = errors.find_spec
    monkeypatch.setattr(errors, "find_spec", lambda n: None if n == "litert_torch" else real(n))
    code, _, err = ferkit("export", f"run={folder}", "format=tflite", "out=x.tflite")
    assert (code, "[tflite]" in err, err.count("\n")) == (2, True, 1), err


def test_tflite_gives_torchs_probabilities(ferkit, folder, tmp_path):
    pytest.importorskip("litert_torch")
    code, out, err = ferkit("export", f"run={folder}", "format=tflite", "out=x.tflite")
    assert (code, out) == (0, "x.tflite\n"), err
    facts = json.loads((tmp_path / "x.tflite.json").read_text())
    assert facts["largest_difference"] <= 1e-4
    assert facts["emotions"] == ["angry", "happy", "sad"]
    assert facts["input"]["scale"] == "-1..1"


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_extra_is_one_sentence(ferkit, folder, monkeypatch, package):
    from ferkit import errors

    real = errors.find_spec
    monkeypatch.setattr(errors, "find_spec", lambda name: None if name == package else real(name))
    code, _, err = ferkit("export", f"run={folder}", "out=x.onnx")
    assert (code, "[export]" in err, "Traceback" in err, err.count("\n")) == (2, True, False, 1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "takes run=DIR"),
        (["run=nowhere"], 3, "No model at"),
        (["run={folder}", "out=model.bin"], 2, ".onnx"),
        (["run={folder}", "format=tflite", "int8=true"], 2, "int8"),
        (["run={folder}", "format=tflite", "out=x.onnx"], 2, ".tflite"),
        (["run={folder}", "format=onx"], 2, "Did you mean 'onnx'"),
        (["run={folder}", "int=true"], 2, "int8"),
    ],
)
def test_mistakes(ferkit, folder, words, code, said):
    found, _, err = ferkit("export", *(word.format(folder=folder) for word in words))
    assert (found, said in err, "Traceback" in err) == (code, True, False), err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["runtime=onx"], 2, "Did you mean 'onnx'"),
        (["runtime=torch", "model={folder}/model.onnx"], 2, "runtime=torch"),
        (["model={folder}/model.onnx", "saliency=grad_cam"], 2, "runtime=torch"),
        (["model=nowhere.onnx"], 3, "No model at"),
        (["model=text.onnx"], 3, "cannot be read as ONNX"),
    ],
)
def test_mistakes_in_predict(ferkit, folder, photo, tmp_path, words, code, said):
    (tmp_path / "text.onnx").write_text("no network")
    given = [f"model={folder}"] * (not any(w.startswith("model=") for w in words))
    given += [word.format(folder=folder) for word in words]
    found, _, err = ferkit("predict", f"source={photo}", "out=out", *given)
    assert (found, said in err, "Traceback" in err) == (code, True, False), err


def test_hostile_metadata_is_a_sentence(folder, tmp_path):
    onnx = pytest.importorskip("onnx")
    for key, value in [("emotions", "{"), ("size", "-1"), ("format", "99"), ("faces", "[1]")]:
        proto = onnx.load(folder / "model.onnx")
        for entry in proto.metadata_props:
            entry.value = value if entry.key == key else entry.value
        onnx.save(proto, tmp_path / "odd.onnx")
        with pytest.raises(export.ConfigError.__bases__[0], match=r"odd\.onnx"):
            open_onnx(tmp_path / "odd.onnx")


@pytest.mark.slow
def test_int8_states_what_it_loses_on_val(ferkit, trained, tmp_path):
    run = trained("debug=default", "dataset.train=100", "dataset.val=70", "dataset.test=70")
    code, out, err = ferkit("export", f"run={run}", "int8=true")
    assert code == 0, err
    assert out.split() == [str(run / "model.onnx"), str(run / "model.int8.onnx")]
    val = json.loads((run / "model.int8.onnx.json").read_text())["val"]
    assert set(val) == {"n", "float32", "int8"}
    assert "lost of" in err
    small, plain = (run / name for name in ("model.int8.onnx", "model.onnx"))
    assert small.stat().st_size < plain.stat().st_size
    assert open_onnx(small).card == open_onnx(plain).card
    recorded = pd.read_parquet(run / "predictions" / "val.parquet")
    accuracy = (recorded["label"] == recorded["predicted"]).mean()
    assert val["float32"]["accuracy"] == pytest.approx(accuracy)


@pytest.mark.usefixtures("converted")
def test_int8_without_data_says_so(ferkit, folder, tmp_path):
    code, _, err = ferkit("export", f"model={folder}/model.safetensors", "int8=true", "out=x.onnx")
    assert (code, "the accuracy lost is unknown" in err) == (0, True), err
    facts = json.loads((tmp_path / "x.int8.onnx.json").read_text())
    assert facts["calibrated_on"] == "drawn faces"
    assert "val" not in facts


def test_the_script_of_the_docs_runs_without_ferkit(folder, photo):
    text = (Path(__file__).parents[3] / "docs" / "export.md").read_text(encoding="utf-8")
    script = text.split("```python\n")[1].split("```")[0]
    assert len(script.splitlines()) <= 12
    assert "ferkit" not in script
    said = subprocess.run(
        [sys.executable, "-c", script, str(folder / "model.onnx"), str(photo)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = ast.literal_eval(said)
    assert list(found) == ["angry", "happy", "sad"]
    face = Image.open(photo).convert("L").resize((48, 48))
    expected = load_predictor(folder, runtime="torch").probabilities(np.asarray(face)[None])[0]
    assert list(found.values()) == pytest.approx(expected.tolist(), abs=2e-3)
