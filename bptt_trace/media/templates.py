"""A sheet as Markdown or LaTeX, through templates.

The templates lie in the top-level ``templates/`` and are layout only: they loop
and place. A folder of the user's own overrides any of them; it runs in Jinja's
sandbox, and what a sheet says is only ever a variable there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from types import CodeType, MappingProxyType
from typing import Any
from urllib.parse import quote

from jinja2 import BaseLoader, BytecodeCache, ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bptt_trace.document.figures import Figure
from bptt_trace.document.local import local
from bptt_trace.document.locale import ENGLISH, Locale
from bptt_trace.document.mathematics import InLine, Math, Number
from bptt_trace.document.notation import LATEX, PANDOC, TYPST, TYPST_PIECES, UNICODE, Signs, quoted
from bptt_trace.document.program_text import Listing
from bptt_trace.document.sentences import Inline, words
from bptt_trace.document.sheet import Sheet, Word
from bptt_trace.errors import ProblemError
from bptt_trace.media.drawing.characters import text as in_boxes
from bptt_trace.media.drawing.svg import svg
from bptt_trace.media.drawing.text_width import COMPUTER_MODERN
from bptt_trace.media.drawing.tikz import tikz
from bptt_trace.media.html import (
    anchor,
    compact,
    html_box,
    html_formula,
    html_heading,
    html_inline,
    html_math,
    html_number,
    html_picture,
    html_summand,
    html_told,
    html_words,
    linked,
    named,
)
from bptt_trace.media.latex_words import FONTS, other_letters, pdf_text, tex_words
from bptt_trace.media.typst import typst_image, typst_words
from bptt_trace.media.unicode import Script

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|$~&])")
_ADDRESS = re.compile(r"(?<=[a-z])(?=://)|(?<=www)(?=\.)", re.IGNORECASE)
"""The beginning of an address, which GitHub turns into a link."""
_START = re.compile(r"^(?:(\d{1,9})(?=[.)](?:\s|$))|(?=[-+](?:\s|$)|[-=][-=\s]*$))")
"""The beginning of a text that would start a list, or underline a heading."""


Filters = Mapping[str, Callable[..., str]]
NO_LINKS: Mapping[str, str] = MappingProxyType({})
PLAIN_WIDTH = 80
"""Columns of a picture of characters in Markdown."""


FLAVORS: Mapping[str, Signs] = MappingProxyType({"github": LATEX, "pandoc": PANDOC})
"""The flavours of Markdown, and their notations. GitHub removes a backslash before a backslash."""


def markdown(sheet: Sheet, templates: Path | None = None, links: Mapping[str, str] = NO_LINKS, flavor: str = "github") -> str:
    """The sheet as Markdown: as GitHub and Jupyter render it, or with the flavor ``pandoc`` as pandoc and Quarto do.

    ``links`` says where a picture is, by its id; one without a link is drawn in characters.
    """
    return _render("sheet.md.j2", sheet, templates, {"picture": _pictured(links), **_markdown_math(FLAVORS[flavor])})


class Macros:
    """A sheet as the pieces that the macros of a template make of it, for a document that puts something between them."""

    def __init__(self, name: str, sheet: Sheet, filters: Filters) -> None:
        environment = environment_for(name, locale=sheet.locale)
        environment.filters |= filters
        self._macros = environment.get_template(name).make_module({"sheet": local(sheet)})

    def __getattr__(self, name: str) -> Callable[..., str]:
        """A macro by its name."""
        macro = getattr(self._macros, name)
        return lambda *arguments: _spaced(macro(*arguments))


def markdown_parts(sheet: Sheet, links: Mapping[str, str] = NO_LINKS) -> Macros:
    """``head()``, ``heading(number, section)``, ``block(block)`` and ``foot()`` of a sheet in Markdown."""
    return Macros("sheet.md.j2", sheet, {"picture": _pictured(links)})


def html(sheet: Sheet, templates: Path | None = None) -> str:
    """The sheet as one page of HTML, without scripts and without anything from elsewhere."""
    return _render("sheet.html.j2", sheet, templates, _references(sheet))


def html_fragment(sheet: Sheet) -> str:
    """The sheet as an element of somebody else's page, such as a notebook, with the style that it needs and ids of its own."""
    digest = sha256(_render("body.html.j2", sheet, None, _references(sheet)).encode()).hexdigest()
    return _render("fragment.html.j2", sheet, None, _references(sheet, f"s{digest[:8]}-"))


def _references(sheet: Sheet, prefix: str = "") -> Filters:
    """Filters for ids, which begin with ``prefix``, and for links to the lines that a sheet has."""
    return {"uses": linked({row.number for row in sheet.rows()}, prefix), "id": named(prefix)}


