"""ferkit eval on what ferkit did not train: an ONNX file of another program, a table."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
EMOTIONS = ("angry", "happy", "sad")
LEVEL = {"angry": 40, "happy": 120, "sad": 200}  # grey level of each class' images


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Class folders whose grey level is the class; a test image equals one of train."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for split, each in (("train", 4), ("test", 6)):
        for emotion in EMOTIONS:
            (folder / split / emotion).mkdir(parents=True)
            for i in range(each):
                pixels = rng.normal(LEVEL[emotion], 8, (48, 48)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / emotion / f"{split}{i}.png")
    same = (folder / "train" / "sad" / "train0.png").read_bytes()
    (folder / "test" / "sad" / "test0.png").write_bytes(same)
    return folder


def network(path, order=EMOTIONS, *, last=False, softmax=False, metadata=None, size=48, scale=1.0):
    """Scores by the distance of the mean level (times `scale`) to each class' own."""
    from onnx import TensorProto, helper, numpy_helper

    levels = np.array([[LEVEL[name] * scale for name in order]], np.float32)
    shape = ["N", size, size, 1] if last else ["N", 1, size, size]
    axes = numpy_helper.from_array(np.array([1, 2, 3]), "axes")
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean4"], keepdims=0),
        helper.make_node("Unsqueeze", ["mean4", "one"], ["mean"]),
        helper.make_node("Sub", ["mean", "levels"], ["off"]),
        helper.make_node("Abs", ["off"], ["far"]),
        helper.make_node("Mul", ["far", "sharp"], ["scores"]),
    ]
    nodes += [helper.make_node("Softmax", ["scores"], ["p"], axis=1)] if softmax else []
    constants = [
        axes,
        numpy_helper.from_array(np.array([1]), "one"),
        numpy_helper.from_array(levels, "levels"),
        numpy_helper.from_array(np.array(-0.1 / scale, np.float32), "sharp"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(
                "p" if softmax else "scores", TensorProto.FLOAT, ["N", len(order)]
            )
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


@pytest.fixture
def judge(ferkit, data, tmp_path):
    def words(*given):
        asked = ["dataset=folder", f"dataset.root={data}", "view=test", "out=out"]
        return ferkit("eval", *asked, *given)

    return words


def metrics(folder, view="test"):
    return json.loads((folder / "report" / "metrics.json").read_text())["views"][view]


@pytest.mark.parametrize(
    "options",
    [{}, {"last": True}, {"softmax": True}, {"order": ("sad", "angry", "happy")}],
    ids=["scores", "channels_last", "probabilities", "another_order"],
)
def test_a_network_of_another_program_gets_the_full_report(judge, tmp_path, options):
    network(tmp_path / "net.onnx", **options)
    names = {"angry": "Anger", "happy": "Happiness", "sad": "SAD"}
    order = ",".join(names[name] for name in options.get("order", EMOTIONS))
    code, _out, err = judge("model=net.onnx", "model.input=raw", f"model.emotions=[{order}]")
    assert code == 0, err
    found = metrics(tmp_path / "out")
    assert (found["n"], found["accuracy"]) == (18, 1.0)
    assert set(found["intervals"]) >= {"accuracy", "macro_f1", "per_class"}
    predictions = pd.read_parquet(tmp_path / "out" / "predictions" / "test.parquet")
    p = predictions[[f"p_{name}" for name in EMOTIONS]]
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    assert p.to_numpy().max(axis=1).min() > 0.9
    leaks = json.loads((tmp_path / "out" / "data.json").read_text())["leaks"]
    assert leaks["train|test"]["identical"] == 1
    assert "not known to ferkit" in (tmp_path / "out" / "report" / "report.md").read_text()
    looks = (tmp_path / "out" / "test_accesses.jsonl").read_text()
    assert '"view": "test"' in looks
    page = (tmp_path / "out" / "report" / "report.html").read_text()
    assert "All pixels" in page


def test_classes_and_scaling_that_the_file_does_not_say_are_asked_for(judge, tmp_path):
    network(tmp_path / "net.onnx", scale=1 / 255)
    code, _, err = judge("model=net.onnx", "model.input=unit")
    assert (code, "its 3 outputs" in err, "model.emotions=" in err) == (2, True, True), err
    code, _, err = judge("model=net.onnx", "model.emotions=[angry,happy,sad]")
    assert (code, "model.input=" in err) == (2, True), err
    code, _, err = judge(
        "model=net.onnx", "model.emotions=[angry,happy,sad]", "model.input.scale=0..1"
    )
    assert code == 0, err
    assert metrics(tmp_path / "out")["accuracy"] == 1.0


def test_class_names_of_the_file_are_taken_by_name(judge, tmp_path):
    order = ("sad", "happy", "angry")
    network(tmp_path / "net.onnx", order=order, metadata={"classes": "Sadness, happy,anger"})
    code, _, err = judge("model=net.onnx", "model.input=raw")
    assert code == 0, err
    assert metrics(tmp_path / "out")["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.emotions=[angry,sad]"], "has 3 outputs"),
        (["model.emotions=[angry,anger,sad]"], "the same class, angry"),
        (["model.emotions=[a,b,c]", "model.output=logit"], "model.output"),
        (["model.emotions=[a,b,c]", "model.size=64"], "48 x 48"),
        (["model.emotions=[a,b,c]", "model.inptu=raw"], "Did you mean 'model.input'"),
        (["model.emotions=[a,b,c]", "model.input=rwa"], "Did you mean 'raw'"),
        (["model.emotions=[a,b,c]", "predictions=x.csv"], "not both"),
        (["model.emotions=[a,b,c]", "run=x"], "run="),
        (["model.emotions=[a,b,c]", "dataset=null"], "dataset"),
    ],
)
def test_mistakes_with_a_network(judge, tmp_path, words, said):
    network(tmp_path / "net.onnx")
    given = [] if any("input" in word or "inptu" in word for word in words) else ["model.input=raw"]
    code, _, err = judge("model=net.onnx", *given, *words)
    assert (code, said in err, "Traceback" in err) == (2, True, False), err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_model_of_ferkits_needs_nothing_said(judge, tmp_path, trained):
    run = trained("debug=default", "dataset.train=100", "dataset.val=70", "dataset.test=70")
    code, _, err = judge(f"model={run}/model.safetensors")
    assert code == 0, err
    assert metrics(tmp_path / "out")["n"] == 18
    code, _, err = judge(f"model={run}/model.safetensors", "model.emotions=[a,b]")
    assert (code, "itself" in err) == (2, True), err


