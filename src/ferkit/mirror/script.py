"""Acting scripts: sections of text, each with the emotion that is wanted and how long it lasts.

    title: The letter
    sections:
      - {text: She opens the letter., emotion: neutral, seconds: 4}
      - {text: It is from him!, emotion: {surprise: 0.6, happy: 0.4}, seconds: 5}
      - {text: She reads on., emotion: sad, cue: space}

or a csv with the columns text, emotion, seconds and cue. A section lasts its seconds, or until its
cue key is pressed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

from ferkit.datasets.cells import parse_cells
from ferkit.emotions import canonical
from ferkit.errors import DataError, nearest, unknown
from ferkit.mirror.cues import read_cue
from ferkit.mirror.wanted import read_wanted
from ferkit.printable import one_line
from ferkit.untrusted import parse_yaml, read_text

KEYS = ("text", "emotion", "seconds", "cue")
MOST_SECTIONS = 1000
_LIMIT = 1 << 20  # bytes of a file
_MOST_TEXT = 2000  # characters of a section's text
_LONGEST = 24 * 3600.0  # seconds of a section


@dataclass(frozen=True)
class Section:
    """A part of a script.

    Attributes:
        text: What is spoken or done; may be empty.
        wanted: Emotion to its part of the mix, which sum to 1; empty where nothing is judged.
        seconds: How long it lasts; None where its cue ends it.
        cue: The key that ends it, as `cues.key_name` names keys; None without one.
    """

    text: str
    wanted: Mapping[str, float]
    seconds: float | None
    cue: str | None = None


@dataclass(frozen=True)
class Script:
    """The sections in their order.

    Attributes:
        name: Of the file, for messages.
    """

    name: str
    title: str
    sections: tuple[Section, ...]

    def as_json(self) -> dict[str, Any]:
        """Title and sections, numbered from 1, as JSON has them."""
        sections = [
            {
                "number": number,
                "text": section.text,
                "wanted": dict(section.wanted),
                "seconds": section.seconds,
                "cue": section.cue,
            }
            for number, section in enumerate(self.sections, 1)
        ]
        return {"title": self.title, "sections": sections}


def read_script(path: Path) -> Script:
    """The script of a yaml or csv file.

    Raises:
        DataError: there is none, or it is no script.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such script; give a yaml or a csv of sections.")
    return parse_script(read_text(path, _LIMIT), str(path))


def parse_script(text: str, name: str) -> Script:
    """The script of a text.

    Args:
        text: What a file holds.
        name: Of the file; its suffix says whether it is .yaml, .yml or .csv.

    Raises:
        DataError: it is no script; one sentence says where.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in (".yaml", ".yml", ".csv"):
        raise DataError(f"{name} is no .yaml and no .csv; give a script as one of them.")
    title = Path(name).stem.replace("_", " ")
    if suffix == ".csv":
        rows = _csv_rows(text, name)
    else:
        rows, title = _yaml_rows(text, name, title)
    if not rows:
        raise DataError(f"{name} has no sections; give one a line, each with emotion and seconds.")
    if len(rows) > MOST_SECTIONS:
        raise DataError(f"{name} has {len(rows):,} sections; at most {MOST_SECTIONS:,} are taken.")
    sections = [_section(row, f"{name}, section {n}") for n, row in enumerate(rows, 1)]
    return Script(name, title, tuple(sections))


def _yaml_rows(text: str, name: str, title: str) -> tuple[list[Any], str]:
    found = parse_yaml(text, name)
    if isinstance(found, Mapping):
        for key in found:
            if key not in ("title", "sections"):
                raise DataError(f"{name}: " + unknown("key", str(key), ("title", "sections")))
        title = _words(found.get("title") or title, "title", name)
        found = found.get("sections")
    if found is not None and not isinstance(found, list):
        raise DataError(f"{name} holds no list of sections; begin each with `- text: ...`.")
    return list(found or ()), title


def _csv_rows(text: str, name: str) -> list[Any]:
    header, rows = parse_cells(StringIO(text, newline=""), name)
    columns = [column.lower() for column in header]
    for column in columns:
        if column not in KEYS:
            raise DataError(f"{name}: " + unknown("column", column, KEYS))
    for column in KEYS:
        if columns.count(column) > 1:
            raise DataError(f"{name} has the column {column} twice; leave one of them.")
    if "emotion" not in columns:
        raise DataError(f"{name} has no column emotion; its columns are {', '.join(KEYS)}.")
    return [{c: cell for c, cell in zip(columns, row, strict=True) if cell.strip()} for row in rows]


def _section(row: Any, where: str) -> Section:
    if not isinstance(row, Mapping):
        raise DataError(f"{where} is {str(row)[:60]!r}; write `- text: ...` with emotion below it.")
    for key in row:
        if key not in KEYS:
            raise DataError(f"{where}: " + unknown("key", str(key), KEYS))
    if row.get("emotion") is None:
        raise DataError(
            f"{where} has no emotion; give one, a mix such as {{happy: 0.6, surprise: 0.4}}, or "
            "`any` where nothing is judged."
        )
    cue = None if row.get("cue") is None else read_cue(row["cue"], where)
    seconds = _seconds(row.get("seconds"), where)
    if seconds is None and cue is None:
        raise DataError(f"{where} has no end; give it seconds, or the key that ends it as cue.")
    text = _words(row.get("text", ""), "text", where)
    return Section(text, read_wanted(row["emotion"], where), seconds, cue)


def _words(given: Any, key: str, where: str) -> str:
    if given is None:
        return ""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise DataError(f"{where}: {key} is {str(given)[:60]!r}; put the words in quotes.")
    text = one_line(" ".join(str(given).split()))
    if len(text) > _MOST_TEXT:
        raise DataError(f"{where}: {key} has {len(text):,} characters; at most {_MOST_TEXT:,}.")
    return text


def _seconds(given: Any, where: str) -> float | None:
    if given is None:
        return None
    try:
        seconds = float("nan") if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        seconds = float("nan")
    if not 0 < seconds <= _LONGEST:
        raise DataError(
            f"{where}: seconds is {str(given)[:60]!r}; give a number above 0, up to {_LONGEST:.0f}."
        )
    return seconds


def for_model(script: Script, emotions: Sequence[str]) -> Script:
    """The script with the wanted emotions called as a model calls them.

    Args:
        emotions: The model's classes.

    Raises:
        DataError: the model has no such emotion.
    """
    sections = []
    for number, section in enumerate(script.sections, 1):
        wanted: dict[str, float] = {}
        for name, part in section.wanted.items():
            known = _class_of(name, emotions, f"{script.name}, section {number}")
            wanted[known] = wanted.get(known, 0.0) + part
        sections.append(replace(section, wanted=wanted))
    return replace(script, sections=tuple(sections))


def _class_of(name: str, emotions: Sequence[str], where: str) -> str:
    found = next((n for n in (name, name.lower(), canonical(name)) if n in emotions), None)
    if found is not None:
        return found
    if canonical(name) is None:
        close = nearest(name.lower(), emotions)
        raise DataError(f"{where}: unknown emotion {name!r}.{close} Known: {_list(emotions)}.")
    raise DataError(
        f"{where} wants {name!r}, which the model does not know; take one of {_list(emotions)}, or "
        "another model by model=."
    )


def _list(emotions: Sequence[str]) -> str:
    return ", ".join(emotions)
