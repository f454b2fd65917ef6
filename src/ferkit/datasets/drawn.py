"""The built-in example: faces drawn by OpenCV, so that everything can be tried without data.

What: 5,600 grey faces of 48x48 pixels of 120 drawn people. Each is a person's proportions moved
by the action units of an emotion (Ekman and Friesen's Facial Action Coding System; see
`ferkit.drawn.geometry`): brows, lids, mouth, nose wrinkles. That geometry alone tells
the emotions apart; person, pose, light, noise, blur and what hides the face vary
independently of it. It says nothing about how well a network reads people.

Layout: none, nothing is read. The same settings draw the same faces, everywhere.

Splits: train 4,000, val 800, test 800, of disjoint people.

Classes: FER-2013's seven in FER-2013's training proportions, so disgust is 1.5%: 61 training
images. Without a strategy against imbalance it suffers, as it does there.

Licence: that of ferkit; the faces are nobody's.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ferkit.datasets.index import FaceIndex, make_index
from ferkit.drawn import face as drawing
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError
from ferkit.progress import counted

CLASSES = EMOTIONS[:7]
FER2013_TRAINING = (3995, 436, 4097, 7215, 4830, 3171, 4965)  # in the order of CLASSES


def read_drawn(
    root: Path | str | None = None,
    *,
    train: int = 4000,
    val: int = 800,
    test: int = 800,
    people: int = 120,
    size: int = 48,
    seed: int = 0,
    difficulty: float = 1.0,
) -> FaceIndex:
    """Draw the built-in example.

    Args:
        root: Not used; a folder that exists is refused, for someone's data lie there.
        train: Number of training images; every split has at least one image of each class.
        val: Number of validation images.
        test: Number of test images.
        people: Number of people, dealt to the splits in proportion to their images.
        size: Side of a face in pixels.
        seed: Another seed draws other people in other pictures.
        difficulty: How far expression strength, pose, light, noise and occlusion vary; 0 draws
            apex faces seen from the front in clean light.

    Returns:
        One row a face, with its `subject`; `images` is [N, size, size] uint8.

    Raises:
        ConfigError: a split smaller than the classes, too few people, a size, seed or
            difficulty out of range.
    """
    if root is not None and Path(root).is_dir():
        raise ConfigError(
            f"dataset.root={root} is read by no dataset: dataset=drawn draws its faces; name the "
            "dataset too, e.g. dataset=folder for class folders (`ferkit list dataset`)."
        )
    counts = {"train": train, "val": val, "test": test}
    _check(counts, people, size, difficulty)
    if seed < 0:
        raise ConfigError(f"dataset.seed={seed} is negative; seeds are 0 or more.")
    dealt = _deal_people(counts, people)
    rows = [row for split in counts for row in _rows(split, counts[split], dealt[split], seed)]
    settings = (drawing.VERSION, *counts.values(), people, size, seed, float(difficulty))
    return make_index(
        rows,
        name="drawn",
        variant=f"drawn by ferkit, seed {seed}, difficulty {difficulty:g}",
        root=Path(root or "."),
        emotions=CLASSES,
        images=partial(_draw_all, rows, seed=seed, size=size, difficulty=difficulty),
        fingerprint=hashlib.sha256(repr(settings).encode()).hexdigest()[:16],
    )


def _check(counts: dict[str, int], people: int, size: int, difficulty: float) -> None:
    for split, count in counts.items():
        if count < len(CLASSES):
            raise ConfigError(
                f"dataset.{split}={count} is fewer than one drawn face for each of the "
                f"{len(CLASSES)} classes; ask for {len(CLASSES)} or more."
            )
    if people < len(counts):
        raise ConfigError(
            f"dataset.people={people} cannot fill {len(counts)} splits with different people; "
            f"ask for {len(counts)} or more."
        )
    if size < 16 or not 0 <= difficulty <= 2:
        raise ConfigError(
            f"dataset.size={size} or dataset.difficulty={difficulty} is out of range; a drawn "
            "face has 16 pixels or more and a difficulty from 0 to 2."
        )


def _deal_people(counts: dict[str, int], people: int) -> dict[str, range]:
    shares = largest_remainder(people, list(counts.values()))
    ends = np.cumsum(shares).tolist()
    return {
        split: range(end - share, end)
        for split, share, end in zip(counts, shares, ends, strict=True)
    }


def largest_remainder(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the weights, each at least 1, that sum to the total.

    >>> largest_remainder(10, [1, 8, 30])
    [1, 2, 7]
    """
    exact = np.asarray(weights, float) / sum(weights) * total
    whole = np.floor(exact).astype(int)
    most_lost = np.argsort(whole - exact, kind="stable")[: total - whole.sum()]
    whole[most_lost] += 1
    while whole.min() < 1:
        whole[whole.argmin()] += 1
        whole[whole.argmax()] -= 1
    return whole.tolist()


def _rows(split: str, count: int, people: range, seed: int) -> list[dict[str, str]]:
    # Shuffled, so that neither the row number nor the person tells the class.
    labels = np.repeat(CLASSES, largest_remainder(count, FER2013_TRAINING))
    order = np.random.default_rng([seed, count, people.start]).permutation(count)
    return [
        {
            "key": f"{split}/{i:06d}",
            "label": str(labels[order[i]]),
            "split": split,
            "subject": f"p{people[i % len(people)]:04d}",
        }
        for i in range(count)
    ]


def _draw_all(rows: list[dict[str, str]], *, seed: int, size: int, difficulty: float) -> np.ndarray:
    bar = counted(rows, len(rows), "drawing faces", "face")
    faces = [
        drawing.draw_face(
            row["label"],
            person=seed * 1_000_003 + int(row["subject"][1:]),
            rng=np.random.default_rng([seed, number]),
            size=size,
            difficulty=difficulty,
        )
        for number, row in enumerate(bar)
    ]
    return np.stack(faces)  # [N, size, size]
