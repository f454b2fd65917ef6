"""What a command takes: examples, every key with its default and a line of what it is."""

import shutil
import textwrap
from collections.abc import Iterable

from ferkit.keys import Key, chosen_by_default, groups_of, node_keys, root_keys
from ferkit.roots import ROOTS
from ferkit.tree import choices

EXAMPLES = {
    "train": (
        "ferkit train                                   the built-in example, about a minute",
        "ferkit train experiment=fer2013/mini_xception  FER-2013 in data/raw/fer2013",
        "ferkit train dataset=folder dataset.root=DIR   any tree of class folders",
        "ferkit train resume=outputs/train/DATE/TIME    go on with a stopped run",
        "ferkit train -m seed=0,1,2 loss=cross_entropy,focal",
        "ferkit train -m seed=0,1,2,3 hydra/launcher=joblib hydra.launcher.n_jobs=2",
    ),
    "eval": (
        "ferkit eval                               make the newest run's report again",
        "ferkit eval run=DIR view=test             evaluate on test; recorded in the run",
        "ferkit eval run=DIR view=val tta=flip     with test-time augmentation",
        "ferkit eval ensemble=DIR view=val         the mean of the runs below a folder, as a run",
        "ferkit eval runs=DIR baseline=NAME out=DIR  runs compared: seeds, paired tests",
        "ferkit eval model=FILE.onnx dataset=fer2013 view=test out=DIR    any network",
        "ferkit eval predictions=FILE.csv out=DIR  a table of another program",
        "ferkit eval study=kurmi2022 out=DIR       a study's tables beside the published",
    ),
    "data": (
        "ferkit data check dataset=fer2013 dataset.root=DIR",
        "ferkit data show dataset=fer2013 out=DIR  a page of counts and faces",
        "ferkit data prepare dataset=fer2013 faces=none",
        "ferkit data prepare dataset=expw shards=4 shard=0    a quarter, by one of four machines",
        "ferkit data fake dataset=ckplus out=DIR   drawn faces in the genuine layout",
    ),
    "predict": (
        "ferkit predict source=PHOTO out=DIR       with the model that comes with ferkit",
        "ferkit predict source=PHOTO model=RUN out=DIR",
        "ferkit predict source=clip.mp4 model=RUN out=DIR        tracks, timeline, annotated copy",
        "ferkit predict source=take.mp4 script=scene.yaml out=DIR   measured by an acting script",
        "ferkit predict source=0 model=RUN out=DIR           the first camera, until Ctrl-C",
        "ferkit predict source='https://...' model=RUN out=DIR   a stream, or a page's video",
        "ferkit predict source='photos/*.jpg' model=RUN out=DIR saliency=grad_cam",
    ),
    "mirror": (
        "ferkit mirror                             http://127.0.0.1:8765/, until Ctrl-C",
        "ferkit mirror model=RUN                   with one's own network",
        "ferkit mirror script=scene.yaml           an acting script, followed live",
        "ferkit mirror detect.every=1 detect.scale=1   every value as `ferkit predict` has it",
        "ferkit mirror saliency=grad_cam labels=study port=9000",
    ),
    "export": (
        "ferkit export run=DIR                     DIR/model.onnx, checked against torch",
        "ferkit export run=DIR int8=true           and DIR/model.int8.onnx, compared on val",
        "ferkit export model=FILE.safetensors out=FILE.onnx",
    ),
    "sweep": (
        "ferkit sweep trials=12 experiment=fer2013/mini_xception \\",
        "    'optimizer.lr=tag(log,interval(1e-4,1e-2))' 'loss=choice(cross_entropy,focal)'",
        "ferkit sweep ... 'trainer.batch_size=choice(32,64)' 'augment.rotation=interval(0,15)'",
        "ferkit sweep resume=outputs/sweep/DATE/TIME    go on with a stopped search",
        "every word that is none of the keys below is one of `ferkit train`",
    ),
    "runs": (
        "ferkit runs                               those below outputs/",
        "ferkit runs DIR sort=val                  the highest val accuracy first",
        "ferkit runs DIR sort=date out=runs.csv    the newest first, and as a csv",
    ),
    "completion": (
        'eval "$(ferkit completion bash)"          in ~/.bashrc',
        'eval "$(ferkit completion zsh)"           in ~/.zshrc, after compinit',
        "ferkit completion fish | source           in config.fish",
    ),
    "list": (
        "ferkit list                        every group and its choices",
        "ferkit list dataset                the choices of a group, a line each",
        "ferkit list experiment 'fer2013/*'",
        "ferkit list loss focal             the keys of a choice, with their defaults",
    ),
}


OPTIONS = {
    "--cfg job": "print the composed config as yaml, and do nothing",
    "--dry-run": "of train: read data, split and one batch, print the counts, train nothing",
    "-m": "of train: every combination of values with commas, each a run",
    "--config-dir DIR": "a tree of your own; ./ferkit_configs is found by itself",
    "debug=trace": "show tracebacks",
    "quiet=true": "log warnings and errors alone",
}
_NAMES = 36  # columns of the names, at most
_FEW = 16  # choices that are shown in one line


def describe(command: str) -> str:
    """The help page of a command."""
    lines = ["examples:", *(f"  {line}" for line in EXAMPLES[command])]
    if command not in ROOTS:
        return "\n".join(lines)
    lines += ["", "keys:", *show_keys(root_keys(command))]
    if command in ("sweep", "export"):
        return "\n".join(lines)
    chosen = chosen_by_default(command)
    for group in groups_of(command):
        lines += ["", *_group(group, chosen.get(group, "null"))]
    taken = [o for o in OPTIONS if command == "train" or not OPTIONS[o].startswith("of train")]
    lines += ["", "options:", *aligned((option, OPTIONS[option]) for option in taken)]
    lines += ["", "`ferkit list GROUP NAME` shows the keys of another choice."]
    return "\n".join(lines)


def _group(group: str, chosen: str) -> list[str]:
    """The choices of a group, and the keys of the one that is chosen by default."""
    known = choices(group)
    folders = sorted({name.partition("/")[0] for name in known if "/" in name})
    names = ", ".join([*(n for n in known if "/" not in n), *(f"{f}/..." for f in folders)])
    lines = wrapped(f"{group}={chosen}   of {names}")
    return lines if chosen == "null" else lines + show_keys(node_keys(group, chosen))


def show_keys(keys: Iterable[Key]) -> list[str]:
    """Keys with their defaults, and what each is."""
    return aligned((f"{key.name}={key.default}", key.line) for key in keys)


def aligned(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Names and sentences in two columns that fit the terminal; a long name has its own line."""
    found = list(pairs)
    column = 4 + max((len(name) for name, _ in found if len(name) <= _NAMES), default=0)
    lines: list[str] = []
    for name, line in found:
        said = textwrap.wrap(line, max(20, width() - column), break_long_words=False)
        if len(name) + 4 > column:
            lines.append(f"  {name}")
        else:
            lines.append(f"  {name:<{column - 4}}  {said.pop(0) if said else ''}".rstrip())
        lines += [" " * column + more for more in said]
    return lines


def wrapped(text: str) -> list[str]:
    """A text in lines that fit the terminal, all but the first indented."""
    return textwrap.wrap(
        text, width(), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def width() -> int:
    """Columns to fill: those of the terminal, between 60 and 110; 100 where there is none."""
    return max(60, min(110, shutil.get_terminal_size((100, 24)).columns))
