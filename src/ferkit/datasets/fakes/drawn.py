"""The built-in example has no layout on disk: its faces are drawn whenever it is read."""

from pathlib import Path

_NOTE = """dataset=drawn reads no files; its faces are drawn whenever it is read.
`ferkit train dataset=drawn` needs nothing else, and this folder may be deleted.
"""


def make(
    out: Path,
    *,
    people: int = 10,  # noqa: ARG001
    real_size: bool = False,  # noqa: ARG001
    seed: int = 0,  # noqa: ARG001
) -> None:
    """Write a folder that says that there is nothing to write.

    Args:
        out: The folder, made if needed.
        people: Not used.
        real_size: Not used.
        seed: Not used.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "README.txt").write_text(_NOTE, encoding="utf-8")