def table(data, predicted, names=str, **columns):
    rows = [
        {"path": f"test/{e}/test{i}.png", "label": names(e), **columns, **predicted(e, i)}
        for e in EMOTIONS
        for i in range(6)
    ]
    return pd.DataFrame(rows)


def sure(emotion, number):
    """Right but for every third, which is taken for the next class."""
    at = EMOTIONS.index(emotion)
    said = EMOTIONS[(at + (number % 3 == 0)) % 3]
    return {f"p_{e}": 0.8 if e == said else 0.1 for e in ("sad", "angry", "happy")}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_of_another_program_gets_the_full_report(ferkit, data, tmp_path, kind):
    given = table(data, sure, subject="s")
    getattr(given, f"to_{kind}")(tmp_path / f"p.{kind}", index=False)
    code, out, err = ferkit("eval", f"predictions=p.{kind}", "out=out")
    assert code == 0, err
    found = metrics(tmp_path / "out", "all")
    assert (found["n"], found["accuracy"]) == (18, pytest.approx(12 / 18))
    assert "accuracy" in found["intervals"] or "resampled" in found
    assert "accuracy" in out


def test_names_are_matched_by_name_and_numbers_by_an_order_alone(ferkit, data, tmp_path):
    words = {"angry": "Anger", "happy": "Happiness", "sad": "sadness"}
    named = table(data, sure, names=words.get).rename(columns={"p_sad": "p_Sadness"})
    named.to_csv(tmp_path / "named.csv", index=False)
    numbers = table(data, lambda e, i: {"predicted": 2}, names=EMOTIONS.index)
    numbers.to_csv(tmp_path / "numbers.csv", index=False)
    assert ferkit("eval", "predictions=named.csv", "out=named").code == 0
    assert metrics(tmp_path / "named", "all")["accuracy"] == pytest.approx(12 / 18)
    code, _, err = ferkit("eval", "predictions=numbers.csv", "out=n")
    assert (code, "emotions=[" in err) == (2, True), err
    code, _, err = ferkit("eval", "predictions=numbers.csv", "emotions=[angry,happy,sad]", "out=n")
    assert code == 0, err
    found = metrics(tmp_path / "n", "all")
    assert found["per_class"]["sad"]["recall"] == 1.0
    assert "holds no probabilities" in (tmp_path / "n" / "report" / "report.md").read_text()


