"""Self-contained html pages: pictures lie inside, nothing is loaded."""

import base64
import re
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ferkit.printable import printable
from ferkit.reports.blocks import Heading, Pictures
from ferkit.reports.document import Document, is_wide

if TYPE_CHECKING:
    from markupsafe import Markup

_THUMBNAIL = 96  # pixels of the longer side, twice what the page shows


def render_html(document: Document) -> str:
    """Write the page; every text of the document is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "picture": picture,
        "face": face,
        "percent": percent,
        "is_wide": is_wide,
        "breakable": _breakable,
    }
    source, style = (
        (files("ferkit.reports") / name).read_text(encoding="utf-8")
        for name in ("document.html.jinja", "page.css")
    )
    page: str = environment.from_string(source).render(
        style=style, document=document, links=_links(document)
    )
    return printable(page, keep="\n\t")


def _links(document: Document) -> list[tuple[str, str]]:
    """Anchor and words of what the page's navigation shows; nothing for a single section."""
    links = []
    for block in document.blocks:
        if isinstance(block, Heading) and block.anchor and block.level == 2:
            links.append((block.anchor, block.short or block.text))
        elif isinstance(block, Pictures) and block.pictures:
            links.append(("pictures", "Plots"))
    sections = [link for link in links if link[0] != "pictures"]
    return links if len(sections) > 1 else []


def picture(data: bytes) -> str:
    """A picture as the address of itself."""
    kind = "image/png" if data.startswith(b"\x89PNG") else "image/svg+xml"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def face(image: NDArray[Any]) -> str:
    """A thumbnail, [H, W] or [H, W, 3] RGB uint8, as the address of itself."""
    from PIL import Image

    thumbnail = Image.fromarray(image)
    thumbnail.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    stream = BytesIO()
    thumbnail.save(stream, format="PNG", optimize=True)
    return picture(stream.getvalue())


def percent(share: float) -> str:
    """A share as a length on a bar, at most 100."""
    return f"{100 * min(max(share, 0.0), 1.0):.2f}"


def _breakable(cell: str) -> "Markup":
    # long names would push a table's last columns off the page
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([_/=])(?=\w)", r"\1<wbr>", str(escape(cell))))
