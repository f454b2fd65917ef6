"""A document as LaTeX: pure ASCII, for pdflatex with Debian's base packages."""
# ruff: noqa: RUF001 - signs that look like others are what this file is about

import re
import unicodedata
from collections.abc import Sequence

from ferkit.reports.blocks import (
    Block,
    Commands,
    Gallery,
    Heading,
    Picture,
    Sentences,
    Table,
    Terms,
)
from ferkit.reports.document import SAFE_NAME, Document, Sheet, is_wide, walk

_MANY = 35  # rows from which a table may break over pages
_COLUMN = {"left": "l", "right": "r", "wrap": r">{\raggedright\arraybackslash}p{.4\linewidth}"}
_SIZES = (("small", 105), ("footnotesize", 120), ("scriptsize", 140), ("tiny", 10_000))
_MATHS = {
    "−": "-",
    "±": r"\pm",
    "×": r"\times",
    "·": r"\cdot",
    "≤": r"\leq",
    "≥": r"\geq",
    "≠": r"\neq",
    "≈": r"\approx",
    "→": r"\rightarrow",
    "←": r"\leftarrow",
    "∞": r"\infty",
    "√": r"\surd",
    "°": r"^\circ",
    "²": "^2",
    "³": "^3",
    "½": r"\frac{1}{2}",
    "∅": r"\emptyset",
    "Γ": r"\Gamma",
    "Δ": r"\Delta",
    "Θ": r"\Theta",
    "Λ": r"\Lambda",
    "Σ": r"\Sigma",
    "Φ": r"\Phi",
    "Ω": r"\Omega",
    "α": r"\alpha",
    "β": r"\beta",
    "γ": r"\gamma",
    "δ": r"\delta",
    "ε": r"\epsilon",
    "θ": r"\theta",
    "κ": r"\kappa",
    "λ": r"\lambda",
    "μ": r"\mu",
    "µ": r"\mu",
    "π": r"\pi",
    "ρ": r"\rho",
    "σ": r"\sigma",
    "τ": r"\tau",
    "φ": r"\phi",
    "χ": r"\chi",
}
_TEXT = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\ttfamily\char34}",
    "`": r"\textasciigrave{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "\N{NO-BREAK SPACE}": "~",
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
    **{sign: f"${command}$" for sign, command in _MATHS.items()},
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
_PREAMBLE = r"""% pdflatex twice: only then do columns of tables over several pages line up
\documentclass[10pt]{article}
\usepackage[a4paper,margin=18mm]{geometry}
\usepackage{array,booktabs,graphicx,longtable}
\setlength{\parindent}{0pt}\setlength{\parskip}{4pt}\setlength{\emergencystretch}{3em}
\newsavebox{\sheet}
% no wider than the page
\newcommand{\fitted}{\ifdim\wd\sheet>\linewidth
  \resizebox{\linewidth}{!}{\usebox{\sheet}}\else\usebox{\sheet}\fi}
"""


def escape(text: str) -> str:
    r"""Text as LaTeX shows it literally; what it has no sign for stands as its code point.

    >>> print(escape("50% of a_b — Δ ± 0.1"))
    50\% of a\_b --- $\Delta$ $\pm$ 0.1
    """
    shown = "".join(map(_escape_sign, unicodedata.normalize("NFC", text)))
    # two hyphens would become a dash; a row that begins with [ or * would be an option of \\
    shown = re.sub(r"-(?=-)", "-{}", shown) if "--" in text else shown
    return f"{{{shown[0]}}}{shown[1:]}" if shown[:1] in ("[", "*") else shown


def _escape_sign(sign: str) -> str:
    if sign in _TEXT:
        return _TEXT[sign]
    if sign.isascii():
        return sign
    parts = unicodedata.normalize("NFD", sign)
    letter, accents = parts[0], parts[1:]
    if letter.isascii() and accents in _ACCENTS:
        return f"\\{_ACCENTS[accents]}{{{letter}}}"
    return f"[U+{ord(sign):04X}]"


