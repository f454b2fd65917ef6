"""Reading what may be broken or hostile: text, yaml, JSON, arrays; every fault is a sentence.

A run's folder may have been cut short, edited by hand or made by somebody else. Nothing here
executes what it reads, takes more than seconds, or more memory than the file's own size asks for.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ferkit.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TEXT_LIMIT = 64 << 20  # bytes
YAML_LIMIT = 4 << 20
_NODES = 200_000  # of a yaml once its aliases are written out
_DEPTH = 60
_SHOWN = 160  # characters of a library's own words
_FLOAT = re.compile(
    r"(?:[-+]?(?:\d[\d_]*\.[\d_]*(?:[eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+|\.\d[\d_]*(?:[eE][-+]?\d+)?"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN))$"
)
T = TypeVar("T")


def reason(error: BaseException) -> str:
    """What a library says of a file in one line, without its advice to trust the file."""
    text = str(error)
    if "weights_only" in text:
        return "it holds more than tensors, numbers and words"
    return " ".join(text.split())[:_SHOWN] or type(error).__name__


def guarded(read: Callable[[], T], where: object, what: str, advice: str = "restore it") -> T:
    """What `read` answers, or a sentence: libraries raise whatever they like on a broken file.

    Args:
        what: What is wrong with the file, e.g. "is no parquet file".
        advice: What to do.

    Raises:
        DataError: it raised; one of its own goes through as it is.
    """
    try:
        return read()
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{where} {what} ({reason(error)}); {advice}.") from None


def read_text(path: Path, limit: int = TEXT_LIMIT) -> str:
    """A text file in UTF-8.

    Raises:
        DataError: it is none, or larger than `limit` bytes.
    """
    if path.stat().st_size > limit:
        raise DataError(
            f"{path} has {path.stat().st_size:,} bytes; more than {limit:,} are refused."
        )
    return as_text(path.read_bytes(), path)


def as_text(content: bytes, where: object) -> str:
    """Bytes in UTF-8 as text, with or without a byte order mark.

    Raises:
        DataError: they are none.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where} is no text in UTF-8 (byte {error.start}); restore it, or save it as UTF-8."
        ) from None


def read_yaml(path: Path) -> Any:
    """A yaml file as plain containers.

    Raises:
        DataError: see `parse_yaml`.
    """
    return parse_yaml(read_text(path, YAML_LIMIT), path)


def parse_yaml(text: str, where: object) -> Any:
    """Yaml as plain containers; numbers are read as Hydra reads them (1e-3 is one).

    Raises:
        DataError: it is none, is larger or nested deeper than a config ever is, or its aliases
            stand for more than that.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    if len(text) > YAML_LIMIT:
        raise DataError(f"{where} has {len(text):,} characters; no config has so many.")
    try:
        _refuse_bombs(text, where)
        return yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, KeyError) as error:
        raise DataError(f"{where} is no valid yaml ({reason(error)}).") from None


def _refuse_bombs(text: str, where: object) -> None:
    """Count what a yaml would be with its aliases written out, from its events alone."""
    import yaml

    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=_loader()):
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
            if len(open_nodes) > _DEPTH:
                raise DataError(f"{where} is nested deeper than {_DEPTH} levels; no config is.")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
        elif isinstance(event, yaml.AliasEvent):
            if any(event.anchor == name for name, _ in open_nodes):
                raise DataError(f"{where} holds an alias of what it stands in (*{event.anchor}).")
            anchor, size = None, sizes.get(str(event.anchor), 1)
        else:
            continue
        if anchor:
            sizes[anchor] = size
        outer, so_far = open_nodes.pop()
        open_nodes.append((outer, so_far + size))
        if so_far + size > _NODES:
            raise DataError(f"{where} stands for more than {_NODES:,} values; no config does.")


@cache
def _loader() -> Any:
    """PyYAML's safe loader, with Hydra's numbers and without dates."""
    import yaml

    parent: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(parent):  # type: ignore[misc, unused-ignore]
        pass

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if not pair[0].endswith((":timestamp", ":float"))]
        for first, pairs in parent.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    return Loader


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        DataError: it is none.
    """
    return parse_json(read_text(path), path)


def parse_json(text: str, where: object) -> Any:
    """JSON as plain containers.

    Raises:
        DataError: it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is no valid JSON ({reason(error)}); restore it.") from None


def require_shape(value: Any, shape: Any, where: object) -> None:
    """Refuse a value whose structure is not the expected one.

    Args:
        value: As yaml or JSON have it.
        shape: A type or a union of types; `[shape]` for a list; `{str: shape}` for a mapping of
            any keys; `{"key": shape}` for a mapping in which these keys, where they are there
            and not null, have these shapes.
        where: The file, then the keys down to the value.

    Raises:
        DataError: it is another.

    >>> require_shape({"a": [1, 2], "more": "x"}, {"a": [int]}, "data.json")
    """
    if isinstance(shape, list):
        _require(value, list, where)
        for number, each in enumerate(value):
            require_shape(each, shape[0], f"{where}, item {number}")
    elif isinstance(shape, Mapping):
        _require(value, dict, where)
        for key in value if str in shape else shape:
            if value.get(key) is not None or str in shape:
                require_shape(value[key], shape.get(str, shape.get(key)), f"{where}, key {key}")
    else:
        _require(value, shape, where)


def _require(value: Any, kind: Any, where: object) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        wanted = {dict: "a mapping", list: "a list", str: "a text", int: "a whole number"}.get(
            kind, "a number" if kind == int | float else str(kind)
        )
        raise DataError(f"{where} is {str(value)[:60]!r}, not {wanted}; restore the file.")


def read_arrays(path: Path, what: str) -> "dict[str, np.ndarray]":
    """The arrays of an .npz that a report can do without.

    Args:
        what: Of what they should be, e.g. "example faces".

    Raises:
        DataError: it is none.
    """

    def read() -> "dict[str, np.ndarray]":
        import numpy as np

        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    advice = "delete it, the report is made without them"
    return guarded(read, path, f"holds no {what}", advice)


def parse_parquet(content: bytes, where: object) -> "pd.DataFrame":
    """A parquet file as a frame; what pandas noted beside it is in `attrs`.

    Raises:
        DataError: it is none.
    """

    def read() -> "pd.DataFrame":
        import pandas as pd

        return pd.read_parquet(BytesIO(content))

    what = "cannot be read: it is no parquet file"
    return guarded(read, where, what, "was it cut short? Make it again")
