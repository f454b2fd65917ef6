"""From words on a command line to one resolved config, by Hydra's compose API."""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ferkit.config import GROUPS, as_plain, check_node, check_study, is_node
from ferkit.errors import ConfigError, missing, unknown
from ferkit.hydra_keys import check_hydra_word
from ferkit.own import read_header
from ferkit.ranges import check_numbers
from ferkit.roots import ROOTS
from ferkit.saved import RENAMED_KEYS, RENAMED_VALUES
from ferkit.targets import configs_dir
from ferkit.tree import OWN, choices, file_of, list_groups
from ferkit.untrusted import read_yaml

PARTIAL = (
    "eval",
    "predict",
    "mirror",
)  # there a few keys of a node may be given, over those of the run
LAUNCHERS = {  # what each of Hydra's launchers beside its own comes with
    "joblib": "hydra-joblib-launcher",
    "submitit_local": "hydra-submitit-launcher",
    "submitit_slurm": "hydra-submitit-launcher",
}
_PLAIN_OVERRIDE = re.compile(r"^(tests|[a-z_]\w*(\.\w+)+)=", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_TAKEN_APART = frozenset("'\"[]{}(),=$\\~#;!&<>^`|")
_PAIR = re.compile(r"""[^'"\[\]{}()$,\\]*=[^'"\[\]{}()$,\\]*""")
_NAMES = ("baseline",)  # keys whose value is a name with any sign in it
_NO_NAME = re.compile(r"null|true|false|[-+]?\d[\d_.]*(e[-+]?\d+)?", re.IGNORECASE)


def compose(*words: str, command: str = "train") -> DictConfig:
    """The config that `ferkit <command> <words>` runs with.

    Args:
        words: Hydra's grammar: `group=choice`, `key=value`, `--config-dir DIR`.
        command: Which of the root configs, e.g. "train" or "eval".

    Raises:
        ConfigError: a word that is not understood, with the nearest known one.

    >>> compose("seed=3", "loss=focal").seed
    3
    """
    overrides, searched = split_words(words)
    if command == "eval":  # keys may stand beside the file
        overrides = [re.sub("^model=", "model.file=", word) for word in overrides]
    with hydra_ready(command), explained(command):
        from hydra import compose as hydra_compose

        config = hydra_compose(config_name=command, overrides=prepare(overrides, searched))
        check_numbers(as_plain(config))
        check(config, command)  # here, for an interpolation that leads nowhere
    return config


def completed(stored: DictConfig) -> DictConfig:
    """The config of a stored run, with every root key and its type.

    Raises:
        ConfigError: a key is unknown or has a value of another type.
    """
    with explained("train"):
        config = cast(DictConfig, OmegaConf.merge(OmegaConf.structured(ROOTS["train"]), stored))
    check_numbers(as_plain(config))
    return config


def check(config: DictConfig, command: str = "train") -> None:
    """Check the root keys of a composed config, and every node against its target.

    Raises:
        ConfigError: an unknown key at the root or in a node, or a value of another type.
    """
    known = root_keys(command)
    for key in config:
        if key not in known:  # `++` adds what the schema does not have
            raise ConfigError(unknown("key", str(key), known))
    _check_settings(config, command)
    if command == "train":  # in the others it is a study's name
        check_study(config.get("study"))
    for group in GROUPS:
        node = config.get(group)
        if node is None and command == "train":
            raise ConfigError(f"{group} is missing; give {group}=, one of `ferkit list {group}`.")
        if node is None or (command in PARTIAL and not is_node(node)):
            continue
        check_node(node, group)


def _check_settings(config: DictConfig, command: str) -> None:
    """Refuse keys below a root key that has a fixed list of them, e.g. `report`."""
    for root in fields(ROOTS[command]):
        if is_dataclass(root.default_factory):
            known = [f"{root.name}.{f.name}" for f in fields(root.default_factory)]
            for key in as_plain(config[root.name]) or ():
                if f"{root.name}.{key}" not in known:
                    raise ConfigError(unknown("key", f"{root.name}.{key}", known))


def root_keys(command: str) -> list[str]:
    """The root keys of a command's config."""
    return [f.name for f in fields(ROOTS[command])]


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate overrides from `--config-dir DIR`, the one option that all commands take."""
    overrides: list[str] = []
    folders: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--config-dir":
            folders.append(next(rest, ""))
        elif word.startswith("--config-dir="):
            folders.append(word.partition("=")[2])
        elif word.startswith("-"):
            raise ConfigError(unknown("option", word, ["--config-dir", "-m", "--help"]))
        elif "=" not in word and not word.startswith("~"):
            raise ConfigError(f"{word!r} is not of the form key=value.")
        else:
            overrides.append(word)
    return overrides, folders


def prepare(overrides: Sequence[str], searched: Sequence[str]) -> list[str]:
    """Let keys below a node through (they are checked against its target), add search paths."""
    overrides = [_in_quotes(_without_plus(word)) for word in overrides]
    _check_names(overrides)
    for word in overrides:
        check_hydra_word(word)
        _check_renamed(word)
    folders = [Path(f) for f in searched]
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"--config-dir {folder}: no such folder; give one that exists.")
    if OWN.is_dir():
        folders.append(OWN)
    paths = ",".join(f"'file://{folder.resolve()}'" for folder in folders)
    opened = [
        "++" + w if _PLAIN_OVERRIDE.match(w) and not w.startswith("hydra.") else w
        for w in overrides
    ]
    return opened + ([f"hydra.searchpath=[{paths}]"] if paths else [])


def _without_plus(word: str) -> str:
    """A word without Hydra's `+`: every key may be given without it, and is recorded so."""
    bare = word.lstrip("+")
    return word if bare.startswith("hydra") else bare


def _in_quotes(word: str) -> str:
    """Quote a value with a letter or sign that Hydra's grammar has no place for, as paths have."""
    key, equals, value = word.partition("=")
    if equals and (_is_literal(value) or _is_name(key, value)):
        escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + "\\'" * bool(m[2]), value)
        return f"{key}='{escaped.replace('${', chr(92) + '${')}'"
    strange = not value.isascii() or set(value) & set("~#;!&<>^`|")
    if not equals or not strange or set(value) & set("'\"[]{}(),=$\\"):
        return word
    return f"{key}='{value}'"


