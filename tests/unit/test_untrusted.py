"""Reading what may be broken or hostile."""

import pytest

from ferkit.errors import DataError
from ferkit.untrusted import parse_json, parse_yaml, read_text, require_shape


def bomb(levels, wide=9):
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * wide)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (bomb(12), "stands for more than"),
        (bomb(30, wide=2), "stands for more than"),
        ("a: &a [*a]", "alias of what it stands in"),
        ("a: &a {b: {c: *a}}", "alias of what it stands in"),
        ("[" * 100, "nested deeper"),
        ("[" * 5000, "nest"),
        ("\n".join(" " * i + f"a{i}:" for i in range(2000)), "nested deeper"),
        ("a: [1,", "no valid yaml"),
        ("a: *nowhere", "no valid yaml"),
        ("!!python/object/apply:os.system [ls]", "no valid yaml"),
        ("a: \x00", "no valid yaml"),
        ("x" * (5 << 20), "no config has so many"),
    ],
)
def test_a_yaml_that_is_none_or_a_bomb_is_refused(text, said):
    with pytest.raises(DataError, match=said) as refused:
        parse_yaml(text, "r/config.yaml")
    assert len(str(refused.value)) < 400


def test_yaml_is_read_as_hydra_reads_it():
    text = "a: 1e-3\nb: 1.0e-05\nc: 2026-01-01\nd: &d [1, .5]\ne: *d\nf: on\ng: '1e3'\nh: 1_000"
    assert parse_yaml(text, "x") == {
        "a": 1e-3,
        "b": 1e-5,
        "c": "2026-01-01",
        "d": [1, 0.5],
        "e": [1, 0.5],
        "f": True,
        "g": "1e3",
        "h": 1000,
    }


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": ' + "9" * 5000 + "}"])
def test_broken_json_is_a_sentence(text):
    with pytest.raises(DataError, match="no valid JSON"):
        parse_json(text, "x")


def test_text_that_is_no_text(tmp_path):
    (tmp_path / "a").write_bytes(b"abc\xff")
    with pytest.raises(DataError, match=r"no text in UTF-8 \(byte 3\)"):
        read_text(tmp_path / "a")
    with pytest.raises(DataError, match="more than 2 are refused"):
        read_text(tmp_path / "a", limit=2)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ([], {}),
        ({"a": 1}, {"a": str}),
        ({"a": True}, {"a": int}),
        ({"a": {"x": "1"}}, {"a": {str: int}}),
        ({"a": ["x", 2]}, {"a": [str]}),
        ({"a": {"b": None}}, {"a": {str: int}}),
    ],
)
def test_another_shape_is_refused_and_named(value, shape):
    with pytest.raises(DataError, match=r"^f"):
        require_shape(value, shape, "f")


def test_a_shape_may_lack_keys_and_have_more():
    require_shape({"a": None, "more": object}, {"a": int, "b": [str]}, "f")
