"""RAF-DB, the Real-world Affective Faces Database (Li, Deng and Du, 2017): the basic subset.

What: 15,339 faces from the web of seven basic emotions, each by some 40 annotators, aligned to
100x100 pixels. The compound subset (11 classes, a list of the same file name) is recognised and
refused.

Layout (any nesting; the list's name is the publisher's own spelling, the corrected one will do)::

    basic/EmoLabel/list_patition_label.txt              a line an image: train_00001.jpg 5
    basic/Image/aligned/train_00001_aligned.jpg         basic/Image/original/train_00001.jpg
    DATASET/{train,test}/{1..7}/train_00001_aligned.jpg with train_labels.csv, as on Kaggle

Splits: train 12,271 and test 3,068, by the name; no val: it is carved out of train. Papers
choose the epoch on test, so that their metrics are optimistic ones. No subjects.

Classes (train, test), codes 1 to 7: surprise 1290, 329; fear 281, 74; disgust 717, 160; happy
4772, 1185; sad 1982, 478; angry 705, 162; neutral 2524, 680.

Licence: on request by an institution's e-mail (whdeng.cn/RAF), non-commercial research only, no
redistribution.

Citation: S. Li, W. Deng, J. Du: Reliable Crowdsourcing and Deep Locality-Preserving Learning for
Expression Recognition in the Wild. CVPR 2017.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ferkit.datasets.accounts import reader
from ferkit.datasets.index import FaceIndex, make_index
from ferkit.datasets.labels import emotion_of
from ferkit.datasets.layout import (
    check_counts,
    incomplete,
    is_archive,
    not_found,
    per_class,
    refuse_lfs_pointer,
)
from ferkit.datasets.packed import is_folder, open_text
from ferkit.datasets.table_images import locate_images, merge_repeated
from ferkit.datasets.walk import Listing, list_files, shown
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError, unknown

_CODES = dict(
    zip("1234567", ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"), strict=True)
)
_COUNTS = {
    "train": dict(zip(_CODES.values(), (1290, 281, 717, 4772, 1982, 705, 2524), strict=True)),
    "test": dict(zip(_CODES.values(), (329, 74, 160, 1185, 478, 162, 680), strict=True)),
}
_MOST_BYTES = 10_000_000
_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_NAME = re.compile(r"(?P<stem>(?P<split>train|test)_\d+)(?P<aligned>_aligned)?\.\w+", re.IGNORECASE)
_LINE = re.compile(r"(?P<stem>\S+?)(_aligned)?\.\w+[\s,]+(?P<code>\d+)", re.IGNORECASE)
_COMPOUND = "image of compound RAF-DB"
_OTHER = "image of the other kind (dataset.images)"
IMAGES = ("aligned", "original")


@dataclass(frozen=True)
class _Picture:
    path: str
    stem: str  # train_00001
    kind: str  # aligned or original

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0].rpartition("/")[2]


@reader
def read_rafdb(root: Path | str, *, images: str = "aligned", strict: bool = False) -> FaceIndex:
    """Read the basic subset of RAF-DB.

    Args:
        root: The folder `basic`, one above it, or class folders of images with RAF-DB's names.
        images: `aligned` or `original`; the other kind is counted.
        strict: Whether other counts than the published stop the load.

    Raises:
        ConfigError: no such kind of images.
        DatasetNotFoundError: neither a list nor images of RAF-DB's names.
        DatasetLayoutError: it is the compound subset, the codes are another's, or the images are
            missing.
        DataError: a line of the list is broken, over 5% of the images are missing, or `strict`
            and a count differs.
    """
    if images not in IMAGES:
        raise ConfigError(f"dataset.images: {unknown('kind', images, IMAGES)}")
    base = Path(root)
    listing = list_files(base, strict=False) if is_folder(base) else Listing()
    basic, compound = _lists(base, listing)
    pictures, beside = _pictures(listing, compound)
    if basic is None and not pictures:
        raise _nothing(base)
    dropped: Counter[str] = Counter()
    if basic is None:
        frame, place = _from_folders(base, pictures), base
    else:
        place = base / basic
        frame = _from_list(place, pictures, images, listing)
    listed = frame["path"].tolist()
    home, frame, warnings = locate_images(frame, base, place, dropped)
    frame, more = merge_repeated(frame, home, dropped)
    frame["key"] = frame["path"].map(lambda path: _stem(path))
    frame, twice = _without_copies(frame)
    beside["second copy"] = twice
    beside[_OTHER] = [p.path for p in pictures if basic and p.kind != images]
    for why, paths in beside.items():
        dropped[why] += len(paths)
    beside["image of a line that is left out"] = listed
    for split, published in _COUNTS.items():
        counts = per_class(frame.loc[frame["split"] == split, "label"])
        warnings += check_counts("rafdb", f"{split} images", counts, published, strict)
    return make_index(
        frame,
        name="rafdb",
        variant=f"basic, {images}" if basic else "basic, class folders",
        root=home,
        emotions=EMOTIONS[:7],
        dropped=dropped,
        notes=["papers choose the epoch on test; here val is carved out of train"],
        warnings=[*warnings, *more],
        beside=beside,
        outside="in no line of the list" if basic else "without RAF-DB's name or a class folder",
    )


def _lists(base: Path, listing: Listing) -> tuple[str | None, list[str]]:
    """The list of the basic subset, and those of the compound one."""
    lists = [path for path in listing.others if path.rsplit("/", 1)[-1].lower() in _LISTS]
    compound = [path for path in lists if any(int(c) > 7 for c in _codes(base / path).values())]
    basic = [path for path in lists if path not in compound]
    if len(basic) > 1:
        raise DatasetLayoutError(
            f"rafdb: {base} holds {len(basic)} lists ({', '.join(map(shown, basic[:4]))}); set "
            "dataset.root to the folder of one."
        )
    if compound and not basic:
        raise DatasetLayoutError(
            f"rafdb: {base / compound[0]} is the list of RAF-DB compound (11 classes), not of the "
            "basic subset, whose list has the same name; set dataset.root to the folder basic."
        )
    return (basic[0] if basic else None), compound


def _codes(path: Path) -> dict[tuple[int, str], str]:
    """Line number and stem to the code, for each line of a list.

    Raises:
        DataError: a line is none of a name and a code.
    """
    refuse_lfs_pointer(path)
    codes: dict[tuple[int, str], str] = {}
    with open_text(path, errors="replace") as file:
        for number, line in enumerate(file.read(_MOST_BYTES).splitlines(), 1):
            match = _LINE.fullmatch(line.strip())
            if match:
                codes[number, match["stem"].lower()] = match["code"]
            elif line.strip():
                raise DataError(
                    f"rafdb: {path}, line {number}: expected a name and a code (train_00001.jpg "
                    f"5), found {shown(line)!r}; take the file as it was delivered."
                )
    return codes


def _pictures(
    listing: Listing, compound: Sequence[str]
) -> tuple[list[_Picture], dict[str, list[str]]]:
    """The images of RAF-DB's names, and those of the compound subset beside them."""
    homes = [path.rpartition("/")[0].rpartition("/")[0] for path in compound]
    pictures, apart = [], []
    for path in listing.images:
        if any(path.startswith(f"{home}/") for home in homes if home):
            apart.append(path)
        elif match := _NAME.fullmatch(path.rsplit("/", 1)[-1]):
            kind = "aligned" if match["aligned"] else "original"
            pictures.append(_Picture(path, match["stem"].lower(), kind))
    return pictures, {_COMPOUND: apart}


