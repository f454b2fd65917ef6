import numpy as np
import pytest

from ferkit.datasets.chunks import rows_a_chunk
from ferkit.datasets.index import make_index


def make(root, names, size):
    for name in names:
        (root / name).write_bytes(bytes(size))
    rows = [{"key": name, "path": name, "label": "happy"} for name in names]
    return make_index(rows, name="test", variant="files", root=root)


@pytest.mark.parametrize(
    ("suffix", "size", "expected"),
    [("jpg", 1_600, 512), ("jpg", 200_000, 32), ("avi", 200_000, 512)],
)
def test_photographs_go_in_smaller_chunks_videos_do_not(tmp_path, suffix, size, expected):
    index = make(tmp_path, [f"{i}.{suffix}" for i in range(100)], size)
    assert rows_a_chunk(index, 512) == expected


def test_missing_files_and_pixels_in_memory_are_taken_for_small(tmp_path):
    index = make(tmp_path, ["a.jpg"], 200_000)
    (tmp_path / "a.jpg").unlink()
    assert rows_a_chunk(index, 512) == 512
    rows = [{"key": "a", "label": "happy"}]
    pixels = np.zeros((1, 9, 9), np.uint8)
    index = make_index(rows, name="test", variant="array", root=tmp_path, images=pixels)
    assert rows_a_chunk(index, 512) == 512
