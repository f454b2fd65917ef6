"""Weights from elsewhere: downloaded, or read from a file that cannot run code."""

import json
import pickle
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ferkit.errors import DataError

Weights = dict[str, Tensor]


def download(fetch: Callable[[], Weights], what: str) -> Weights:
    """Weights that a library fetches (or finds in its cache).

    Args:
        what: What is fetched, for the message.

    Raises:
        DataError: they could not be fetched.
    """
    try:
        return fetch()
    except Exception as error:  # each library wraps its network errors in classes of its own
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(
            f"The weights of {what} could not be downloaded ({reason}); allow the download, or "
            "fetch them elsewhere and give backbone.pretrained=<file>."
        ) from error


def read_weights(path: Path) -> tuple[Weights, dict[str, str]]:
    """The tensors of a .safetensors file, or of what torch.save wrote; nothing is executed.

    A state dict wrapped as `state_dict` or `model` is unwrapped, the `module.` of a parallel
    model taken off.

    Returns:
        The tensors by name, and the metadata (empty for torch's format).

    Raises:
        DataError: no such file, a broken one, or one that holds more than tensors.
    """
    if not path.is_file():
        raise DataError(f"No weights at {path}; give a .safetensors or .pth file that exists.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise DataError(
            f"{path} cannot be read as a file of plain weights ({reason}); save the network's "
            "state_dict(), by torch.save or as safetensors."
        ) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not isinstance(found, Mapping) or not all(isinstance(t, Tensor) for t in found.values()):
        raise DataError(f"{path} holds no state dict; save the network's state_dict().")
    return {str(name).removeprefix("module."): t for name, t in found.items()}, {}


def load_all_but(
    network: nn.Module, weights: Mapping[str, Tensor], new: Collection[str], source: object
) -> None:
    """Load weights into a network, in place, all but those of some layers.

    Args:
        new: Names of layers that keep what they have, e.g. the head; what `weights` has for
            them is passed over.
        source: Where the weights come from, for the message.

    Raises:
        DataError: a tensor is missing, one too many, or of another shape.
    """
    own = {n: t for n, t in network.state_dict().items() if not _within(n, new)}
    given = {n: t for n, t in weights.items() if not _within(n, new)}
    wrong = (
        [f"{n} is missing" for n in own if n not in given and not n.endswith("num_batches_tracked")]
        + [f"{n} is one too many" for n in given if n not in own]
        + [
            f"{n} is {tuple(given[n].shape)} instead of {tuple(own[n].shape)}"
            for n in own.keys() & given.keys()
            if given[n].shape != own[n].shape
        ]
    )
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise DataError(
            f"{source} does not fit the backbone ({'; '.join(sorted(wrong)[:3])}{more}); give "
            "weights of this very network, at the same channels and size."
        )
    network.load_state_dict(given, strict=False)


def untrained(node: Mapping[str, Any]) -> dict[str, Any]:
    """A backbone node without where its weights came from: what a saved model is built by.

    The saved weights replace whatever was fetched, so nothing need be fetched again.
    """
    return {key: value for key, value in node.items() if key not in ("pretrained", "init_from")}


def emotions_of(metadata: Mapping[str, str]) -> list[str] | None:
    """The classes that the metadata of a ferkit model names, None elsewhere."""
    return json.loads(metadata["emotions"]) if "emotions" in metadata else None


def _within(name: str, layers: Collection[str]) -> bool:
    return any(name == layer or name.startswith(f"{layer}.") for layer in layers)


def _read_safetensors(path: Path) -> tuple[Weights, dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {n: file.get_tensor(n) for n in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} cannot be read as safetensors ({error}).") from error
