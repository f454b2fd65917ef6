"""`ferkit completion bash|zsh|fish`: scripts for the shells, and the words that they ask for.

Hydra's own completion knows nothing of the compose API; this reads the yaml tree and the sources
of signatures alone, and imports neither Hydra nor torch.
"""

from collections.abc import Sequence
from pathlib import Path

from ferkit.commands import COMMANDS
from ferkit.errors import ConfigError, unknown
from ferkit.keys import Key, chosen_by_default, groups_of, node_keys, root_keys
from ferkit.roots import ROOTS
from ferkit.tree import choices, list_groups, what_it_is

_BASH = r"""# ferkit completion for bash: eval "$(ferkit completion bash)", e.g. in ~/.bashrc
_ferkit() {
  local line="${COMP_LINE:0:COMP_POINT}" word prefix
  local -a parts
  read -ra parts <<<"$line"
  [[ "$line" == *[[:space:]] ]] && parts+=("")
  word="${parts[${#parts[@]}-1]}"
  # bash breaks words at "=" and ":", and replaces what follows the last of them
  prefix="${word%"${word##*[=:]}"}"
  local IFS=$'\n'
  COMPREPLY=($("${parts[0]}" completion words "${parts[@]:1}" 2>/dev/null | cut -f1))
  COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
  [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *[=./] ]] && compopt -o nospace
  return 0
}
complete -F _ferkit ferkit
"""
_ZSH = r"""#compdef ferkit
# ferkit completion for zsh: eval "$(ferkit completion zsh)" in ~/.zshrc, after compinit
_ferkit() {
  local -a open closed
  local line word
  for line in "${(@f)$("${words[1]}" completion words "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    word="${line%%$'\t'*}"
    [[ -z "$word" ]] && continue
    if [[ "$word" == *[=./] ]]; then open+=("$word"); else closed+=("$word"); fi
  done
  compadd -Q -S '' -a open
  compadd -Q -a closed
}
compdef _ferkit ferkit
"""
_FISH = r"""# ferkit completion for fish: ferkit completion fish | source, e.g. in config.fish
function __ferkit_words
    set -l parts (commandline -opc) (commandline -ct)
    ferkit completion words $parts[2..-1] 2>/dev/null
end
complete -c ferkit -f -a '(__ferkit_words)'
"""
SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_OPTIONS = ("--help", "--cfg", "--config-dir")
_PATHS = frozenset(
    {
        "run",
        "resume",
        "source",
        "model",
        "out",
        "run_dir",
        "data_root",
        "prepared_root",
        "runs",
        "ensemble",
        "dataset.root",
        "backbone.init_from",
        "split.path",
    }
)
Word = tuple[str, str]  # what is typed, and what it is


def main(words: Sequence[str]) -> int:
    """Print the script of a shell; with `words ...`, what may stand in place of the last word."""
    if not words or (words[0] not in SHELLS and words[0] != "words"):
        raise ConfigError(unknown("shell", words[0] if words else "", SHELLS))
    if words[0] == "words":
        for word, line in complete(words[1:]):
            print(f"{word}\t{line}" if line else word)
    else:
        print(SHELLS[words[0]], end="")
    return 0


def complete(words: Sequence[str]) -> list[Word]:
    """What the last of the words behind `ferkit` may become, each with what it is."""
    *before, current = words or [""]
    found = _candidates(before, current)
    return [(word, line) for word, line in found if word.startswith(current)]


def _candidates(before: Sequence[str], current: str) -> list[Word]:
    if not before:
        return [*COMMANDS.items(), ("--help", ""), ("--version", "")]
    command, *rest = before
    if command == "list":
        return _of_list(rest)
    if command == "completion":
        return [(shell, "") for shell in SHELLS] if not rest else []
    if command == "runs":
        return _of_runs(current)
    if command == "data" and not rest:
        from ferkit.commands.data import ACTIONS

        return [(action, "") for action in ACTIONS]
    return _of_keys(command, rest, current) if command in ROOTS else []


def _of_list(rest: Sequence[str]) -> list[Word]:
    if not rest:
        return [(group, "") for group in list_groups()]
    return [(c, what_it_is(rest[0], c)) for c in choices(rest[0])] if len(rest) == 1 else []


def _of_runs(current: str) -> list[Word]:
    from ferkit.commands.runs import SORTS

    return [*_paths(current), *((f"sort={key}", "") for key in SORTS), ("out=", "")]


def _of_keys(command: str, rest: Sequence[str], current: str) -> list[Word]:
    if rest and rest[-1] == "--cfg":
        return [("job", "")]
    if rest and rest[-1] == "--config-dir":
        return _paths(current)
    if current.startswith("-"):
        own = ("--dry-run", "-m") if command == "train" else ()
        return [(option, "") for option in (*_OPTIONS, *own)]
    key, equals, value = current.partition("=")
    return _values(command, rest, key, value) if equals else _names(command, rest, current)


def _names(command: str, rest: Sequence[str], current: str) -> list[Word]:
    """Keys; those of a node once its name and the dot stand."""
    group, dot, _ = current.partition(".")
    if dot and group in _groups(command):
        return [(f"{key.name}=", key.line) for key in _node(command, rest, group)]
    found = [(f"{key.name}=", key.line) for key in _roots(command)]
    groups = _groups(command)
    found += [(f"{name}=", "") for name in groups]
    started = [name for name in groups if current and name.startswith(current)]
    return found + [(f"{name}.", "") for name in started if _node(command, rest, name)]


def _values(command: str, rest: Sequence[str], key: str, value: str) -> list[Word]:
    """The values of a key, each behind `key=`; after a comma (of -m) those of a further one."""
    head = f"{key}={value[: value.rfind(',') + 1]}"
    if key in _groups(command):
        return [(f"{head}{c}", what_it_is(key, c)) for c in choices(key)]
    if key in _PATHS:
        return [(f"{key}={path}", "") for path, _ in _paths(value)]
    group = key.partition(".")[0]
    keys = _node(command, rest, group) if "." in key and group in _groups(command) else []
    words = [k.words or _listed(k) for k in (*keys, *_roots(command)) if k.name == key]
    return [(f"{head}{word}", "") for word in (words[0] if words else ())]


def _listed(key: Key) -> tuple[str, ...]:
    """The values that a key's comment lists, as in `auto | cpu | cuda`."""
    parts = [part.split("(")[0].strip().split(" ")[-1] for part in key.line.split("|")]
    return tuple(part for part in parts if part) if len(parts) > 1 else ()


def _groups(command: str) -> list[str]:
    return groups_of(_like(command))


def _roots(command: str) -> list[Key]:
    further = root_keys("train") if command == "sweep" else []
    return [*root_keys(command), *further]


def _node(command: str, rest: Sequence[str], group: str) -> list[Key]:
    given = dict(word.partition("=")[::2] for word in rest if "=" in word)
    choice = given.get(group, chosen_by_default(_like(command)).get(group, "null"))
    return [key for key in node_keys(group, choice) if key.name.startswith(f"{group}.")]


def _like(command: str) -> str:
    return "train" if command == "sweep" else command  # every other word of a sweep is train's


def _paths(start: str) -> list[Word]:
    """Files and folders that a path may become; a folder ends with a slash."""
    head, slash, name = start.rpartition("/")
    folder = Path(head + slash or ".").expanduser()
    if not folder.is_dir():
        return []
    hidden = name.startswith(".")
    found = sorted(p for p in folder.iterdir() if hidden or not p.name.startswith("."))
    return [(f"{head}{slash}{p.name}{'/' if p.is_dir() else ''}", "") for p in found]