def _from_folders(base: Path, pictures: Sequence[_Picture]) -> pd.DataFrame:
    """Rows of class folders, named by RAF-DB's codes or by emotions."""
    folders = sorted({picture.folder for picture in pictures})
    _refuse_codes(base, [folder for folder in folders if folder.isdecimal()], "class folders")
    labels = {folder: _CODES.get(folder) or emotion_of(folder) or "" for folder in folders}
    kept = [picture for picture in pictures if labels[picture.folder]]
    if not kept:
        raise DatasetLayoutError(
            f"rafdb: {base} holds images of RAF-DB's names (e.g. {shown(pictures[0].path)}) but "
            "neither EmoLabel/list_patition_label.txt nor class folders 1 to 7, so their labels "
            "are not known; add the list, or read a csv of paths and labels by dataset=table."
        )
    return _frame([(p.path, labels[p.folder]) for p in kept])


def _refuse_codes(where: Path, codes: Sequence[str], what: str) -> None:
    odd = sorted({code for code in codes if code not in _CODES}, key=int)
    if odd:
        raise DatasetLayoutError(
            f"rafdb: {where} has {what} with the codes {', '.join(odd[:6])}, and RAF-DB's basic "
            "ones are 1 to 7: another numbering, or the compound subset (11 classes). Read "
            "renumbered class folders by dataset=folder 'dataset.label_order=[...]'."
        )


def _from_list(
    path: Path, pictures: Sequence[_Picture], kind: str, listing: Listing
) -> pd.DataFrame:
    codes = _codes(path)
    _refuse_codes(path, list(codes.values()), "lines")
    there = {picture.stem: picture.path for picture in pictures if picture.kind == kind}
    if not there:
        raise _no_images(path, pictures, kind, listing)
    return _frame(
        [(there.get(stem, f"{stem}.jpg"), _CODES[code]) for (_, stem), code in codes.items()]
    )


def _frame(rows: list[tuple[str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["path", "label"])
    frame["split"] = ["train" if _stem(p).startswith("train") else "test" for p in frame["path"]]
    return frame.assign(subject="", sequence="", frame=-1)


def _stem(path: str) -> str:
    return Path(path).stem.lower().removesuffix("_aligned")


def _without_copies(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    twice = frame["key"].duplicated()
    return frame[~twice], frame["path"][twice].tolist()


def _no_images(
    path: Path, pictures: Sequence[_Picture], kind: str, listing: Listing
) -> DatasetLayoutError:
    packed = [name for name in listing.others if is_archive(name) and kind in name.lower()]
    fix = f"unpack {packed[0]}" if packed else f"unpack Image/{kind}.zip beside EmoLabel"
    if pictures:
        other = next(k for k in IMAGES if k != kind)
        fix += f", or read the {other} ones by dataset.images={other}"
    return incomplete("rafdb", f"RAF-DB basic ({path})", f"every {kind} image", fix)


def _nothing(base: Path) -> DatasetNotFoundError:
    return not_found(
        "rafdb",
        base,
        looked_for="EmoLabel/list_patition_label.txt, or images named like train_00001.jpg",
        get_it="request at whdeng.cn/RAF",
        licence="non-commercial research only, no redistribution",
        tree="basic/{EmoLabel/list_patition_label.txt, Image/aligned/train_00001_aligned.jpg}",
    )
