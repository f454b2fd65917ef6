import shutil

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from ferkit.composition import load_choice
from ferkit.config import build
from ferkit.datasets.fakes.merged import make
from ferkit.datasets.index import make_index
from ferkit.datasets.merged import merge, read_merged
from ferkit.errors import ConfigError, DataError, DatasetNotFoundError

SIX = ("angry", "disgust", "fear", "happy", "sad", "surprise")


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "merged"
    make(root, people=2)
    return root


def part(name, root, labels, *, split="", images=None, subject="S1", **extra):
    rows = [
        {
            "key": f"{i:03d}",
            "path": "" if images is not None else f"img/{i}.png",
            "label": label,
            "split": split,
            "subject": subject,
            "sequence": f"{subject}_{i // 2}",
            "source": "" if i == 0 else "000",
            **{column: values[i] for column, values in extra.items()},
        }
        for i, label in enumerate(labels)
    ]
    return make_index(
        rows,
        name=name,
        variant="v",
        root=root,
        images=images,
        dropped={"blank": 1},
        notes=["a fact"],
        warnings=[f"{name}: a warning"],
        fingerprint=name,
    )


def choice(name, root):
    node = OmegaConf.to_container(load_choice("dataset", name), resolve=False)
    return build(node | {"root": str(root)}, where="dataset")


def test_parts_with_their_options(fakes):
    index = read_merged(
        fakes,
        datasets=[{"name": "ckplus", "contempt": "drop", "frames": "peak"}, {"name": "kdef"}],
    )
    per_part = index.frame["dataset"].value_counts().to_dict()
    assert index.emotions == (*SIX, "neutral") and set(per_part) == {"ckplus", "kdef"}
    assert index.dropped["ckplus: contempt"] > 0
    assert "ckplus has no neutral" in index.notes
    assert index.frame["subject"].str.contains("^(?:ckplus/S|kdef/[FM])").all()
    assert all((index.root / path).is_file() for path in index.frame["path"])
    assert index.root == fakes


def test_the_order_of_parts_and_the_place_of_the_folder_change_nothing(fakes, tmp_path):
    items = ["ckplus", "kdef"]
    expected = read_merged(fakes, datasets=items).frame
    turned = read_merged(fakes, datasets=items[::-1]).frame
    pd.testing.assert_frame_equal(turned[sorted(turned)], expected[sorted(expected)])
    for name in items:
        shutil.copytree(fakes / name, tmp_path / "raw" / name)
    beside = read_merged(tmp_path / "raw" / "merged", datasets=items)
    pd.testing.assert_frame_equal(beside.frame, expected)
    deeper = [
        {"name": "ckplus", "root": str(tmp_path / "raw/ckplus/cohn-kanade-images")},
        "kdef",
    ]
    again = read_merged(tmp_path / "raw", datasets=deeper).frame
    assert again["key"].equals(expected["key"]) and again["path"].equals(expected["path"])


def test_the_set_of_ghafourian2021(fakes):
    index = choice("ck_emotic_kdef", fakes)
    assert index.emotions == (*SIX, "neutral")
    assert set(index.frame["dataset"]) == {"ckplus", "emotic", "kdef"}
    assert {"ckplus: contempt", "emotic: no mapped category"} <= set(index.dropped)
    assert "emotic has no neutral" in index.notes
    assert (index.frame["split"] == "").all()
    assert any("official splits are left out" in note for note in index.notes)
    emotic = index.frame[index.frame["dataset"] == "emotic"]
    assert emotic["box"].notna().all() and emotic["sequence"].str.startswith("emotic/").all()
    assert (emotic["subject"] == "").all()


def test_the_set_of_athanasiadis2022(fakes):
    index = choice("ck_mug", fakes)
    assert index.emotions == SIX and set(index.frame["dataset"]) == {"ckplus", "mug"}
    assert (index.frame["sequence"] != "").all()
    assert any(reason.startswith("mug: neutral, not a class") for reason in index.dropped)


def test_columns_of_one_part_are_empty_in_the_other_and_survive_parquet(tmp_path):
    one = part("one", tmp_path, ["happy"], sex=["F"], age=[4.0], seen=[True])
    two = part("two", tmp_path, ["sad"])
    frame = merge([one, two]).frame
    frame.to_parquet(tmp_path / "index.parquet")
    read = pd.read_parquet(tmp_path / "index.parquet").set_index("dataset")
    assert read["sex"].to_dict() == {"one": "F", "two": ""}
    assert read["seen"]["one"] and pd.isna(read["seen"]["two"]) and np.isnan(read["age"]["two"])


