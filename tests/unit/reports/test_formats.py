# ruff: noqa: RUF001 - awkward signs are what is tested
import csv
import re
import shutil
import subprocess
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from ferkit.reports.blocks import Table
from ferkit.reports.document import Sheet
from ferkit.reports.formats import write_document

AWKWARD = (
    ("macro_f1", "0.613 [0.597, 0.629]", "50%"),
    ("a & b < c > d", "[−0.010, +0.020]", "tie"),
    ("p|q", "$x$ \\ ~ ^ # {y}", ""),
    ("*star* _under_ `code`", "[text](link)", "– — ± × Δ"),
    ("* first", "é ü ç", "5 ≥ 4, p ≤ 0.05"),
    ("\\", "\\|", "a\\"),
    ("run--1", '"quoted"', "&amp; <b>"),
)
SHEET = Sheet(
    "awk_ward", "A_1 & 100% <all>", ("Name", "F1 [95%]", "A | B"), AWKWARD, ("so_so & 5%",)
)
PLAIN = Sheet("plain", "Plain", ("Emotion", "Faces"), (("sad", "1,200"), ("happy", "7")))


def png():
    stream = BytesIO()
    Image.new("L", (8, 8), 90).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("document")
    pictures = {"one_two.png": png(), "drawn.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}
    write_document(
        out,
        "table",
        "All of it: 5% & more",
        [SHEET, PLAIN],
        pictures=pictures,
        notes=["First_note ± 1."],
    )
    return out


def read_csv(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)]


def read_md(text):
    tables, lines = [], text.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if not line.startswith("|"):
            continue
        if not before.startswith("|"):
            tables.append([])
        # as GitHub does: cells are split at bare pipes, escaped ones become pipes, then inline text
        cells = re.findall(r"((?:\\.|[^|\\])*)\|", line[1:])
        tables[-1].append(tuple(cell.strip().replace("\\|", "|") for cell in cells))
    clean = r"\\([!-/:-@\[-`{-~])"
    return [
        [tuple(re.sub(clean, r"\1", c) for c in row) for i, row in enumerate(rows) if i != 1]
        for rows in tables
    ]


class Tables(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tables, self.cell = [], None

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append(())
        elif tag in ("td", "th"):
            self.cell = ""

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1] += (self.cell,)
            self.cell = None