def render_tex(document: Document) -> str:
    """Write the whole document; what pages alone show is left out."""
    parts = [
        _PREAMBLE + r"\begin{document}",
        rf"{{\Large\bfseries {escape(document.title)}\par}}",
        *map(_block, walk(document.blocks)),
        r"\end{document}",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading():
            return rf"\{'sub' * (block.level - 2)}section*{{{escape(block.text)}}}"
        case Sentences():
            return _list([escape(" ".join(s.split())) for s in block.sentences])
        case Terms():
            return _list([rf"\textbf{{{escape(t)}}} {escape(' '.join(s))}" for t, s in block.pairs])
        case Commands():
            return _code(block.lines)
        case Table():
            return _table(block)
        case Picture():
            return _picture(block) if _can_show(block) else ""
        case Gallery():
            return _table(block.words) if block.words else ""
        case _:
            return ""


def render_fragment(sheet: Sheet, stem: str) -> str:
    r"""One table to `\input` into a paper, with its caption and the label tab:<stem>-<name>."""
    title = rf"\caption{{{escape(sheet.title)}}}\label{{tab:{stem}-{sheet.name}}}"
    sheet_table = Table(sheet.columns, sheet.rows)
    shape, top, body = _parts(sheet_table)
    if len(sheet.rows) < _MANY:
        inner = f"\\begin{{tabular}}{{{shape}}}\n{top}\n{body}\n\\end{{tabular}}"
        fitted = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
        table = f"\\begin{{table}}[htbp]\n\\centering\n{title}\n{fitted}\n{inner}}}\n\\end{{table}}"
    else:
        head = f"{title}\\\\\n{top}\n\\endhead"
        inner = f"\\begin{{longtable}}{{{shape}}}\n{head}\n{body}\n\\end{{longtable}}"
        table = f"{{\\{_size(sheet_table)}\\setlength{{\\tabcolsep}}{{4pt}}\n{inner}}}"
    return "% \\usepackage{array,booktabs,graphicx,longtable}\n" + table + "\n"


def _code(commands: Sequence[str]) -> str:
    lines = "\\par\n".join(map(escape, commands))
    return f"{{\\small\\ttfamily\\raggedright\n{lines}\\par}}" if commands else ""


def _list(lines: Sequence[str]) -> str:
    items = "\n".join(rf"\item {line}" for line in lines)
    begin = r"\begin{itemize}\setlength{\itemsep}{0pt}\small\raggedright"
    return f"{begin}\n{items}\n\\end{{itemize}}" if lines else ""


def _parts(table: Table) -> tuple[str, str, str]:
    """Columns, header and rows, as they stand within a tabular."""
    header, *rows = (" & ".join(map(escape, row)) + r" \\" for row in (table.columns, *table.rows))
    shape = "".join(_COLUMN[align] for align in table.align)
    return shape, "\\toprule\n" + header + "\n\\midrule", "\n".join([*rows, r"\bottomrule"])


def _table(table: Table) -> str:
    shape, top, body = _parts(table)
    if len(table.rows) < _MANY:
        inner = f"\\begin{{tabular}}{{{shape}}}\n{top}\n{body}\n\\end{{tabular}}"
        return f"\\par\\sbox{{\\sheet}}{{\\small\n{inner}}}\n\\fitted\\par"
    inner = f"\\begin{{longtable}}[l]{{{shape}}}\n{top}\n\\endhead\n{body}\n\\end{{longtable}}"
    return f"{{\\{_size(table)}\\setlength{{\\tabcolsep}}{{4pt}}\n{inner}}}"


def _size(table: Table) -> str:
    columns = zip(table.columns, *table.rows, strict=True)
    width = sum(max(map(len, column)) + 2 for column in columns)
    return next(size for size, most in _SIZES if width <= most)


def _can_show(picture: Picture) -> bool:
    return bool(SAFE_NAME.fullmatch(picture.name)) and picture.data.startswith(b"\x89PNG")


def _picture(picture: Picture) -> str:
    name = picture.name
    shown = rf"\includegraphics[width=\linewidth,height=.45\textheight,keepaspectratio]{{{name}}}"
    below = rf"\par{{\small {escape(picture.alt)}\par}}"
    width = r"\linewidth" if is_wide(picture.data) else r".48\linewidth"
    box = rf"\begin{{minipage}}{{{width}}}{shown}{below}\end{{minipage}}"
    return rf"\IfFileExists{{{name}}}{{{box}}}{{}}"
