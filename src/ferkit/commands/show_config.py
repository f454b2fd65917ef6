"""`--cfg job`: the composed config of a command as yaml, and nothing done."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ferkit.composition import compose
from ferkit.errors import ConfigError

OPTIONS = ("--cfg", "-c")


def wants_config(words: Sequence[str]) -> bool:
    """Whether `--cfg job` is among the words."""
    return any(word.partition("=")[0] in OPTIONS for word in words)


def show_config(command: str, words: Sequence[str]) -> None:
    """Print what a command would run with, resolved.

    Raises:
        ConfigError: a wrong word, or another value than `job`.
    """
    rest = _without_option(list(words))
    if {"-m", "--multirun"} & set(rest):
        raise ConfigError("--cfg job shows the config of one run; give it without -m.")
    if command == "data" and rest:
        rest = rest[1:]
    if command == "sweep":
        from ferkit.sweeps.space import own_words

        rest, _ = own_words(rest)
    config = compose(*rest, command=command)
    if command == "train" and config.resume is not None:
        config = _resumed(config.resume)
    print(OmegaConf.to_yaml(config, resolve=True), end="")


def _resumed(folder: str) -> DictConfig:
    from ferkit.composition import completed
    from ferkit.runs.folder import open_run

    return completed(open_run(Path(folder))[1])


def _without_option(words: list[str]) -> list[str]:
    at = next(i for i, word in enumerate(words) if word.partition("=")[0] in OPTIONS)
    _, equals, value = words[at].partition("=")
    end = at + (1 if equals else 2)
    asked = value if equals else "".join(words[at + 1 : end])
    if asked != "job":
        raise ConfigError(
            f"--cfg {asked or 'without a word'}: give --cfg job, the config of a run."
        )
    return words[:at] + words[end:]
