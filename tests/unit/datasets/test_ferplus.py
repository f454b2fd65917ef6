import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ferkit.datasets.fakes.ferplus import make
from ferkit.datasets.fer2013.ferplus import read_ferplus
from ferkit.datasets.fer2013.ferplus_votes import (
    NO_EMOTION,
    NO_MAJORITY,
    NOT_AN_EMOTION,
    VOTE_COLUMNS,
    VOTE_EMOTIONS,
    label_votes,
    vote_probabilities,
)
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError

ONCE = "image name occurs twice (one overwrote the other)"

# Rows of the real file, and what the three published rules make of them (an empty name where the
# row is dropped). Columns: neutral happiness surprise sadness anger disgust fear contempt - NF
REAL_ROWS = [
    ([4, 0, 0, 1, 3, 2, 0, 0, 0, 0], "", "neutral", "neutral"),  # row 0: 4 of 9 is no majority
    ([6, 0, 1, 1, 0, 0, 0, 0, 2, 0], "neutral", "neutral", "neutral"),  # row 1
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], "", "", ""),  # row 17, without a name
]


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    root = tmp_path_factory.mktemp("ferplus")
    make(root, people=3)
    return root


@pytest.fixture
def copy(fake, tmp_path):
    return Path(shutil.copytree(fake, tmp_path / "ferplus"))


def edit(path, change):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


@pytest.mark.parametrize("row", REAL_ROWS)
def test_rows_of_the_real_file_by_each_rule(row):
    votes = np.array([row[0]])
    named = [label_votes(votes, rule)[0][0] for rule in ("majority", "argmax10", "argmax8")]
    assert named == list(row[1:])


def test_ties_and_outliers_and_odd_totals():
    votes = np.array(
        [
            [5, 0, 0, 5, 0, 0, 0, 0, 0, 0],  # a tie: exactly half is no majority
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],  # single votes alone
            [0, 0, 7, 0, 0, 0, 2, 0, 0, 0],  # nine votes
            [0, 0, 0, 0, 4, 0, 0, 0, 6, 0],  # unknown wins
            [0, 0, 5, 1, 1, 1, 1, 1, 0, 0],  # a majority once the outliers are gone
        ]
    )
    labels, reasons = label_votes(votes, "majority")
    assert labels.tolist() == ["", "", "surprise", "", "surprise"]
    assert [reasons[0], reasons[1], reasons[3]] == [NO_MAJORITY, NO_MAJORITY, NOT_AN_EMOTION]
    assert label_votes(votes, "argmax10")[0].tolist() == [
        *("neutral", "neutral", "surprise", "", "surprise"),
    ]
    assert label_votes(votes, "argmax8")[0].tolist()[3] == "angry"
    soft, why = label_votes(votes, "soft")
    assert soft.tolist() == ["neutral", "", "surprise", "angry", "surprise"]
    assert why[1] == NO_EMOTION


def test_surprise_comes_before_sadness_in_the_columns():
    each = np.eye(10, dtype=int) * 10
    labels, _ = label_votes(each, "majority")
    assert labels.tolist() == [*VOTE_EMOTIONS, "", ""]
    assert VOTE_COLUMNS.index("surprise") == 2 and VOTE_COLUMNS.index("sadness") == 3


def test_shares_sum_to_one_and_leave_single_votes_out():
    shares = vote_probabilities(
        np.array([[0, 0, 7, 1, 0, 0, 2, 0, 0, 0], [1, 0, 0, 1, 0, 0, 0, 0, 8, 0], [0] * 9 + [10]])
    )
    assert shares[0, 2] == pytest.approx(7 / 9) and shares[0, 3] == 0
    assert shares[1].tolist() == [0.5, 0, 0, 0.5, 0, 0, 0, 0]  # nothing but single votes
    assert shares.sum(axis=1).tolist() == [1, 1, 0]


def test_unknown_rule_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'majority'"):
        label_votes(np.zeros((1, 10)), "majorty")


def real_file():
    beside = Path(__file__).parents[4] / "shared" / "data" / "ferplus" / "fer2013new.csv"
    path = Path(os.environ.get("FERKIT_FERPLUS", beside))
    return path / "fer2013new.csv" if path.is_dir() else path


PUBLISHED = {  # Training, PublicTest, PrivateTest in the order of the columns
    "majority": (
        [8740, 7287, 3149, 3014, 2100, 119, 532, 119],
        [1182, 865, 415, 351, 287, 24, 62, 13],
        [1090, 893, 396, 384, 273, 18, 83, 16],
    ),
    "argmax10": (
        [10309, 7528, 3562, 3515, 2467, 191, 652, 165],
        [1335, 899, 456, 412, 319, 34, 74, 24],
        [1262, 928, 444, 444, 325, 23, 93, 27],
    ),
    "argmax8": (  # without the three rows of NF alone, which an argmax of zeros calls neutral
        [10388, 7539, 3588, 3549, 2478, 194, 656, 167],
        [1347, 899, 459, 418, 320, 36, 75, 25],
        [1278, 929, 446, 448, 326, 23, 94, 29],
    ),
}


