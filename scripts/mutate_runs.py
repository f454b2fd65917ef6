"""Damage a finished run in many ways and see that every command says so.

    python scripts/mutate_runs.py --count 500 --seed 0

A small run is trained on drawn faces. Each round copies it, damages one file of it at random
(cut, flipped, deleted, swapped, replaced, a key dropped or given another type) and runs commands
on the copy in this process. Counted are tracebacks (exit code 1), hangs, and silent changes: exit
code 0 with other metrics than the untouched run's, and no warning.
"""

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

TRAIN = [
    "dataset.train=64",
    "dataset.val=24",
    "dataset.test=24",
    "dataset.people=12",
    "emotions=[happy,sad,fear]",
    "backbone=kurmi_cnn",
    "trainer.max_epochs=2",
    "trainer.batch_size=32",
    "trainer.device=cpu",
    "trainer.threads=1",
    "report.saliency=none",
    "optimizer.lr=1e-3",
]
LIMIT = 300  # seconds that a command may take on a busy machine
VALUES = (None, -1, 0, 10**30, 0.5, "word", "", [], [1, [2]], {}, {"a": {"b": 1}}, True, "\x1b[2J")
BYTES = (
    b"",
    b"\x00",
    b"{",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"a: [1,",
    b"PK\x03\x04",
    b"PAR1PAR1",
    b"[" * 3000,
    b"*a",
    b"- &a [*a]",
    b"x" * 100,
)


def cut(path: Path, rng: random.Random) -> str:
    """The first part of it."""
    content = path.read_bytes()
    length = rng.randrange(len(content) + 1)
    path.write_bytes(content[:length])
    return f"cut to {length} of {len(content)} bytes"


def flip(path: Path, rng: random.Random) -> str:
    """A few bytes are others."""
    content = bytearray(path.read_bytes())
    places = [rng.randrange(len(content)) for _ in range(rng.choice((1, 1, 3, 20)))]
    for place in places:
        content[place] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return f"bits flipped at {places[:3]}"


def delete(path: Path, _: random.Random) -> str:
    """It is not there."""
    path.unlink()
    return "deleted"


def replace(path: Path, rng: random.Random) -> str:
    """Something else stands there."""
    content = rng.choice(BYTES)
    path.write_bytes(content)
    return f"replaced by {content[:12]!r}"


def swap(path: Path, rng: random.Random) -> str:
    """Another file of the run stands there."""
    run = next(p for p in path.parents if (p / "checkpoints").is_dir())
    other = rng.choice([p for p in files_of(run) if p != path])
    shutil.copyfile(other, path)
    return f"a copy of {other.name}"


def change_key(path: Path, rng: random.Random) -> str:
    """A key of yaml or JSON is dropped or holds another type."""
    text = path.read_text(encoding="utf-8")
    lines = path.suffix == ".jsonl"
    parsed = json.loads(text.splitlines()[0]) if lines else yaml.safe_load(text)
    places = list(walk(parsed))
    if not places:
        return replace(path, rng)
    holder, key = rng.choice(places)
    if rng.random() < 0.4:
        del holder[key]
        said = f"without {key}"
    else:
        holder[key] = rng.choice(VALUES)
        said = f"{key} = {holder[key]!r}"
    new = yaml.safe_dump(parsed) if path.suffix == ".yaml" else json.dumps(parsed)
    path.write_text("\n".join([new, *text.splitlines()[1:]]) if lines else new, encoding="utf-8")
    return said


