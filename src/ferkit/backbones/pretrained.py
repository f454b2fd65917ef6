"""Weights from elsewhere: downloaded, or read from a file that cannot run code."""

import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ferkit.errors import DataError
from ferkit.model_file import Card, Weights, read_model_file
from ferkit.untrusted import reason


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


def read_weights(path: Path) -> tuple[Weights, Card | None]:
    """The tensors of a .safetensors file, or of what torch.save wrote; nothing is executed.

    A state dict wrapped as `state_dict` or `model` is unwrapped, the `module.` of a parallel
    model taken off.

    Returns:
        The tensors by name, and what a ferkit model says of itself (None for any other).

    Raises:
        DataError: no such file, a broken one, or one that holds more than tensors.
    """
    if not path.is_file():
        raise DataError(f"No weights at {path}; give a .safetensors or .pth file that exists.")
    if path.suffix == ".safetensors":
        return read_model_file(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # torch advises to trust the file
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zipfile, pickle and torch each raise their own
        raise DataError(
            f"{path} cannot be read as a file of plain weights ({reason(error)}); save the "
            "network's state_dict(), by torch.save or as safetensors."
        ) from None
    for wrapper in ("state_dict", "model"):
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not isinstance(found, Mapping) or not all(isinstance(t, Tensor) for t in found.values()):
        raise DataError(f"{path} holds no state dict; save the network's state_dict().")
    return {str(name).removeprefix("module."): t for name, t in found.items()}, None


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


def _within(name: str, layers: Collection[str]) -> bool:
    return any(name == layer or name.startswith(f"{layer}.") for layer in layers)