@pytest.mark.skipif(not real_file().is_file(), reason="the real fer2013new.csv is not here")
@pytest.mark.parametrize("rule", PUBLISHED)
def test_exact_counts_of_the_real_file(rule):
    table = pd.read_csv(real_file())
    named = table["Image name"].notna().to_numpy()
    assert len(table) == 35887 and (~named).sum() == 173
    labels, _ = label_votes(table[list(VOTE_COLUMNS)].to_numpy(), rule)
    for usage, expected in zip(
        ("Training", "PublicTest", "PrivateTest"), PUBLISHED[rule], strict=True
    ):
        rows = named & (table["Usage"] == usage).to_numpy()
        assert [int((labels[rows] == name).sum()) for name in VOTE_EMOTIONS] == expected


def test_the_fake_by_majority(fake):
    index = read_ferplus(fake)
    assert index.emotions == EMOTIONS and index.images.shape == (len(index), 48, 48)
    assert index.frame["label"].value_counts().to_dict() == {
        **dict.fromkeys(EMOTIONS, 7),
        "surprise": 10,  # three rows of nine votes
    }
    assert index.frame["split"].value_counts().to_dict() == {"train": 25, "val": 17, "test": 17}
    assert index.dropped == {NO_MAJORITY: 6, "row without an image name": 3, NOT_AN_EMOTION: 6}
    assert set(index.frame["dataset"]) == {"ferplus"}
    assert (index.frame["subject"] == "").all()


@pytest.mark.parametrize(("rule", "kept"), [("argmax10", 65), ("argmax8", 68), ("soft", 65)])
def test_the_fake_by_the_other_rules(fake, rule, kept):
    index = read_ferplus(fake, rule=rule)
    assert len(index) == kept
    assert index.dropped["row without an image name"] == 3


@pytest.mark.parametrize("rule", ["majority", "argmax10", "argmax8", "soft"])
def test_soft_votes_are_targets_under_every_rule(fake, rule):
    frame = read_ferplus(fake, rule=rule).frame
    soft = frame[[f"soft_{emotion}" for emotion in EMOTIONS]].to_numpy()
    assert np.allclose(soft.sum(axis=1), 1)
    clear = frame["label"].isin(["disgust", "contempt"]).to_numpy()
    peaks = np.array(EMOTIONS)[soft.argmax(axis=1)]
    assert (peaks[clear] == frame["label"][clear]).all()


def test_pixels_stay_with_their_row(fake):
    """Row i of the votes is row i of the pixels, however the names drift."""
    lines = (fake / "fer2013.csv").read_text().splitlines()[1:]
    index = read_ferplus(fake)
    for place in (0, 10, len(index) - 1):
        row = int(index.frame["key"][place].split("/")[1])
        pixels = np.array(lines[row].split(",")[1].split(), dtype=int)
        assert (index.images[place].ravel() == pixels).all()


def test_image_names_play_no_part_in_the_join(copy, fake):
    def scrambled(lines):
        return [lines[0], *(line.replace("fer0000", "fer0099") for line in lines[1:])]

    edit(copy / "fer2013new.csv", scrambled)
    pd.testing.assert_frame_equal(read_ferplus(copy).frame, read_ferplus(fake).frame)


def test_nested_apart_and_side_by_side_give_the_same_index(fake, tmp_path):
    (tmp_path / "a/deep/votes").mkdir(parents=True)
    (tmp_path / "data/ferplus").mkdir(parents=True)
    (tmp_path / "data/fer2013").mkdir(parents=True)
    shutil.copy(fake / "fer2013new.csv", tmp_path / "a/deep/votes")
    shutil.copy(fake / "fer2013.csv", tmp_path / "a/deep")
    shutil.copy(fake / "fer2013new.csv", tmp_path / "data/ferplus")
    shutil.copy(fake / "fer2013.csv", tmp_path / "data/fer2013")
    expected = read_ferplus(fake)
    for root in (tmp_path / "a", tmp_path / "data/ferplus", tmp_path / "data/fer2013"):
        index = read_ferplus(root)
        pd.testing.assert_frame_equal(index.frame, expected.frame)
        assert index.fingerprint == expected.fingerprint


def test_given_paths_go_first(fake, tmp_path):
    index = read_ferplus(
        tmp_path, votes=str(fake / "fer2013new.csv"), fer2013=str(fake / "fer2013.csv")
    )
    assert len(index) == 59
    with pytest.raises(DataError, match=r"no\.csv does not exist"):
        read_ferplus(fake, votes=str(fake / "no.csv"))


