"""What a command takes: its root keys, its groups, examples."""

import inspect
from dataclasses import fields

from ferkit.roots import ROOTS
from ferkit.tree import choices, list_groups

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
        "ferkit eval study=kurmi2022 out=DIR       a study's tables beside the published",
    ),
    "data": (
        "ferkit data check dataset=fer2013 dataset.root=DIR",
        "ferkit data show dataset=fer2013 out=DIR  a page of counts and faces",
        "ferkit data prepare dataset=fer2013 faces=none",
        "ferkit data fake dataset=ckplus out=DIR   drawn faces in the genuine layout",
    ),
    "predict": (
        "ferkit predict source=PHOTO model=RUN out=DIR",
        "ferkit predict source='photos/*.jpg' model=RUN out=DIR saliency=grad_cam",
    ),
    "sweep": (
        "ferkit sweep trials=12 experiment=fer2013/mini_xception \\",
        "    'optimizer.lr=tag(log,interval(1e-4,1e-2))' 'loss=choice(cross_entropy,focal)'",
        "ferkit sweep ... 'trainer.batch_size=choice(32,64)' 'augment.rotation=interval(0,15)'",
        "ferkit sweep resume=outputs/sweep/DATE/TIME    go on with a stopped search",
        "every word that is none of the keys below is one of `ferkit train`",
    ),
    "list": ("ferkit list", "ferkit list dataset", "ferkit list experiment 'fer2013/*'"),
}


def describe(command: str) -> str:
    """The help page of a command."""
    lines = ["examples:", *(f"  {line}" for line in EXAMPLES[command])]
    if command in ROOTS:
        root = ROOTS[command]
        groups = [f.name for f in fields(root) if f.name in list_groups()]
        keys = [f"{f.name}={_default(f)}" for f in fields(root) if f.name not in groups]
        lines += ["", "keys:", *(f"  {key}" for key in keys)]
        if command == "sweep":
            return "\n".join(lines)
        lines += ["", "groups (`ferkit list GROUP` says what each choice is):"]
        if command == "train":
            groups += ["experiment", "debug"]
        lines += [f"  {g}={'|'.join(choices(g))}" for g in groups]
        lines += ["", "  --config-dir DIR  a tree of your own; ./ferkit_configs is found by itself"]
    return "\n".join(lines)


def _default(field: object) -> object:
    default = getattr(field, "default", None)
    factory = getattr(field, "default_factory", None)
    if callable(factory):
        made = factory()
        return made if isinstance(made, list | dict) else "{...}"
    return "null" if default is None or inspect.isclass(default) else default
