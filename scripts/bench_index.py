"""Time and memory of indexing a large dataset, in every packaging.

Each packaging is written once, of copies of a few drawn faces under different names, and indexed
(with the accounts of all files) in a process of its own.

    python scripts/bench_index.py --rows 300000 --out /tmp/bench_index
"""

# ruff: noqa: D103 (the names of the makers say what they do)

import argparse
import io
import json
import resource
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ferkit.drawn.face import draw_face
from ferkit.emotions import EMOTIONS

_SHARD = 10_000  # images of a tar or parquet file


def main() -> None:
    """Make, measure, print a table in markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--out", type=Path, default=Path("bench_index"))
    parser.add_argument("--only", nargs="*", default=list(MAKERS), choices=list(MAKERS))
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    print("| packaging | read by | rows | seconds | peak memory |")
    print("|---|---|--:|--:|--:|")
    for kind in options.only:
        make, dataset, name = MAKERS[kind]
        root = options.out / f"{name}-{options.rows}"
        if not root.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            make(root, options.rows)
        words = [sys.executable, __file__, "--measure", dataset, str(root / name)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        rows, seconds, peak = json.loads(done.stdout.splitlines()[-1])
        print(f"| {kind} | `{dataset}` | {rows:,} | {seconds:.0f} | {peak / 2**20:.2f} GiB |")


def measure(dataset: str, root: str) -> None:
    from ferkit.composition import compose
    from ferkit.views import read_index

    config = compose(f"dataset={dataset}", f"dataset.root={root}")
    start = time.perf_counter()
    index = read_index(config.dataset)
    seconds = time.perf_counter() - start
    print(json.dumps([len(index), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))


def faces() -> list[bytes]:
    rng = np.random.default_rng(0)
    drawn = [draw_face(emotion, person=0, rng=rng, size=48) for emotion in EMOTIONS[:7]]
    return [cv2.imencode(".jpg", face)[1].tobytes() for face in drawn]


def images(rows: int) -> Iterator[tuple[str, str, int, bytes]]:
    """Split, name, class and content of each image."""
    content = faces()
    for row in range(rows):
        split = "test" if row % 10 == 9 else "train"
        yield split, f"{row:07d}", row % 7, content[row % 7]


def make_tree(root: Path, rows: int) -> None:
    for split in ("train", "test"):
        for emotion in EMOTIONS[:7]:
            (root / "tree" / split / emotion).mkdir(parents=True)
    for split, name, label, content in images(rows):
        (root / "tree" / split / EMOTIONS[label] / f"{name}.jpg").write_bytes(content)


def make_zip(root: Path, rows: int) -> None:
    root.mkdir()
    with zipfile.ZipFile(root / "faces.zip", "w") as file:
        for split, name, label, content in images(rows):
            file.writestr(f"{split}/{EMOTIONS[label]}/{name}.jpg", content)


def make_webdataset(root: Path, rows: int) -> None:
    (root / "tars").mkdir(parents=True)
    (root / "tars" / "classes.txt").write_text("\n".join(EMOTIONS[:7]))
    tar: tarfile.TarFile | None = None
    for row, (_, name, label, content) in enumerate(images(rows)):
        if row % _SHARD == 0:
            if tar is not None:
                tar.close()
            split = "test" if row >= rows * 0.9 else "train"
            path = root / "tars" / f"{split}-{row // _SHARD:06d}.tar"
            tar = tarfile.open(path, "w")  # noqa: SIM115 (closed before the next)
        assert tar is not None
        tar.members = []  # type: ignore[attr-defined]  # else it keeps every header
        for ending, data in (("jpg", content), ("cls", str(label).encode())):
            member = tarfile.TarInfo(f"{name}.{ending}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    if tar is not None:
        tar.close()


def make_parquet(root: Path, rows: int) -> None:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    (root / "parquet").mkdir(parents=True)
    feature = {"label": {"_type": "ClassLabel", "names": list(EMOTIONS[:7])}}
    metadata = {"huggingface": json.dumps({"info": {"features": feature}})}
    batch = []
    for row, (_, name, label, content) in enumerate(images(rows), 1):
        batch.append({"image": {"bytes": content, "path": f"{name}.jpg"}, "label": label})
        if len(batch) == _SHARD or row == rows:
            table = pa.Table.from_pylist(batch).replace_schema_metadata(metadata)
            split = "test" if row > rows * 0.9 else "train"
            path = root / "parquet" / f"{split}-{(row - 1) // _SHARD:05d}-of-99999.parquet"
            write_table(table, path, row_group_size=1000)
            batch = []


def make_affectnet(root: Path, rows: int) -> None:
    for split in ("train", "val"):
        for inner in ("images", "annotations"):
            (root / "sets" / f"{split}_set" / inner).mkdir(parents=True)
    for split, name, label, content in images(rows):
        folder = root / "sets" / f"{'val' if split == 'test' else 'train'}_set"
        (folder / "images" / f"{name}.jpg").write_bytes(content)
        np.save(folder / "annotations" / f"{name}_exp.npy", np.array(str(label)))


MAKERS = {
    "tree of class folders": (make_tree, "folder", "tree"),
    "zip of that tree": (make_zip, "folder", "faces.zip"),
    "WebDataset tars": (make_webdataset, "webdataset", "tars"),
    "parquet files": (make_parquet, "parquet", "parquet"),
    "AffectNet's npy annotations": (make_affectnet, "affectnet", "sets"),
}

if __name__ == "__main__":
    main()
