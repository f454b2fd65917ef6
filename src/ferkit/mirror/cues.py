"""The keys that end sections, and the times at which they were pressed on a recorded video."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ferkit.errors import ConfigError, DataError, nearest
from ferkit.printable import one_line

if TYPE_CHECKING:
    from ferkit.mirror.script import Script

_NAMES: Mapping[str, str] = {  # what browsers call a key (KeyboardEvent.key) to its name here
    " ": "space",
    "Enter": "enter",
    "ArrowRight": "right",
    "ArrowLeft": "left",
    "ArrowUp": "up",
    "ArrowDown": "down",
    "PageUp": "pageup",  # presenters' remotes send these two
    "PageDown": "pagedown",
}


def key_name(pressed: str) -> str:
    """The name of a key that a browser reports; empty for one that can be no cue.

    >>> key_name(" "), key_name("A"), key_name("Shift")
    ('space', 'a', '')
    """
    if pressed in _NAMES:
        return _NAMES[pressed]
    return pressed.lower() if len(pressed) == 1 and pressed.isprintable() else ""


def read_cue(given: Any, where: str) -> str:
    """The name of a cue key as a script has it.

    Raises:
        DataError: there is no such key.
    """
    plain = isinstance(given, str | int) and not isinstance(given, bool)
    word = str(given) if plain else ""
    name = word if word in _NAMES.values() else key_name(word) or word.strip().lower()
    if name in _NAMES.values() or (len(name) == 1 and name.isprintable()):
        return name
    close = nearest(name, _NAMES.values())
    raise DataError(
        f"{where}: cue is {one_line(str(given))[:60]!r}, which is no key.{close} Give a single "
        f"letter or digit (in quotes), or one of {', '.join(_NAMES.values())}."
    )


def timed(script: "Script", cues: Sequence[float] | None, begin: float) -> "Script":
    """The script as a recorded video is measured by: every section ends by the clock.

    The last section needs no time: it ends with the video.

    Args:
        cues: The times at which the sections with a cue end, in seconds of the video, in their
            order; None takes the seconds of these sections.
        begin: When the first section begins, in seconds of the video.

    Raises:
        ConfigError: a time is missing, is one too many, or lies before its section begins.
    """
    last = len(script.sections) - 1
    waiting = [n for n, section in enumerate(script.sections) if section.cue]
    if cues is None:
        _require_seconds(script, [n for n in waiting if n != last])
    elif len(cues) != len(waiting) and not (len(cues) == len(waiting) - 1 and last in waiting):
        raise ConfigError(
            f"cues has {len(cues)} times, and {script.name} has {len(waiting)} sections that end "
            f"by a key ({_numbers(waiting)}); give a time in seconds for each."
        )
    times = dict(zip(waiting, cues or (), strict=False))
    sections, at = [], begin
    for number, section in enumerate(script.sections):
        if number in times:
            if not at < times[number] < float("inf"):
                raise ConfigError(
                    f"cues: {times[number]:g} is not after the beginning of section {number + 1} "
                    f"({at:g} s); give the seconds of the video at which that section ends."
                )
            seconds: float | None = times[number] - at
        else:
            seconds = section.seconds if cues is None or not section.cue else None
        at += seconds or 0.0
        sections.append(replace(section, seconds=seconds, cue=None))
    return replace(script, sections=tuple(sections))


def _require_seconds(script: "Script", waiting: Sequence[int]) -> None:
    missing = [n for n in waiting if script.sections[n].seconds is None]
    if missing:
        raise ConfigError(
            f"{script.name}: a recorded video has no keys, so sections that end by one "
            f"({_numbers(waiting)}) need a time; add `seconds:` to section {missing[0] + 1}, or "
            f"give the seconds of the video at which they end: cues=[{_examples(len(waiting))}]."
        )


def _numbers(sections: Sequence[int]) -> str:
    return ", ".join(str(number + 1) for number in sections[:20]) or "none"


def _examples(count: int) -> str:
    return ",".join(f"{4.5 * (n + 1):g}" for n in range(min(count, 6)))