def _is_name(key: str, value: str) -> bool:
    """Whether a value is words that ferkit itself offers, such as a method's `loss=focal`."""
    given = value[:1] in ("'", '"') or value == "null"
    return bool(_PAIR.fullmatch(value)) or (key in _NAMES and not given)


def _is_literal(value: str) -> bool:
    """Whether a value is an address, or a file whose name Hydra's grammar would take apart."""
    if _ADDRESS.match(value):
        return True
    with suppress(OSError, ValueError):  # no name of a file at all
        return bool(set(value) & _TAKEN_APART) and Path(value).exists()
    return False


def _check_renamed(word: str) -> None:
    key, _, value = word.lstrip("+~").partition("=")
    if key in RENAMED_KEYS:
        value = RENAMED_VALUES.get(key, {}).get(value, value)
        now = f"{RENAMED_KEYS[key]}={value}"
        raise ConfigError(f"{key} is now called {RENAMED_KEYS[key]}; give {shlex.quote(now)}.")


def _check_names(overrides: Sequence[str]) -> None:
    """Refuse `loss=null` and `debug=true`, which Hydra answers with a bare ValueError."""
    groups = list_groups()
    for word in overrides:
        group, _, chosen = word.lstrip("+").partition("=")
        for choice in chosen.strip("[]").split(",") if group in groups else ():
            if _NO_NAME.fullmatch(choice.strip()):
                raise ConfigError(unknown(group, choice, choices(group)))


@contextmanager
def hydra_ready(command: str) -> Iterator[None]:
    """Hydra initialised on our tree, the root schema of a command registered."""
    from hydra import initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.core.global_hydra import GlobalHydra
    from hydra.plugins.config_source import ConfigSource

    ConfigSource._get_header_dict = read_header  # type: ignore[assignment, method-assign]
    ConfigStore.instance().store(name=f"{command}_schema", node=ROOTS[command])
    GlobalHydra.instance().clear()
    with initialize_config_dir(config_dir=str(configs_dir()), version_base="1.3"):
        yield


@contextmanager
def explained(command: str) -> Iterator[None]:
    """Turn Hydra's and OmegaConf's errors into one sentence with the nearest known word."""
    from hydra.errors import HydraException

    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_sentence(error, command)) from error


def _sentence(error: Exception, command: str) -> str:
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:  # Hydra wraps; the innermost line names the key
        lines.append(str(cause).strip())
        cause = cause.__cause__
    text = "\n".join(lines)
    roots = root_keys(command) + (["experiment", "debug"] if command == "train" else [])
    if match := re.search(r"Could not find '([\w/.-]+)'", text):
        group, _, choice = match[1].partition("/")
        if package := LAUNCHERS.get(choice.removeprefix("launcher/")):
            return missing(f"hydra/{choice.replace('/', '=')}", package)
        if group in list_groups():
            return unknown(f"{group}", choice, choices(group))
    if match := re.search(r"Could not override '(\w+)'", text) or re.search(
        r"Key '(\w+)' (?:not in|is not in)", text
    ):
        key = re.search(r"full_key: (\S+)", text)
        return unknown("key", key[1] if key else match[1], roots)
    text = text.split("See https://hydra.cc")[0]
    said = " ".join(line.strip() for line in text.splitlines()[:3] if line.strip(" ^"))
    if "LexerNoViableAlt" in said or "mismatched input" in said or "no viable" in said:
        return f"{said.strip()} cannot be read; put the value in quotes: \"key='value'\"."
    return said or type(error).__name__


def load_choice(group: str, choice: str) -> DictConfig:
    """One yaml of a group as it stands, for nodes that name another by its word.

    Raises:
        ConfigError: there is no such choice.
    """
    if choice not in choices(group):
        raise ConfigError(unknown(group, choice, choices(group)))
    path = file_of(group, choice)
    assert path is not None
    return DictConfig(read_yaml(path))
