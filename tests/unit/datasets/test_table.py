import os

import pandas as pd
import pytest

from ferkit.datasets.fakes.table import make
from ferkit.datasets.table import read_table
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError, DataError, DatasetLayoutError, DatasetNotFoundError


def table(root, text, name="faces.csv", images=("1.jpg", "2.jpg", "3.jpg")):
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")
    for image in images:
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        (root / image).write_bytes(b"\xff\xd8")
    return root


def column(index, name):
    return dict(zip(index.frame["key"], index.frame[name], strict=True))


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    out = tmp_path_factory.mktemp("table")
    for variant in ("csv", "parquet"):
        make(out / variant, people=3, variant=variant)
    return out


@pytest.mark.parametrize("variant", ["csv", "parquet"])
def test_the_fake_is_read_whole(fakes, variant):
    index = read_table(fakes / variant)
    assert len(index) == 3 * 7 * 2
    assert index.emotions == EMOTIONS[:7]
    assert set(index.frame["subject"]) == {"p00", "NA", "p02"}
    assert index.frame["sequence"].nunique() == 21
    assert set(index.frame["frame"]) == {0, 1}
    assert index.variant == f"{variant} table faces.{variant}"
    assert all((index.root / path).is_file() for path in index.frame["path"])


def test_both_forms_agree(fakes):
    assert read_table(fakes / "csv").frame.equals(read_table(fakes / "parquet").frame)


def test_a_missing_file_of_many_is_counted(tmp_path):
    make(tmp_path, people=8)
    index = read_table(tmp_path)
    assert index.dropped == {"missing file": 1}
    assert len(index) == 8 * 7 * 2 - 1
    assert "images/p07/neutral_1.png" in index.warnings[0]


def test_over_five_percent_missing_stops(tmp_path):
    table(tmp_path, "path,label\n1.jpg,sad\n2.jpg,sad\n9.jpg,happy\n")
    with pytest.raises(DataError, match=r"1 of 3 files .* are missing.*'9\.jpg'.*dataset\.root"):
        read_table(tmp_path)


def test_columns_are_named_and_further_ones_kept(tmp_path):
    table(tmp_path, "File,Emotion,Who,Set,Gender\n1.jpg,joy,7,Valid,f\n2.jpg,Anger,08,train,m\n")
    index = read_table(
        tmp_path,
        columns={
            "path": "File",
            "label": "Emotion",
            "subject": "Who",
            "split": "Set",
            "frame": None,
            "sex": "Gender",
        },
    )
    assert column(index, "label") == {"1.jpg": "happy", "2.jpg": "angry"}
    assert column(index, "subject") == {"1.jpg": "7", "2.jpg": "08"}
    assert column(index, "split") == {"1.jpg": "val", "2.jpg": "train"}
    assert column(index, "sex") == {"1.jpg": "f", "2.jpg": "m"}
    assert set(index.frame["frame"]) == {-1}


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"path": "fil"}, r"Unknown column 'fil'.*Did you mean 'File'.*columns\.path=NAME"),
        ({"path": "File", "label": "Emotion", "subject": "Person"}, "Unknown column 'Person'"),
        ({"path": "File"}, r"Unknown column 'label'\..*columns\.label"),
    ],
)
def test_a_column_that_is_not_there(tmp_path, columns, says):
    table(tmp_path, "File,Emotion\n1.jpg,joy\n")
    with pytest.raises(DatasetLayoutError, match=says):
        read_table(tmp_path, columns=columns)


def test_columns_that_ferkit_fills_are_refused(tmp_path):
    table(tmp_path, "path,label,key\n1.jpg,joy,a\n")
    with pytest.raises(ConfigError, match=r"columns\.key"):
        read_table(tmp_path, columns={"key": "key"})


def test_a_map_renames_and_drops_and_an_empty_label_is_unlabelled(tmp_path):
    table(tmp_path, "path,label\n1.jpg,3\n2.jpg,9\n3.jpg,\n")
    index = read_table(tmp_path, labels={"map": {3: "happiness", 9: None}})
    assert column(index, "label") == {"1.jpg": "happy", "3.jpg": ""}
    assert index.dropped == {"class 9 (labels.map)": 1}
    assert index.emotions == ("happy",)


@pytest.mark.parametrize(
    ("label", "says"),
    [("sadd", "'sadd' .*Did you mean 'sad'"), ("3", "'3' .* is a number.*labels.map")],
)
def test_a_foreign_label_is_named(tmp_path, label, says):
    with pytest.raises(DataError, match=says):
        read_table(table(tmp_path, f"path,label\n1.jpg,{label}\n2.jpg,happy\n"))


def test_labels_of_ones_own(tmp_path):
    table(tmp_path, "path,label\n1.jpg,awake\n2.jpg,drowsy\n")
    assert read_table(tmp_path, emotions=["awake", "drowsy"]).emotions == ("awake", "drowsy")


