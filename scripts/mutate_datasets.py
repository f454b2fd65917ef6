"""Spoil drawn datasets in every way a disk can, and see that `ferkit data check` copes.

Each trial copies a small fake, mutates it one to four times (moves, renames, deletes, truncates,
duplicates, adds litter, links, pipes and strange names, spoils tables) and checks it in process.
Counted are tracebacks, hangs, messages of many lines, and silent losses: images below the root
that are neither read nor counted under a name.

    python scripts/mutate_datasets.py --trials 500 --seed 0
"""

# ruff: noqa: D103, PTH113, PTH114, PTH118 (the names of the mutations say what they do)

import argparse
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from ferkit.checking.check import check, render_text
from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.datasets.index import FaceIndex
from ferkit.datasets.video_files import is_video
from ferkit.datasets.walk import is_image, is_unsupported_image
from ferkit.errors import FerkitError
from ferkit.views import read_index

FAKES = {
    "folder": ("splits", "flat"),
    "fer2013": ("folder", "csv", "icml", "train_csv"),
    "ferplus": ("csv", "written"),
    "ckplus": ("original", "ck48", "csv"),
    "kdef": ("",),
    "mug": ("",),
    "emotic": ("mat", "pre"),
    "ised": ("",),
    "afew": ("videos", "frames"),
    "table": ("csv", "parquet"),
    "merged": ("",),
    "rafdb": ("official", "kaggle"),
    "affectnet": ("npy", "csv", "folders"),
    "expw": ("",),
    "mmi": ("videos", "frames"),
    "jaffe": ("",),
    "parquet": ("named", "text"),
    "webdataset": ("cls", "json"),
}
_SECONDS = 20  # of one trial, above which it counts as hung
_LONGEST = 4000  # characters of a sentence
_NAMES = (
    *("train", "test", "val", "Training", "train_set", "happy", "sad", "Happiness", "0", "0_angry"),
    *(
        "images",
        "odd folder",
        "@eaDir",
        ".hidden",
        "__MACOSX",
        "开心",
        "happy.png",
        "a\nb",
        "x" * 200,
    ),
    *("FER2013", "FER2013 (1)", "subject01", "fold_1", "S005", "001", "anger", "lost+found"),
)
_SUFFIXES = (".JPG", ".gif", ".webp", ".tiff", ".heic", "", ".txt", ".png.jpg", ".csv", ".avi")

Rng = random.Random
Mutation = Callable[[Path, Rng], object]


