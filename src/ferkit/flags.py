"""Flags that other tools have taught people's hands, answered with ferkit's key."""

import shlex
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from ferkit.errors import ConfigError
from ferkit.keys import Key, chosen_by_default, groups_of, node_keys, root_keys

# handled where they are read
TAKEN = ("--config-dir", "-m", "--multirun", "--help", "-h", "--cfg", "-c", "--dry-run")
# names of flags, with "_" for "-", and the keys they may stand for: the first that a command has
_HABITS = {
    "epochs epoch n_epochs num_epochs num_train_epochs e": "trainer.max_epochs",
    "lr learning_rate lr0 init_lr base_lr": "optimizer.lr",
    "batch_size batch b bs train_batch_size": "batch_size trainer.batch_size",
    "device gpu gpus gpu_id accelerator": "device trainer.device",
    "workers num_workers j threads num_threads": "trainer.threads",
    "wd weight_decay decay": "optimizer.weight_decay",
    "momentum": "optimizer.momentum",
    "opt optim": "optimizer",
    "sched lr_scheduler": "scheduler",
    "arch a net network model": "model backbone",
    "data data_dir data_path dataset_dir root d": "dataset.root source",
    "input images image img": "source input",
    "out output output_dir out_dir save_dir o log_dir project": "out run_dir",
    "run checkpoint ckpt model_path": "run model resume",
    "weights pretrained_weights": "model backbone.init_from",
    "pretrained": "backbone.pretrained",
    "freeze": "backbone.freeze",
    "amp fp16 half": "trainer.precision",
    "patience early_stopping early_stop": "trainer.patience",
    "imgsz img_size image_size input_size resize": "faces.size",
    "fold k_fold": "split.fold",
    "val_split val_ratio": "split.val",
    "test_split test_ratio": "split.test",
    "warmup": "scheduler.warmup_epochs",
    "aug augmentation": "augment",
    "classes labels": "emotions",
    "grad_clip clip_grad_norm": "trainer.clip_grad",
    "n_trials": "trials",
    "smoothing": "loss.label_smoothing",
}
# flags without a value, to a command and the word that says the same there
_SWITCHES = {
    "cpu no_cuda no_gpu": {"train": "trainer.device=cpu", "": "device=cpu"},
    "cuda": {"train": "trainer.device=cuda", "": "device=cuda"},
    "amp fp16 half": {"train": "trainer.precision=fp16"},
    "class_weights weighted_loss": {"train": "imbalance=class_weights"},
    "smote": {"train": "imbalance=smote"},
    "tta": {"train": "tta=flip", "eval": "tta=flip"},
    "test test_only evaluate eval": {"train": "evaluate=[val,test]", "eval": "view=test"},
    "pretrained": {"train": "backbone.pretrained=true"},
    "dry": {"train": "--dry-run"},
    "quiet q": {"": "quiet=true"},
    "verbose debug": {"": "debug=trace"},
}
ALIASES = {name: keys.split() for names, keys in _HABITS.items() for name in names.split()}
SWITCHES = {name: said for names, said in _SWITCHES.items() for name in names.split()}


def refuse_flags(command: str, words: Sequence[str]) -> None:
    """Refuse flags with the whole command in ferkit's words, ready to paste.

    Raises:
        ConfigError: a word begins with a dash and is none of ferkit's few options.
    """
    flags = [word for word in words if _is_flag(word)]
    if not flags:
        return
    pasted, unknown = _translated(command, list(words))
    shown = ", ".join(flags)
    if not unknown:
        raise ConfigError(
            f"ferkit takes key=value, not {shown}; "
            f"give `{shlex.join(['ferkit', command, *pasted])}`."
        )
    near = _near(unknown[0], command, words)
    raise ConfigError(
        f"Unknown option {unknown[0]!r}.{near} ferkit takes key=value; "
        f"`ferkit {command} --help` shows every key."
    )


def _near(flag: str, command: str, words: Sequence[str]) -> str:
    ends = {key.rpartition(".")[2]: key for key in reversed([*_known(command, words)])}
    close = get_close_matches(_plain(flag.lstrip("-").partition("=")[0]), ends, n=1, cutoff=0.6)
    return f" Did you mean {ends[close[0]] + '=...'!r}?" if close else ""


def _is_flag(word: str) -> bool:
    dashed = word.startswith("-") and len(word) > 1
    return dashed and word.partition("=")[0] not in TAKEN


def _translated(command: str, words: list[str]) -> tuple[list[str], list[str]]:
    """The words with their flags in ferkit's grammar, and the flags that have no key here."""
    known = _known(command, words)
    pasted: list[str] = []
    unknown: list[str] = []
    while words:
        word = words.pop(0)
        if not _is_flag(word):
            pasted.append(word)
            continue
        name, equals, value = word.lstrip("-").replace("\\", "").partition("=")
        follows = bool(words) and words[0][:1] != "-" and "=" not in words[0]
        if not equals and not follows:
            said = _switch(command, _plain(name), known)
        else:
            value = value if equals else words.pop(0)
            key = _key(_plain(name), known)
            said = f"{key}={value}" if key else None
        pasted += [said] if said else []
        unknown += [] if said else [word]
    return pasted, unknown


def _plain(name: str) -> str:
    return name.replace("-", "_").lower() if "." not in name else name


def _switch(command: str, name: str, known: Mapping[str, Key]) -> str | None:
    like = "train" if command == "sweep" else command
    switch = SWITCHES.get(name, {})
    if said := switch.get(like, switch.get("")):
        return said
    key = _key(name, known)
    if key is None:
        return None
    return f"{key}=true" if set(known[key].words) == {"true", "false"} else f"{key}=..."


def _key(name: str, known: Mapping[str, Key]) -> str | None:
    """The key of a command that a flag's name stands for: by habit, its name or its end."""
    found = [key for key in (*ALIASES.get(name, ()), name) if key in known]
    found += [key for key in known if key.rpartition(".")[2] == name]
    found += get_close_matches(name, known, n=1, cutoff=0.85)
    return found[0] if found else None


def _known(command: str, words: Sequence[str]) -> dict[str, Key]:
    """Every key of a command, with the choices that its words make."""
    like = "train" if command == "sweep" else command
    given = dict(word.partition("=")[::2] for word in words if "=" in word)
    chosen = {g: given.get(g, c) for g, c in chosen_by_default(like).items()}
    keys = [*root_keys(command), *(root_keys("train") if command == "sweep" else ())]
    keys += [Key(group, "", "") for group in groups_of(like)]
    keys += [key for g in groups_of(like) for key in node_keys(g, chosen.get(g, "null"))]
    # of another choice, e.g. dataset.root where no dataset is chosen yet
    keys += [
        Key(key, "", "")
        for keys in ALIASES.values()
        for key in keys
        if "." in key and key.partition(".")[0] in chosen
    ]
    found: dict[str, Key] = {}
    for key in keys:
        found.setdefault(key.name, key)
    return found
