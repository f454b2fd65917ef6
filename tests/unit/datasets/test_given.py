from pathlib import Path

import pytest

from ferkit.composition import compose
from ferkit.config import as_plain
from ferkit.datasets.fakes.folder import make
from ferkit.datasets.given import as_path, as_root
from ferkit.errors import ConfigError, DataError
from ferkit.tree import choices
from ferkit.views import read_index

DATASETS = [dataset for dataset in choices("dataset") if dataset != "drawn"]


def test_a_root_that_is_no_path_is_a_sentence(ferkit):
    for root in ("", "null", "[a,b]"):
        code, _, err = ferkit("data", "check", "dataset=folder", f"dataset.root={root}")
        assert code == 2 and "dataset.root" in err and "Traceback" not in err, root


@pytest.mark.parametrize("dataset", DATASETS)
def test_so_it_is_for_every_adapter_and_a_number_is_a_name(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    node = as_plain(compose(f"dataset={dataset}").dataset)
    for root in ("", None, ["a", "b"], {"a": "b"}, True):
        with pytest.raises(ConfigError, match=r"^dataset\.root"):
            read_index({**node, "root": root})
    with pytest.raises(DataError, match="2013"):
        read_index({**node, "root": 2013})


def test_a_number_is_the_name_of_a_folder(ferkit, tmp_path):
    make(tmp_path / "2013", people=2)
    code, out, _ = ferkit("data", "check", "dataset=folder", "dataset.root=2013")
    assert code == 0 and "42 samples" in out


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=ferplus", "dataset.votes="),
        ("dataset=ferplus", "dataset.fer2013="),
        ("dataset=table", "dataset.file="),
        ("dataset=emotic", "dataset.images_root="),
    ],
)
def test_other_paths_are_judged_too(words, ferkit, tmp_path):
    (tmp_path / "d").mkdir()
    code, _, err = ferkit("data", "check", *words, "dataset.root=d")
    assert code == 2 and words[1].removesuffix("=") in err


def test_paths_are_made_of_words_and_numbers(tmp_path):
    assert as_path(2013, "k") == Path("2013") and as_path(1.5, "k") == Path("1.5")
    assert as_path("~", "k") == Path.home()
    for value in (None, "", " ", [], {}, True, "a\0b", "~nobody-of-this-name/x"):
        with pytest.raises(ConfigError, match=r"^k"):
            as_path(value, "k")


def test_what_cannot_be_a_root(tmp_path):
    assert as_root(tmp_path / "nowhere") == tmp_path / "nowhere"
    with pytest.raises(DataError, match="device"):
        as_root("/dev/null")
    with pytest.raises(DataError, match="cannot be read") as caught:
        as_root(tmp_path / ("x" * 5000))
    assert len(str(caught.value)) < 300
