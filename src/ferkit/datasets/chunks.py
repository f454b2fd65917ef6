"""How many rows of an index are worked on together."""

from ferkit.datasets.index import FaceIndex
from ferkit.datasets.packed import size_of
from ferkit.datasets.video_files import is_video

_LARGE = 32_768  # bytes; the files of small faces have 1 to 10 thousand
_SHARE = 16  # by which photographs are fewer than small faces
_SAMPLE = 64


def rows_a_chunk(index: FaceIndex, most: int) -> int:
    """`most` for small pictures and for videos, which are read from the start; fewer where large.

    A function of the index alone, so that what was begun is gone on with in the same chunks.
    """
    if index.images is not None or not len(index):
        return most
    paths = index.frame["path"].iloc[:: max(1, len(index) // _SAMPLE)].tolist()
    files = [index.root / path for path in paths]
    sizes = [size for file in files if (size := size_of(file))]
    if any(map(is_video, paths)) or not sizes or sum(sizes) < _LARGE * len(sizes):
        return most
    return max(1, most // _SHARE)
