"""What MkDocs cannot know of these pages, which a forge shows as well (`hooks` of mkdocs.yml).

- A link to what is not part of the site (sources, READMEs) becomes its text.
- The README's table of options stands on the page of the command line too.
- Formulas become MathML, which browsers show without a script.
- Pages in Vietnamese say so, for whatever reads them out.
"""

import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

ROOT = Path(__file__).parents[1]
_FENCED = re.compile(r"^```math\n(.*?)^```$", re.S | re.M)
_CODE_OR_MATH = re.compile(r"(^```.*?^```$|`[^`\n]+`)|\$([^$\n]+)\$", re.S | re.M)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
_OPTIONS = "<!-- the README's table of options -->"
_formulas: list[str] = []


def _kept(formula: str, display: str) -> str:
    """A word in a formula's place: Markdown would read stars and underscores in MathML."""
    _formulas.append(convert(formula.strip(), display=display))
    return f"formula{len(_formulas) - 1}elumrof"


def options() -> str:
    """The README's table of the options of `colorize`."""
    text = (ROOT / "README.md").read_text("utf-8")
    start = text.index("| option | default |")
    return text[start : text.index("\n\n", start)].replace("](docs/", "](")


def inside(markdown: str, page: Path) -> str:
    """A page's text, without links to what is not part of the site."""
    docs = (ROOT / "docs").resolve()

    def linked(link: re.Match[str]) -> str:
        target = link[2].partition("#")[0]
        if not target or "://" in target or (page.parent / target).resolve().is_relative_to(docs):
            return link[0]
        return link[1]

    return _LINK.sub(linked, markdown)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs for each page before it is read as Markdown."""
    markdown = inside(markdown, Path(page.file.abs_src_path))
    markdown = markdown.replace(_OPTIONS, options())
    if "```math" not in markdown:  # elsewhere a dollar is one
        return markdown
    markdown = _FENCED.sub(lambda m: f'<div class="formula">{_kept(m[1], "block")}</div>', markdown)
    return _CODE_OR_MATH.sub(lambda m: m[1] or _kept(m[2], "inline"), markdown)


def on_post_page(html: str, page: Any, **_: Any) -> str:
    """Called by MkDocs for each page as it is written."""
    if page.file.src_uri.endswith(".vi.md"):
        return html.replace('<html lang="en"', '<html lang="vi"', 1)
    return html


def on_page_content(html: str, **_: Any) -> str:
    """Called by MkDocs for each page after that."""
    return re.sub(r"formula(\d+)elumrof", lambda m: _formulas[int(m[1])], html)