def test_whole_numbers_in_floating_columns_stay_whole(tmp_path):
    table(tmp_path, "")
    (tmp_path / "faces.csv").unlink()
    pd.DataFrame(
        {"path": ["1.jpg", "2.jpg"], "label": [3.0, None], "subject": [12.0, None]}
    ).to_parquet(tmp_path / "t.parquet")
    index = read_table(tmp_path, labels={"map": {"3": "sad"}})
    assert column(index, "label") == {"1.jpg": "sad", "2.jpg": ""}
    assert column(index, "subject") == {"1.jpg": "12", "2.jpg": ""}


def test_repeated_rows_and_conflicting_labels_are_counted(tmp_path):
    rows = "1.jpg,sad\n1.jpg,sadness\n2.jpg,sad\n2.jpg,happy\n3.jpg,fear\n"
    index = read_table(table(tmp_path, "path,label\n" + rows))
    assert column(index, "label") == {"1.jpg": "sad", "3.jpg": "fear"}
    assert index.dropped == {"repeated row": 1, "conflicting labels on one image": 2}
    assert index.warnings == ["2 rows give the same image different labels"]


def test_frames_of_one_video_are_rows_of_their_own(tmp_path):
    rows = "path,label,frame\na.mp4,sad,1\na.mp4,happy,12\nb.mp4,sad,0\n"
    index = read_table(table(tmp_path, rows, images=("a.mp4", "b.mp4")))
    assert column(index, "label") == {"a.mp4#1": "sad", "a.mp4#12": "happy", "b.mp4#0": "sad"}
    assert set(index.frame["path"]) == {"a.mp4", "b.mp4"}


@pytest.mark.parametrize(
    ("cells", "says"),
    [("holdout,1", "Unknown split 'holdout'"), ("train,1.5", "row 0 has the frame '1.5'")],
)
def test_broken_cells_are_named(tmp_path, cells, says):
    table(tmp_path, f"path,label,split,frame\n1.jpg,sad,{cells}\n")
    with pytest.raises(DataError, match=says):
        read_table(tmp_path)


def test_paths_may_start_from_the_tables_own_folder_and_have_backslashes(tmp_path):
    table(tmp_path / "lists", "path;label\n.\\in\\1.jpg;sad\n", images=["in/1.jpg"])
    for index in (
        read_table(tmp_path, file="lists/faces.csv"),
        read_table(tmp_path / "lists"),
        read_table(tmp_path / "lists" / "faces.csv"),
    ):
        assert column(index, "label") == {"in/1.jpg": "sad"}
        assert (index.root / index.frame["path"][0]).is_file()


def test_absolute_paths_below_the_root_keep_relative_keys(tmp_path):
    table(tmp_path, f"path,label\n{tmp_path}/1.jpg,sad\n")
    index = read_table(tmp_path)
    assert index.frame["key"].tolist() == ["1.jpg"]
    assert (index.root / index.frame["path"][0]).is_file()


def test_the_table_must_be_there_and_be_one(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="does not exist"):
        read_table(tmp_path / "nowhere")
    with pytest.raises(DatasetNotFoundError, match="nothing recognisable"):
        read_table(tmp_path)
    table(tmp_path, "path,label\n1.jpg,sad\n", name="a.csv")
    table(tmp_path, "path,label\n1.jpg,fear\n", name="b.csv")
    with pytest.raises(DatasetLayoutError, match=r"2 tables \(a\.csv, b\.csv\).*dataset\.file"):
        read_table(tmp_path)
    assert column(read_table(tmp_path, file="b.csv"), "label") == {"1.jpg": "fear"}
    with pytest.raises(DataError, match=r"no table .*Did you mean 'b\.csv'"):
        read_table(tmp_path, file="bb.csv")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", "version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
        ("t.csv", "", "cannot be read as a table"),
        ("t.csv", "path,label\n", "no rows"),
        ("t.csv", "path,label\n1.jpg,sad\n1.jpg,sad,3,4\n", "cannot be read as a table"),
        ("t.parquet", "nonsense", "cannot be read as a table"),
    ],
)
def test_a_broken_table_is_named(tmp_path, name, content, says):
    with pytest.raises(DataError, match=says):
        read_table(table(tmp_path, content, name=name))


def test_text_that_is_no_utf8_is_named(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"path,label\nM\xfcller.jpg,sad\n")
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_table(tmp_path)


def test_an_unknown_fake_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'parquet'"):
        make(tmp_path, variant="parket")


# ------------------------------------------------- one image under many spellings


SPELLINGS = ("./in/1.jpg", "in/../in/1.jpg", "in//1.jpg", "in/./1.jpg", "link/1.jpg", "in/l.jpg")


