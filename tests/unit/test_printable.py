"""Names of files and classes in terminals, tables and pages."""

import pandas as pd
import pytest

from ferkit.log import log, log_to_stderr
from ferkit.printable import csv_cell, csv_frame, one_line, printable, quoted
from ferkit.reports.document import Sheet
from ferkit.reports.formats import write_document
from ferkit.reports.markdown import plain
from ferkit.reports.tex import escape

EVIL = [
    "=1+1|cmd",
    "+1+1",
    "-2+3|x",
    "@sum",
    "\tx",
    "\x1b[2J\nbell\x07",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:x)",
    "\u202eabc",
]


@pytest.mark.parametrize("text", EVIL)
def test_no_terminal_obeys_and_no_spreadsheet_computes(text, capsys):
    log_to_stderr()
    log.info(text)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for shown in (said[:-1], printable(text), one_line(text), csv_cell(text), plain(text)):
        assert shown.isprintable()
    assert csv_cell(text)[0] not in "=+-@\t\r"


@pytest.mark.parametrize(
    "text",
    [
        "-0.5",
        "+3",
        "1e-5",
        "-12.5%",
        "-0.1 [-0.2, +0.3]",
        "—",
        "-",
        "+0.31 [+0.29, +0.34] ± 0.04 (one run)",
        "a=b",
    ],
)
def test_numbers_stay_numbers(text):
    assert csv_cell(text) == text


def test_frames_keep_their_numbers():
    frame = pd.DataFrame({"=x": ["=1", None], "n": [-1, 2], "f": [-0.5, 1]}, index=["@a", "b"])
    shown = csv_frame(frame)
    assert shown.to_csv().splitlines() == [",'=x,n,f", "'@a,'=1,-1,-0.5", "b,,2,1.0"]
    assert csv_frame(frame.reset_index(drop=True)).to_csv(index=False).startswith("'=x,n,f\n'=1")


def test_documents_are_harmless_in_every_form(tmp_path):
    rows = tuple((name, "1") for name in EVIL)
    sheet = Sheet("s", EVIL[5], ("Class", "Faces"), rows, (EVIL[6],))
    write_document(tmp_path, "d", EVIL[6], [sheet], notes=EVIL)
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert printable(text, keep="\n\t") == text, path
    assert "\n<img" not in (tmp_path / "d.md").read_text()
    assert " <img" not in (tmp_path / "d.md").read_text()
    assert "<img src=x" not in (tmp_path / "d.html").read_text()
    assert not [x for x in (tmp_path / "s.csv").read_text().splitlines() if x[0] in "=+-@\t"]
    assert escape("a") == "a"


def test_a_path_is_ready_to_paste():
    from pathlib import Path

    assert quoted(Path("it's mine")) == "'it\\'s mine'"