def test_people_videos_and_sources_do_not_collide(tmp_path):
    parts = [part(name, tmp_path / name, ["happy", "sad", "sad"]) for name in ("one", "two")]
    frame = merge(parts).frame
    assert frame["subject"].nunique() == 2 and frame["sequence"].nunique() == 4
    assert set(frame["source"]) == {"", "one/000", "two/000"}
    assert set(frame["source"]) - {""} <= set(frame["key"])
    assert frame["path"].iloc[0] == "one/img/0.png"


def test_one_dataset_read_twice_keeps_its_people(tmp_path):
    index = merge([part("one", tmp_path, ["happy"]), part("one", tmp_path, ["sad"])])
    assert index.frame["key"].tolist() == ["one-2/000", "one/000"]
    assert index.frame["subject"].unique().tolist() == ["one/S1"]


def test_what_each_part_loses_is_counted(tmp_path):
    one = part("one", tmp_path, ["happy", "sad", "contempt", "contempt", ""])
    two = part("two", tmp_path, ["happy", "happy", "angry"])
    index = merge([one, two], classes="shared")
    assert index.emotions == ("happy",) and len(index) == 3
    assert index.dropped == {
        "one: blank": 1,
        "one: sad, not a class of the merge": 1,
        "one: contempt, not a class of the merge": 2,
        "one: unlabelled": 1,
        "two: blank": 1,
        "two: angry, not a class of the merge": 1,
    }
    assert "one: 1 of 5 rows kept: happy 1" in index.notes and "two: a fact" in index.notes
    assert index.warnings == ["one: a warning", "two: a warning"]
    chosen = merge([one, two], classes=["Anger", "sadness"])
    assert chosen.emotions == ("angry", "sad") and len(chosen) == 2
    assert merge([one, two]).emotions == ("angry", "happy", "sad", "contempt")


def test_official_splits_stay_only_where_all_have_one(tmp_path):
    with_one = part("one", tmp_path, ["happy"], split="train")
    other = part("two", tmp_path, ["sad"], split="test")
    assert merge([with_one, other]).frame["split"].tolist() == ["train", "test"]
    index = merge([with_one, part("two", tmp_path, ["sad"])])
    assert set(index.frame["split"]) == {""}
    assert "official splits are left out: there is none in two" in index.notes


def test_pixels_are_stacked_in_the_order_of_rows(tmp_path):
    faces = np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 4, 4)
    one = part("one", tmp_path, ["happy", "contempt", "sad"], images=faces[:3])
    two = part("two", tmp_path, ["sad", "happy"], images=faces[3:])
    index = merge([one, two], classes=["happy", "sad"])
    assert (index.images == faces[[0, 2, 3, 4]]).all()
    assert index.frame["key"].tolist() == ["one/000", "one/002", "two/000", "two/001"]
    assert index.fingerprint and index.fingerprint != merge([one, two]).fingerprint
    assert set(index.frame["path"]) == {""}


def test_pixels_and_files_do_not_mix(tmp_path):
    small = part("small", tmp_path, ["sad"], images=np.zeros((1, 4, 4), np.uint8))
    large = part("large", tmp_path, ["sad"], images=np.zeros((1, 8, 8), np.uint8))
    for other in (large, part("files", tmp_path, ["sad"])):
        with pytest.raises(ConfigError, match=r"cannot be mixed.*small 4x4") as caught:
            merge([small, other])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"datasets": []}, "names? at least one|empty"),
        ({"datasets": [{"name": "ckpluss"}]}, "Did you mean 'ckplus'"),
        ({"datasets": ["merged"]}, "Unknown dataset 'merged'"),
        ({"datasets": [{"name": "kdef", "angels": ["S"]}]}, r"datasets\[0\].angels'.*angles"),
        ({"datasets": ["kdef"], "classes": "all"}, "union, shared"),
        ({"datasets": ["kdef"], "classes": ["happines"]}, "Did you mean 'happy'"),
        ({"datasets": [{"_target_": "subprocess.run"}]}, "refused"),
    ],
)
def test_mistakes(fakes, options, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_merged(fakes, **options)
    assert "\n" not in str(caught.value)


def test_a_part_that_is_not_there(fakes):
    with pytest.raises(DatasetNotFoundError, match=r"part 1.*afew: .*does not exist") as caught:
        read_merged(fakes, datasets=["kdef", "afew"])
    assert str(fakes / "afew") in str(caught.value) and "\n" not in str(caught.value)
    (fakes.parent / "empty").mkdir()
    with pytest.raises(DataError, match=r"part 0.*kdef"):
        read_merged(fakes.parent / "empty", datasets=["kdef", "afew"])
