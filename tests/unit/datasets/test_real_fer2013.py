"""The real FER-2013, where it is unpacked in data/raw/fer2013."""

from pathlib import Path

import pytest

from ferkit.composition import compose
from ferkit.views import read_index

ROOT = Path(__file__).parents[3] / "data" / "raw" / "fer2013"
COUNTS = {
    "train": [3995, 436, 4097, 7215, 4830, 3171, 4965],
    "val": [467, 56, 496, 895, 653, 415, 607],
    "test": [491, 55, 528, 879, 594, 416, 626],
}


@pytest.mark.skipif(not ROOT.is_dir(), reason="FER-2013 is not unpacked in data/raw/fer2013")
def test_counts_are_the_published_ones():
    index = read_index(compose("dataset=fer2013", f"dataset.root={ROOT}").dataset)
    table = index.frame.groupby(["split", "label"]).size()
    for split, counts in COUNTS.items():
        assert [int(table[split, emotion]) for emotion in index.emotions] == counts
    assert index.warnings == []