def test_with_a_dataset_labels_and_leaks_come_from_there(ferkit, data, tmp_path):
    given = table(data, sure).drop(columns="label")
    given.to_csv(tmp_path / "p.csv", index=False)
    words = ["eval", "predictions=p.csv", "dataset=folder", f"dataset.root={data}", "view=test"]
    code, _out, err = ferkit(*words, "out=out")
    assert code == 0, err
    assert metrics(tmp_path / "out")["accuracy"] == pytest.approx(12 / 18)
    leaks = json.loads((tmp_path / "out" / "data.json").read_text())["leaks"]
    assert leaks["train|test"]["identical"] == 1
    given.assign(path=[str(data / p) for p in given["path"]]).iloc[:-2].to_csv(
        tmp_path / "p.csv", index=False
    )
    code, _, err = ferkit(*words, "out=less")
    assert code == 0, err
    assert "2 faces of test have no row" in (tmp_path / "less" / "report" / "report.md").read_text()


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda t: t.drop(columns="path"), 3, "no column key or path"),
        (lambda t: t.assign(path="a"), 3, "twice"),
        (lambda t: t.assign(p_sad=5), 3, "hold no probabilities"),
        (lambda t: t.assign(p_sad="x"), 3, "hold no probabilities"),
        (lambda t: t.assign(p_sadness=0.0), 2, "the same class, sad"),
        (lambda t: t.assign(predicted="bored"), 3, "Unknown class 'bored'"),
        (lambda t: t.assign(predicted=["sad"] * 17 + [""]), 3, "has no prediction"),
        (lambda t: t[["path", "label"]], 3, "neither a column predicted"),
        (lambda t: t.drop(columns="label"), 3, "has no labels"),
        (lambda t: t.iloc[:0], 3, "no rows"),
    ],
)
def test_mistakes_in_a_table(ferkit, data, tmp_path, change, code, said):
    change(table(data, sure)).to_csv(tmp_path / "p.csv", index=False)
    found, _, err = ferkit("eval", "predictions=p.csv", "out=out")
    assert (found, said in err, "Traceback" in err) == (code, True, False), err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(path=t["path"] + "x"), "are no faces of the dataset"),
        (lambda t: t.assign(label=t["label"].to_numpy()[::-1]), "other labels"),
    ],
)
def test_rows_are_never_set_against_another_faces_label(ferkit, data, tmp_path, change, said):
    change(table(data, sure)).to_csv(tmp_path / "p.csv", index=False)
    words = ["predictions=p.csv", "dataset=folder", f"dataset.root={data}", "out=out"]
    code, _, err = ferkit("eval", *words)
    assert (code, said in err) == (3, True), err


def test_another_report_is_not_overwritten(ferkit, data, tmp_path):
    table(data, sure).to_csv(tmp_path / "p.csv", index=False)
    table(data, sure).iloc[:9].to_csv(tmp_path / "q.csv", index=False)
    assert ferkit("eval", "predictions=p.csv", "out=out").code == 0
    assert ferkit("eval", "predictions=p.csv", "out=out").code == 0
    code, _, err = ferkit("eval", "predictions=q.csv", "out=out")
    assert (code, "something else" in err) == (2, True), err
