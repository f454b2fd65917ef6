"""The published values of the studies and how their pages are built, one yaml per study.

Every yaml has `format`, `study`, `title`, `document`, `needs` (what the first trial is trained on),
`labels` (the study's own order), `trials` (by the names of the experiments), `others` (published
values that no table of ours holds: what, published, place), `caveats` (key to a sentence that is
shown at the tables it concerns), `main_view`, `sheets` (see `ferkit.studies.sheets`) and `plots`
(see `ferkit.studies.plots`). The rest is the study's own. Published values stand unchanged, each
with its place, and have no interval.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from importlib.resources import files
from typing import Any, TypeVar

from ferkit.errors import ConfigError, unknown

T = TypeVar("T")


def studies() -> list[str]:
    """The studies whose metrics are here.

    >>> studies()[0]
    'athanasiadis2022'
    """
    found = (entry.name for entry in files("ferkit.studies.published").iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def read_published(study: str) -> dict[str, Any]:
    """What a study published.

    Raises:
        ConfigError: no study has this name.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    if study not in studies():
        raise ConfigError(unknown("study", study, studies()))
    text = (files("ferkit.studies.published") / f"{study}.yaml").read_text(encoding="utf-8")
    published: dict[str, Any] = yaml.safe_load(text)
    return published


def pick(kind: str, word: str, known: Mapping[str, T]) -> T:
    """What a word of a yaml stands for.

    Raises:
        ConfigError: it is none of the known ones.
    """
    if word not in known:
        raise ConfigError(unknown(kind, word, known))
    return known[word]


def read_node(made: type[T], node: Mapping[str, Any]) -> T:
    """A node of a yaml as a dataclass.

    Raises:
        ConfigError: a key is unknown or missing.
    """
    known: dict[str, Any] = {field.name: field for field in fields(made)}  # type: ignore[arg-type]
    for key in node:
        pick("key", key, known)
    missing = [name for name, f in known.items() if f.default is MISSING and name not in node]
    if missing:
        raise ConfigError(f"The key {missing[0]!r} is missing.")
    return made(**node)


@contextmanager
def naming(study: str, entry: str) -> Iterator[None]:
    """Name the file and the entry in the error of a word that its yaml has wrong."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"published/{study}.yaml, {entry}: {error}") from None