@pytest.mark.parametrize("spelling", [*SPELLINGS, "absolute"])
@pytest.mark.parametrize("label", ["sad", "happy"])
def test_spellings_of_a_path_are_one_image(tmp_path, spelling, label):
    path = str(tmp_path / "in/1.jpg") if spelling == "absolute" else spelling
    rows = f"path,label\nin/1.jpg,sad\n{path},{label}\nin/2.jpg,happy\n"
    table(tmp_path, rows, images=("in/1.jpg", "in/2.jpg"))
    (tmp_path / "link").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "l.jpg").symlink_to("1.jpg")
    index = read_table(tmp_path)
    if label == "sad":
        assert index.dropped["repeated row"] == 1 and len(index) == 2
    else:
        assert index.dropped["conflicting labels on one image"] == 2 and len(index) == 1


@pytest.mark.parametrize(("name", "cells"), [("split", ("train", "test")), ("subject", "ab")])
def test_rows_that_disagree_on_more_than_the_label(tmp_path, name, cells):
    rows = f"path,label,{name}\n1.jpg,sad,{cells[0]}\n1.jpg,sad,{cells[1]}\n"
    rows += f"2.jpg,sad,\n2.jpg,sad,{cells[1]}\n3.jpg,fear,{cells[0]}\n"
    index = read_table(table(tmp_path, rows))
    assert index.dropped == {f"conflicting {name}s on one image": 2, "repeated row": 1}
    assert column(index, name) == {"2.jpg": cells[1], "3.jpg": cells[0]}


def test_columns_are_found_in_any_case(tmp_path):
    index = read_table(
        table(tmp_path, " Path ,LABEL,Split\n1.jpg,sad,PublicTest\n2.jpg,joy,TRAIN\n")
    )
    assert column(index, "split") == {"1.jpg": "val", "2.jpg": "train"}
    table(tmp_path, "path,Label,LABEL\n1.jpg,sad,joy\n")
    with pytest.raises(
        DatasetLayoutError, match=r"2 columns called Label and LABEL.*columns\.label"
    ):
        read_table(tmp_path)
    index = read_table(tmp_path, columns={"label": "LABEL"})
    assert column(index, "label") == {"1.jpg": "happy"}


def test_images_outside_the_root_are_read_and_said(tmp_path):
    table(tmp_path / "in", "path,label\n1.jpg,sad\n../out/2.jpg,happy\n", images=("1.jpg",))
    tree = tmp_path / "out" / "2.jpg"
    tree.parent.mkdir()
    tree.write_bytes(b"\xff\xd8")
    index = read_table(tmp_path / "in")
    assert len(index) == 2
    assert "1 images that" in index.warnings[0] and "lie outside of" in index.warnings[0]


@pytest.mark.parametrize(
    "rows",
    [
        "{long},sad\n1.jpg,sad\n",
        "{long},sad\n" + "1.jpg,sad\n" * 40,  # too few to be missing
        "1.jpg,{long}\n2.jpg,sad\n",
        "1.jpg,sad,{long}\n",
        "1.jpg,sad,train,{long}\n",
        "1.jpg\0.jpg,sad\n",
        '1.jpg,"sad\n2.jpg,happy\n',
    ],
)
def test_long_and_strange_cells_are_cut_to_a_line(tmp_path, rows):
    text = "path,label,split,frame\n" + rows.format(long="x" * 5000)
    with pytest.raises(DataError) as caught:
        read_table(table(tmp_path, text))
    assert len(str(caught.value)) < 1200 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "path,label\n1.jpg," + "x" * 3_000_000 + "\n",
        "path,label\n1.jpg," + '"' + "x\n" * 1_500_000 + '"\n',
        "path,label" + ",a" * 100_000 + "\n1.jpg,sad\n",
        "path,label" + ",column" * 1_000_000 + "\n1.jpg,sad\n",
        ("path,label\n1.jpg,sad\n").encode("utf-16").decode("latin-1"),
    ],
    ids=["cell", "quoted cell", "many columns", "million columns", "utf-16"],
)
def test_tables_beyond_all_bounds_are_refused(tmp_path, text):
    table(tmp_path, "path,label\n")
    (tmp_path / "faces.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        read_table(tmp_path)
    assert len(str(caught.value)) < 1200 and "\n" not in str(caught.value)


def test_a_pipe_is_no_table_and_no_image(tmp_path):
    table(tmp_path, "path,label\n" + "".join(f"{i}.jpg,sad\n" for i in range(30)))
    for i in range(30):
        (tmp_path / f"{i}.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "7.jpg").unlink()
    os.mkfifo(tmp_path / "7.jpg")
    os.mkfifo(tmp_path / "other.csv")
    index = read_table(tmp_path)
    assert index.dropped["missing file"] == 1 and index.dropped["no regular file"] == 2
