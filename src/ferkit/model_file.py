"""A network's weights in one file with what they are for: written, and read without trust.

The metadata of a ferkit model is one key, `ferkit`: JSON with sorted keys, so that two equal runs
write equal files. It holds a sha256 over all the rest, for a file that lies alone. Files of
before have a key a node and no sum.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from ferkit.errors import DataError, check_format
from ferkit.files import FORMAT, require_as_written
from ferkit.saved import as_of_now
from ferkit.untrusted import parse_json, reason, require_shape

_KEY = "ferkit"
_NODES = ("backbone", "faces", "input")
_HEADER = 16 << 20  # bytes; of ten thousand tensors it has one million
_SIDES = range(1, 2049)  # pixels of a face
_CLASSES = range(1, 10_001)
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Card:
    """What stands beside the weights of a ferkit model.

    Attributes:
        emotions: The classes, in the order of the scores.
        size: Height and width of a face in pixels.
        channels: Of the prepared faces: 1 grey, 3 RGB.
        nodes: The `backbone`, `faces` and `input` nodes.
    """

    emotions: tuple[str, ...]
    size: int
    channels: int
    nodes: dict[str, Any]


def pack(tensors: Mapping[str, Tensor], card: Card) -> bytes:
    """The bytes of a .safetensors file; of equal weights and cards they are equal."""
    from safetensors.torch import save

    kept = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    said = {"format": FORMAT, **asdict(card), "sha256": _sum(kept, card)}
    return bytes(save(kept, metadata={_KEY: json.dumps(said, sort_keys=True)}))


def _sum(tensors: Mapping[str, Tensor], card: Card) -> str:
    said = json.loads(json.dumps(asdict(card)))  # keys that are no words become some
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_model_file(path: Path) -> tuple[Weights, Card | None]:
    """The tensors of a .safetensors file, and its card if it is a ferkit model.

    Raises:
        DataError: it is damaged, holds numbers that are none, or a newer ferkit wrote it.
    """
    _check_header(path)
    require_as_written(path.parent, path.name)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises its own Rust-side class
        raise DataError(
            f"{path} cannot be read as safetensors ({reason(error)}): it is damaged, or another "
            "kind of file; restore it."
        ) from None
    card = _card(metadata, tensors, path)
    _refuse_nan(tensors, path)
    return tensors, card


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= min(_HEADER, path.stat().st_size - 8):
        raise DataError(
            f"{path} cannot be read as safetensors (a header of {length:,} bytes in a file of "
            f"{path.stat().st_size:,}): it is damaged, or another kind of file; restore it."
        )


def _card(metadata: Mapping[str, str], tensors: Weights, path: Path) -> Card | None:
    where = f"The metadata of {path}"
    if _KEY in metadata:
        said = parse_json(metadata[_KEY], where)
        require_shape(said, {}, where)
        check_format(said.get("format"), FORMAT, path)
        card = checked_card(said, said.get("nodes"), where)
        if said.get("sha256") != _sum(tensors, card):
            raise DataError(
                f"{path} is damaged, or was changed after it was written: its weights do not have "
                "the sha256 that stands in it; restore it, or train again."
            )
        return card_of_now(card, path)
    number = metadata.get("format", "0")  # transformers and torch write "pt" there
    if "backbone" not in metadata:
        if number.isdigit():
            check_format(int(number), FORMAT, path)
        return None
    said = {name: parse_json(text, f"{where}, key {name}") for name, text in metadata.items()}
    check_format(said.get("format", 0), FORMAT, path)
    return card_of_now(checked_card(said, {name: said.get(name) for name in _NODES}, where), path)


def card_of_now(card: Card, path: Path) -> Card:
    """A card whose nodes have the names of today."""
    return replace(card, nodes=as_of_now(card.nodes, path))


def checked_card(said: Mapping[str, Any], nodes: Any, where: str) -> Card:
    """A card from what stands in a file of somebody.

    Args:
        said: emotions, size and channels.
        nodes: backbone, faces and input.
        where: Of the file, for messages.

    Raises:
        DataError: something is missing, of another kind, or outside its range.
    """
    require_shape(nodes, {}, f"{where}, key nodes")
    for name in _NODES:
        require_shape(nodes.get(name), {}, f"{where}, key {name}")
    emotions, size, channels = (said.get(name) for name in ("emotions", "size", "channels"))
    require_shape(emotions, [str], f"{where}, key emotions")
    require_shape(size, int, f"{where}, key size")
    require_shape(channels, int, f"{where}, key channels")
    assert isinstance(emotions, list) and isinstance(size, int) and isinstance(channels, int)
    if len(set(emotions)) != len(emotions) or len(emotions) not in _CLASSES:
        raise DataError(f"{where} names the emotions {str(emotions)[:80]}; restore it.")
    if size not in _SIDES or channels not in (1, 3):
        raise DataError(
            f"{where} has size {size} and channels {channels}; a face has 1 to {_SIDES[-1]} pixels "
            "a side and 1 or 3 channels. Restore it."
        )
    return Card(tuple(emotions), size, channels, {n: nodes[n] for n in _NODES})


def _refuse_nan(tensors: Weights, path: Path) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor.float()).all():
            raise DataError(
                f"{path}: {name} holds values that are not numbers: the file is damaged, or the "
                "training diverged; restore it, or train again with a lower optimizer.lr."
            )