TEX = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textasciigrave{}": "`",
    r"{\ttfamily\char34}": '"',
    r"\'{e}": "é",
    r"\"{u}": "ü",
    r"\c{c}": "ç",
    "$-$": "−",
    r"$\pm$": "±",
    r"$\times$": "×",
    r"$\Delta$": "Δ",
    r"$\leq$": "≤",
    r"$\geq$": "≥",
    "---": "—",
    "--": "–",
    "-{}": "-",
    "{[}": "[",
    "{*}": "*",
    **{f"\\{sign}": sign for sign in "{}$&#%_"},
}


def read_tex(text):
    known = sorted(TEX, key=len, reverse=True)
    tokens = re.compile("|".join(map(re.escape, known)))
    found = []
    for body in re.findall(r"\\begin\{(?:tabular|longtable)\}(.*?)\\end\{", text, re.DOTALL):
        rows = re.findall(r"^(.*) \\\\$", body, re.MULTILINE)
        found.append(
            [tuple(tokens.sub(lambda m: TEX[m[0]], c) for c in r.split(" & ")) for r in rows]
        )
    return found


def test_all_four_formats_hold_the_same_cells(folder):
    wanted = [[sheet.columns, *sheet.rows] for sheet in (SHEET, PLAIN)]
    page = Tables()
    page.feed((folder / "table.html").read_text(encoding="utf-8"))
    assert [read_csv(folder, s.name) for s in (SHEET, PLAIN)] == wanted
    assert page.tables == wanted
    assert read_md((folder / "table.md").read_text(encoding="utf-8")) == wanted
    assert read_tex((folder / "table.tex").read_text(encoding="ascii")) == wanted


def test_nothing_in_a_tex_cell_ends_it_or_its_row(folder):
    text = (folder / "table.tex").read_text(encoding="ascii")
    rows = re.findall(r"^(.*) \\\\$", text, re.MULTILINE)
    assert len(rows) == 2 + len(SHEET.rows) + len(PLAIN.rows)
    for row in rows:  # a comment, a forgotten sign of maths, an option of the row before
        assert not re.search(r"(?<!\\)[%#^~]", row.replace(r"\~", ""))
        assert len(re.findall(r"(?<!\\)\$", row)) % 2 == 0
        assert row[:1] not in "[*"


def test_notes_titles_and_pictures_are_in_every_document(folder):
    md, tex, html = (
        (folder / f"table.{s}").read_text(encoding="utf-8") for s in ("md", "tex", "html")
    )
    assert "- so_so & 5%" in md and "![one two](one_two.png)" in md
    assert r"\item so\_so \& 5\%" in tex and "{one_two.png}" in tex
    assert "drawn.svg" not in tex  # pdflatex has no way to show it
    assert "so_so &amp; 5%" in html and "A_1 &amp; 100% &lt;all&gt;" in html
    assert 'src="data:image/png;base64,' in html and 'src="data:image/svg+xml;base64,' in html
    assert "http" not in html.split("</style>")[1]
    assert (folder / "one_two.png").read_bytes() == png() and (folder / "drawn.svg").is_file()
    assert not list(folder.glob(".*"))


def test_a_sign_without_a_command_is_named_not_fatal(tmp_path):
    write_document(tmp_path, "t", "漢", [Sheet("s", "s", ("a", "b"), (("ą", "漢"),))])
    assert "{[}U+0105] & {[}U+6F22]" in (tmp_path / "t.tex").read_text(encoding="ascii")


def test_white_space_in_a_cell_is_one_blank_everywhere(tmp_path):
    write_document(tmp_path, "t", "t", [Sheet("s", "s", ("a", "b"), ((" x\n y ", ""),))])
    assert read_csv(tmp_path, "s") == [("a", "b"), ("x y", "")]
    assert "| x y |" in (tmp_path / "t.md").read_text()


@pytest.mark.parametrize(
    ("sheets", "pictures"),
    [
        ([Sheet("s", "s", ("a", "b"), (("1",),))], {}),
        ([PLAIN, PLAIN], {}),
        ([Sheet("../s", "s", ("a",), ())], {}),
        ([PLAIN], {"plain.csv": b""}),
    ],
)
def test_refuses_what_would_be_written_wrongly(tmp_path, sheets, pictures):
    with pytest.raises(ValueError, match=r"cells|called|name"):
        write_document(tmp_path, "t", "t", sheets, pictures=pictures)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_tex_compiles_alone(folder, tmp_path):
    tall = Sheet("tall", "Tall", ("Key", "Share"), tuple((f"k{i}", f"{i}%") for i in range(90)))
    words = "A long sentence that is broken over lines where a table has no room for it."
    wide = Sheet("wide", "Wide", tuple("abcdefghijkl"), ((*["0.123 [0.1, 0.2]"] * 11, words),))
    empty = Sheet("empty", "Empty", ("a", "b"), ())
    write_document(tmp_path, "t", "T", [SHEET, tall, wide, empty], pictures={"p.png": png()})
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
    assert "Overfull" not in done.stdout and "Missing character" not in done.stdout
    assert (tmp_path / "t.pdf").stat().st_size > 1000


def test_a_column_is_aligned_alike_in_every_format(tmp_path):
    columns = ("Method", "Difference", "Verdict", "Note")
    long = "a sentence that is longer than any word and may be broken"
    sheet = Sheet("t", "T", columns, (("a", "tie: +0.002 [-0.012, +0.016]", "better", long),) * 2)
    assert Table(sheet.columns, sheet.rows).align == ("left", "right", "left", "wrap")
    write_document(tmp_path, "doc", "Title", [sheet])
    rule = (tmp_path / "doc.md").read_text().splitlines()[5]
    assert [cell.strip()[0] + cell.strip()[-1] for cell in rule.strip("|").split("|")] == [
        ":-",
        "-:",
        ":-",
        ":-",
    ]
    assert r"{lrl>{\raggedright" in (tmp_path / "doc.tex").read_text()
    page = (tmp_path / "doc.html").read_text()
    for align in Table(sheet.columns, sheet.rows).align:
        assert f'<td class="{align}">' in page


def test_each_sheet_is_a_table_to_input_with_caption_and_label(tmp_path):
    sheet = Sheet("runs", "Runs & more", ("Run", "F1"), (("a_b", "0.5"),))
    write_document(tmp_path, "comparison", "T", [sheet])
    text = (tmp_path / "runs.tex").read_text(encoding="ascii")
    assert r"\caption{Runs \& more}\label{tab:comparison-runs}" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1
    assert r"\documentclass" not in text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_paper_that_inputs_the_tables_compiles(tmp_path):
    tall = Sheet("tall", "Tall", ("Key", "Share"), tuple((f"k{i}", f"{i}%") for i in range(90)))
    wide = Sheet("wide", "Wide", tuple("abcdefghijkl"), (("0.123 [0.1, 0.2]",) * 12,))
    write_document(tmp_path, "t", "T", [SHEET, tall, wide])
    names = [SHEET.name, "tall", "wide"]
    body = "\n".join(rf"\input{{{name}.tex}} See Table~\ref{{tab:t-{name}}}." for name in names)
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage{array,booktabs,graphicx,longtable}\n"
        f"\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-1500:]
    assert "Overfull" not in done.stdout and "undefined" not in done.stdout
