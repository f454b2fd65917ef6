"""Measure the face pipeline: agreement, recall, speed. Prints markdown tables.

python scripts/bench_faces.py                      every table but those that need more
python scripts/bench_faces.py agree recall         some of them
python scripts/bench_faces.py mtcnn --device cuda  batched MTCNN on a GPU
python scripts/bench_faces.py found --folder DIR   on pictures of one's own
python scripts/bench_faces.py --write docs/faces.md  puts them between that page's markers
"""

import argparse
import io
import os
import re
import time
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from face_sheets import (
    ANGLES,
    CELL,
    SIZES,
    drawn_copies,
    hopper,
    moved,
    photo_copies,
    pictures,
    sheet,
)
from PIL import Image

from ferkit.datasets.walk import is_image
from ferkit.drawn.face import draw_face
from ferkit.faces.align import eye_angle
from ferkit.faces.crop import crop_faces
from ferkit.faces.decode import DecodeError, decode_image
from ferkit.faces.detect import make_detector
from ferkit.faces.detection import overlap
from ferkit.faces.illumination import METHODS, relight
from ferkit.faces.settings import FaceSettings

DETECTORS = ("haar", "haar_alt2", "mtcnn")


def table(head, rows):
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def agree(options):
    """Boxes of the detectors on one photograph against each other."""
    picture = hopper()
    boxes = {n: make_detector(n, device=options.device)([picture])[0] for n in DETECTORS}
    rows = [
        [
            f"`{a}`",
            len(boxes[a]),
            *(f"{overlap(boxes[a][0].box, boxes[b][0].box):.2f}" for b in boxes),
        ]
        for a in boxes
    ]
    return table(["IoU on grace_hopper.jpg", "faces", *(f"`{n}`" for n in DETECTORS)], rows)


def level(options):
    """What is left of a turn after alignment, judged by MTCNN's eyes in the crop."""
    judge = make_detector("mtcnn", device=options.device)
    ways = [("mtcnn", "eyes"), ("mtcnn", "five_points"), ("haar", "eyes")]
    rows = []
    for name, align in ways:
        settings = FaceSettings(detector=name, align=align, size=224, margin=0.25)
        detect = make_detector(name, device=options.device)
        row = [f"`{name}`, `{align}`"]
        for angle in (-30, -15, 0, 15, 30):
            (crop,) = crop_faces([moved(hopper(), angle)], settings, detect)
            eyes = judge([crop.pixels])[0] if crop.pixels is not None else []
            left = f"{eye_angle(eyes[0].points):+.1f}" if eyes else "no face"
            row.append(left if not crop.fallback else f"{left} (eyes not found)")
        rows.append(row)
    return table(["degrees left, turned by", "-30", "-15", "0", "15", "30"], rows)


