"""Names that become file names."""

import pytest

from ferkit.errors import ConfigError
from ferkit.names import check_name


@pytest.mark.parametrize(
    "name", ["ckplus", "été 2024", "テスト", "a-b_c.d", "ok..ok", "=1+1", "<b>"]
)
def test_any_word_will_do(name):
    check_name(name, "tests")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        ".hidden",
        "a/b",
        "../a",
        "/etc/x",
        "a\\b",
        "a\nb",
        "a\0b",
        "a\x1b[31m",
        "a\u2028b",
        "x" * 101,
        3,
        None,
    ],
)
def test_what_leads_outside_or_cannot_be_seen_is_refused(name):
    with pytest.raises(ConfigError, match="tests has the name"):
        check_name(name, "tests")


@pytest.mark.parametrize("name", ["../../out", ".x", "a/b"])
def test_view_of_such_a_name_writes_nothing(ferkit, tmp_path, name):
    folder = tmp_path / "ferkit_configs" / "experiment"
    folder.mkdir(parents=True)
    folder.joinpath("mine.yaml").write_text(
        f"# @package _global_\ntests: {{'{name}': {{views: [test]}}}}\nevaluate: ['{name}']\n"
    )
    code, _, err = ferkit(
        "train",
        "experiment=mine",
        "debug=default",
        "dataset.train=100",
        "dataset.val=70",
        "dataset.test=70",
        "run_dir=r",
    )
    assert (code, "becomes a file's name" in err) == (2, True), err
    assert not (tmp_path / "r").exists()


def test_dataset_of_such_a_name_writes_nothing(ferkit, tmp_path):
    ferkit("data", "fake", "dataset=folder", "out=faces")
    words = ["dataset=folder", "dataset.root=faces", "dataset.name=../../out"]
    code, _, err = ferkit("data", "prepare", *words, "prepared_root=a/b/prepared")
    assert (code, "dataset.name has the name" in err) == (2, True), err
    assert [p.name for p in tmp_path.iterdir()] == ["faces"]