def page(name: str, sheet: Sheet, templates: Path | None, filters: Filters, **told: Any) -> str:
    """A part of a page that calculates; ``told`` is what its template knows beside the sheet."""
    own = {"uses": linked({row.number for row in sheet.rows()})}
    return rendered(name, {"sheet": sheet, **told}, templates, own | dict(filters))


def latex(
    sheet: Sheet, templates: Path | None = None, *, fragment: bool = False, exam: bool = False, scripts: set[str] | None = None
) -> str:
    r"""The sheet as a complete LaTeX document, by the class ``exam`` if wanted, or as a fragment for ``\\input``.

    ``scripts`` receives those of its letters that a plain LaTeX installation has no font for.
    """
    name = "fragment.tex.j2" if fragment else "exam.tex.j2" if exam else f"{sheet.layout or 'sheet'}.tex.j2"
    return _render(name, sheet, templates, scripts=scripts)


def typst(sheet: Sheet, templates: Path | None = None) -> str:
    """The sheet as a Typst document."""
    return _render(f"{sheet.layout or 'sheet'}.typ.j2", sheet, templates)


@cache
def template_directory() -> Path:
    """The folder of the templates: inside the package when installed, beside it in a checkout."""
    here = Path(__file__).parent.parent
    return next(path for path in (here / "templates", here.parent / "templates") if path.is_dir())


def _render(
    name: str,
    sheet: Sheet,
    templates: Path | None,
    filters: Filters = MappingProxyType({}),
    scripts: set[str] | None = None,
) -> str:
    return rendered(name, {"sheet": local(sheet)}, templates, filters, scripts)