def hits(found, side, size, columns, count):
    """How many cells hold a detection that overlaps their face by 0.4."""
    hit = set()
    for face in found:
        x, y = (face.box[:2] + face.box[2:]) / 2
        column, row = int(x // side), int(y // side)
        middle = np.array([column + 0.5, row + 0.5]) * side
        true = np.concatenate([middle - size / 2, middle + size / 2])
        if 0 <= row * columns + column < count and overlap(face.box, true) >= 0.4:
            hit.add((row, column))
    return len(hit), len(found) - len(hit)


def recall(options):
    """Recall on a contact sheet for every size and angle."""
    columns, count = 6, 24
    parts = []
    for title, copies in (("photograph", photo_copies), ("drawn people", drawn_copies)):
        rows = []
        for name in DETECTORS:
            detect = make_detector(name, device=options.device, eyes=False)
            for angle in ANGLES:
                row, extra = [f"`{name}`", f"{angle}°"], 0
                for size in SIZES:
                    picture = sheet(copies(size, angle, count), columns)
                    found = detect([picture])[0]
                    right, wrong = hits(found, int(CELL * size), size, columns, count)
                    extra += wrong
                    row.append(f"{right / count:.2f}")
                rows.append([*row, extra])
        head = [f"{title}, {count} copies each", "turned", *(f"{s} px" for s in SIZES), "false"]
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def best_of(rounds, *works):
    """Fastest seconds of each work, taking turns so that a busy machine is busy for all."""
    times = [[] for _ in works]
    for _ in range(rounds):
        for taken, work in zip(times, works, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [min(taken) for taken in times]


def mtcnn(options):
    """Batched MTCNN beside facenet-pytorch's own loop, with the largest difference of a box."""
    import torch
    from facenet_pytorch import MTCNN

    torch.set_num_threads(options.threads)
    device = options.device if options.device != "auto" else "cpu"
    batch = pictures(options.count)
    ours = make_detector("mtcnn", device=device)
    theirs = MTCNN(keep_all=True, device=device)
    loop = [theirs.detect(picture, landmarks=True)[0] for picture in batch]
    boxes = [np.array([face.box for face in faces]) for faces in ours(batch)]
    same = all(len(b) == (0 if t is None else len(t)) for b, t in zip(boxes, loop, strict=True))
    pairs = zip(boxes, loop, strict=True)
    off = max(np.abs(b - t).max() for b, t in pairs if t is not None) if same else float("nan")
    seconds = best_of(
        options.rounds,
        lambda: [theirs.detect(picture, landmarks=True) for picture in batch],
        lambda: theirs.detect(np.stack(batch), landmarks=True),
        lambda: [ours([picture]) for picture in batch],
        lambda: ours(batch),
    )
    names = ["facenet-pytorch, one by one", "facenet-pytorch, batched"]
    names += ["ferkit, one by one", f"ferkit, batched by {len(batch)}"]
    place = torch.cuda.get_device_name() if device.startswith("cuda") else _cpu(options.threads)
    rows = [
        [name, f"{len(batch) / s:.1f}", f"{seconds[0] / s:.2f}"]
        for name, s in zip(names, seconds, strict=True)
    ]
    said = f"512 x 600 pictures, {place}; boxes of the two apart by at most {off:.4f} pixels"
    return table(["MTCNN", "pictures/s", "times"], rows) + f"\n\n{said}."


def _cpu(threads):
    load = os.getloadavg()[0]
    return f"{threads} of {os.cpu_count()} CPU cores, best of rounds at a load of {load:.1f}"


def _start_worker():
    cv2.setNumThreads(1)
    global _haar
    _haar = make_detector("haar", eyes=False)


def _haar_chunk(chunk):
    return [len(faces) for faces in _haar(chunk)]


def _spin(rounds):
    return sum(i * i for i in range(rounds))


def haar(options):
    """Haar over processes, as `ferkit data prepare` runs it, beside a loop that shares nothing."""
    batch = pictures(options.count * 2)
    chunks, spins = [batch[i : i + 4] for i in range(0, len(batch), 4)], [1_000_000] * 8
    context = get_context("spawn")
    with context.Pool(1, _start_worker) as one, context.Pool(2, _start_worker) as two:
        one.map(_haar_chunk, chunks[:1], 1), two.map(_haar_chunk, chunks[:4], 1)
        seconds = best_of(
            options.rounds,
            lambda: one.map(_haar_chunk, chunks, 1),
            lambda: two.map(_haar_chunk, chunks, 1),
            lambda: one.map(_spin, spins, 1),
            lambda: two.map(_spin, spins, 1),
        )
    rows = [
        ["1 process", f"{len(batch) / seconds[0]:.1f}", "1.00", "1.00"],
        ["2 processes", f"{len(batch) / seconds[1]:.1f}"]
        + [f"{one / two:.2f}" for one, two in (seconds[:2], seconds[2:])],
    ]
    said = f"512 x 600 pictures, {_cpu('1 and 2')}"
    head = ["Haar", "pictures/s", "times", "times, a plain loop (what the machine had free)"]
    return table(head, rows) + f"\n\n{said}."


def decode(options):
    """Decoding small files, one process."""
    rows = []
    for kind, size, count in (("JPEG", 48, 2000), ("PNG", 48, 2000), ("JPEG", 640, 60)):
        face = Image.fromarray(draw_face("sad", person=1, rng=np.random.default_rng(1), size=size))
        buffer = io.BytesIO()
        face.save(buffer, kind)
        data = buffer.getvalue()
        (seconds,) = best_of(
            options.rounds, lambda d=data, c=count: [decode_image(d) for _ in range(c)]
        )
        rows.append([f"{kind}, {size} x {size} grey", f"{count / seconds:,.0f}"])
    return table(["decoding", "files/s"], rows)


def light(options):
    """Milliseconds a face for every method."""
    rows = []
    batches = [
        np.stack(
            [draw_face("sad", person=i, rng=np.random.default_rng(i), size=s) for i in range(32)]
        )
        for s in (48, 224)
    ]
    for method in METHODS:
        seconds = best_of(options.rounds, *(lambda b=b, m=method: relight(b, m) for b in batches))
        rows.append([f"`{method}`", *(f"{s / 32 * 1000:.2f}" for s in seconds)])
    return table(["illumination, ms a face", "48 x 48", "224 x 224"], rows)


def found(options):
    """In how many pictures of a folder each detector finds how many faces."""
    files = sorted(f for f in options.folder.rglob("*") if is_image(f.name))
    chosen = np.random.default_rng(0).permutation(len(files))[: options.sample]
    images = []
    for i in sorted(chosen):
        try:
            images.append(decode_image(files[i]))
        except DecodeError as error:
            print(error)
    rows = []
    for name in DETECTORS:
        detect = make_detector(name, device=options.device, eyes=False)
        start = time.perf_counter()
        counts = np.array([len(faces) for faces in detect(images)])
        speed = len(images) / (time.perf_counter() - start)
        shares = [f"{np.mean(counts == n):.3f}" for n in (0, 1)]
        rows.append([f"`{name}`", *shares, f"{np.mean(counts > 1):.3f}", f"{speed:.0f}"])
    head = [
        f"{len(images)} pictures of {options.folder.name}",
        "no face",
        "one",
        "more",
        "pictures/s",
    ]
    return table(head, rows)


TABLES = {f.__name__: f for f in (agree, level, recall, mtcnn, haar, decode, light, found)}


def write(page, name, text):
    """Put a table between its markers on a page."""
    pattern = rf"(<!-- bench:{name} -->\n).*?(<!-- /bench:{name} -->)"
    changed, count = re.subn(pattern, rf"\1\n{text}\n\n\2", page.read_text(), flags=re.DOTALL)
    if count:
        page.write_text(changed)


def main():
    """Run the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--device", default="auto", help="of MTCNN: cpu, cuda, auto")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--count", type=int, default=16, help="pictures a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the best counts")
    parser.add_argument("--folder", type=Path, help="pictures for `found`")
    parser.add_argument("--sample", type=int, default=1000, help="how many of them")
    parser.add_argument("--write", type=Path, help="a page with `<!-- bench:NAME -->` markers")
    options = parser.parse_args()
    if unknown := set(options.tables) - set(TABLES):
        parser.error(f"no table {', '.join(sorted(unknown))}; known: {', '.join(TABLES)}")
    asked = options.tables or [name for name in TABLES if name != "found"]
    if "found" in asked and not options.folder:
        parser.error("`found` needs --folder DIR")
    for name in asked:
        text = TABLES[name](options)
        print(f"\n{text}")
        if options.write:
            write(options.write, name, text)


if __name__ == "__main__":
    main()
