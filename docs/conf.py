"""Sphinx settings: `sphinx-build -W docs outputs/docs` writes the documentation as html.

Every page is markdown (MyST). The reference pages are written by `reference.py` when a build
begins, from the yaml files and docstrings that ferkit itself reads. Nothing is loaded from
elsewhere: no web font, no script.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reference import write_reference

import ferkit

project = "ferkit"
author = "the ferkit maintainers"
release = ferkit.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
exclude_patterns = ["images"]
highlight_language = "none"  # most blocks are command lines
html_theme = "furo"
html_title = "ferkit"
html_copy_source = False
html_show_sourcelink = False
autodoc_typehints = "signature"
autodoc_mock_imports: list[str] = []


def setup(app: object) -> None:
    """Write the reference before the pages are read."""
    app.connect("builder-inited", lambda app: write_reference(Path(app.srcdir) / "reference"))  # type: ignore[attr-defined]
