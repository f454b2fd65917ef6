"""Which numbers a config may hold: finite everywhere, and in a range where a key has one."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ferkit.errors import ConfigError

_NO_END = math.inf
Range = tuple[float, float, str]  # lowest, highest, and which ends belong to it: "[]", "[)", ...
_ANY: Range = (0, _NO_END, "[)")
_POSITIVE: Range = (0, _NO_END, "()")
_COUNT: Range = (1, _NO_END, "[)")
_SHARE: Range = (0, 1, "[]")
_BELOW_1: Range = (0, 1, "[)")
RANGES: dict[str, dict[str, Range]] = {
    "trainer": {
        **dict.fromkeys(
            (
                "max_epochs",
                "patience",
                "frames_per_clip",
                "max_images",
                "max_train_images",
                "max_val_images",
                "accumulate",
            ),
            _COUNT,
        ),
        "threads": (1, 4096, "[]"),
        "clip_grad": _POSITIVE,
    },
    "optimizer": {
        **dict.fromkeys(("lr", "eps", "weight_decay", "momentum", "dampening"), _ANY),
        "betas": _BELOW_1,
        "alpha": _BELOW_1,
    },
    "scheduler": {
        "rise": (0, 1, "()"),
        "start_divisor": _POSITIVE,
        "end_divisor": _POSITIVE,
        "warmup_epochs": _ANY,
        "floor": _SHARE,
        "decay": _ANY,
        "factor": (0, 1, "()"),
        "every": _COUNT,
        "patience": _ANY,
        "min_lr": _ANY,
    },
    "loss": {
        "gamma": _ANY,
        "beta": _BELOW_1,
        "label_smoothing": _BELOW_1,
        "share": _ANY,
        "repulsion": _ANY,
        "rate": _SHARE,
        "max_margin": _POSITIVE,
        "reweight_from": _SHARE,
    },
    "augment": {
        "rotation": (0, 180, "[]"),
        "shear": (0, 90, "[)"),
        "shift": _SHARE,
        "zoom": _BELOW_1,
        "erase": _SHARE,
        "brightness": _SHARE,
        **dict.fromkeys(("contrast", "noise", "mixup"), _ANY),
    },
    "split": {"val": _BELOW_1, "test": _BELOW_1, "folds": (2, _NO_END, "[)")},
    "tta": {"k": _COUNT, "crop": (0, 1, "(]"), "seed": _ANY},
    "input": {"std": _POSITIVE},
    "backbone": {
        **dict.fromkeys(("dropout", "dense_dropout", "relation_dropout"), _SHARE),
        "fc2_features": _COUNT,
        "freeze_n": _COUNT,
    },
    "faces": {"size": (1, 2048, "[]")},
}
_SEED: Range = (0, 2**32 - 1, "[]")  # what numpy, torch and scikit-learn all take


def check_ranges(node: Mapping[Any, Any], group: str) -> None:
    """Refuse numbers of a node that lie outside their range.

    Raises:
        ConfigError: one does, or is no number.
    """
    for key, allowed in RANGES.get(group, {}).items():
        value = node.get(key)
        for number in value if isinstance(value, list) else [value]:
            if number is not None:
                _check(number, allowed, f"{group}.{key}", value)


def check_numbers(config: Mapping[Any, Any]) -> None:
    """Refuse numbers anywhere in a config that are none or have no end, and seeds that none takes.

    Raises:
        ConfigError: there is one.
    """
    for name, value in _walk(config, ""):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{name} is {value}; give a finite number.")
        if name == "seed" and value is not None:
            _check(value, _SEED, name, value)


def _check(number: object, allowed: Range, name: str, value: object) -> None:
    low, high, ends = allowed
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ConfigError(f"{name} is {value!r}; it takes a number.")
    above = number > low or (number == low and ends[0] == "[")
    below = number < high or (number == high and ends[1] == "]")
    if not (above and below):
        raise ConfigError(f"{name} is {value}; it must be {_words(allowed)}.")


def _words(allowed: Range) -> str:
    low, high, ends = allowed
    least = f"at least {low:.12g}" if ends[0] == "[" else f"more than {low:.12g}"
    if high == _NO_END:
        return least
    return f"{least} and {'at most' if ends[1] == ']' else 'less than'} {high:.12g}"


def _walk(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, name)
    else:
        yield name, value
