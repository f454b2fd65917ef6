"""How a backbone begins: from another run's weights, with some layers frozen.

`init_from`, `freeze` and `freeze_n` are keys of every `backbone` node, whatever its target; they
are handled here, beside the target.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ferkit.backbones.freezing import freeze
from ferkit.backbones.pretrained import load_all_but, read_weights
from ferkit.packaged import TERMS, find_model, is_packaged

_HEAD = "classifier"


def start(
    backbone: nn.Module, node: Mapping[str, Any], emotions: Sequence[str], scaling: object = None
) -> list[str]:
    """Do what the shared keys of a backbone node ask for, in place.

    Args:
        node: The `backbone` node; its keys `init_from` (None), `freeze` ("none") and `freeze_n`
            (1) are read.
        emotions: The classes, in the order of the scores.
        scaling: The `input` node, to be compared with that of `init_from`.

    Returns:
        What was done, a sentence each.

    Raises:
        ConfigError: a wrong value of a key.
        DataError: weights that cannot be read or do not fit.
    """
    said = []
    if node.get("init_from"):
        said.append(init_from(backbone, node["init_from"], emotions, scaling))
    words = freeze(backbone, node.get("freeze", "none"), node.get("freeze_n", 1))
    return said + ([words] if node.get("freeze", "none") != "none" else [])


def init_from(
    backbone: nn.Module, source: str, emotions: Sequence[str], scaling: object = None
) -> str:
    """Take the weights of another run's backbone; the head as well, if its classes are ours.

    A network of videos may start from a run of its network of single faces.

    Args:
        source: A run folder, its model.safetensors, a state dict of this very backbone, or the name
            of a packaged model.
        emotions: The classes, in the order of the scores.
        scaling: The `input` node, to be compared with the run's.

    Returns:
        What was taken, and a warning where the run's faces were scaled otherwise.

    Raises:
        DataError: the weights cannot be read, or are not those of this network.
    """
    path = find_model(source)
    terms = f"; {TERMS}" if is_packaged(path) else ""
    path = path / "model.safetensors" if path.is_dir() else path
    weights, card = read_weights(path)
    weights = {name.removeprefix("backbone."): tensor for name, tensor in weights.items()}
    if _is_of_faces(backbone, weights):
        load_all_but(backbone.get_submodule("frame"), weights, [_HEAD], path)
        said = f"weights of {path} for the frames, with new attention and a new head"
    else:
        same = _same_head(backbone, weights, card.emotions if card else None, emotions)
        load_all_but(backbone, weights, [] if same else [_HEAD], path)
        said = f"weights of {path}, {'head included' if same else 'with a new head'}"
    said += terms
    theirs = card.nodes["input"] if card else scaling
    if scaling is not None and theirs != scaling:
        said += "; warning: its faces were scaled otherwise, give the same input node"
    return said


def _is_of_faces(backbone: nn.Module, weights: Mapping[str, Any]) -> bool:
    """Whether a backbone takes videos, and the weights are those of a network of faces."""
    videos = bool(getattr(backbone, "takes_videos", False))
    return videos and not any(name.startswith("frame.") for name in weights)


def _same_head(
    backbone: nn.Module,
    weights: Mapping[str, Any],
    theirs: Sequence[str] | None,
    ours: Sequence[str],
) -> bool:
    if theirs is not None and list(theirs) != list(ours):
        return False
    own = {n: t.shape for n, t in backbone.state_dict().items() if n.startswith(f"{_HEAD}.")}
    return all(n in weights and weights[n].shape == shape for n, shape in own.items())
