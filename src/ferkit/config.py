"""`build()`: the one gate from yaml to objects, and the checks of every node."""

import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ferkit.errors import ConfigError, FerkitError, unknown
from ferkit.ranges import check_ranges
from ferkit.saved import RENAMED_KEYS
from ferkit.signatures import REQUIRED, Signature, described, read_signature
from ferkit.targets import group_of, resolve, shipped_targets

GROUPS = (
    "dataset",
    "faces",
    "split",
    "imbalance",
    "loss",
    "augment",
    "input",
    "backbone",
    "optimizer",
    "scheduler",
    "trainer",
    "tta",
    "logger",
)

# keys of every node of a group, whatever its target; handled beside it (ferkit.backbones.start)
SHARED: dict[str, dict[str, Any]] = {
    "backbone": {"init_from": str | None, "freeze": str, "freeze_n": int}
}


def check_node(node: Any, where: str) -> None:
    """Bind a node's keys against the signature of its target, before any data is read.

    Raises:
        ConfigError: no target, a key the target does not take, a value of another type.
    """
    plain = as_plain(node)
    if not isinstance(plain, Mapping) or "_target_" not in plain:
        raise ConfigError(f"{where}={plain!r} has no _target_; pick one of `ferkit list {where}`.")
    signature = signature_of(plain["_target_"], where)
    parameters, open_ended = signature.defaults, signature.open_ended
    shared = SHARED.get(where, {})
    hints = signature.hints | shared
    for key, value in plain.items():
        if key == "_target_":
            continue
        if not isinstance(key, str):  # YAML 1.1 reads on, off, yes and no as true and false
            raise ConfigError(f"{where} has the key {key!r}; put the word in quotes in the yaml.")
        if key.startswith("_") or (key not in {*parameters, *shared} and not open_ended):
            if now := RENAMED_KEYS.get(f"{where}.{key}"):
                raise ConfigError(f"{where}.{key} is now called {now}; rename it where it stands.")
            known = [p for p in (*parameters, *shared) if not p.startswith("_") and p != "self"]
            raise ConfigError(unknown("key", f"{where}.{key}", [f"{where}.{p}" for p in known]))
        if not _fits(value, hints.get(key, Any)):
            if isinstance(value, str) and (words := _words_of(hints[key])):
                raise ConfigError(unknown(f"{where}.{key}", value, words))
            wanted = getattr(hints[key], "__name__", str(hints[key])).replace(
                "pathlib.Path", "a path"
            )
            raise ConfigError(f"{where}.{key} is {value!r}; it takes {wanted}.")
    check_ranges(plain, where)


def signature_of(target: object, where: str) -> Signature:
    """What a target takes: of those that ferkit ships by their source, of others by import.

    Raises:
        ConfigError: a config may not build it there.
    """
    shipped = isinstance(target, str) and target in shipped_targets(group_of(where))
    if shipped and (read := read_signature(str(target))):
        return read
    found = resolve(target, where)
    parameters = inspect.signature(found).parameters
    called = found.__init__ if inspect.isclass(found) else found
    return Signature(
        {n: REQUIRED if p.default is p.empty else p.default for n, p in parameters.items()},
        typing.get_type_hints(called),
        any(p.kind is p.VAR_KEYWORD for p in parameters.values()),
        described(inspect.getdoc(found)),
    )


def defaults_of(node: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What a node's target takes for keys that are not given, as yaml would write it.

    Empty for a node without a target, or with one that is not here or not let in.
    """
    try:
        parameters = inspect.signature(resolve(node.get("_target_"), where)).parameters
    except (FerkitError, ImportError):
        return {}
    found = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    return {n: list(value) if isinstance(value, tuple) else value for n, value in found.items()}


def check_study(study: Any) -> None:
    """Check the root key `study`, by which `ferkit eval study=NAME` finds a run.

    Args:
        study: None, or a mapping of `name` (the study), `trial` (the experiment's name without
            the words of its variant, e.g. trial08) and `variant` ("as_published", or those words,
            e.g. "lr_factor").

    Raises:
        ConfigError: another key, one that is missing, or a value that is no word.
    """
    plain = as_plain(study)
    if plain is None:
        return
    wanted = ("name", "trial", "variant")
    if not isinstance(plain, Mapping):
        raise ConfigError(f"study={plain!r}; give {{name: ..., trial: ..., variant: ...}}.")
    for key in plain:
        if key not in wanted:
            raise ConfigError(unknown("key", f"study.{key}", [f"study.{w}" for w in wanted]))
    for key in wanted:
        if not isinstance(plain.get(key), str):
            raise ConfigError(f"study.{key} is {plain.get(key)!r}; give a word.")


def _words_of(hint: Any) -> list[str]:
    """The words of the literals in a hint."""
    parts = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return [part for part in parts if isinstance(part, str)]
    return [word for part in parts for word in _words_of(part)]


def _fits(value: object, hint: Any) -> bool:
    """Scalars are checked; what is more involved is left to the target itself."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_fits(value, part) for part in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if hint is types.NoneType:
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (bool, str):
        return isinstance(value, hint)
    if getattr(hint, "__name__", "") in ("Path", "Tensor"):  # yaml has words alone, and no tensors
        word = isinstance(value, str | int) and not isinstance(
            value, bool
        )  # 2013 is a folder's name
        return word and hint.__name__ == "Path"
    return True


def as_plain(node: Any) -> Any:
    """A node as plain dicts and lists, interpolations resolved."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def as_words(node: Any) -> list[str]:
    """A word, a list of them or nothing, as Hydra's grammar has it, as a list."""
    plain = as_plain(node)
    if plain is None:
        return []
    return [str(word) for word in plain] if isinstance(plain, list) else [str(plain)]


def build(node: Any, *, where: str, **facts: Any) -> Any:
    """Call a node's target with its keys and with facts that are only known at run time.

    Nested nodes stay plain dicts: who takes one passes it through here again. Hydra's instantiate
    has no part in it: it would resolve interpolations and build nested targets by itself.

    Args:
        node: A mapping with `_target_`; a config found in a run folder passes the same gate.
        where: The node's name, for messages; its group says which targets it may have.
        facts: Runtime keywords; those that the target does not take are left out.

    Raises:
        ConfigError: the node does not pass the gate, or its constructor refuses a value.
    """
    check_node(node, where)
    plain = {k: v for k, v in as_plain(node).items() if k not in SHARED.get(where, {})}
    target = resolve(plain.pop("_target_"), where)
    parameters = inspect.signature(target).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    keywords = {k: v for k, v in facts.items() if takes_any or k in parameters}
    if not inspect.isclass(target):
        return target(**{**keywords, **plain})
    try:
        return target(**{**plain, **keywords})
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise ConfigError(f"{where}: {error}") from error


def is_node(value: object) -> bool:
    """Whether a value is a mapping with a `_target_`."""
    return isinstance(value, Mapping | DictConfig) and "_target_" in value