def walk(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in nested containers, as its holder and its key."""
    if not isinstance(value, dict | list):
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        yield from walk(inner)


def files_of(run: Path) -> list[Path]:
    """What can be damaged."""
    kept = ("report", "eval")
    found = [p for p in sorted(run.rglob("*")) if p.is_file() and p.name != ".lock"]
    return [p for p in found if p.relative_to(run).parts[0] not in kept]


def damage(run: Path, rng: random.Random) -> str:
    """Damage one file; return what was done."""
    path = rng.choice(files_of(run))
    ways: list[Callable[[Path, random.Random], str]] = [cut, flip, delete, replace, swap]
    if path.suffix in (".yaml", ".json", ".jsonl"):
        ways += [change_key] * 4
    elif path.suffix in (".safetensors", ".parquet", ".ckpt"):
        ways += [flip] * 2
    return f"{path.relative_to(run)} {rng.choice(ways)(path, rng)}"


COMMANDS: dict[str, tuple[list[str], str]] = {  # words, and where the metrics stand afterwards
    "report": (["eval", "run=run"], "run/report/metrics.json"),
    "predict again": (["eval", "run=run", "view=val"], "run/eval/drawn-val/report/metrics.json"),
    "resume": (["train", "resume=run"], "run/report/metrics.json"),
    "predict": (
        ["predict", "source=photos", "model=run", "out=out", "faces=none", "annotate=false"],
        "out/faces.csv",
    ),
    "compare": (
        ["eval", "runs=[run,other]", "out=compared", "view=val"],
        "compared/comparison.json",
    ),
}


def run_command(words: list[str]) -> tuple[int, str]:
    """Exit code (1 for a traceback, 124 for a hang) and what stderr says."""
    from ferkit.cli import main

    def stop(*_: object) -> None:
        raise TimeoutError

    said = io.StringIO()
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = main(words)
    except BaseException as error:  # whatever comes out of main is a fault
        code = 124 if isinstance(error, TimeoutError) else 1
        said.write(traceback.format_exc())
    finally:
        signal.alarm(0)
    return code, said.getvalue()


def prepare(home: Path) -> dict[str, str]:
    """Two runs, two pictures, and the metrics of every command on the untouched run."""
    from PIL import Image

    os.chdir(home)
    for name, seed in (("whole", 0), ("other", 1)):
        code, said = run_command(["train", *TRAIN, f"run_dir={name}", f"seed={seed}"])
        assert code == 0, said
    (home / "photos").mkdir()
    for shade in (80, 160):
        Image.linear_gradient("L").point(lambda v, s=shade: v * s // 255).resize((48, 48)).save(
            home / "photos" / f"{shade}.png"
        )
    metrics = {}
    for name, (words, where) in COMMANDS.items():
        renew(home)
        code, said = run_command(words)
        assert code == 0, said
        metrics[name] = (home / where).read_text(encoding="utf-8")
    return metrics


def renew(home: Path) -> None:
    """The untouched run again."""
    for name in ("run", "out", "compared"):
        shutil.rmtree(home / name, ignore_errors=True)
    shutil.copytree(home / "whole", home / "run")


def mutate(home: Path, count: int, seed: int, each: int) -> Counter[str]:
    """Damage and run, `count` times; return how often what came of it.

    Args:
        each: Commands that are run on each damaged copy, drawn at random.
    """
    metrics, found = prepare(home), Counter[str]()
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        names = rng.sample(list(COMMANDS), min(each, len(COMMANDS)))
        for name in names:
            renew(home)
            done = damage(home / "run", random.Random(f"{seed}/{number}/damage"))
            words, where = COMMANDS[name]
            code, said = run_command(words)
            result = judge(code, said, home / where, metrics[name])
            found[result] += 1
            if result not in ("refused", "same", "warned"):
                print(f"{number} {name}: {result} after {done}\n    {said.strip()[-1500:]}")
    return found


def judge(code: int, said: str, where: Path, expected: str) -> str:
    """What came of a command."""
    if code in (2, 3):
        return "refused" if "Traceback" not in said and said.count("ferkit: ") == 1 else "SPEECH"
    if code:
        return {1: "TRACEBACK", 124: "HANG"}.get(code, f"EXIT {code}")
    if where.is_file() and where.read_text(encoding="utf-8") == expected:
        return "same"
    return "warned" if "warning" in said else "SILENT"


def main() -> None:
    """Parse the words, mutate, count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=2, help="commands on each damaged copy")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        found = mutate(Path(home), options.count, options.seed, options.each)
        os.chdir("/")
    print(dict(found))


if __name__ == "__main__":
    main()