def main() -> int:
    """Run the trials and say what they found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=None, help="a dataset")
    parser.add_argument("--trial", type=int, default=None, help="this trial alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        numbers = range(options.trials) if options.trial is None else [options.trial]
        outcomes, faults = run(Path(work), numbers, options.seed, options.only)
    print(", ".join(f"{what}: {n}" for what, n in sorted(outcomes.items())))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def run(
    work: Path, trials: "range | list[int]", seed: int, only: str | None = None
) -> tuple[Counter[str], list[str]]:
    """Run trials; how they ended, and what is a fault, each with all that makes it again.

    Args:
        work: An empty folder.
        trials: Their numbers: a trial is a function of its number and the seed.
        only: The dataset to take, or all.
    """
    kinds = [(d, v) for d, variants in FAKES.items() if only in (None, d) for v in variants]
    bases: dict[tuple[str, str], Path] = {}
    nodes: dict[str, dict[str, Any]] = {}
    outcomes: Counter[str] = Counter()
    faults = []
    for number in trials:
        rng = Rng(f"{seed}/{number}")
        dataset, variant = kinds[number % len(kinds)]
        if (dataset, variant) not in bases:
            bases[dataset, variant] = _make(work / f"{dataset}-{variant}", dataset, variant)
        if dataset not in nodes:
            nodes[dataset] = as_plain(compose(f"dataset={dataset}").dataset)
        root = work / "trial" / dataset
        shutil.copytree(bases[dataset, variant], root)
        done = mutate(root, rng)
        what, fault = judge({**nodes[dataset], "root": str(root)}, root)
        outcomes[what] += 1
        if fault:
            faults.append(f"{what}: trial {number}, {dataset} {variant}, {done}: {fault}")
            print(faults[-1], file=sys.stderr, flush=True)
        _remove(work / "trial")
    return outcomes, faults


def _make(out: Path, dataset: str, variant: str) -> Path:
    target = as_plain(compose(f"dataset={dataset}").dataset)["_target_"]
    maker = import_module(f"ferkit.datasets.fakes.{target.rsplit('.', 2)[1]}")
    maker.make(out, people=2, **({"variant": variant} if variant else {}))
    return out


def judge(node: dict[str, Any], root: Path) -> tuple[str, str]:
    """Check the dataset: how it ended, and what is wrong about that, or an empty string."""
    try:
        with _limited(_SECONDS):
            index = read_index(node)
            if len(index):
                render_text(check(index, near=False, processes=1))
    except FerkitError as error:
        text = str(error)
        if "\n" in text or len(text) > _LONGEST or not text.strip():
            return "bad sentence", text[:500]
        return "refused", ""
    except _HungError:
        return "hang", traceback.format_exc()
    except Exception:  # what the script is there to find
        return "traceback", traceback.format_exc()
    lost = _lost(index, root)
    return ("silent loss", lost) if lost else ("read", "")


def _lost(index: FaceIndex, root: Path) -> str:
    """What is below the root and neither read nor counted."""
    there = sum(
        (is_image(name) or is_video(name) or is_unsupported_image(name))
        and os.path.isfile(os.path.join(folder, name))
        for folder, _, names in os.walk(root)
        for name in names
    )
    links = any(
        os.path.islink(os.path.join(folder, name))
        for folder, folders, _ in os.walk(root)
        for name in folders
    )
    told = sum(index.files.values())
    named = "".join(index.warnings)
    if told < there or (told > there and not links and "no ending of a name" not in named):
        return f"{there} images below the root, told of: {index.files}"
    return ""


class _HungError(BaseException):
    pass


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise _HungError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def mutate(root: Path, rng: Rng) -> list[str]:
    """Spoil a folder one to four times; the names of what was done."""
    done = []
    for _ in range(rng.randint(1, 4)):
        mutation = rng.choice(MUTATIONS)
        try:
            mutation(root, rng)
        except OSError:  # a file where a folder should be, a name that is too long
            continue
        done.append(mutation.__name__)
    return done


def _files(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink())


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.rglob("*") if p.is_dir() and not p.is_symlink())


def _file(root: Path, rng: Rng) -> Path:
    return rng.choice(_files(root) or [root / "none"])


def _folder(root: Path, rng: Rng) -> Path:
    return rng.choice([root, *_folders(root)])


def _table(root: Path, rng: Rng) -> Path:
    texts = [p for p in _files(root) if p.suffix in (".csv", ".txt", ".mat", ".parquet")]
    return rng.choice(texts or [root / "none"])


def _name(rng: Rng) -> str:
    return rng.choice(_NAMES)


def move_file(root: Path, rng: Rng) -> None:
    file = _file(root, rng)
    file.rename(_folder(root, rng) / file.name)


def rename_file(root: Path, rng: Rng) -> None:
    file = _file(root, rng)
    file.rename(file.with_name(_name(rng) + rng.choice(_SUFFIXES)))


def change_suffix(root: Path, rng: Rng) -> None:
    file = _file(root, rng)
    file.rename(file.with_name(file.stem + rng.choice(_SUFFIXES)))


def delete_file(root: Path, rng: Rng) -> None:
    _file(root, rng).unlink()


def truncate_file(root: Path, rng: Rng) -> None:
    file = _file(root, rng)
    os.truncate(file, rng.randint(0, file.stat().st_size))


def empty_file(root: Path, rng: Rng) -> None:
    os.truncate(_file(root, rng), 0)


def duplicate_file(root: Path, rng: Rng) -> None:
    file = _file(root, rng)
    shutil.copyfile(file, _folder(root, rng) / f"copy {file.name}")


def duplicate_folder(root: Path, rng: Rng) -> None:
    folder = rng.choice(_folders(root) or [root / "none"])
    shutil.copytree(folder, folder.with_name(f"{folder.name} (1)"), symlinks=True)


def rename_folder(root: Path, rng: Rng) -> None:
    folder = rng.choice(_folders(root) or [root / "none"])
    folder.rename(folder.with_name(_name(rng)))


def move_folder(root: Path, rng: Rng) -> None:
    folder = rng.choice(_folders(root) or [root / "none"])
    folder.rename(_folder(root, rng) / folder.name)


def wrap_folder(root: Path, rng: Rng) -> None:
    folder = rng.choice(_folders(root) or [root / "none"])
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.mkdir()
    aside.rename(folder / _name(rng))


def wrap_root(root: Path, rng: Rng) -> None:
    aside = root.with_name("aside")
    root.rename(aside)
    root.mkdir()
    aside.rename(root / _name(rng))


def delete_folder(root: Path, rng: Rng) -> None:
    shutil.rmtree(rng.choice(_folders(root) or [root / "none"]))


def empty_folder(root: Path, rng: Rng) -> None:
    (_folder(root, rng) / _name(rng)).mkdir()


def add_litter(root: Path, rng: Rng) -> None:
    image = next((p for p in _files(root) if is_image(p.name)), None)
    data = image.read_bytes() if image else b"x"
    for name in rng.sample(
        [".DS_Store", "Thumbs.db", "._a.png", "@eaDir/a.jpg", "__MACOSX/a.png"], 2
    ):
        path = _folder(root, rng) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


def add_strays(root: Path, rng: Rng) -> None:
    image = next((p for p in _files(root) if is_image(p.name)), None)
    data = image.read_bytes() if image else b"\xff\xd8\xff"
    for number in range(rng.randint(1, 5)):
        folder = _folder(root, rng) / rng.choice(["", "odd", _name(rng)])
        folder.mkdir(exist_ok=True)
        (folder / f"stray{number}{rng.choice(['.png', '.jpg', *_SUFFIXES])}").write_bytes(data)


def add_bytes_name(root: Path, rng: Rng) -> None:
    file = _file(root, rng)
    shutil.copyfile(file, os.fsencode(file.parent) + b"/\xff\xfe" + os.fsencode(file.suffix))


def link_file(root: Path, rng: Rng) -> None:
    link = _folder(root, rng) / rng.choice(["link.png", "link.csv", _name(rng)])
    link.symlink_to(
        rng.choice(["nowhere.png", link.name, "/dev/zero", _file(root, rng), "/etc/passwd"])
    )


def link_folder(root: Path, rng: Rng) -> None:
    link = _folder(root, rng) / _name(rng)
    link.symlink_to(rng.choice([root, link.parent, Path("/dev"), *_folders(root)]))


def link_each_other(root: Path, rng: Rng) -> None:
    one, two = rng.choice([root, *_folders(root)]), rng.choice([root, *_folders(root)])
    (one / "to two").symlink_to(two)
    (two / "to one").symlink_to(one)


def replace_by_pipe(root: Path, rng: Rng) -> None:
    file = _file(root, rng)
    file.unlink()
    os.mkfifo(file)


def add_pipe(root: Path, rng: Rng) -> None:
    os.mkfifo(_folder(root, rng) / rng.choice(["f.png", "f.csv", "labels.csv", "f.avi"]))


def add_socket(root: Path, rng: Rng) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(_folder(root, rng) / "s.png"))


def replace_by_folder(root: Path, rng: Rng) -> None:
    file = _file(root, rng)
    file.unlink()
    file.mkdir()


def close_file(root: Path, rng: Rng) -> None:
    _file(root, rng).chmod(0)


def close_folder(root: Path, rng: Rng) -> None:
    rng.choice(_folders(root) or [root / "none"]).chmod(0)


def flip_bytes(root: Path, rng: Rng) -> None:
    file = _table(root, rng)
    data = bytearray(file.read_bytes())
    for _ in range(rng.randint(1, 20) if data else 0):
        data[rng.randrange(len(data))] = rng.randrange(256)
    file.write_bytes(data)


def spoil_lines(root: Path, rng: Rng) -> None:
    file = _table(root, rng)
    lines = file.read_bytes().split(b"\n")
    place = rng.randrange(len(lines))
    spoiled: list[list[bytes]] = [
        [],
        [lines[place]] * 2,
        [lines[place].replace(b",", b";")],
        [lines[place] + b",more"],
        [b'"' + lines[place]],
        [lines[place].upper()],
        [lines[place] + b"\0"],
        [lines[place] + b"x" * 300_000],
        [lines[place].rpartition(b",")[0]],
        [b"../" + lines[place]],
    ]
    lines[place : place + 1] = rng.choice(spoiled)
    file.write_bytes(b"\n".join(lines))


def recode(root: Path, rng: Rng) -> None:
    file = _table(root, rng)
    text = file.read_bytes().decode("latin-1")
    file.write_bytes(text.encode(rng.choice(["utf-16", "utf-8-sig", "utf-32"])))


MUTATIONS: tuple[Mutation, ...] = (
    *(move_file, rename_file, change_suffix, delete_file, truncate_file, empty_file),
    *(duplicate_file, duplicate_folder, rename_folder, move_folder, wrap_folder, wrap_root),
    *(delete_folder, empty_folder, add_litter, add_strays, add_bytes_name, link_file, link_folder),
    *(link_each_other, replace_by_pipe, add_pipe, add_socket, replace_by_folder, close_file),
    *(close_folder, flip_bytes, spoil_lines, recode),
)


def _remove(folder: Path) -> None:
    for below, _, _ in os.walk(folder):
        Path(below).chmod(0o700)
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