def rendered(
    name: str,
    content: Mapping[str, Any],
    templates: Path | None = None,
    filters: Filters = MappingProxyType({}),
    scripts: set[str] | None = None,
) -> str:
    """A template with its content filled in; raises ``ProblemError`` where a template of the user's own is at fault."""
    if templates is not None and not templates.is_dir():
        raise ProblemError("not a folder; --templates takes a folder of templates", source=str(templates))
    sheet = content.get("sheet")
    environment = environment_for(name, templates, scripts, sheet.locale if sheet else ENGLISH)
    environment.filters |= filters
    try:
        text = environment.get_template(name).render(content)
    except (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        where = f" (line {line})" if (line := getattr(error, "lineno", None)) else ""
        raise ProblemError(
            f"template {getattr(error, 'name', None) or name}{where}: {error}", source=str(templates or "")
        ) from None
    return _spaced(text)


def _spaced(text: str) -> str:
    """A text with no more than one empty line in a row."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


class _Compiled(BytecodeCache):
    """Templates as they were compiled: each is compiled once in a process, not for every sheet.

    What a filter makes of a constant is part of the code, so a filter that differs from
    sheet to sheet is applied to variables only.
    """

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load compiled code, if there is any."""
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._code[bucket.key, bucket.checksum] = bucket.code


_COMPILED = _Compiled()


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, which looks once at each attribute of a type: whether it is safe depends on nothing else."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self._safe: dict[tuple[type, str], bool] = {}

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may read an attribute."""
        known = self._safe.get((type(obj), attr))
        if known is None:
            known = self._safe[type(obj), attr] = super().is_safe_attribute(obj, attr, value)
        return known


def environment_for(
    name: str, templates: Path | None = None, scripts: set[str] | None = None, locale: Locale = ENGLISH
) -> ImmutableSandboxedEnvironment:
    """The Jinja environment of a medium, told by the name of its template; ``scripts`` as in ``latex``.

    ``say`` puts the words of a template into the language of the sheet.
    """
    folders = [template_directory()] if templates is None else [templates, template_directory()]
    loader: BaseLoader = ChoiceLoader([FileSystemLoader(folder) for folder in folders])
    compiled = _COMPILED if templates is None else None
    if name.endswith((".tex.j2", ".typ.j2")):
        environment = _Sandbox(
            loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False,
            block_start_string="((*", block_end_string="*))", variable_start_string="(((", variable_end_string=")))",
            comment_start_string="((=", comment_end_string="=))", bytecode_cache=compiled,
        )  # fmt: skip
        environment.globals |= {"say": locale.say}
        if name.endswith(".typ.j2"):
            environment.filters |= {"words": typst_words, "inline": _inline(typst_words, _typst_math), "math": _typst_math}
            environment.filters |= {"formula": _typst_formula, "picture": _typst_picture}
            environment.filters |= {"quoted": quoted}
        else:
            scripts = set() if scripts is None else scripts
            words_of, math_of = partial(tex_words, scripts=scripts), partial(_tex_math, scripts=scripts)
            environment.filters |= {"words": words_of, "inline": _inline(words_of, math_of), "math": math_of}
            environment.filters |= {"formula": lambda math: other_letters(math.latex, scripts)}
            environment.filters |= {"picture": lambda figure: tikz(figure, _inline(words_of, math_of))}
            environment.filters |= {"pdf": pdf_text}
            environment.globals |= {"scripts": scripts, "fonts": FONTS, "multiplication": locale.multiplication}
    else:
        environment = _Sandbox(
            loader=loader,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            bytecode_cache=compiled,
        )
        environment.globals |= {"say": locale.say}
        if name.endswith(".py.j2"):
            environment.filters |= {"words": docstring_words}
            return environment
        if name.endswith(".html.j2"):
            environment.filters |= {"words": html_words, "inline": html_inline, "math": html_math}
            environment.filters |= {"formula": html_formula, "number": html_number, "summand": html_summand, "anchor": anchor}
            environment.filters |= {"told": html_told, "heading": html_heading, "picture": html_picture, "box": html_box}
            environment.filters |= {"id": named(""), "uses": linked(()), "compact": compact, "when": lambda _: ""}
            return environment
        environment.filters |= {
            "words": markdown_words,
            "level": "#".__mul__,
            "picture": _pictured(NO_LINKS),
            **_markdown_math(LATEX),
        }
    environment.filters |= {"way": _way, "flat": _flat}
    return environment


def _inline(escape: Callable[[str], str], math: Callable[[Math], str]) -> Callable[[Inline], str]:
    """A filter for words with mathematics."""

    def render(text: Inline) -> str:
        return "".join(math(part) if isinstance(part, Math) else escape(part) for part in text)

    return render


def docstring_words(text: str) -> str:
    """Words between three quotes in Python: nothing in them ends these, and nothing is an escape."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def markdown_words(text: str) -> str:
    """Words for Markdown: nothing in them is markup, and no address a link."""
    return _START.sub(r"\1\\", _ADDRESS.sub(r"\\", _markdown_linked(text)))


def _markdown_linked(text: str) -> str:
    """The same, with addresses that can be followed: for sources."""
    return _MARKDOWN.sub(r"\\\1", text).replace("\n", "<br>")


def _flat(text: Math | Inline) -> Math | Inline:
    """Mathematics, or words with mathematics, with fractions in one line."""
    return InLine(text) if isinstance(text, Math) else tuple(InLine(part) if isinstance(part, Math) else part for part in text)


def _tex_math(math: Math, scripts: set[str]) -> str:
    text = other_letters(math.latex, scripts)
    # Rows of matrices end in \\cr, which Markdown leaves alone; LaTeX has a sign of its own for them.
    return f"${text}$".replace(r" \cr ", r" \\ ") if text else ""


def _typst_math(math: Math) -> str:
    if math.is_name or math.height > 1 or isinstance(math, Number):
        return f"${text}$" if (text := math.spell(TYPST)) else ""
    return f"#piece[${text}$]" if (text := math.spell(TYPST_PIECES)) else ""


def _typst_picture(figure: Figure) -> str:
    return typst_image(svg(figure, face=COMPUTER_MODERN))


def _typst_formula(part: Math | str) -> str:
    """A part of a formula, or the digits of a number."""
    return part.spell(TYPST) if isinstance(part, Math) else TYPST.numeral(part)


def _markdown_math(signs: Signs) -> Filters:
    """The filters of Markdown that spell mathematics."""

    def set_apart(math: Math) -> str:
        return f"${text}$" if (text := math.spell(signs)) else ""

    return {
        "math": set_apart,
        "formula": lambda math: math.spell(signs),
        "inline": _inline(markdown_words, set_apart),
        "linked": _inline(_markdown_linked, set_apart),
    }


def _pictured(links: Mapping[str, str]) -> Callable[[Figure], str]:
    """A picture in Markdown: linked, with an alternative text, or drawn in characters."""

    def render(figure: Figure) -> str:
        if figure.id not in links:
            return f"```text\n{in_boxes(figure, PLAIN_WIDTH, Script(unicode=True))}\n```"
        alternative = markdown_words(words(figure.alternative, lambda math: math.spell(UNICODE)))
        return f"![{alternative}]({quote(links[figure.id], safe='/:;,=+')})"

    return render


def _way(label: Word) -> str:
    """The way of a gradient in a label: direct, carried or empty."""
    return label.kind if label.kind != "sum" else ""


def code(listing: Listing) -> str:
    """The program as a file of Python."""
    text = environment_for(f"{listing.form}.py.j2").get_template(f"{listing.form}.py.j2").render(listing=listing)
    return re.sub(r"\n{4,}", "\n\n\n", text).strip() + "\n"
