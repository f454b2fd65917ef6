"""EMOTIC's 26 categories, and the ways from them to the seven emotions.

No official way exists, and the public ones disagree (Anticipation is surprise in one, nothing in
another), so the choice is the user's and stands in every report. `strict` takes the six categories
that are named, or by the authors' own definition described, as one of the emotions (Aversion:
"feeling disgust, dislike, repulsion"); nothing becomes neutral. `broad` adds near ones.

Kosti et al., "Context Based Emotion Recognition using EMOTIC Dataset", TPAMI 2019.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ferkit.emotions import EMOTIONS, canonical
from ferkit.errors import ConfigError, DataError, unknown
from ferkit.untrusted import read_yaml

# Alphabetical: the order of the authors' code and of the 26 columns of the .npy files.
CATEGORIES = (
    *("Affection", "Anger", "Annoyance", "Anticipation", "Aversion", "Confidence"),
    *("Disapproval", "Disconnection", "Disquietment", "Doubt/Confusion", "Embarrassment"),
    *("Engagement", "Esteem", "Excitement", "Fatigue", "Fear", "Happiness", "Pain", "Peace"),
    *("Pleasure", "Sadness", "Sensitivity", "Suffering", "Surprise", "Sympathy", "Yearning"),
)
_MISSPELT = {
    "disquitement": "Disquietment",
    "doubt/confuzion": "Doubt/Confusion",
    "doubt_confusion": "Doubt/Confusion",
}
_SPELLINGS = {name.lower(): name for name in CATEGORIES} | _MISSPELT

_STRICT = {
    "Anger": "angry",
    "Aversion": "disgust",
    "Fear": "fear",
    "Happiness": "happy",
    "Sadness": "sad",
    "Surprise": "surprise",
}
_BROAD = _STRICT | {
    "Annoyance": "angry",
    "Disquietment": "fear",
    "Pleasure": "happy",
    "Excitement": "happy",
    "Suffering": "sad",
    "Pain": "sad",
    "Peace": "neutral",
}
MAPPINGS: dict[str, dict[str, str]] = {"strict": _STRICT, "broad": _BROAD}


def category(name: str) -> str | None:
    """The category that a spelling stands for, or None for an unknown one.

    >>> category("Disquitement"), category("Doubt_Confusion"), category("Boredom")
    ('Disquietment', 'Doubt/Confusion', None)
    """
    return _SPELLINGS.get(name.strip().lower())


def column(name: str) -> str:
    """The index column of a category; the slash of Doubt/Confusion would break folder names.

    >>> column("Doubt/Confusion")
    'category_Doubt_Confusion'
    """
    return "category_" + name.replace("/", "_")


def sex(word: str) -> str:
    """F or M, as the other datasets have it, for Female and Male; else empty."""
    return {"female": "F", "male": "M"}.get(word.strip().lower(), "")


def load_mapping(mapping: str | None) -> dict[str, str]:
    """Category to emotion: `strict`, `broad`, or the yaml file of that path.

    Raises:
        ConfigError: None (26 labels a person cannot be trained on as one), a word that is neither
            a mapping nor a file, or a file with a name that is no category or no emotion.
    """
    if mapping is None:
        raise ConfigError(
            "emotic: each person carries several of 26 categories, and no official mapping to one "
            "emotion exists: set dataset.mapping=strict, dataset.mapping=broad or the path of a "
            "yaml file of `Category: emotion` lines; dataset.mapping=multi_hot reads the 26 "
            "columns without labels, to look at."
        )
    if mapping in MAPPINGS:
        return MAPPINGS[mapping]
    path = Path(mapping).expanduser()
    if not path.is_file():
        known = [*MAPPINGS, "multi_hot", "<path of a yaml>"]
        raise ConfigError(unknown("EMOTIC mapping", mapping, known))
    return _own_mapping(path)


def _own_mapping(path: Path) -> dict[str, str]:
    try:
        content = read_yaml(path)
    except DataError as error:
        raise ConfigError(f"{path}: not a yaml file ({error}); correct it.") from error
    if not isinstance(content, Mapping) or not content:
        raise ConfigError(f"{path}: holds no `Category: emotion` lines, e.g. `Peace: neutral`.")
    mapping = {}
    for name, emotion in content.items():
        known, label = category(str(name)), canonical(str(emotion))
        if known is None:
            raise ConfigError(f"{path}: " + unknown("EMOTIC category", str(name), CATEGORIES))
        if label is None:
            raise ConfigError(f"{path}: " + unknown("emotion", str(emotion), EMOTIONS))
        mapping[known] = label
    return mapping


def emotions_of(categories: Iterable[str], mapping: Mapping[str, str]) -> set[str]:
    """The distinct emotions that a person's categories come to.

    >>> sorted(emotions_of(["Pain", "Suffering", "Peace"], MAPPINGS["broad"]))
    ['neutral', 'sad']
    """
    return {mapping[name] for name in categories if name in mapping}
