"""Model files: equal bytes for equal runs, everything else about them a sentence."""

import json
import os
import struct

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ferkit.errors import DataError
from ferkit.model import load_model, make_model, save_model

NODES = {
    "backbone": {"_target_": "ferkit.backbones.kurmi_cnn.KurmiCNN"},
    "input": {"_target_": "ferkit.input.Input", "scale": "-1..1"},
    "faces": {"size": 48},
}
OLD = {name: json.dumps(node) for name, node in NODES.items()} | {
    "format": "1",
    "emotions": '["a", "b"]',
    "size": "48",
    "channels": "1",
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(0)
    model = make_model(NODES, ["a", "b"], 48, 1)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(model, path)
    return path


@pytest.fixture(scope="module")
def tensors(saved):
    return load_file(saved)


def test_equal_models_are_equal_files_and_come_back(saved, tmp_path, tensors):
    model = load_model(saved)
    save_model(model, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()
    with safe_open(saved, framework="pt") as file:
        assert list(file.metadata()) == ["ferkit"]
    assert model.emotions == ("a", "b")


def test_a_file_of_before_is_read(tmp_path, tensors, saved):
    save_file(tensors, tmp_path / "old.safetensors", metadata=OLD)
    old, new = load_model(tmp_path / "old.safetensors"), load_model(saved)
    assert all(torch.equal(a, b) for a, b in zip(old.parameters(), new.parameters(), strict=True))


def test_any_flipped_byte_is_found(saved, tmp_path):
    content = saved.read_bytes()
    path = tmp_path / "model.safetensors"
    step = max(1, len(content) // 40)
    for place in [*range(0, len(content), step), 9, 40, 200, len(content) - 1]:
        changed = bytearray(content)
        changed[place] ^= 4
        path.write_bytes(changed)
        with pytest.raises(DataError):
            load_model(path)
    for length in (0, 5, 8, 100, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(DataError):
            load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        {"size": "big"},
        {"size": "48.5"},
        {"size": "0"},
        {"size": "1000000000"},
        {"size": "null"},
        {"channels": "2"},
        {"channels": "true"},
        {"channels": "[1]"},
        {"format": "x"},
        {"format": "[]"},
        {"format": "2"},
        {"emotions": "null"},
        {"emotions": '{"a": 1}'},
        {"emotions": "[1, 2]"},
        {"emotions": '["a", "a"]'},
        {"emotions": "[]"},
        {"emotions": '["a", "b", "c"]'},
        {"backbone": "{"},
        {"backbone": "3"},
        {"backbone": "[" * 100_000},
        {"backbone": '{"_target_": "os.system"}'},
        {"backbone": '{"_target_": 5}'},
        {"backbone": '{"_target_": "ferkit.backbones.vgg8.vgg8"}'},
        {"backbone": '{"_target_": "ferkit.backbones.kurmi_cnn.KurmiCNN", "x": 1}'},
        {"input": "null"},
        {"input": '{"_target_": "ferkit.input.Input", "scale": "odd"}'},
        {"faces": "[]"},
        {"faces": None},
        {"size": None},
        {"emotions": None},
        {"input": None},
    ],
)
def test_metadata_of_no_model_is_a_sentence(tmp_path, tensors, change):
    metadata = {k: v for k, v in (OLD | change).items() if v is not None}
    save_file(tensors, tmp_path / "m.safetensors", metadata=metadata)
    with pytest.raises(DataError) as refused:
        load_model(tmp_path / "m.safetensors")
    assert "m.safetensors" in str(refused.value)
    assert len(str(refused.value)) < 500


def test_weights_that_are_none_or_do_not_fit(tmp_path, tensors):
    name = next(n for n, t in tensors.items() if t.is_floating_point() and t.ndim > 1)
    for change, said in [
        ({name: tensors[name] * float("nan")}, "not numbers"),
        ({name: tensors[name][:1].clone()}, "instead of"),
        ({"more": torch.zeros(1)}, "one too many"),
    ]:
        save_file(tensors | change, tmp_path / "m.safetensors", metadata=OLD)
        with pytest.raises(DataError, match=said):
            load_model(tmp_path / "m.safetensors")
    save_file(
        {n: t for n, t in tensors.items() if n != name}, tmp_path / "m.safetensors", metadata=OLD
    )
    with pytest.raises(DataError, match="is missing"):
        load_model(tmp_path / "m.safetensors")


def test_a_huge_header_is_not_parsed(tmp_path):
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 90 << 20))
        os.truncate(path, 100 << 20)
    with pytest.raises(DataError, match="a header of"):
        load_model(path)
