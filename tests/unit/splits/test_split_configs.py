from pathlib import Path

import pytest
import yaml

from ferkit.config import build, check_node
from ferkit.datasets.index import make_index

CONFIGS = sorted((Path(__file__).parents[3] / "configs" / "split").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_yaml_has_a_line_of_what_it_is_and_splits(path, tmp_path):
    text = path.read_text()
    assert text.startswith("# ")
    node = yaml.safe_load(text)
    rows = [
        {
            "key": f"{i}",
            "label": ("happy", "sad")[i // 3 % 2],
            "subject": f"s{i // 6}",
            "sequence": f"f{i // 3}",
            "split": ("train", "train", "test")[i // 6 % 3],
        }
        for i in range(240)
    ]
    frame = make_index(rows, name="x", variant="v", root=tmp_path).frame
    if path.stem == "from_file":
        lines = [f"{i},{'val' if i % 3 else 'train'}" for i in range(240)]
        (tmp_path / "s.csv").write_text("\n".join(["key,view", *lines]))
        node["path"] = str(tmp_path / "s.csv")
    check_node(node, "split")
    split = build(node, where="split", frame=frame, seed=0)
    assert set(split.views) >= {"train", "val"}
    assert path.stem in ("auto", split.name)
