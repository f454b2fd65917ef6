"""What the page loads comes with the package, and from nowhere else."""

import re

import pytest

from ferkit.mirror.app import STATIC

FILES = sorted(p for p in STATIC.rglob("*") if p.suffix in (".html", ".css", ".js"))


def test_uplot_has_its_licence_and_version():
    assert "Permission is hereby granted" in (STATIC / "uplot" / "LICENSE").read_text()
    assert "(v1.6.32)" in (STATIC / "uplot" / "uPlot.iife.min.js").read_text()[:200]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_no_file_names_another_server(path):
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"(?:https?:|wss?:)?//[\w.-]+\.\w+", re.sub(r"^/\*!.*", "", text))
    assert [address for address in found if "127.0.0.1" not in address] == []


def test_every_file_that_is_named_is_there():
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'(?:src|href)="/static/([^"]+)"', page):
        assert (STATIC / name).is_file(), name
    for path in STATIC.glob("js/*.js"):
        for name in re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8")):
            assert (path.parent / name).is_file(), (path.name, name)


def test_every_part_that_scripts_look_for_is_on_the_page():
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    ids = set(re.findall(r'id="([\w-]+)"', page))
    for path in STATIC.glob("js/*.js"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r'(?:\$|getElementById)\("([\w-]+)"\)', text):
            assert name in ids, (path.name, name)


def test_files_stay_small():
    for path in STATIC.glob("js/*.js"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 300, path
