"""Starting from another run's weights."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ferkit.backbones.eca_resnet import eca_resnet
from ferkit.backbones.freezing import freezing_of
from ferkit.backbones.mini_xception import MiniXception
from ferkit.backbones.pretrained import untrained
from ferkit.backbones.start import start
from ferkit.backbones.vgg8 import vgg8
from ferkit.emotions import EMOTIONS as FER
from ferkit.errors import ConfigError, DataError
from ferkit.model import load_model, make_model, save_model

EMOTIONS = ["angry", "happy", "sad"]
SCALING = {"_target_": "ferkit.input.Input", "scale": "-1..1"}
NODES = {
    "backbone": {"_target_": "ferkit.backbones.mini_xception.MiniXception"},
    "input": SCALING,
    "faces": {"size": 24},
}


@pytest.fixture
def run(tmp_path):
    """A run folder with a model of three emotions."""
    torch.manual_seed(1)
    model = make_model(NODES, EMOTIONS, 24, 1)
    save_model(model, tmp_path / "model.safetensors")
    return tmp_path, model.backbone


def fresh(classes):
    torch.manual_seed(2)
    return MiniXception(classes, 1, size=24)


def same(one, two, head):
    pairs = zip(one.named_parameters(), two.parameters(), strict=True)
    return all(torch.equal(a, b) for (name, a), b in pairs if name.startswith("classifier") == head)


def test_same_classes_take_the_head_along(run):
    folder, theirs = run
    ours = fresh(3)
    (said,) = start(ours, {"init_from": str(folder)}, EMOTIONS, SCALING)
    assert same(ours, theirs, head=False) and same(ours, theirs, head=True)
    assert said.endswith("head included")


@pytest.mark.parametrize("emotions", [["fear", "happy", "sad"], ["happy", "angry", "sad"]])
def test_as_many_but_other_classes_get_a_new_head(run, emotions):
    folder, theirs = run
    ours, untouched = fresh(3), fresh(3)
    (said,) = start(ours, {"init_from": str(folder)}, emotions, SCALING)
    assert same(ours, theirs, head=False)
    assert same(ours, untouched, head=True)
    assert said.endswith("with a new head")


def test_another_number_of_classes_gets_a_new_head(run):
    folder, theirs = run
    ours = fresh(7)
    start(ours, {"init_from": str(folder / "model.safetensors")}, [f"e{i}" for i in range(7)])
    assert torch.equal(ours.stem[0].weight, theirs.stem[0].weight)
    assert ours.classifier.weight.shape[0] == 7


def test_a_state_dict_of_the_backbone_will_do(run, tmp_path):
    _, theirs = run
    torch.save(theirs.state_dict(), tmp_path / "plain.pth")
    ours = fresh(3)
    start(ours, {"init_from": str(tmp_path / "plain.pth")}, EMOTIONS)
    assert same(ours, theirs, head=True)


def test_another_scaling_is_said(run):
    folder, _ = run
    (said,) = start(fresh(3), {"init_from": str(folder)}, EMOTIONS, {"scale": "0..1"})
    assert "scaled otherwise" in said


def test_freezing_by_the_node(run):
    folder, _ = run
    ours = fresh(3)
    node = {"init_from": str(folder), "freeze": "last_n", "freeze_n": 2}
    said = start(ours, node, EMOTIONS)
    assert len(said) == 2 and "last 2 layers learn" in said[1]
    assert freezing_of(ours).how == "last_n"
    assert start(fresh(3), {}, EMOTIONS) == []


def test_mistakes_get_a_sentence(run, tmp_path):
    folder, theirs = run
    with pytest.raises(DataError, match=r"does not fit the backbone \(.*; give weights of this"):
        start(vgg8(3), {"init_from": str(folder)}, EMOTIONS)
    with pytest.raises(DataError, match="No weights at"):
        start(fresh(3), {"init_from": str(tmp_path / "absent")}, EMOTIONS)
    with pytest.raises(ConfigError, match=r"Unknown backbone\.freeze"):
        start(fresh(3), {"freeze": "all"}, EMOTIONS)
    tensors = {f"backbone.{n}": t.contiguous() for n, t in theirs.state_dict().items()}
    save_file(
        tensors,
        tmp_path / "new.safetensors",
        metadata={"format": "99", "emotions": json.dumps(EMOTIONS)},
    )
    with pytest.raises(DataError, match="has format 99"):
        start(fresh(3), {"init_from": str(tmp_path / "new.safetensors")}, EMOTIONS)


def test_a_saved_model_is_built_without_fetching():
    node = {"_target_": "x", "pretrained": True, "init_from": "run", "grey": "sum"}
    assert untrained(node) == {"_target_": "x", "grey": "sum"}


@pytest.mark.parametrize(("emotions", "head"), [(list(FER[:7]), True), (["a", "b", "c"], False)])
def test_a_packaged_model_is_begun_with_by_its_name_and_its_terms_are_told(emotions, head):
    ours = eca_resnet(len(emotions), 1, size=48)
    (said,) = start(ours, {"init_from": "eca_resnet"}, emotions)
    assert "non-commercial" in said
    assert ("head included" in said) == head
    theirs = load_model("eca_resnet", "cpu").backbone
    assert same(ours, theirs, head=False)
    with pytest.raises(DataError, match="No weights at eca_resne"):
        start(ours, {"init_from": "eca_resne"}, emotions)