def test_icml_and_written_out_forms(tmp_path, fake):
    make(tmp_path / "icml", people=3, variant="icml")
    icml = read_ferplus(tmp_path / "icml")
    pd.testing.assert_frame_equal(icml.frame, read_ferplus(fake).frame)
    make(tmp_path / "written", people=3, variant="written")
    index = read_ferplus(tmp_path / "written")
    assert len(index) == 57 and index.dropped[ONCE] == 2
    assert all((index.root / path).is_file() for path in index.frame["path"])


def test_rules_keep_other_rows_and_have_other_fingerprints(fake):
    by_rule = {read_ferplus(fake, rule=rule).fingerprint for rule in ("majority", "argmax8")}
    assert len(by_rule) == 2


def refused(error, root, *words, **options):
    with pytest.raises(error) as caught:
        read_ferplus(root, **options)
    text = str(caught.value)
    assert "\n" not in text and all(word in text for word in words), text


def test_image_folders_are_refused_with_the_reason(tmp_path):
    for emotion in EMOTIONS[:7]:
        (tmp_path / "fer2013/train" / emotion).mkdir(parents=True)
        (tmp_path / "fer2013/train" / emotion / "Training_1.jpg").write_bytes(b"x")
        (tmp_path / "fer2013/test" / emotion).mkdir(parents=True)
    sentence = "FERPlus needs row order; the image-folder release lost it"
    refused(DatasetLayoutError, tmp_path / "fer2013", sentence, "Supply fer2013.csv")
    refused(DatasetLayoutError, tmp_path / "ferplus", sentence)


def test_halves_that_are_missing(copy):
    (copy / "fer2013.csv").rename(copy / "kept")
    refused(DatasetLayoutError, copy, "FER-2013's own file of pixels is missing", "dataset.fer2013")
    (copy / "fer2013new.csv").unlink()
    (copy / "kept").rename(copy / "fer2013.csv")
    refused(DatasetLayoutError, copy, "the votes file fer2013new.csv is missing", "microsoft")


def test_nothing_at_all(tmp_path):
    (tmp_path / "empty").mkdir()
    refused(DatasetNotFoundError, tmp_path / "empty", "ferplus: nothing recognisable", "microsoft")


def test_the_training_rows_alone(copy):
    edit(copy / "fer2013.csv", lambda lines: [x for x in lines if "Test" not in x])
    refused(DataError, copy, "only the Training rows", "joined row by row")


def test_usage_that_differs_in_one_row(copy):
    def changed(lines):
        return [*lines[:3], lines[3].replace("Training", "PublicTest"), *lines[4:]]

    edit(copy / "fer2013new.csv", changed)
    refused(DataError, copy, "Usage differs in 1 rows, first in row 2", "not row-aligned")


def test_a_shift_by_one_row_is_noticed_by_the_labels(copy):
    def shifted(lines):
        usage = [line.split(",")[0] for line in lines]
        rest = [line.split(",", 1)[1] for line in lines]
        moved = [rest[0], *rest[2:], rest[1]]
        return [f"{u},{r}" for u, r in zip(usage, moved, strict=True)]

    edit(copy / "fer2013new.csv", shifted)
    refused(DataError, copy, "agree with the top vote", "not row-aligned")


def test_broken_votes(copy):
    original = (copy / "fer2013new.csv").read_text()
    (copy / "fer2013new.csv").write_text(original.replace(",NF", ",nothing", 1))
    refused(DatasetLayoutError, copy, "no column NF")
    edit(copy / "fer2013new.csv", lambda _: original.splitlines())
    edit(copy / "fer2013new.csv", lambda lines: [*lines[:5], lines[5][:-1] + "x", *lines[6:]])
    refused(DataError, copy, "row 4", "NF is 'x'")
    (copy / "fer2013new.csv").write_text("version https://git-lfs.github.com/spec/v1\noid x\n")
    refused(DataError, copy, "Git-LFS pointer")


def test_written_out_images_in_one_folder(tmp_path):
    make(tmp_path, people=2, variant="written")
    for path in (tmp_path / "FER2013Valid").glob("*.png"):
        path.rename(tmp_path / "FER2013Train" / path.name)
    refused(DatasetLayoutError, tmp_path, "FER2013Valid", "every one of its", "images is missing")
    shutil.rmtree(tmp_path / "FER2013Test")
    refused(DatasetLayoutError, tmp_path, "FER2013Test/label.csv is missing")


def test_strict_stops_at_other_counts(fake):
    index = read_ferplus(fake)
    assert any("ferplus: 59 images by majority" in warning for warning in index.warnings)
    refused(DataError, fake, "31412", "dataset.strict=false", strict=True)
